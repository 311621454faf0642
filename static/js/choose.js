// One box ticks all boxes of its list, and the form says how many are ticked. Without scripts, this box is hidden.
function boxesOf(form, name) {
  return [...form.elements].filter((field) => field.type === "checkbox" && field.name === name);
}

function show(all) {
  const boxes = boxesOf(all.form, all.dataset.chooseAll);
  const ticked = boxes.filter((box) => box.checked).length;
  all.closest("label").hidden = !boxes.length;
  all.checked = ticked > 0 && ticked === boxes.length;
  all.indeterminate = ticked > 0 && ticked < boxes.length;
  const number = all.form.querySelector(`[data-chosen-number="${all.dataset.chooseAll}"]`);
  if (number) number.textContent = ticked ? `${ticked.toLocaleString("en")} chosen` : "";
}

function showAll() {
  for (const all of document.querySelectorAll("[data-choose-all]")) show(all);
}

document.addEventListener("change", ({ target }) => {
  const name = target.dataset.chooseAll;
  for (const box of name ? boxesOf(target.form, name) : []) box.checked = target.checked;
  if (target.type === "checkbox") showAll();
});

document.addEventListener("htmx:afterSwap", showAll);
addEventListener("pageshow", showAll);
showAll();
