"""Security headers of every response."""

from functools import cached_property
from typing import Final

from csp.constants import HEADER
from csp.middleware import CSPMiddleware
from django.http import HttpRequest, HttpResponse, HttpResponseBase

_UNUSED_FEATURES: Final = (  # established names only: browsers warn about unknown ones
    *("accelerometer", "autoplay", "camera", "clipboard-read", "display-capture", "encrypted-media", "fullscreen"),
    *("geolocation", "gyroscope", "hid", "idle-detection", "magnetometer", "microphone", "midi", "payment"),
    *("picture-in-picture", "publickey-credentials-get", "screen-wake-lock", "serial", "usb", "xr-spatial-tracking"),
)
# Copy buttons write to the clipboard.
PERMISSIONS_POLICY: Final = ", ".join([*(f"{feature}=()" for feature in _UNUSED_FEATURES), "clipboard-write=(self)"])


class PolicyMiddleware(CSPMiddleware):  # type: ignore[misc, unused-ignore]
    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        response.headers["Permissions-Policy"] = PERMISSIONS_POLICY
        response.headers["Cross-Origin-Resource-Policy"] = "same-origin"
        has_its_own = any(name.startswith("_csp") for name in (*vars(response), *vars(request)))
        if has_its_own or HEADER in response.headers:
            answer: HttpResponseBase = super().process_response(request, response)
            return answer
        if self._usual:
            response.headers[HEADER] = self._usual
        return response

    @cached_property
    def _usual(self) -> str:
        return str(super().process_response(HttpRequest(), HttpResponse()).headers.get(HEADER, ""))
