"""An OIDC provider that others wrote, run as a server, and a browser's way through it."""

import os
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, urlsplit

import httpx
import oidc_provider_mock
import werkzeug.serving
from django.http import HttpResponseBase
from django.test import Client

from enhancelog.accounts import oidc_requests
from enhancelog.domain.oidc import OidcProvider
from tests.pages import read

os.environ.setdefault("AUTHLIB_INSECURE_TRANSPORT", "1")  # it is on this machine

CLIENT_ID = "enhancelog"


class Running(NamedTuple):
    """``changed``: what it answers is put through these functions, by path."""

    url: str
    changed: dict[str, Any]

    def settings(self, **other: Any) -> OidcProvider:
        usual: dict[str, Any] = {
            "issuer": self.url,
            "client_id": CLIENT_ID,
            "client_secret": "a secret",
            "scopes": ("openid", "profile", "email"),
            "groups_claim": "groups",
            "staff_groups": frozenset({"log-staff"}),
            "reader_groups": frozenset(),
        }
        return OidcProvider(**usual | {name: _as_set(value) for name, value in other.items()})

    def knows(self, sub: str, **claims: Any) -> None:
        httpx.put(f"{self.url}/users/{sub}", json=claims).raise_for_status()


def _as_set(value: Any) -> Any:
    return frozenset(value) if isinstance(value, list) else value


@contextmanager
def running(certificate: tuple[Path, Path] | None = None) -> Iterator[Running]:
    """On a port of its own, for as long as the block lasts. ``certificate``: its files, for ``localhost``."""
    app = oidc_provider_mock.app()
    changed: dict[str, Any] = {}

    @app.after_request
    def change(response: Any) -> Any:
        import flask

        change_it = changed.get(flask.request.path)
        return change_it(response) if change_it else response

    tls = (str(certificate[0]), str(certificate[1])) if certificate else None
    server = werkzeug.serving.make_server("127.0.0.1", 0, app, threaded=True, ssl_context=tls)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    oidc_requests.forget()
    try:
        start = "https://localhost" if certificate else "http://127.0.0.1"
        yield Running(f"{start}:{server.server_port}", changed)
    finally:
        server.shutdown()
        server.server_close()
        oidc_requests.forget()


def begin(client: Client, next_url: str = "") -> str:
    """The address at the provider."""
    answer = client.post("/account/oidc/start", {"next": next_url})
    assert answer.status_code == 200, answer.content
    address = answer["Refresh"].removeprefix("0; url=")
    assert read(answer).addresses(f"Go on to {urlsplit(address).netloc}") == [address]
    return str(address)


def consent(address: str, sub: str, **form: str) -> str:
    """Where the provider sends the browser back to."""
    answer: Any = httpx.post(address, data={"sub": sub, **form})
    assert answer.status_code == 302, answer.text
    return str(answer.headers["Location"])


def come_back(client: Client, address: str) -> Any:
    url = urlsplit(address)
    assert url.netloc == "testserver"
    return client.get(url.path, dict(parse_qsl(url.query)))


def sign_in(client: Client, sub: str, next_url: str = "") -> Any:
    return come_back(client, consent(begin(client, next_url), sub))


def words(answer: HttpResponseBase) -> str:
    return re.sub(r"\s+", " ", read(answer).words)
