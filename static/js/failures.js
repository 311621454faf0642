// Says what failed, on whose side, and offers to try again: for every request of htmx and for our own.
"use strict";

const FAILURES = ["responseError", "sendError", "timeout", "swapError", "onLoadError", "targetError"];
const LONGEST_LABEL = 60;

function button(label, act, style = "btn") {
  const made = document.createElement("button");
  made.type = "button";
  made.className = style;
  made.textContent = label;
  made.addEventListener("click", act);
  return made;
}

function clearFailure() {
  document.getElementById("failure")?.remove();
}

// What an alert shows: a sentence in bold, more words or elements, and buttons.
function showAlert(what, ...parts) {
  clearFailure();
  const box = document.createElement("div");
  box.id = "failure";
  box.className = "failure";
  box.setAttribute("role", "alert");
  const lead = document.createElement("b");
  lead.textContent = what;
  box.append(lead, ...parts, button("Dismiss", clearFailure, "plain soft"));
  document.body.append(box);
}

function reportFailure(what, why, tryAgain) {
  const reason = document.createElement("span");
  reason.textContent = why;
  showAlert(what, reason, button("Try again", () => { clearFailure(); tryAgain(); }));
}

const NO_ANSWER = "There was no answer: the connection or the server is down.";
const UNCLEAR = "The server took too long to answer. The change may still have been made; load the page again to see.";

function whyStatus(status, said = "") {
  if (!status) return navigator.onLine ? NO_ANSWER : "This device is offline.";
  if (status < 400) return "Something else answered in the server's place.";
  const side = status >= 500 ? `The server failed (${status}).` : `The server refused the request (${status}).`;
  return said ? `${side} ${said}` : side;
}

function wordsOf(html) {
  const page = new DOMParser().parseFromString(html, "text/html");
  const parts = [page.querySelector("main h1"), page.querySelector("main .reason")];
  return parts.map((part) => part?.textContent.trim().replace(/\s+/g, " ").replace(/([^.])$/, "$1.")).filter(Boolean).join(" ");
}

function labelOf(element) {
  const label = (element.getAttribute("aria-label") || element.textContent).trim().replace(/\s+/g, " ");
  return label.length > LONGEST_LABEL ? `${label.slice(0, LONGEST_LABEL)}…` : label;
}

function why(kind, xhr) {
  if (kind === "sendError") return whyStatus(0);
  if (kind === "timeout") return UNCLEAR;
  if (kind === "responseError") return whyStatus(xhr.status, wordsOf(xhr.responseText));
  return "The server answered, but this page could not show it. Load the page again.";
}

function requestAgain(element, request) {
  if (!element.isConnected) location.reload();
  else if (element.matches("form")) element.requestSubmit(request.triggeringEvent?.submitter);
  else if (element.matches("a, button")) element.click();
  else htmx.ajax(request.verb.toUpperCase(), request.path, { source: element });
}

for (const kind of FAILURES) {
  document.addEventListener(`htmx:${kind}`, (event) => {
    const { elt, xhr, requestConfig } = event.detail;
    if (!requestConfig || isShownAsPage(xhr)) return;
    const pressed = requestConfig.triggeringEvent?.submitter ?? elt;
    reportFailure(`“${labelOf(pressed)}” failed.`, why(kind, xhr), () => requestAgain(elt, requestConfig));
  });
}

document.addEventListener("htmx:beforeRequest", clearFailure);
document.addEventListener("htmx:historyCacheMissLoadError", () => location.reload());
