"""ID tokens: who signed in at the provider, verified. Raises ``TokenRefused``."""

from collections.abc import Mapping
from typing import Any, Final

import jwt
from allauth.socialaccount.providers.oauth2.client import OAuth2Error

from enhancelog.accounts import oidc_requests
from enhancelog.domain.oidc import OidcProvider

# Signatures with a public key. What the client's secret signs is not accepted.
ALGORITHMS: Final = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
CLOCK_SKEW_S: Final = 60
LONGEST_SUBJECT: Final = 191  # of the column that stores it
_REQUIRED: Final = ("iss", "sub", "aud", "exp", "iat")


class TokenRefused(OAuth2Error):  # type: ignore[misc, unused-ignore]  # allauth has no types
    """The text is for the log and the operator."""


def claims_of(provider: OidcProvider, config: Mapping[str, Any], id_token: str, nonce: str) -> dict[str, Any]:
    """Of an ID token with this nonce. Raises ``ProviderFailed`` too."""
    try:
        header = jwt.get_unverified_header(id_token)
        claims: dict[str, Any] = jwt.decode(
            id_token,
            _key(config, header),
            algorithms=ALGORITHMS,
            audience=provider.client_id,
            issuer=provider.issuer,
            leeway=CLOCK_SKEW_S,
            options={"require": list(_REQUIRED)},
        )
    except (jwt.ExpiredSignatureError, jwt.ImmatureSignatureError):
        raise TokenRefused("the ID token is not valid at this time; compare the clocks of both servers") from None
    except jwt.InvalidAudienceError:
        raise TokenRefused("the ID token is for another client than ENHANCELOG_OIDC_CLIENT_ID") from None
    except jwt.InvalidIssuerError:
        raise TokenRefused("the ID token is from another issuer than ENHANCELOG_OIDC_ISSUER") from None
    except jwt.InvalidSignatureError:
        raise TokenRefused("the signature of the ID token is wrong") from None
    except (jwt.PyJWTError, ValueError, RecursionError) as error:
        raise TokenRefused(f"the ID token cannot be read: {type(error).__name__}") from None
    if claims.get("nonce") != nonce:
        raise TokenRefused("the ID token has another nonce, so it belongs to another sign-in")
    audiences = claims["aud"] if isinstance(claims["aud"], list) else [claims["aud"]]
    if claims.get("azp", audiences[0] if len(audiences) == 1 else None) != provider.client_id:
        raise TokenRefused("the ID token was issued to another client (azp)")
    _check_subject(claims["sub"])
    return claims


def _key(config: Mapping[str, Any], header: Mapping[str, Any]) -> Any:
    algorithm = header.get("alg")
    if algorithm not in ALGORITHMS:
        raise TokenRefused(f"the ID token is signed with {str(algorithm)[:20]}; only public keys are accepted (RS256)")
    for anew in (False, True):
        for each in oidc_requests.keys(config, anew=anew):
            if isinstance(each, dict) and each.get("use", "sig") == "sig" and _fits(each, header):
                return jwt.PyJWK(each, algorithm=algorithm).key
    raise TokenRefused("the ID token is signed with a key that the provider does not publish")


def _fits(key: Mapping[str, Any], header: Mapping[str, Any]) -> bool:
    if "kid" in header:
        return bool(key.get("kid") == header["kid"])
    family = {"R": "RSA", "P": "RSA", "ES": "EC", "Ed": "OKP"}
    return bool(key.get("kty") == (family.get(header["alg"][:2]) or family.get(header["alg"][:1])))


def _check_subject(subject: Any) -> None:
    if not isinstance(subject, str) or not 0 < len(subject) <= LONGEST_SUBJECT or not subject.isprintable():
        raise TokenRefused("the ID token has no usable sub")
