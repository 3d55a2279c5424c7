// Keyboard, copy buttons and the list of keys. Everything works without it, by mouse and form.
(() => {
  "use strict";
  const rows = () => [...document.querySelectorAll("[data-row] a[data-open]")];
  const typing = (target) => target.closest("input, textarea, select, [contenteditable]");
  const move = (step) => {
    const links = rows();
    if (!links.length) return;
    const at = links.indexOf(document.activeElement);
    links[(at + step + links.length) % links.length].focus();
  };
  const keys = {
    j: () => move(1),
    k: () => move(-1),
    i: () => { location.href = "/"; },
    a: () => {
      const choice = document.querySelector("input[name=decision][data-proposal], input[name=outcome]");
      const reason = document.querySelector("textarea[name=reason]");
      if (choice && !choice.checked) choice.checked = true;
      if (reason) reason.focus();
    },
    c: () => { document.querySelector("button[data-key=c]")?.click(); },
    "?": () => {
      const list = document.getElementById("keys");
      if (list) { list.open ? list.close() : list.showModal(); }
    },
  };
  document.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      const form = event.target.closest("form");
      if (form) { event.preventDefault(); form.requestSubmit(); }
      return;
    }
    if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) return;
    const act = keys[event.key];
    if (act) { event.preventDefault(); act(); }
  });
  document.addEventListener("click", async (event) => {
    const button = event.target.closest("button[data-copy]");
    if (button) {
      await navigator.clipboard.writeText(button.dataset.copy);
      button.textContent = button.dataset.done;
    }
    if (event.target.closest("button[data-keys]")) keys["?"]();
  });
})();
