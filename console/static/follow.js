// Follow a stream of the server: take what comes, and show whether what stands here is up to date.
"use strict";
(function () {
  const AGAIN_MS = 5000;
  const light = document.getElementById("live-state");
  const say = (current) => {
    light.textContent = current ? light.dataset.live : light.dataset.lost;
    light.classList.toggle("lost", !current);
  };
  window.follow = (address, name, take) => {
    const events = new EventSource(address);
    events.addEventListener(name, (event) => {
      take(JSON.parse(event.data));
      say(true);
    });
    events.addEventListener("away", () => say(false));
    events.onerror = () => {
      say(false);
      // A connection that is lost comes back by itself, one that was refused does not.
      if (events.readyState === EventSource.CLOSED) {
        setTimeout(() => window.follow(address, name, take), AGAIN_MS);
      }
    };
  };
})();
