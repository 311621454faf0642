// What the browser keeps for this page. Where its storage is blocked or full, nothing is kept and the rest works.
"use strict";

function stored(storage, name) {
  try {
    return window[storage].getItem(name) ?? "";
  } catch {
    return "";
  }
}

// Whether it is stored.
function store(storage, name, value) {
  try {
    window[storage].setItem(name, value);
    return true;
  } catch {
    return false;
  }
}
