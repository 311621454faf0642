// The form works alone; with this script the page is not reloaded and keeps its place.
"use strict";

function showTheme(form, theme) {
  if (theme === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  for (const button of form.elements.theme) button.setAttribute("aria-pressed", button.value === theme);
}

async function chooseTheme(form, pressed) {
  const before = document.documentElement.dataset.theme ?? "system";
  const body = new FormData(form, pressed);
  showTheme(form, pressed.value);
  const status = await fetch(form.action, { method: "POST", body, redirect: "manual", keepalive: true }).then(
    (response) => (response.type === "opaqueredirect" ? 200 : response.status),
    () => 0,
  );
  if (status === 200) return;
  showTheme(form, before);
  reportFailure("The colors were not changed.", whyStatus(status), () => pressed.click());
}

document.addEventListener("submit", (event) => {
  const form = event.target.closest("[data-theme-form]");
  if (!form) return;
  event.preventDefault();
  chooseTheme(form, event.submitter);
});
