// What no page needs in order to work: relative times, menus, and keys. No inline handlers, so the CSP stays strict.
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

// The first link of every row leads to what the row is about.
function rows() {
  return [...document.querySelectorAll("[data-row]")].map((row) => row.querySelector("a[href]")).filter(Boolean);
}

function move(step) {
  const links = rows();
  if (!links.length) {
    document.querySelector(`main a[rel=${step > 0 ? "next" : "prev"}]`)?.click();
    return;
  }
  const here = links.findIndex((link) => link.closest("[data-row]").contains(document.activeElement));
  const next = links[Math.min(Math.max(here + step, 0), links.length - 1)];
  next.focus();
  next.closest("[data-row]").scrollIntoView({ block: "nearest" });
}

const HELP = [
  ["/", "search"],
  ["j", "next row or entry"],
  ["k", "previous row or entry"],
  ["Enter", "open the row"],
  ["?", "these keys"],
];

function element(name, ...children) {
  const made = document.createElement(name);
  made.append(...children);
  return made;
}

function showKeys() {
  let dialog = document.getElementById("keys");
  if (!dialog) {
    const list = element("dl", ...HELP.flatMap(([key, does]) => [element("dt", element("kbd", key)), element("dd", does)]));
    const close = element("button", "Close");
    close.className = "btn";
    const heading = element("h2", "Keys");
    heading.id = "keys-heading";
    const form = element("form", close);
    form.method = "dialog";
    dialog = element("dialog", heading, list, form);
    dialog.id = "keys";
    dialog.setAttribute("aria-labelledby", heading.id);
    document.body.append(dialog);
  }
  if (!dialog.open) dialog.showModal();
}

const KEYS = {
  "?": showKeys,
  "/": () => document.querySelector("[role=search] input")?.focus(),
  j: () => move(1),
  k: () => move(-1),
};

document.addEventListener("keydown", (event) => {
  const typing = event.target.closest("input, textarea, select, [contenteditable]");
  if (typing || document.querySelector("dialog[open]") || event.ctrlKey || event.metaKey || event.altKey || !KEYS[event.key]) return;
  event.preventDefault();
  KEYS[event.key]();
});

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
  if (event.target.closest("[data-keys]")) showKeys();
});

for (const button of document.querySelectorAll("[data-keys]")) button.hidden = false;

document.addEventListener("htmx:afterSwap", () => showTimes(document));
showTimes(document);
setInterval(() => showTimes(document), 30000);
