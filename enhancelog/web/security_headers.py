"""Security headers of every response, beside those that Django has settings for."""

from functools import cached_property
from typing import Final

from csp.constants import HEADER, NONE, SELF
from csp.middleware import CSPMiddleware, PolicyParts
from django.http import HttpRequest, HttpResponse, HttpResponseBase

CONTENT_SECURITY_POLICY: Final = {  # a view adds to it by ``csp_update``
    "default-src": [SELF],
    "base-uri": [NONE],
    "form-action": [SELF],
    "frame-ancestors": [NONE],
    "object-src": [NONE],
}
_UNUSED_FEATURES: Final = (  # established names only: browsers warn about unknown ones
    *("accelerometer", "autoplay", "camera", "clipboard-read", "display-capture", "encrypted-media", "fullscreen"),
    *("geolocation", "gyroscope", "hid", "idle-detection", "magnetometer", "microphone", "midi", "payment"),
    *("picture-in-picture", "publickey-credentials-get", "screen-wake-lock", "serial", "usb", "xr-spatial-tracking"),
)
# Copy buttons write to the clipboard.
PERMISSIONS_POLICY: Final = ", ".join([*(f"{feature}=()" for feature in _UNUSED_FEATURES), "clipboard-write=(self)"])


class SecurityHeadersMiddleware(CSPMiddleware):  # type: ignore[misc, unused-ignore]
    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        response.headers["Permissions-Policy"] = PERMISSIONS_POLICY
        response.headers["Cross-Origin-Resource-Policy"] = "same-origin"
        has_its_own = any(name.startswith("_csp") for name in (*vars(response), *vars(request)))
        if has_its_own or HEADER in response.headers:
            answer: HttpResponseBase = super().process_response(request, response)
            return answer
        response.headers[HEADER] = self._usual
        return response

    @cached_property
    def _usual(self) -> str:
        return str(super().process_response(HttpRequest(), HttpResponse()).headers[HEADER])

    def get_policy_parts(
        self, request: HttpRequest, response: HttpResponseBase, report_only: bool = False
    ) -> PolicyParts:
        parts = super().get_policy_parts(request, response, report_only)
        if not report_only and parts.config is None:
            parts.config = dict(CONTENT_SECURITY_POLICY)
        return parts
