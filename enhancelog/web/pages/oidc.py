"""``/account/oidc/…``: signing in at the OIDC provider, and signing out there."""

from typing import Any, Final
from urllib.parse import urlencode

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from enhancelog import links
from enhancelog.accounts import lockouts
from enhancelog.accounts.permissions import needs
from enhancelog.domain.errors import Busy
from enhancelog.web import oidc_pages
from enhancelog.web.htmx import page
from enhancelog.web.oidc_pages import SESSION_KEY

# What a browser that never comes back leaves in the database ends soon.
BEGUN_FOR_S: Final = 900
LONGEST_NEXT: Final = 4_000


@require_POST
def start(request: HttpRequest) -> HttpResponse:
    """Goes on at the provider. A GET would let another site sign people in."""
    from allauth.socialaccount.providers.base.constants import AuthProcess
    from requests import RequestException

    from enhancelog.web import oidc_flow  # loaded by those who use it

    _require_provider()
    if not request.user.is_authenticated:
        request.session.set_expiry(BEGUN_FOR_S)
        lockouts.prune()  # the sessions of those who never came back
    try:
        begun = oidc_flow.provider_of(request).redirect(request, AuthProcess.LOGIN, next_url=_next(request))
    except RequestException as error:
        return oidc_pages.provider_failed(request, str(error))
    return oidc_pages.goes_on(request, begun["Location"], f"Sign in with {oidc_pages.provider().host}")


@require_GET
@never_cache
def callback(request: HttpRequest) -> HttpResponseBase:
    """Where the provider sends people back to."""
    from allauth.socialaccount.providers.oauth2.views import OAuth2CallbackView
    from requests import RequestException

    from enhancelog.web import oidc_flow

    _require_provider()
    view = OAuth2CallbackView.adapter_view(oidc_flow.Exchange(request, oidc_pages.provider().issuer))
    try:
        answer: HttpResponseBase = view(request)
    except RequestException as error:  # before allauth looks for it
        return oidc_pages.provider_failed(request, str(error))
    return answer


@require_GET
@needs("account:own")
def done(request: HttpRequest) -> HttpResponse:
    """Where a sign-in beside an unsent form ends."""
    return page(request, "account/signed_in.jinja", {})


def sign_out_address(request: HttpRequest) -> str | None:
    """Where this session's user signs out at the provider; empty if it has no such place, ``None`` if not needed."""
    kept: dict[str, Any] | None = request.session.get(SESSION_KEY)
    if kept is None or settings.OIDC is None or kept["issuer"] != settings.OIDC.issuer:
        return None
    from enhancelog.accounts import oidc_requests

    try:
        endpoint = oidc_requests.discovery(settings.OIDC).get("end_session_endpoint")
    except (oidc_requests.ProviderFailed, Busy):  # signing out here must work
        return ""
    if not endpoint:
        return ""
    hint = {"id_token_hint": kept["id_token"]} if kept["id_token"] else {}
    back = request.build_absolute_uri(reverse("sign_in"))
    query = urlencode({**hint, "client_id": settings.OIDC.client_id, "post_logout_redirect_uri": back})
    return f"{endpoint}{'&' if '?' in endpoint else '?'}{query}"


def _require_provider() -> None:
    if settings.OIDC is None:
        raise Http404("This server has no sign-in provider (ENHANCELOG_OIDC_ISSUER).")


def _next(request: HttpRequest) -> str:
    url = request.POST.get("next", "")
    return url if len(url) <= LONGEST_NEXT and links.is_path_here(url) else ""
