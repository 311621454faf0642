"""Requests to the OIDC provider, within limits of number, time and size. All raise ``ProviderFailed``."""

import io
import ssl
import time
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter

from enhancelog.backends.few_at_once import FewAtOnce
from enhancelog.backends.permit import permit
from enhancelog.domain.oidc import OidcProvider

# A thread of the server waits for the provider, so the waits are short and few threads wait.
TIMEOUT_S: Final = 3.0  # to connect, and for each part of the answer
TOTAL_S: Final = 5.0  # of reading an answer
MAX_ANSWER_BYTES: Final = 512 << 10
AT_ONCE: Final = 4
WAIT_S: Final = 2.0
BUSY: Final = "Too many people are signing in right now; try again."
_PIECE: Final = 16 << 10

KEPT_S: Final = 600.0
# How long a failure is repeated without asking again.
FAILED_S: Final = 5.0
# Unknown keys are looked up anew at most this often.
KEYS_ANEW_S: Final = 30.0

_ENDPOINTS: Final = ("authorization_endpoint", "token_endpoint", "jwks_uri")
_OPTIONAL_ENDPOINTS: Final = ("userinfo_endpoint", "end_session_endpoint")

_few: Final = FewAtOnce(AT_ONCE, WAIT_S, BUSY, 5)
# By URL: until when (monotonic s), since when, and the document or what went wrong.
_kept: dict[str, tuple[float, float, dict[str, Any] | str]] = {}


class ProviderFailed(requests.RequestException):
    """It cannot be reached, or what it says cannot be used. The text is for the log and the operator."""


class _SystemTrust(HTTPAdapter):
    # Companies' own authorities are in the system's store, which requests does not read.
    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs, ssl_context=ssl.create_default_context())

    def proxy_manager_for(self, *args: Any, **kwargs: Any) -> Any:
        return super().proxy_manager_for(*args, **kwargs, ssl_context=ssl.create_default_context())


class Session(requests.Session):
    """Follows no redirects and reads no ``.netrc``. Raises ``Busy``."""

    def __init__(self) -> None:
        super().__init__()
        self.auth = lambda request: request  # or requests would send what .netrc has for the host
        self.mount("https://", _SystemTrust())

    def request(self, method: str | bytes, url: str | bytes, *args: Any, **kwargs: Any) -> requests.Response:
        host = urlsplit(str(url)).netloc
        kwargs |= {"timeout": TIMEOUT_S, "allow_redirects": False, "stream": True}
        with _few.slot(), permit.released():
            try:
                response = super().request(str(method), url, *args, **kwargs)
                with response:
                    body = _read(response, host)
            except ProviderFailed:
                raise
            except requests.Timeout:
                raise ProviderFailed(f"{host} does not answer within {TIMEOUT_S:g} s") from None
            except requests.exceptions.SSLError:
                raise ProviderFailed(f"the certificate of {host} is not trusted") from None
            except requests.ConnectionError:
                raise ProviderFailed(f"cannot connect to {host}") from None
            except (requests.RequestException, OSError, ValueError) as error:
                raise ProviderFailed(f"the request to {host} failed: {type(error).__name__}") from None
        response.raw = io.BytesIO(body)
        response.headers.setdefault("content-type", "")
        return response


def _read(response: requests.Response, host: str) -> bytes:
    if response.is_redirect:
        raise ProviderFailed(f"{host} redirects {urlsplit(str(response.url)).path}, which is not followed")
    deadline, body = time.monotonic() + TOTAL_S, bytearray()
    while piece := response.raw.read1(_PIECE, decode_content=True):
        body += piece
        if len(body) > MAX_ANSWER_BYTES:
            raise ProviderFailed(f"the answer of {host} is longer than {MAX_ANSWER_BYTES >> 10} kB")
        if time.monotonic() > deadline:
            raise ProviderFailed(f"{host} does not answer within {TOTAL_S:g} s")
    return bytes(body)


def discovery(provider: OidcProvider) -> dict[str, Any]:
    """What the provider says of itself."""
    found = _document(provider.discovery_url)
    if found.get("issuer") != provider.issuer:
        raise ProviderFailed(
            f'{provider.discovery_url} names the issuer "{found.get("issuer")}";'
            " ENHANCELOG_OIDC_ISSUER must be exactly that"
        )
    for name in (*_ENDPOINTS, *_OPTIONAL_ENDPOINTS):
        if name in found or name in _ENDPOINTS:
            _check_endpoint(provider, name, found.get(name))
    # The default of the standard, which allauth does not know.
    return {"token_endpoint_auth_methods_supported": ["client_secret_basic"], **found}


def keys(config: Mapping[str, Any], *, anew: bool = False) -> list[Any]:
    """Public keys. ``anew``: although they were asked for a while ago."""
    url = config["jwks_uri"]
    _, asked_s, _ = _kept.get(url, (0.0, 0.0, ""))
    if anew and time.monotonic() - asked_s > KEYS_ANEW_S:
        _kept.pop(url, None)  # another thread may have been faster
    found = _document(url).get("keys")
    if not isinstance(found, list):
        raise ProviderFailed(f"{url} has no list of keys")
    return found


def forget() -> None:
    _kept.clear()


def _document(url: str) -> dict[str, Any]:
    now = time.monotonic()
    until, _, known = _kept.get(url, (0.0, 0.0, ""))
    if now >= until:
        try:
            known, until = _fetched(url), now + KEPT_S
        except ProviderFailed as error:
            known, until = str(error), now + FAILED_S
        _kept[url] = (until, now, known)
    if isinstance(known, str):
        raise ProviderFailed(known)
    return known


def _fetched(url: str) -> dict[str, Any]:
    with Session() as session:
        response = session.get(url, headers={"Accept": "application/json"})
    if response.status_code != requests.codes.ok:
        raise ProviderFailed(f"{url} answers {response.status_code}")
    try:
        found = response.json()
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise ProviderFailed(f"{url} is not a JSON object")
    return found


def _check_endpoint(provider: OidcProvider, name: str, value: Any) -> None:
    schemes = ("https",) if provider.issuer.startswith("https:") else ("http", "https")
    try:
        url = urlsplit(value if isinstance(value, str) else "")
        is_fine = url.scheme in schemes and bool(url.hostname) and "\n" not in value and "\r" not in value
    except ValueError:
        is_fine = False
    if not is_fine:
        raise ProviderFailed(f"{provider.discovery_url}: {name} must be an {schemes[-1]} URL")
