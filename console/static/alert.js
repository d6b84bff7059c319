// One alert with one hand: buttons of the bar open their form, a photo is sent as soon as it is
// taken, and no form is sent twice.
"use strict";
(function () {
  const open = (name) => {
    const form = document.getElementById(name);
    if (!form || form.tagName !== "DETAILS") return;
    form.open = true;
    form.scrollIntoView({ block: "center" });
    const field = form.querySelector("select, textarea, input:not([type=hidden])");
    if (field) field.focus({ preventScroll: true });
  };
  document.querySelectorAll("[data-opens]").forEach((link) => {
    link.addEventListener("click", (event) => {
      event.preventDefault();
      open(link.dataset.opens);
    });
  });
  document.querySelectorAll("input[type=file]").forEach((field) => {
    field.addEventListener("change", () => {
      if (field.files.length) field.form.requestSubmit();
    });
  });
  document.querySelectorAll("main form").forEach((form) => {
    form.addEventListener("submit", () => {
      setTimeout(() => form.querySelectorAll("button").forEach((b) => { b.disabled = true; }), 0);
    });
  });
  window.addEventListener("pageshow", (event) => {
    if (event.persisted) document.querySelectorAll("main button").forEach((b) => { b.disabled = false; });
  });
})();
