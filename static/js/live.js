// Says how many entries were stored since the list was read, or why it cannot. It never changes the list, pauses while
// the page is hidden, and can be paused by the reader.
"use strict";

const EVERY_MS = 15000;
const LONGEST_MS = 300000;
const ANSWER_MS = 10000;
const PAUSED = "live-paused";
const BUSY = [408, 425, 429, 503];
const LIVE = { label: "Live", title: "Checks for new entries; press to pause" };
const ENDED = {
  signedOut: { label: "Not live: signed out", title: "Your session has ended; press to load the page again" },
  refused: { label: "Not live: refused", title: "The server refused to list new entries; press to load the page again" },
};

function delayed(reason, waitMs) {
  const seconds = Math.round(waitMs / 1000);
  return { label: `Not live: ${reason}`, title: `Checks again in ${seconds} s; press to check now` };
}

function watch(pill, button) {
  let etag = "";
  let waitMs = EVERY_MS;
  let timer = 0;
  let state = LIVE;

  const isOver = () => Object.values(ENDED).includes(state);
  const isPaused = () => button.getAttribute("aria-pressed") === "false" && state === LIVE;
  const isResting = () => isOver() || document.hidden || isPaused();

  function become(next, paused = false) {
    state = next;
    button.textContent = next.label;
    button.title = next.title;
    button.setAttribute("aria-pressed", String(next === LIVE && !paused));
  }

  function schedule() {
    clearTimeout(timer);
    if (!isResting()) timer = setTimeout(look, waitMs);
  }

  function show(count) {
    pill.hidden = count === "0";
    pill.textContent = `${count} new`;
  }

  function later(reason) {
    waitMs = Math.min(2 * waitMs, LONGEST_MS);
    return delayed(reason, waitMs);
  }

  async function ask() {
    const headers = etag ? { "If-None-Match": etag } : {};
    const signal = AbortSignal.timeout(ANSWER_MS);
    const response = await fetch(pill.dataset.newEntries, { headers, signal, redirect: "manual" });
    if (response.type === "opaqueredirect") return ENDED.signedOut;
    if (!response.ok && response.status !== 304) {
      if (BUSY.includes(response.status)) return later("server busy");
      return response.status < 500 ? ENDED.refused : later("server error");
    }
    if (response.ok) {
      etag = response.headers.get("ETag") ?? "";
      show(await response.text());
    }
    waitMs = EVERY_MS;
    return LIVE;
  }

  async function look() {
    const next = await ask().catch(() => later(navigator.onLine ? "no answer" : "offline"));
    if (isPaused()) return;
    become(next);
    schedule();
  }

  button.addEventListener("click", () => {
    if (isOver()) return location.reload();
    if (state !== LIVE) return look();
    const pauses = !isPaused();
    become(LIVE, pauses);
    store("localStorage", PAUSED, pauses ? "1" : "");
    if (pauses) clearTimeout(timer);
    else look();
  });
  document.addEventListener("visibilitychange", () => (isResting() ? clearTimeout(timer) : look()));
  addEventListener("online", () => isResting() || look());

  become(LIVE, stored("localStorage", PAUSED) === "1");
  button.hidden = false;
  schedule();
}

const pill = document.querySelector("[data-new-entries]");
if (pill) watch(pill, document.querySelector("[data-live]"));
