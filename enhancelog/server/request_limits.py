"""Limits and threads of a request, by method and path."""

from typing import Final, Literal, NamedTuple

from django.conf import settings

from enhancelog.server.bodies import FORM_S, MAX_FORM_BYTES, Limits

PASSWORD_FORMS: Final = (
    "/account/sign-in",
    "/account/resume",
    "/account/password",
    "/admin/login/",
    "/admin/password_change/",
)

Lane = Literal["live", "ready", "password", "poll", "other"]


class Treatment(NamedTuple):
    """``lane``: the threads that run it."""

    # Health and password checks have their own lanes, so they neither wait nor delay. A request that waited for the
    # log moves to the lane "poll".
    limits: Limits
    lane: Lane = "other"


def treatment_of(method: str, path: str) -> Treatment:
    if path.startswith("/v1/"):  # views have lower limits, which apply before more than a first part is received
        return Treatment(Limits(settings.MAX_BODY_BYTES, settings.BODY_TIMEOUT_S))
    form = Limits(MAX_FORM_BYTES, FORM_S, FORM_S)
    for prefix, max_bytes in settings.LARGE_FORMS.items():
        if path.startswith(prefix):
            form = Limits(max_bytes, settings.BODY_TIMEOUT_S)
    if path == "/health/live":
        return Treatment(form, "live")
    if path == "/health/ready":
        return Treatment(form, "ready")
    if method == "POST" and path in PASSWORD_FORMS:
        return Treatment(form, "password")
    return Treatment(form)
