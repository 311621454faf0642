"""A real nginx and a real Caddy in front of a real server, each with the configuration from ``deploy/``."""

import http.client
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

import pytest

from tests.deploy import proxies
from tests.deploy.proxies import NAME, Proxy
from tests.deploy.tools import DEPLOY, accepts, tool
from tests.processes import free_port, make_tokens, serving

pytestmark = [pytest.mark.heavy, pytest.mark.once, pytest.mark.slow]

HOSTILE_ID = "a/b/../c//d%2F é"
LARGE_ENTRIES, LARGE_ENTRY_BYTES = 100, 1_000_000
POLL_S = 22
KINDS: dict[str, Callable[[Path, int], AbstractContextManager[Proxy]]] = {
    "nginx": proxies.nginx,
    "caddy": proxies.caddy,
}


class Site(NamedTuple):
    proxy: Proxy
    token: str
    log: Path

    @property
    def auth(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}

    def read(self, path: str) -> tuple[http.client.HTTPResponse, bytes]:
        return self.proxy.ask("GET", path, self.auth)

    def append(self, body: bytes, media_type: str) -> tuple[http.client.HTTPResponse, bytes]:
        return self.proxy.ask("POST", "/v1/enhance/log", {**self.auth, "Content-Type": media_type}, body)

    def lines_about(self, request_id: str) -> list[str]:
        return [line for line in self.log.read_text().splitlines() if request_id in line]


