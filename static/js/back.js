// Back puts the focus on the row that was opened. If that was on a later page of the list, the pages are loaded again.
let loaded = 0; // pages after the first one
let isLooking = false;

function isFurther(element) {
  return element?.id === "further";
}

function keepRow(event) {
  const link = event.target.closest("[data-row] a[href]");
  if (link) history.replaceState({ ...history.state, row: link.getAttribute("href"), loaded }, "");
}

function focusKeptRow() {
  const kept = history.state;
  const link = [...document.querySelectorAll("[data-row] a[href]")].find((each) => each.getAttribute("href") === kept?.row);
  const further = document.querySelector("a#further");
  isLooking = Boolean(kept?.row && !link && further && loaded < kept.loaded);
  if (isLooking) further.click();
  link?.focus({ preventScroll: loaded === 0 });
}

document.addEventListener("click", keepRow);
document.addEventListener("htmx:afterSettle", ({ detail }) => {
  if (!isFurther(detail.requestConfig?.elt)) return;
  loaded += 1;
  if (isLooking) focusKeptRow();
});
document.addEventListener("htmx:load", focusKeptRow, { once: true });
