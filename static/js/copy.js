// Copies what a button names, or the text of an element. Over plain http browsers offer no clipboard, so the value is
// selected and copied by command; where that fails too, it stays selected in sight.
"use strict";

const COPIED_MS = 2500;
const restoring = new WeakSet();

function select(element) {
  getSelection().selectAllChildren(element);
}

function copySelected(value) {
  const text = document.createElement("pre");
  text.className = "sr";
  text.textContent = value;
  document.body.append(text);
  const before = [...Array(getSelection().rangeCount)].map((_, number) => getSelection().getRangeAt(number));
  select(text);
  const done = document.execCommand("copy");
  text.remove();
  getSelection().removeAllRanges();
  for (const range of before) getSelection().addRange(range);
  return done;
}

async function hasCopied(value) {
  try {
    await navigator.clipboard.writeText(value);
    return true;
  } catch {
    return copySelected(value);
  }
}

function showToCopy(value) {
  const text = document.createElement("pre");
  text.tabIndex = 0;
  text.textContent = value;
  showAlert("The browser does not let this page copy.", "Copy the selected text yourself:", text);
  text.focus();
  select(text);
}

async function copy(pressed) {
  if (restoring.has(pressed)) return;
  const value = pressed.dataset.copy ?? document.getElementById(pressed.dataset.copyOf).textContent;
  if (!(await hasCopied(value))) return showToCopy(value);
  restoring.add(pressed);
  const shown = [...pressed.childNodes]; // a name can hold a mark
  pressed.replaceChildren("copied");
  setTimeout(() => {
    pressed.replaceChildren(...shown);
    restoring.delete(pressed);
  }, COPIED_MS);
}

document.addEventListener("click", (event) => {
  const pressed = event.target.closest("[data-copy], [data-copy-of]");
  if (!pressed) return;
  event.preventDefault(); // a link leads to the text without JavaScript
  copy(pressed);
});