@pytest.fixture(scope="module", params=list(KINDS))
def site(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    tool(request.param)
    folder = tmp_path_factory.mktemp(request.param)
    folder.chmod(0o755)  # nginx's workers are another user
    port, log, data = free_port(), folder / "serve.log", folder / "data"
    settings = {
        "ENHANCELOG_URL": f"https://{NAME}",
        "ENHANCELOG_TRUSTED_PROXIES": "127.0.0.1",
        "ENHANCELOG_REMOTE_USER_HEADER": "Remote-User",
    }
    with (
        log.open("w") as output,
        serving("--bind", f"127.0.0.1:{port}", data_dir=data, output=output, **settings),
        KINDS[request.param](folder, port) as proxy,
    ):
        (token,) = make_tokens(1, ["log:append", "log:read"], data, **settings)
        yield Site(proxy, token, log)


def entry(issue_id: str, detail: str = "patch is no-op") -> dict[str, object]:
    return {
        "issue_id": issue_id,
        "blueprint_id": "main",
        "prev_hash": "e" * 64,
        "new_hash": "",
        "intent": "writer should cite the file",
        "rationale": "",
        "verdicts": [{"axis": "noop", "status": "deny", "detail": detail}],
        "status": "rejected",
        "reasons": [],
        "ts_ms": int(time.time() * 1000),
    }


def test_pages_and_the_way_to_sign_in(site: Site) -> None:
    answer, _ = site.proxy.ask("GET", "/")
    assert (answer.status, answer.headers["Location"].partition("?")[0]) == (302, "/account/sign-in")
    answer, page = site.proxy.ask("GET", "/account/sign-in")
    assert answer.status == 200
    assert b'type="password"' in page
    assert answer.headers["Strict-Transport-Security"]


def test_http_leads_to_https(site: Site) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", site.proxy.http, timeout=60)
    connection.request("GET", "/log?q=a%2Fb", headers={"Host": NAME})
    answer = connection.getresponse()
    assert answer.status == 308
    assert answer.headers["Location"].startswith(f"https://{NAME}")
    assert answer.headers["Location"].endswith("/log?q=a%2Fb")


def test_an_id_in_a_path_stays_encoded(site: Site) -> None:
    answer, text = site.append(json.dumps(entry(HOSTILE_ID)).encode(), "application/json")
    assert answer.status == 201, text
    answer, text = site.read(f"/v1/enhance/entries/{quote(HOSTILE_ID, safe='')}")
    assert answer.status == 200, text
    assert json.loads(text)["issue_id"] == HOSTILE_ID


def test_100_mb_go_in_and_are_streamed_out(site: Site) -> None:
    lines = [entry(f"large-{number}", "x" * LARGE_ENTRY_BYTES) for number in range(LARGE_ENTRIES)]
    body = "".join(json.dumps(line) + "\n" for line in lines).encode()
    answer, text = site.append(body, "application/x-ndjson")
    assert answer.status == 200, text
    assert text.count(b'"created"') == LARGE_ENTRIES

    connection = site.proxy.connection()
    connection.request("GET", "/v1/enhance/log?format=ndjson", headers=site.auth)
    answer = connection.getresponse()
    begun = answer.read(1 << 16)
    # Whatever the proxy takes in advance has long arrived; the end of the response is logged when it is sent.
    time.sleep(5)
    assert not site.lines_about(answer.headers["X-Request-ID"])
    rest = answer.read()
    assert len(begun) + len(rest) > LARGE_ENTRIES * LARGE_ENTRY_BYTES


def test_a_body_over_the_limit_is_refused_before_it_is_sent(site: Site) -> None:
    connection = site.proxy.connection()
    connection.putrequest("POST", "/v1/enhance/log")
    for name, value in {**site.auth, "Content-Type": "application/x-ndjson", "Content-Length": "600000000"}.items():
        connection.putheader(name, value)
    connection.endheaders()
    with suppress(OSError):  # it may be closed by then
        connection.send(b" " * (1 << 16))
    assert connection.getresponse().status == 413
    connection.close()


def test_a_long_poll_is_waited_for(site: Site) -> None:
    began = time.monotonic()
    answer, text = site.read(f"/v1/enhance/log?after=1000000&wait={POLL_S}")
    assert (answer.status, json.loads(text)) == (200, [])
    assert time.monotonic() - began > POLL_S - 1


FORGED = {
    "X-Forwarded-For": "203.0.113.9",
    "X-Forwarded-Proto": "http",
    "X-Forwarded-Host": "evil.example",
    "X-Forwarded-Port": "81",
    "X-Request-ID": "forged-by-the-client",
    "X_Forwarded_For": "203.0.113.9",
    "X_Forwarded_Proto": "http",
    "Remote-User": "somebody",  # who has no password here, and would be signed in
    "Remote_User": "somebody",
    "X-Forwarded-User": "somebody",
    "X-Remote-User": "somebody",
}


def test_what_a_client_claims_to_have_been_forwarded_does_not_arrive(site: Site) -> None:
    answer, _ = site.proxy.ask("GET", "/account/sign-in", FORGED)
    assert answer.status == 200
    request_id = answer.headers["X-Request-ID"]
    assert request_id not in ("", FORGED["X-Request-ID"])
    answer, _ = site.proxy.ask("GET", "/", FORGED)
    assert answer.headers["Location"].startswith("/account/sign-in")


class Echo(BaseHTTPRequestHandler):
    """Answers with the headers that arrive."""

    def do_GET(self) -> None:
        body = json.dumps({name.title(): value for name, value in self.headers.items()}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.mark.parametrize("kind", list(KINDS))
def test_no_forwarded_header_of_a_client_is_passed_on(kind: str, tmp_path: Path) -> None:
    tool(kind)
    tmp_path.chmod(0o755)
    with ThreadingHTTPServer(("127.0.0.1", 0), Echo) as upstream:
        threading.Thread(target=upstream.serve_forever, daemon=True).start()
        with KINDS[kind](tmp_path, upstream.server_port) as proxy:
            _, text = proxy.ask("GET", "/", FORGED)
        upstream.shutdown()
    arrived = json.loads(text)
    assert (arrived["X-Forwarded-For"], arrived["X-Forwarded-Proto"]) == ("127.0.0.1", "https")
    # One with an underscore may arrive: Enhancelog ignores it.
    assert not [name for name, value in FORGED.items() if "_" not in name and arrived.get(name.title()) == value]


def test_nginx_accepts_its_configuration(tmp_path: Path) -> None:
    proxy = Proxy(free_port(), free_port(), tmp_path / "certificate.pem")
    proxies.make_certificate(proxy.certificate, tmp_path / "key.pem")
    main = tmp_path / "nginx.conf"
    main.write_text(proxies.nginx_configuration(tmp_path, proxy, 8000))
    accepts(tool("nginx"), "-t", "-p", tmp_path, "-c", main, "-e", "stderr")


def test_caddy_accepts_its_configuration() -> None:
    accepts(tool("caddy"), "validate", "--config", DEPLOY / "caddy" / "Caddyfile", "--adapter", "caddyfile")
