// A page made for somebody goes blank when they sign out, here or in another tab, or when somebody else signs in. It is
// not deferred, so that nothing is drawn before; a page that the browser kept is compared when it comes back.
"use strict";

const READER = document.querySelector("meta[name=reader]");
const BLANKED = "reader-blanked";
const BLANKED_MS = 5000;

function cookie(name) {
  const found = document.cookie.split("; ").find((part) => part.startsWith(`${name}=`));
  return found ? found.slice(name.length + 1) : "";
}

function isSameReader() {
  return cookie(READER.dataset.cookie) === READER.content;
}

// The page of a form has to be loaded by GET, not sent again.
function loadAnew() {
  location.replace(location.pathname + location.search);
}

// Only once: a page that is the same after loading stays blank.
function goBlank() {
  document.documentElement.hidden = true;
  document.title = "Signed out";
  document.body?.replaceChildren();
  const [last, ms] = JSON.parse(stored("sessionStorage", BLANKED) || "[]");
  if (last === location.href && Date.now() - ms < BLANKED_MS) return;
  if (store("sessionStorage", BLANKED, JSON.stringify([location.href, Date.now()]))) loadAnew();
}

// What somebody typed and has not saved stays; saving it asks them to sign in.
function showOnlyUnsaved(only) {
  const shown = document.documentElement.classList;
  if (shown.contains("only-unsaved") === only) return;
  shown.toggle("only-unsaved", only);
  if (only) showAlert("You are no longer signed in here.", "What you typed is still here. Saving it asks you to sign in.");
  else clearFailure();
}

function compareReader() {
  const isGone = READER.content !== "" && !isSameReader();
  const hasUnsaved = document.querySelector("form[data-unsaved]") !== null;
  showOnlyUnsaved(isGone && hasUnsaved);
  const goesOn = !READER.content && document.querySelector("[data-goes-on]") !== null;
  if (isGone && !hasUnsaved) goBlank();
  else if (document.documentElement.hidden || (goesOn && !isSameReader())) loadAnew();
}

// Of a page that takes the place of this one without being loaded.
function takeReader(page) {
  READER.content = page.querySelector("meta[name=reader]").content;
  channel?.postMessage("");
  compareReader();
}

let channel = null;

// An open channel would keep the page out of the back/forward cache.
addEventListener("pageshow", () => {
  channel = new BroadcastChannel("reader");
  channel.onmessage = compareReader;
  channel.postMessage("");
  compareReader();
});
addEventListener("pagehide", () => channel?.close());
// A page is also hidden when it is left; by then the reader may have changed, and it must not load itself instead.
document.addEventListener("visibilitychange", () => document.hidden || compareReader());
compareReader();
