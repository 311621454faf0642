// Swagger UI over our own document; a signed-in person's requests carry the CSRF token.
"use strict";

const { document: address, csrf } = document.getElementById("docs").dataset;

const root = document.documentElement;
const systemIsDark = matchMedia("(prefers-color-scheme: dark)");

function showTheme() {
  root.classList.toggle("dark-mode", root.dataset.theme ? root.dataset.theme === "dark" : systemIsDark.matches);
}

systemIsDark.addEventListener("change", showTheme);
showTheme();

SwaggerUIBundle({
  url: address,
  dom_id: "#docs",
  deepLinking: true,
  validatorUrl: null,
  requestInterceptor: (request) => {
    request.headers["X-CSRFToken"] = csrf;
    return request;
  },
});
