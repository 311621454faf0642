// What no page needs in order to work: relative times, copying, and menus. No inline handlers, so the CSP stays strict.
"use strict";

const UNITS = [["y", 31536000], ["mo", 2592000], ["d", 86400], ["h", 3600], ["min", 60]];

function relative(seconds) {
  const ahead = seconds < 0;
  const age = Math.abs(seconds);
  const unit = UNITS.find(([, size]) => age >= size);
  if (!unit) return ahead ? "in a moment" : "just now";
  const text = `${Math.floor(age / unit[1])} ${unit[0]}`;
  return ahead ? `in ${text}` : `${text} ago`;
}

function showTimes(root) {
  for (const time of root.querySelectorAll("time[data-relative]")) {
    time.textContent = relative((Date.now() - Date.parse(time.dateTime)) / 1000);
  }
}

const restoring = new WeakSet();

async function copy(button) {
  if (restoring.has(button)) return;
  restoring.add(button);
  const shown = button.textContent;
  try {
    await navigator.clipboard.writeText(button.dataset.copy);
    button.textContent = "copied";
  } catch {
    button.textContent = "select and copy";
    getSelection().selectAllChildren(button);
  }
  setTimeout(() => {
    button.textContent = shown;
    restoring.delete(button);
  }, 1200);
}

function closeMenus(except) {
  for (const menu of document.querySelectorAll("details.menu[open]")) if (menu !== except) menu.open = false;
}

document.addEventListener("keydown", (event) => {
  const menu = event.key === "Escape" && event.target.closest("details.menu[open]");
  if (!menu) return;
  closeMenus();
  menu.querySelector("summary").focus();
});

document.addEventListener("click", (event) => {
  closeMenus(event.target.closest("details.menu"));
  const button = event.target.closest("[data-copy]");
  if (button) copy(button);
});

// The form alone would do; this way nothing is loaded anew and the reader stays where they are.
document.addEventListener("submit", (event) => {
  const form = event.target.closest("[data-theme-form]");
  if (!form) return;
  event.preventDefault();
  const chosen = event.submitter;
  fetch(form.action, { method: "POST", body: new FormData(form, chosen), redirect: "manual" });
  if (chosen.value === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = chosen.value;
  for (const button of form.elements.theme) button.setAttribute("aria-pressed", button === chosen);
});

document.addEventListener("htmx:afterSwap", () => showTimes(document));
showTimes(document);
setInterval(() => showTimes(document), 30000);
