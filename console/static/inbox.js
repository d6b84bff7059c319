// The inbox follows the alerts; a new red one is heard and notified when the visitor has asked for it.
"use strict";
(function () {
  const list = document.getElementById("inbox");
  const button = document.getElementById("sound");
  const KEY = "onenet-alert-sound";
  let known = null;
  let sound = null;

  const wanted = () => localStorage.getItem(KEY) === "on";
  const paint = () => {
    button.textContent = wanted() ? button.dataset.on : button.dataset.off;
    button.setAttribute("aria-pressed", String(wanted()));
  };
  const beep = () => {
    sound = sound || new AudioContext();
    sound.resume();
    for (const at of [0, 0.25, 0.5]) {
      const tone = sound.createOscillator();
      const gain = sound.createGain();
      tone.frequency.value = 880;
      gain.gain.value = 0.2;
      tone.connect(gain).connect(sound.destination);
      tone.start(sound.currentTime + at);
      tone.stop(sound.currentTime + at + 0.15);
    }
  };
  const tell = (reds) => {
    const fresh = known === null ? [] : reds.filter(([number]) => !known.has(number));
    known = new Set([...(known || []), ...reds.map(([number]) => number)]);
    if (!fresh.length || !wanted()) return;
    beep();
    list.dataset.heard = String(Number(list.dataset.heard || 0) + fresh.length);
    if (window.Notification && Notification.permission === "granted") {
      for (const [number, title] of fresh) {
        const note = new Notification(title, { tag: "alert-" + number, requireInteraction: true });
        note.onclick = () => { window.focus(); location.href = "/alerts/" + number; };
      }
    }
  };
  button.hidden = false;
  button.addEventListener("click", async () => {
    localStorage.setItem(KEY, wanted() ? "off" : "on");
    paint();
    if (wanted()) {
      beep();
      if (window.Notification && Notification.permission === "default") {
        await Notification.requestPermission();
      }
    }
  });
  paint();
  if (!list.dataset.events) return;
  follow(list.dataset.events, "inbox", (content) => {
    const open = new Set();
    list.querySelectorAll("details[open] a.case-body").forEach((a) => open.add(a.href));
    list.innerHTML = content.list;
    list.querySelectorAll("details").forEach((folded) => {
      folded.open = [...folded.querySelectorAll("a.case-body")].some((a) => open.has(a.href));
    });
    tell(content.reds);
  });
})();
