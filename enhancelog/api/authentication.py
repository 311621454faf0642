"""Who calls the API: a token in ``Authorization: Bearer``, judged alone, or else a browser session.

A request with a token never falls back to the session that may come with it: a token that is refused is 401. Another
scheme in ``Authorization`` is nobody's here and ignored, since a proxy in front may use it.
"""

from typing import Final

from django.contrib.auth.models import User
from rest_framework import authentication
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from enhancelog.accounts import api_tokens
from enhancelog.domain.errors import Invalid
from enhancelog.models import Token

SCHEME: Final = "Bearer"


class TokenAuthentication(BaseAuthentication):
    """``request.user`` becomes the token's owner, ``request.auth`` the token."""

    def authenticate(self, request: Request) -> tuple[User, Token] | None:
        secret = bearer(request)
        if secret is None:
            return None
        try:
            token = api_tokens.present(secret)
        except Invalid as error:
            raise AuthenticationFailed(error.detail) from None
        return token.user, token

    def authenticate_header(self, request: Request) -> str:
        challenge = f'{SCHEME} realm="Enhancelog"'
        return challenge if bearer(request) is None else f'{challenge}, error="invalid_token"'


def bearer(request: Request) -> str | None:
    """What stands behind ``Bearer``, which may be nothing; ``None`` without that scheme."""
    scheme, _, secret = get_authorization_header(request).decode("latin-1").strip().partition(" ")
    return secret.strip() if scheme.lower() == SCHEME.lower() else None


class SessionAuthentication(authentication.SessionAuthentication):
    """A browser's session, with its CSRF token to write, in the header: bodies are for views alone to read."""

    def enforce_csrf(self, request: Request) -> None:
        super().enforce_csrf(request._request)  # type: ignore[arg-type]  # DRF's own request would parse the body here
