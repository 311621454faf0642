"""A demo server and a browser on a machine without a network: what they ask for, and what they try to reach.

Run in a network namespace that has nothing but a loopback device (``unshare --net``). Prints one JSON object.
"""

import fcntl
import json
import re
import socket
import struct
import sys
import tempfile
import urllib.request
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final
from urllib.parse import urldefrag, urljoin, urlsplit

import django
from django.urls import Resolver404, get_resolver, resolve
from django.urls.resolvers import RoutePattern
from playwright.sync_api import Page, sync_playwright

from tests import processes
from tests.conftest import CHROMIUM_FLAGS, find_chromium

# Pages of a route with an id: they ask for the same.
MOST_ALIKE: Final = 1
TIMEOUT_MS: Final = 90_000
SETTLED_MS: Final = 300  # for what scripts ask for
ELSEWHERE: Final = ("192.0.2.1", 443)  # documentation's own network, RFC 5737
# Other formats, what needs parameters, and a sign-out, which the walk would not survive.
NO_PAGES: Final = re.compile(
    r"/account/sign-out|/admin/(logout|login|autocomplete|jsi18n)/|/v1/(?!docs/)|/health/|/metrics"
    r"|/palette/completions|/evidence/.|/notes/\Z|.*\.(atom|xml|txt|ico)\Z"
)
SIOCGIFFLAGS: Final = 0x8913
SIOCSIFFLAGS: Final = 0x8914
IFF_UP: Final = 1


def raise_loopback() -> None:
    assert {name for _, name in socket.if_nameindex()} == {"lo"}, "there is a network here"
    with socket.socket() as any_socket:
        request = struct.pack("16sh", b"lo", 0)
        (flags,) = struct.unpack_from("h", fcntl.ioctl(any_socket, SIOCGIFFLAGS, request), 16)
        fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sh", b"lo", flags | IFF_UP))


def attempts() -> int:
    """How often anything in this namespace tried to reach what is not there: an address, or a DNS server here."""
    ip6 = dict(line.split() for line in Path("/proc/net/snmp6").read_text().splitlines())
    lines = [line.split() for line in Path("/proc/net/snmp").read_text().splitlines()]
    known = {
        f"{names[0]}{name}": int(value)
        for names, values in zip(lines[::2], lines[1::2], strict=True)
        for name, value in zip(names[1:], values[1:], strict=True)
    }
    return known["Ip:OutNoRoutes"] + known["Udp:NoPorts"] + int(ip6["Ip6OutNoRoutes"]) + int(ip6["Udp6NoPorts"])


def try_elsewhere() -> None:
    with socket.socket() as one:
        one.settimeout(1)
        if one.connect_ex(ELSEWHERE) == 0:
            raise AssertionError("there is a network here")


def read(url: str) -> None:
    with urllib.request.urlopen(url, timeout=60) as answer:
        answer.read()


def starts() -> Iterator[str]:
    """Every page whose address has no parameter."""
    yield from ("/admin/", "/v1/docs/")
    for pattern in _flat(get_resolver().url_patterns):
        if pattern.endswith("/") and "<" not in pattern and not NO_PAGES.match(f"/{pattern}"):
            # The admin's index links to what its reader may open.
            yield from [] if pattern.startswith("admin/") and pattern != "admin/status/" else [f"/{pattern}"]


def _flat(patterns: list[Any], before: str = "") -> Iterator[str]:
    for each in patterns:
        if isinstance(each.pattern, RoutePattern):
            inner = getattr(each, "url_patterns", None)
            yield from [before + str(each.pattern)] if inner is None else _flat(inner, before + str(each.pattern))


class Walk:
    def __init__(self, page: Page, origin: str) -> None:
        self._page, self._origin = page, origin
        self._seen: dict[str, int] = {}
        self.visited: list[str] = []
        self.elsewhere: list[str] = []
        self.failed: list[str] = []
        self.console: list[str] = []
        page.on("request", self._asks)
        page.on("requestfailed", lambda request: self._fails(request.url, request.failure))
        page.on("response", lambda response: self._answers(response.status, response.url))
        page.on("console", self._says)
        page.on("pageerror", lambda error: self.console.append(f"{page.url}: {error}"))

    def all(self, first: list[str]) -> None:
        waiting = deque(first)
        while waiting:
            path = waiting.popleft()
            if self._is_new(path):
                self._page.goto(path, wait_until="load")
                self._page.wait_for_timeout(SETTLED_MS)
                self.visited.append(path)
                waiting += self._links()

    def _is_new(self, path: str) -> bool:
        try:
            route = resolve(urlsplit(path).path).route
        except Resolver404:
            return False
        if NO_PAGES.match(urlsplit(path).path) or "download" in path:
            return False
        self._seen[route] = self._seen.get(route, 0) + 1
        return self._seen[route] <= MOST_ALIKE

    def _links(self) -> list[str]:
        script = (
            "[...document.querySelectorAll('a[href]:not([download])')].map((link) => link.href.baseVal ?? link.href)"
        )
        found = [urljoin(self._page.url, urldefrag(link).url) for link in self._page.evaluate(script)]
        return [link.removeprefix(self._origin) for link in found if link.startswith(f"{self._origin}/")]

    def _asks(self, request: Any) -> None:
        if not request.url.startswith((f"{self._origin}/", "data:", "blob:")):
            self.elsewhere.append(request.url)

    def _says(self, message: Any) -> None:
        if message.type in ("error", "warning"):  # not advice about the forms of Django's admin
            self.console.append(f"{self._page.url}: {message.text}")

    def _fails(self, url: str, why: str | None) -> None:
        if why != "net::ERR_ABORTED":  # a page that was left
            self.failed.append(f"{url}: {why}")

    def _answers(self, status: int, url: str) -> None:
        if status >= 400:
            self.failed.append(f"{url}: {status}")


def walk(origin: str, password: str) -> Walk:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=CHROMIUM_FLAGS)
        page = browser.new_page(base_url=origin)
        page.set_default_timeout(TIMEOUT_MS)
        walked = Walk(page, origin)
        page.goto("/account/sign-in")
        page.fill("[name=username]", "admin")
        page.fill("[name=password]", password)
        page.get_by_role("main").get_by_role("button", name="Sign in").click()
        page.get_by_role("button", name="Sign out").wait_for()
        walked.all([*starts()])
        browser.close()
    return walked


def main(folder: Path) -> None:
    raise_loopback()
    django.setup()
    address = f"127.0.0.1:{processes.free_port()}"
    origin = f"http://{address}"
    at_first = attempts()
    with (
        (folder / "output").open("w+") as output,
        processes.serving("--demo", "--bind", address, data_dir=folder / "data", output=output),
    ):
        for path in ("/", "/patterns/", "/metrics", "/health/ready", "/v1/enhance/log"):
            read(f"{origin}{path}")
        of_server = attempts() - at_first
        password = re.findall(r"with the password (\S+)", Path(output.name).read_text())[0]
        walked = walk(origin, password)
    before = attempts()
    try_elsewhere()
    result = {
        "of_server": of_server,
        "is_counted": attempts() > before,
        "visited": walked.visited,
        "elsewhere": walked.elsewhere,
        "failed": walked.failed,
        "console": walked.console,
    }
    print(json.dumps(result))


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name:
        main(Path(sys.argv[1] if sys.argv[1:] else name))
