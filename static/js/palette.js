// The palette in a dialog: Ctrl K opens it, arrows move, Enter opens the first result. Without it, its link is a page.
const DIALOG = "palette";

function box(palette) {
  return palette.querySelector("input[name=find]");
}

function results(palette) {
  return [...palette.querySelectorAll("#palette-found a[href]")];
}

function makeDialog() {
  const dialog = document.createElement("dialog");
  dialog.id = DIALOG;
  dialog.setAttribute("aria-label", "Go to");
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog) dialog.close(); // beside it
  });
  dialog.addEventListener("close", () => (isEntered = false));
  document.body.append(dialog);
  return dialog;
}

async function load(dialog, url) {
  try {
    const response = await fetch(url, { headers: { "HX-Request": "true" } });
    const fragment = new DOMParser().parseFromString(await response.text(), "text/html").querySelector(".palette");
    if (!response.ok || !fragment) throw new Error(response.statusText);
    dialog.replaceChildren(fragment);
    htmx.process(dialog);
  } catch {
    location.assign(url); // the page says what is wrong
  }
}

async function openPalette() {
  const ofPage = document.querySelector("main .palette");
  if (ofPage) {
    box(ofPage).select();
    return;
  }
  if (document.querySelector("dialog[open]")) return;
  const dialog = document.getElementById(DIALOG) ?? makeDialog();
  dialog.showModal();
  if (!box(dialog)) await load(dialog, document.querySelector("[data-palette]").href);
  box(dialog)?.select();
}

function step(palette, by) {
  const stops = [box(palette), ...results(palette)];
  const here = Math.max(stops.indexOf(document.activeElement), 0);
  stops[Math.min(Math.max(here + by, 0), stops.length - 1)].focus();
}

// Enter may come before the results of what was typed; it is forgotten if more is typed or they do not come.
let isEntered = false;
let hasFailed = false;

function areOfBox(palette) {
  return palette.querySelector("#palette-found").dataset.found === box(palette).value.trim();
}

function openFirst(palette) {
  if (!isEntered || !areOfBox(palette)) return;
  isEntered = false;
  results(palette)[0]?.click();
}

function forgetEnter(event) {
  if (!event.target.closest(".palette")) return;
  isEntered = false;
  hasFailed = event.type !== "input";
}

for (const kind of ["input", ...FAILURES.map((kind) => `htmx:${kind}`)]) document.addEventListener(kind, forgetEnter);

document.addEventListener("htmx:afterSettle", (event) => {
  const palette = event.target.closest(".palette");
  if (palette) openFirst(palette);
});

document.addEventListener("keydown", (event) => {
  if ((event.ctrlKey || event.metaKey) && !event.altKey && !event.shiftKey && event.key.toLowerCase() === "k") {
    event.preventDefault();
    openPalette();
    return;
  }
  const palette = event.target.closest(".palette");
  if (!palette || event.isComposing) return;
  const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (by) {
    event.preventDefault();
    step(palette, by);
  } else if (event.key.length === 1 && event.key !== " " && !event.ctrlKey && !event.metaKey && !event.altKey) {
    box(palette).focus(); // whoever goes on typing types there
  }
});

document.addEventListener("submit", (event) => {
  const palette = event.target.closest(".palette");
  if (!palette) return;
  event.preventDefault();
  isEntered = event.submitter !== null; // not by "Try again"
  openFirst(palette);
  if (hasFailed) htmx.trigger(event.target, "find");
  hasFailed = false;
});

document.addEventListener("click", (event) => {
  if (!event.target.closest("[data-palette]") || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  openPalette();
});
