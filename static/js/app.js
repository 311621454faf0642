// What no page needs in order to work: relative and local times, and menus. No inline handlers, so the CSP stays strict.
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

const LOCAL = { year: "numeric", month: "short", day: "numeric", hour: "2-digit", minute: "2-digit", second: "2-digit", timeZoneName: "short" };

// Pages say UTC. A reader who points at a time also reads their own.
function addLocalTimes(event) {
  const pointed = event.target.closest("time");
  for (const time of pointed ? [pointed] : event.type === "focusin" ? event.target.querySelectorAll("time") : []) {
    if (time.dataset.local) continue;
    time.dataset.local = new Date(time.dateTime).toLocaleString([], LOCAL);
    time.title += `\n${time.dataset.local}`;
  }
}

document.addEventListener("pointerover", addLocalTimes);
document.addEventListener("focusin", addLocalTimes);

// Esc folds the name that is unfolded, until another one is pointed at or focused (WCAG 1.4.13).
function foldNames(folded) {
  document.documentElement.classList.toggle("folded", folded);
}

document.addEventListener("keydown", (event) => event.key === "Escape" && foldNames(true));
for (const kind of ["pointerover", "focusin"]) document.addEventListener(kind, () => foldNames(false));

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
  if (!event.target.closest("#failure")) closeMenus(event.target.closest("details.menu"));
});

document.addEventListener("htmx:afterSwap", () => showTimes(document));
showTimes(document);
setInterval(() => showTimes(document), 30000);
