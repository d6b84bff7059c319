// Parts of a page that follow the world: fetched again, and put in place when they changed.
"use strict";
for (const part of document.querySelectorAll("[data-refresh]")) {
  const button = document.getElementById(part.dataset.enables || "");
  let last = "";
  const again = async () => {
    if (!document.hidden) {
      try {
        const answer = await fetch(part.dataset.refresh, { cache: "no-store" });
        const text = answer.ok ? await answer.text() : last;
        if (text !== last) {
          part.innerHTML = last = text;
          if (button) { button.disabled = !part.querySelector("[data-ready=yes]"); }
        }
      } catch { /* the next one may arrive */ }
    }
    setTimeout(again, Number(part.dataset.every));
  };
  setTimeout(again, Number(part.dataset.every));
}
