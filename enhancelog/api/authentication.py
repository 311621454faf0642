from typing import Final

from django.contrib.auth.models import User
from django.http import HttpRequest
from rest_framework import authentication
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from enhancelog.accounts import api_tokens
from enhancelog.domain.errors import Invalid
from enhancelog.models import Token

SCHEME: Final = "Bearer"


class TokenAuthentication(BaseAuthentication):
    """A refused token is 401, even with a valid session."""

    def authenticate(self, request: Request) -> tuple[User, Token] | None:
        secret = bearer(request)
        if secret is None:
            return None  # another scheme may be meant for a proxy in front
        try:
            token = api_tokens.present(secret)
        except Invalid as error:
            raise AuthenticationFailed(error.detail) from None
        return token.user, token

    def authenticate_header(self, request: Request) -> str:
        challenge = f'{SCHEME} realm="Enhancelog"'
        return challenge if bearer(request) is None else f'{challenge}, error="invalid_token"'


def has_token(request: HttpRequest) -> bool:
    return _bearer(request.META.get("HTTP_AUTHORIZATION", "")) is not None


def bearer(request: Request) -> str | None:
    """Empty if it is missing; ``None`` without the Bearer scheme."""
    return _bearer(get_authorization_header(request).decode("latin-1"))


class SessionAuthentication(authentication.SessionAuthentication):
    """Writes need the CSRF token in a header."""

    def enforce_csrf(self, request: Request) -> None:
        super().enforce_csrf(request._request)  # type: ignore[arg-type]  # DRF's own request would parse the body here


def _bearer(authorization: str) -> str | None:
    scheme, _, secret = authorization.strip().partition(" ")
    return secret.strip() if scheme.lower() == SCHEME.lower() else None
