// The board follows the city: each event carries the parts of the page that have changed.
"use strict";
(function () {
  const board = document.getElementById("board");
  const parts = ["markers", "figures", "alerts", "health"];
  let last = {};
  follow(board.dataset.events, "board", (content) => {
    for (const part of parts) {
      if (content[part] !== last[part]) {
        document.getElementById(part).innerHTML = content[part];
      }
    }
    last = content;
  });
  const clock = document.getElementById("clock");
  const form = new Intl.DateTimeFormat("sv-SE", {
    timeZone: "Asia/Shanghai", dateStyle: "short", timeStyle: "medium",
  });
  setInterval(() => { clock.textContent = form.format(new Date()); }, 1000);
})();
