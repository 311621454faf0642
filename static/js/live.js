// Says how many entries came since the list was read. It never touches the list, rests while nobody looks, and can be
// paused; without it the page lacks nothing else.
"use strict";

const EVERY_MS = 15000;
const LONGEST_MS = 300000;
const PAUSED = "live-paused";

function watch(pill, button) {
  let etag = "";
  let waitMs = EVERY_MS;
  let timer = 0;
  let over = false;

  const resting = () => over || document.hidden || button.getAttribute("aria-pressed") === "false";

  function schedule() {
    clearTimeout(timer);
    if (!resting()) timer = setTimeout(look, waitMs);
  }

  function show(count) {
    pill.hidden = count === "0";
    pill.textContent = `${count} new`;
  }

  async function look() {
    try {
      const headers = etag ? { "If-None-Match": etag } : {};
      const response = await fetch(pill.dataset.newEntries, { headers, redirect: "manual" });
      if (response.ok) {
        etag = response.headers.get("ETag") ?? "";
        show(await response.text());
      }
      over = response.type === "opaqueredirect" || (response.status >= 400 && response.status < 500);
      waitMs = response.ok || response.status === 304 ? EVERY_MS : Math.min(2 * waitMs, LONGEST_MS);
    } catch {
      waitMs = Math.min(2 * waitMs, LONGEST_MS);
    }
    schedule();
  }

  button.addEventListener("click", () => {
    const paused = button.getAttribute("aria-pressed") === "true";
    button.setAttribute("aria-pressed", String(!paused));
    localStorage.setItem(PAUSED, paused ? "1" : "");
    if (paused) clearTimeout(timer);
    else look();
  });
  document.addEventListener("visibilitychange", () => (resting() ? clearTimeout(timer) : look()));

  if (localStorage.getItem(PAUSED)) button.setAttribute("aria-pressed", "false");
  button.hidden = false;
  schedule();
}

const pill = document.querySelector("[data-new-entries]");
if (pill) watch(pill, document.querySelector("[data-live]"));
