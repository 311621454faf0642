"""What browsers may do with an answer: content security policy, permissions policy and cross-origin resource policy.

The headers are on every answer, static files and failures included. The usual content security policy is built once.
"""

from functools import cached_property
from typing import Final

from csp.constants import HEADER
from csp.middleware import CSPMiddleware
from django.http import HttpRequest, HttpResponse, HttpResponseBase

_UNUSED_FEATURES: Final = (  # long-standing names only: a browser warns about each that it does not know
    *("accelerometer", "autoplay", "camera", "clipboard-read", "display-capture", "encrypted-media", "fullscreen"),
    *("geolocation", "gyroscope", "hid", "idle-detection", "magnetometer", "microphone", "midi", "payment"),
    *("picture-in-picture", "publickey-credentials-get", "screen-wake-lock", "serial", "usb", "xr-spatial-tracking"),
)
PERMISSIONS_POLICY: Final = ", ".join([*(f"{feature}=()" for feature in _UNUSED_FEATURES), "clipboard-write=(self)"])
"""Copy buttons write to the clipboard."""


class PolicyMiddleware(CSPMiddleware):  # type: ignore[misc, unused-ignore]
    """django-csp's middleware, which would build the same text for each answer anew, and the other two headers."""

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
