"""What people read when signing in at the OIDC provider goes on there, or fails."""

import re
from typing import Final

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from enhancelog.accounts import events
from enhancelog.api.retry_after import retry_after
from enhancelog.domain.oidc import OidcProvider
from enhancelog.web.htmx import page

# In the session of who signed in there: the issuer, and the ID token (empty if too long to keep).
SESSION_KEY: Final = "oidc"
RETRY_AFTER_S: Final = 10
_CODE: Final = re.compile("[a-z_]{1,60}")
_AGAIN: Final = " Begin again on the sign-in page."


def provider() -> OidcProvider:
    """A guard must have run."""
    found = settings.OIDC
    assert found is not None  # noqa: S101
    return found


def goes_on(request: HttpRequest, url: str, title: str) -> HttpResponse:
    """Leads to the provider."""
    # No redirect: browsers apply ``form-action`` to where a form's answer redirects, and providers redirect further,
    # to hosts that nobody here knows.
    response = page(request, "account/goes_on.jinja", {"title": title, "url": url, "host": provider().host})
    response["Refresh"] = f"0; url={url}"
    response["Cache-Control"] = "no-store"
    return response


def not_signed_in(request: HttpRequest, status: int, title: str, detail: str, reason: str = "") -> HttpResponse:
    """``reason``: for the log, if it says more than the page."""
    events.sign_in_refused(reason or detail)
    response = page(
        request, "account/not_signed_in.jinja", {"status": status, "title": title, "detail": detail}, status
    )
    response["Cache-Control"] = "no-store"
    return response


def token_refused(request: HttpRequest, reason: str) -> HttpResponse:
    detail = f"What {provider().host} sent does not prove who you are. The server's log says why.{_AGAIN}"
    return not_signed_in(request, 403, "You are not signed in", detail, reason)


def provider_failed(request: HttpRequest, reason: str) -> HttpResponse:
    detail = f"{provider().host} cannot be reached or does not work as it should. The server's log says why."
    response = not_signed_in(request, 503, "Sign-in is not possible right now", detail, reason)
    response["Retry-After"] = retry_after(RETRY_AFTER_S)
    return response


def out_of_date(request: HttpRequest) -> HttpResponse:
    detail = (
        "This sign-in took longer than 10 minutes, was used already, or was begun in another browser;"
        f" or the browser blocks cookies.{_AGAIN}"
    )
    return not_signed_in(request, 400, "This sign-in is out of date", detail)


def cancelled(request: HttpRequest) -> HttpResponse:
    detail = f"You or {provider().host} refused to tell us who you are, so you are not signed in."
    return not_signed_in(request, 403, "Sign-in was refused", detail)


def refused_by_provider(request: HttpRequest) -> HttpResponse:
    host, code = provider().host, request.GET.get("error", "")
    shown = f' with the error "{code}"' if _CODE.fullmatch(code) else " without a code"
    reason = f"{host} answers{shown}: {request.GET.get('error_description', '')}"
    if code in ("temporarily_unavailable", "server_error"):
        return provider_failed(request, reason)
    return not_signed_in(request, 403, "You are not signed in", f"{host} sent you back{shown}.{_AGAIN}", reason)
