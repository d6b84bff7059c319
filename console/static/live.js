// The board follows the city: each event carries the parts of the page that have changed.
"use strict";
(function () {
  const board = document.getElementById("board");
  const light = document.getElementById("live-state");
  const parts = ["markers", "figures", "alerts", "health"];
  let last = {};
  const say = (connected) => {
    light.textContent = connected ? light.dataset.live : light.dataset.lost;
    light.classList.toggle("lost", !connected);
  };
  const events = new EventSource(board.dataset.events);
  events.addEventListener("board", (event) => {
    const content = JSON.parse(event.data);
    for (const part of parts) {
      if (content[part] !== last[part]) {
        document.getElementById(part).innerHTML = content[part];
      }
    }
    last = content;
    say(true);
  });
  events.onopen = () => say(true);
  events.onerror = () => say(false);
  const clock = document.getElementById("clock");
  const form = new Intl.DateTimeFormat("sv-SE", {
    timeZone: "Asia/Shanghai", dateStyle: "short", timeStyle: "medium",
  });
  setInterval(() => { clock.textContent = form.format(new Date()); }, 1000);
})();
