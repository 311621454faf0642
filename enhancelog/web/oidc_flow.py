"""allauth's sign-in at one OIDC provider, with our checks and pages. Imported when somebody uses it."""

from collections.abc import Mapping
from typing import Any, Final

from allauth.core.exceptions import ImmediateHttpResponse
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from allauth.socialaccount.models import SocialApp, SocialLogin, SocialToken
from allauth.socialaccount.providers.base import AuthError
from allauth.socialaccount.providers.oauth2.client import OAuth2Error
from allauth.socialaccount.providers.openid_connect.provider import OpenIDConnectProvider
from allauth.socialaccount.providers.openid_connect.views import OpenIDConnectOAuth2Adapter
from django.conf import settings
from django.contrib.auth import login
from django.http import HttpRequest, HttpResponseRedirect
from django.urls import reverse
from django.utils.crypto import salted_hmac
from requests import RequestException

from enhancelog.accounts import oidc_requests, oidc_tokens, oidc_users
from enhancelog.accounts.oidc_requests import ProviderFailed
from enhancelog.accounts.oidc_tokens import TokenRefused
from enhancelog.accounts.oidc_users import NotAdmitted
from enhancelog.web import oidc_pages
from enhancelog.web.oidc_pages import SESSION_KEY

LONGEST_ID_TOKEN: Final = 4_000  # kept in the session, and sent in an address at sign-out


def provider_of(request: HttpRequest) -> "Provider":
    return Provider(request, app=_app())


def _app() -> SocialApp:
    provider = oidc_pages.provider()
    return SocialApp(
        provider=OpenIDConnectProvider.id,
        provider_id=provider.issuer,  # with the subject, it identifies a person
        name=provider.host,
        client_id=provider.client_id,
        secret=provider.client_secret,
        settings={"server_url": provider.discovery_url, "oauth_pkce_enabled": True, "scope": list(provider.scopes)},
    )


class Exchange(OpenIDConnectOAuth2Adapter):  # type: ignore[misc, unused-ignore]  # allauth has no types
    """Verifies ID tokens itself: allauth trusts the connection, and sends no nonce."""

    nonce = ""

    @property
    def openid_config(self) -> dict[str, Any]:
        return oidc_requests.discovery(oidc_pages.provider())

    def get_callback_url(self, request: HttpRequest, app: SocialApp) -> str:
        return request.build_absolute_uri(reverse("oidc_callback"))

    def get_access_token_data(
        self, request: HttpRequest, app: SocialApp, client: Any, pkce_code_verifier: str | None = None
    ) -> dict[str, Any]:
        self.nonce = nonce_of(pkce_code_verifier or "")
        try:
            answer = super().get_access_token_data(request, app, client, pkce_code_verifier=pkce_code_verifier)
        except (OAuth2Error, TypeError, RecursionError):  # allauth expects an object, not too deep
            raise TokenRefused("the provider refused the code; check ENHANCELOG_OIDC_CLIENT_SECRET") from None
        if not isinstance(answer, dict) or not all(
            isinstance(answer.get(name), str) for name in ("access_token", "id_token")
        ):
            raise TokenRefused("the provider sent no ID token; ENHANCELOG_OIDC_SCOPES must contain openid")
        return {name: answer[name] for name in ("access_token", "id_token")}

    def complete_login(self, request: HttpRequest, app: SocialApp, token: SocialToken, **kwargs: Any) -> SocialLogin:
        id_token = kwargs["response"]["id_token"]
        claims = oidc_tokens.claims_of(oidc_pages.provider(), self.openid_config, id_token, self.nonce)
        if self.openid_config.get("userinfo_endpoint"):
            told = self._userinfo(token.token)
            if told.get("sub") != claims["sub"]:
                raise TokenRefused("the userinfo endpoint tells of somebody else than the ID token")
            claims = {**told, **claims}
        sociallogin = self.get_provider().sociallogin_from_response(request, {"sub": claims["sub"]})
        sociallogin.claims = claims
        sociallogin.id_token = id_token
        return sociallogin

    def _userinfo(self, access_token: str) -> Mapping[str, Any]:
        with oidc_requests.Session() as session:
            answer = session.get(self.profile_url, headers={"Authorization": f"Bearer {access_token}"})
        try:
            told = answer.json() if answer.ok else None
        except (ValueError, RecursionError):
            told = None
        if not isinstance(told, dict):
            raise ProviderFailed(f"{self.profile_url} answers {answer.status_code}, without claims in JSON")
        return told


class Provider(OpenIDConnectProvider):  # type: ignore[misc, unused-ignore]
    oauth2_adapter_class = Exchange

    def get_pkce_params(self) -> dict[str, Any]:
        params: dict[str, Any] = super().get_pkce_params()
        return {**params, "nonce": nonce_of(params["code_verifier"])}

    def extract_extra_data(self, data: Any) -> dict[str, Any]:
        return {}  # nothing of a person is kept that is not needed


class Adapter(DefaultSocialAccountAdapter):  # type: ignore[misc, unused-ignore]
    """Ends allauth's flow as soon as it knows who signed in, so none of its own pages appear."""

    def get_requests_session(self) -> oidc_requests.Session:
        return oidc_requests.Session()

    def list_apps(self, request: HttpRequest, provider: Any = None, client_id: Any = None) -> list[SocialApp]:
        return [_app()] if settings.OIDC else []  # never from the database

    def get_provider(self, request: HttpRequest, provider: Any, client_id: Any = None) -> Provider:
        return provider_of(request)

    def pre_social_login(self, request: HttpRequest, sociallogin: SocialLogin) -> None:
        try:
            user = oidc_users.admitted(oidc_pages.provider(), sociallogin.account, sociallogin.claims)
        except NotAdmitted as refusal:
            title = "You have no access here"
            answer = oidc_pages.not_signed_in(request, 403, title, str(refusal), refusal.reason)
            raise ImmediateHttpResponse(answer) from None
        login(request, user, oidc_users.BACKEND)
        id_token = sociallogin.id_token if len(sociallogin.id_token) <= LONGEST_ID_TOKEN else ""
        request.session[SESSION_KEY] = {"issuer": oidc_pages.provider().issuer, "id_token": id_token}
        raise ImmediateHttpResponse(HttpResponseRedirect(sociallogin.state.get("next") or reverse("overview")))

    def on_authentication_error(
        self,
        request: HttpRequest,
        provider: Provider,
        error: Any = None,
        exception: Exception | None = None,
        extra_context: dict[str, Any] | None = None,
    ) -> None:
        if isinstance(exception, TokenRefused):
            answer = oidc_pages.token_refused(request, str(exception))
        elif isinstance(exception, RequestException):
            answer = oidc_pages.provider_failed(request, str(exception))
        elif exception is not None:
            answer = oidc_pages.token_refused(request, type(exception).__name__)
        elif not (extra_context or {}).get("state"):
            answer = oidc_pages.out_of_date(request)
        elif error == AuthError.CANCELLED:
            answer = oidc_pages.cancelled(request)
        else:
            answer = oidc_pages.refused_by_provider(request)
        raise ImmediateHttpResponse(answer)


def nonce_of(code_verifier: str) -> str:
    # The verifier is secret and in the session of the browser that began, so this binds the ID token to it.
    return salted_hmac("enhancelog.oidc.nonce", code_verifier, algorithm="sha256").hexdigest()
