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
    const detector = new BarcodeDetector({ formats: ["qr_code", "code_128", "data_matrix"] });
    const stop = () => { stream.getTracks().forEach((track) => track.stop()); video.hidden = true; };
    const until = Date.now() + 60000;
    const look = async () => {
      const codes = await detector.detect(video).catch(() => []);
      if (codes.length) { stop(); onLabel(codes[0].rawValue); return; }
      if (Date.now() < until) { requestAnimationFrame(look); } else { stop(); }
    };
    look();
  };
  if ("BarcodeDetector" in window && navigator.mediaDevices) {
    const button = document.getElementById("scan");
    button.hidden = false;
    button.addEventListener("click", scan);
  } else {
    say("scan-note", "none");
  }

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
