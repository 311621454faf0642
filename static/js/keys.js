// Keys without Ctrl can be switched off, because dictated text would press them (WCAG 2.1.4).
const OFF = "single-keys-off";
const TOGETHER_MS = 1500; // between "g" and its letter

const HELP = [
  ["/", "search"],
  ["j", "next row, entry or pattern"],
  ["k", "previous row, entry or pattern"],
  ["Enter", "open the row"],
  ["Esc", "leave the box, close"],
  ["Ctrl K", "go to a Blueprint, axis, pattern, view or entry"],
  ["?", "show these keys"],
];

// The first link of every row leads to what the row is about.
function rows() {
  return [...document.querySelectorAll("[data-row]")].map((row) => row.querySelector("a[href]")).filter(Boolean);
}

function move(step) {
  // An entry leads to its neighbors in the list.
  const neighbor = step > 0 ? "next" : "prev";
  if (document.querySelector("main .head a:is([rel=next], [rel=prev])")) {
    document.querySelector(`main .head a[rel=${neighbor}]`)?.click();
    return;
  }
  const links = rows();
  if (!links.length) return;
  const here = links.findIndex((link) => link.closest("[data-row]").contains(document.activeElement));
  const next = links[Math.min(Math.max(here + step, 0), links.length - 1)];
  next.focus();
  next.closest("[data-row]").scrollIntoView({ block: "nearest" });
}

let areOff = stored("localStorage", OFF) === "1";

function element(name, ...children) {
  const made = document.createElement(name);
  made.append(...children);
  return made;
}

function listed([keys, does]) {
  const shown = keys.split(" ").flatMap((key) => [" ", element("kbd", key)]).slice(1);
  return [element("dt", ...shown), element("dd", does)];
}

function pages() {
  return [...document.querySelectorAll("[data-go]")].map((link) => [
    `g ${link.dataset.go}`,
    link.getAttribute("aria-label") ?? link.textContent.trim(),
  ]);
}

// Buttons that a key presses, choices that it makes, fields that it goes to.
function buttons() {
  return [...document.querySelectorAll("[data-press]")];
}

function presses() {
  return [...new Map(buttons().map((button) => [button.dataset.press, button.dataset.label ?? button.textContent.trim()]))];
}

// Where several parts of a page have the same keys, the part with the focus is meant, or else the first.
function buttonOf(key) {
  const part = document.activeElement.closest("[data-own-keys]");
  const found = buttons().filter((button) => button.dataset.press === key);
  return part ? found.find((button) => part.contains(button) || !button.closest("[data-own-keys]")) : found[0];
}

function press(element) {
  if (element.matches("textarea")) {
    element.focus();
    return;
  }
  element.closest("details")?.querySelector("summary").focus(); // shows what becomes of it
  element.click();
}

function makeKeys() {
  const heading = element("h2", "Keys");
  heading.id = "keys-heading";
  const box = element("input");
  box.type = "checkbox";
  box.checked = !areOff;
  box.addEventListener("change", () => {
    areOff = !box.checked;
    store("localStorage", OFF, areOff ? "1" : "");
  });
  const close = element("button", "Close");
  close.className = "btn";
  close.autofocus = true;
  const form = element("form", element("label", box, " Use keys without Ctrl"), close);
  form.method = "dialog";
  const dialog = element("dialog", heading, element("dl", ...[...HELP, ...presses(), ...pages()].flatMap(listed)), form);
  dialog.id = "keys";
  dialog.setAttribute("aria-labelledby", heading.id);
  document.body.append(dialog);
  return dialog;
}

function showKeys() {
  const dialog = document.getElementById("keys") ?? makeKeys();
  if (!dialog.open) dialog.showModal();
  dialog.scrollTop = 0; // its last button has the focus
}

// On small screens, a link stands for the box.
function search() {
  const box = document.querySelector("[role=search] input");
  if (box?.checkVisibility()) box.focus();
  else document.querySelector("[data-go=s]")?.click();
}

let goingUntil = 0;

const KEYS = {
  "?": showKeys,
  "/": search,
  g: () => (goingUntil = Date.now() + TOGETHER_MS),
  j: () => move(1),
  k: () => move(-1),
};

function action(key) {
  const goes = Date.now() < goingUntil;
  goingUntil = 0;
  const page = goes && [...document.querySelectorAll("[data-go]")].find((link) => link.dataset.go === key);
  const found = page || buttonOf(key);
  return found ? () => press(found) : KEYS[key];
}

document.addEventListener("keydown", (event) => {
  if (event.isComposing || event.ctrlKey || event.metaKey || event.altKey) return;
  const field = event.target.closest("input:not([type=radio]), textarea, select, [contenteditable]");
  if (document.querySelector("dialog[open]")) return;
  if (event.key === "Escape" && (field?.form?.method === "get" || field?.form?.querySelector("[data-press]"))) {
    event.preventDefault(); // what was typed stays
    field.blur();
  }
  // Without this, the form's first button would be pressed.
  if (event.key === "Enter" && field?.dataset.enter) {
    event.preventDefault();
    buttons().find((button) => button.dataset.press === field.dataset.enter)?.click();
  }
  if (field || areOff) return;
  if (event.repeat && !"jk".includes(event.key)) return; // one press decides once
  const act = action(event.key);
  if (!act) return;
  event.preventDefault();
  act();
});

document.addEventListener("click", (event) => {
  if (event.target.closest("[data-keys]")) showKeys();
});

function offerKeys() {
  for (const button of document.querySelectorAll("[data-keys]")) button.hidden = false;
}

document.addEventListener("htmx:afterSwap", offerKeys);
offerKeys();
