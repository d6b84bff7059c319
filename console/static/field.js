// What a phone can add to the registration form: its camera, its position, the model's channels.
// Without any of it the form is complete; the server fills in what is left empty.
"use strict";
(function () {
  const form = document.getElementById("register");
  const field = (name) => form.elements.namedItem(name);
  const say = (id, what) => {
    const note = document.getElementById(id);
    note.textContent = what ? note.dataset[what] || "" : "";
  };

  // A label says `onenet:serial=…;model=…`, `SN=…;MODEL=…`, a link with these, or the number alone.
  const onLabel = (text) => {
    const found = {};
    for (const part of text.replace(/^onenet:/i, "").split(/[;&?\n,]+/)) {
      const [name, ...rest] = part.split("=");
      if (rest.length) { found[name.trim().toLowerCase()] = rest.join("=").trim(); }
    }
    const serial = found.serial || found.sn || (Object.keys(found).length ? "" : text.trim());
    if (serial) { field("serial").value = serial; }
    const model = found.model || found.type || "";
    for (const option of field("model").options) {
      if (option.value && option.value.toLowerCase() === model.toLowerCase()) {
        field("model").value = option.value;
      }
    }
    chosen();
    say("scan-note", "found");
  };

  // Who cannot read codes, as Safari and Chromium on Linux, asks the server about each picture.
  let native = null;
  try {
    native = new BarcodeDetector({ formats: ["qr_code", "code_128", "data_matrix"] });
  } catch { /* none here */ }
  const drawn = (source, width, height) => {
    const scale = Math.min(1, 1280 / Math.max(width, height));
    const canvas = document.createElement("canvas");
    Object.assign(canvas, { width: Math.round(width * scale), height: Math.round(height * scale) });
    canvas.getContext("2d").drawImage(source, 0, 0, canvas.width, canvas.height);
    return new Promise((done) => { canvas.toBlob(done, "image/jpeg", 0.85); });
  };
  const asked = async (picture) => {
    const content = new FormData();
    content.append("csrf", field("csrf").value);
    content.append("photo", picture, "label.jpg");
    const answer = await fetch("/sensors/scan", { method: "POST", body: content });
    return answer.ok ? (await answer.json()).codes : [];
  };
  const seen = async (video) => {
    if (native) { return (await native.detect(video)).map((code) => code.rawValue); }
    return asked(await drawn(video, video.videoWidth, video.videoHeight));
  };
  const soon = () => new Promise((done) => { setTimeout(done, native ? 50 : 400); });

  const scan = async () => {
    const video = document.getElementById("camera");
    let stream;
    try {
      stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
    } catch {
      say("scan-note", "refused");
      return;
    }
    video.srcObject = stream;
    video.hidden = false;
    await video.play();
    say("scan-note", "look");
    let codes = [];
    for (const until = Date.now() + 60000; !codes.length && Date.now() < until; await soon()) {
      codes = await seen(video).catch(() => []);
    }
    stream.getTracks().forEach((track) => track.stop());
    video.hidden = true;
    if (codes.length) { onLabel(codes[0]); } else { say("scan-note", "nothing"); }
  };
  if (navigator.mediaDevices) {
    const button = document.getElementById("scan");
    button.hidden = false;
    button.addEventListener("click", scan);
  } else {
    say("scan-note", "none");
  }
  document.getElementById("label-photo-line").hidden = false;
  document.getElementById("label-photo").addEventListener("change", async (event) => {
    const [file] = event.target.files;
    if (!file) { return; }
    say("scan-note", "look");
    const bitmap = await createImageBitmap(file).catch(() => null);
    const picture = bitmap ? await drawn(bitmap, bitmap.width, bitmap.height) : file;
    const codes = await asked(picture).catch(() => []);
    if (codes.length) { onLabel(codes[0]); } else { say("scan-note", "nothing"); }
  });

  const far = (option, here) => {
    const east = (option.dataset.lon - here.longitude) * Math.cos(here.latitude * Math.PI / 180);
    return Math.hypot(east, option.dataset.lat - here.latitude);
  };
  let here = null;
  const stations = [...field("station").options].slice(1);
  // Stations of the model's medium, the nearest first; the nearest is chosen by itself.
  const order = () => {
    const model = field("model").selectedOptions[0];
    const medium = model ? model.dataset.medium : "";
    const before = field("station").value;
    let fit = stations.filter((option) => !medium || option.dataset.medium === medium);
    if (here) { fit = fit.slice().sort((a, b) => far(a, here) - far(b, here)); }
    field("station").replaceChildren(field("station").options[0], ...fit);
    if (fit.some((option) => option.value === before)) {
      field("station").value = before;
    } else {
      field("station").value = here && fit.length ? fit[0].value : "";
    }
    zoned();
  };
  const zoned = () => {
    const station = field("station").selectedOptions[0];
    field("zone").placeholder = station ? station.dataset.zone || "" : "";
  };
  field("station").addEventListener("change", zoned);

  if (navigator.geolocation && window.isSecureContext) {
    const button = document.getElementById("locate");
    button.hidden = false;
    button.addEventListener("click", () => {
      say("locate-note", "wait");
      navigator.geolocation.getCurrentPosition((found) => {
        here = found.coords;
        field("lon").value = here.longitude.toFixed(6);
        field("lat").value = here.latitude.toFixed(6);
        const note = document.getElementById("locate-note");
        note.textContent = `${note.dataset.found} ±${Math.round(here.accuracy)} m`;
        order();
      }, () => say("locate-note", "refused"), { enableHighAccuracy: true, timeout: 20000 });
    });
  }

  let models = {};
  const chosen = () => {
    order();
    const box = document.getElementById("channels");
    const model = models[field("model").value];
    box.replaceChildren();
    document.getElementById("channels-note").hidden = Boolean(model);
    if (!model) { return; }
    field("cadence_s").placeholder = String(model.cadence_s);
    document.getElementById("firmwares").replaceChildren(...model.firmware.map((version) => {
      const option = document.createElement("option");
      option.value = version;
      return option;
    }));
    for (const channel of model.channels) {
      const label = document.createElement("label");
      label.className = "check";
      const input = document.createElement("input");
      Object.assign(input, { type: "checkbox", name: "parameters", value: channel.key, checked: true });
      const unit = channel.unit === "1" ? "" : channel.unit;
      const range = document.createElement("small");
      range.textContent = `${channel.low}–${channel.high} ${unit}`;
      label.append(input, channel[box.dataset.lang], range);
      box.append(label);
    }
  };
  field("model").addEventListener("change", chosen);
  fetch(form.dataset.models).then((answer) => answer.json()).then((found) => {
    models = Object.fromEntries(found.map((model) => [model.key, model]));
    chosen();
  }).catch(() => {});

  const photo = field("photo");
  photo.addEventListener("change", () => {
    const preview = document.getElementById("preview");
    preview.hidden = !photo.files.length;
    if (photo.files.length) { preview.src = URL.createObjectURL(photo.files[0]); }
  });
})();
