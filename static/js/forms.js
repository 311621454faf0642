// Nothing typed is lost: leaving asks first, and a form that the server cannot take is sent as a page, which shows it
// filled in, beside a sign-in where one is needed.
"use strict";

const KEPT = "kept"; // by the server: unsaved from the start
const UNSAVED = "form[data-unsaved]:not([data-sending])";

function hasChanged(field) {
  if (["hidden", "password", "submit", "button"].includes(field.type)) return false;
  if (field.type === "checkbox" || field.type === "radio") return field.checked !== field.defaultChecked;
  if (field.options) {
    const first = [...field.options].find((option) => option.defaultSelected) ?? field.options[0];
    return first !== undefined && !first.selected;
  }
  return field.defaultValue !== undefined && field.value !== field.defaultValue;
}

function mark(form) {
  if (form.method !== "post" || form.dataset.unsaved === KEPT) return;
  const signsIn = form.querySelector("input[type=password]");
  form.toggleAttribute("data-unsaved", !signsIn && [...form.elements].some(hasChanged));
}

function askBeforeLeaving(event) {
  if (document.querySelector(UNSAVED)) event.preventDefault();
}

// A listener that is always there would keep the page out of some browsers' back/forward cache.
function watchLeaving() {
  if (document.querySelector("form[data-unsaved]")) addEventListener("beforeunload", askBeforeLeaving);
  else removeEventListener("beforeunload", askBeforeLeaving);
}

function markAll() {
  for (const form of document.forms) {
    form.removeAttribute("data-sending");
    form.querySelector("[data-pressed]")?.remove();
    mark(form);
  }
  watchLeaving();
}

// A token is replaced at each sign-in. That of an older tab is renewed, unless somebody else has signed in.
function renewToken(form) {
  const field = form.querySelector("input[name=csrfmiddlewaretoken]");
  const token = cookie(READER.dataset.csrfCookie);
  if (field && token && isSameReader()) field.value = token;
}

// For answers that only make sense as a page, see web/failures.py.
function isShownAsPage(xhr) {
  return xhr?.getResponseHeader("Enhancelog-Form") === "unsent";
}

function sendAsPage(form, submitter) {
  if (submitter?.name) {
    // submit() sends no button. The page may come back as it was left, and another button be pressed: see markAll.
    const pressed = document.createElement("input");
    Object.assign(pressed, { type: "hidden", name: submitter.name, value: submitter.value });
    pressed.setAttribute("data-pressed", "");
    form.append(pressed);
  }
  form.setAttribute("data-sending", "");
  HTMLFormElement.prototype.submit.call(form);
}

document.addEventListener("input", (event) => {
  const { form } = event.target;
  if (!form) return;
  form.removeAttribute("data-sending");
  mark(form);
  watchLeaving();
});

document.addEventListener("submit", (event) => {
  renewToken(event.target);
  event.target.setAttribute("data-sending", "");
}, true);

document.addEventListener("htmx:responseError", (event) => {
  const { elt, xhr, requestConfig } = event.detail;
  if (elt.matches("form") && isShownAsPage(xhr)) sendAsPage(elt, requestConfig.triggeringEvent?.submitter);
});

// What answers a form that htmx sends as a page takes the place of this page, also if it refuses the form and shows it
// again. Any other refusal leaves the form as it is.
document.addEventListener("htmx:beforeSwap", (event) => {
  const { boosted, xhr, serverResponse } = event.detail;
  if (!boosted) return;
  const page = new DOMParser().parseFromString(serverResponse, "text/html");
  const isOurs = page.querySelector("meta[name=reader]") !== null;
  const showsForm = xhr.status < 500 && page.querySelector("main form[method=post]") !== null;
  const shouldSwap = isOurs && (event.detail.shouldSwap || showsForm);
  Object.assign(event.detail, { shouldSwap, isError: !shouldSwap });
  if (shouldSwap) takeHead(page);
});

function takeHead(page) {
  for (const sheet of page.querySelectorAll("head link[rel=stylesheet]")) {
    if (!document.head.querySelector(`link[href="${CSS.escape(sheet.getAttribute("href"))}"]`)) document.head.append(sheet);
  }
  takeReader(page);
}

function staysHere(xhr) {
  return !isShownAsPage(xhr) && !xhr?.getResponseHeader("HX-Redirect");
}

document.addEventListener("htmx:afterRequest", (event) => {
  if (staysHere(event.detail.xhr)) event.detail.elt.closest("form")?.removeAttribute("data-sending");
});

// What htmx would replace may hold another form that somebody has filled in.
document.addEventListener("htmx:confirm", (event) => {
  const { target, elt } = event.detail;
  const unsaved = [...(target?.querySelectorAll("form[data-unsaved]") ?? [])];
  if (unsaved.every((form) => form === elt)) return;
  event.preventDefault();
  if (confirm("Discard what you typed?")) event.detail.issueRequest(true);
});

document.addEventListener("htmx:afterSettle", watchLeaving);
addEventListener("pageshow", markAll);
