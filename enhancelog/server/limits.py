"""What the body of a request may be, by its path."""

from django.conf import settings

from enhancelog.server.bodies import FORM_S, MAX_FORM_BYTES, Limits


def limits_of(path: str) -> Limits:
    """The API's views have lower limits of their own, which hold before more than a first part is received."""
    if path.startswith("/v1/"):
        return Limits(settings.MAX_BODY_BYTES, settings.BODY_TIMEOUT_S)
    for prefix, max_bytes in settings.LARGE_FORMS.items():
        if path.startswith(prefix):
            return Limits(max_bytes, settings.BODY_TIMEOUT_S)
    return Limits(MAX_FORM_BYTES, FORM_S, FORM_S)
