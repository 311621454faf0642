// Swagger UI over our own document; a signed-in person's requests carry the CSRF token.
"use strict";

const { document: address, csrf } = document.getElementById("docs").dataset;

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
