"""The demo under two paths of one host, behind a proxy that passes the first path on and cuts the second off."""

import re
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from urllib.parse import urldefrag, urljoin, urlsplit
from xml.etree import ElementTree

import httpx
import pytest

from enhancelog.client.connection import Connection
from enhancelog.client.log_store import HttpEnhanceLogStore
from tests.conftest import TIMEOUT_MS
from tests.pages import Page
from tests.processes import free_port, make_tokens, serving
from tests.server.prefixes import Place, proxy
from tests.waiting import LONGEST_S

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext
    from playwright.sync_api import Page as Tab

pytestmark = [pytest.mark.slow, pytest.mark.once]

PATHS: Final = ("/passed", "/cut/off")
MOST: Final = 160  # pages
ALIKE: Final = 3  # pages that differ in an id or the query
STARTS: Final = ("/", "/v1/docs/", "/account/tokens", "/account/views", "/account/password", "/admin/", "/robots.txt")
STARTS_OF_ALERTS: Final = ("/alerts/", "/alerts/new", "/alerts/deliveries/", "/audit/", "/search/?format=atom")
# JSON pointers, and what a person reads.
TEXTS: Final = ("title", "aria-label", "data-pointer", "placeholder", "content")
EXTERNAL: Final = re.compile(r"https?:|mailto:|data:")


class Server(NamedTuple):
    origin: str
    path: str
    password: str
    data_dir: Path

    @property
    def url(self) -> str:
        return self.origin + self.path


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Server]]:
    port = free_port()
    origin = f"http://127.0.0.1:{port}"
    found, places = [], {}
    with ExitStack() as stack:
        for path in PATHS:
            folder = tmp_path_factory.mktemp("server")
            bind = f"127.0.0.1:{free_port()}"
            output = stack.enter_context((folder / "log").open("w"))
            own = {"ENHANCELOG_URL": f"{origin}{path}/", "ENHANCELOG_WORKERS": "1"}
            stack.enter_context(serving("--demo", "--bind", bind, data_dir=folder / "data", output=output, **own))
            said = re.search(r"Sign in as admin with the password (\S+)", (folder / "log").read_text())
            assert said
            places[path] = Place(bind, cuts_path=path != PATHS[0])
            found.append(Server(origin, path, said[1], folder / "data"))
        stack.enter_context(proxy(port, places))
        yield found


@pytest.fixture(params=range(len(PATHS)), ids=["passed on", "cut off"])
def server(servers: list[Server], request: pytest.FixtureRequest) -> Server:
    found: Server = servers[request.param]
    return found


def signed_in(server: Server) -> httpx.Client:
    client = httpx.Client(base_url=server.url, timeout=LONGEST_S)
    page = Page(client.get("/account/sign-in").text)
    token = page.all("input", name="csrfmiddlewaretoken")[0].attributes["value"]
    form = {"username": "admin", "password": server.password, "csrfmiddlewaretoken": token}
    answer = client.post("/account/sign-in", data=form)
    assert (answer.status_code, answer.headers["Location"]) == (302, f"{server.path}/")
    return client


class Crawl:
    """Follows the links of the pages, and looks at all addresses in them."""

    def __init__(self, server: Server, client: httpx.Client) -> None:
        self.server = server
        self.client = client
        self.seen = Counter[str]()
        self._shapes = Counter[str]()
        self._known: set[str] = set()
        self._waiting: list[str] = []

    def run(self, starts: list[str]) -> None:
        for start in starts:
            self._add(f"{self.server.path}{start}", "")
        done = 0
        while self._waiting and done < MOST:
            done += 1
            self._look(self._waiting.pop(0))

    def _look(self, path: str) -> None:
        answer = self.client.get(f"{self.server.origin}{path}")
        assert answer.status_code in (200, 302), (path, answer.status_code)
        for cookie in answer.headers.get_list("Set-Cookie"):
            assert f"; Path={self.server.path};" in f"{cookie};", (path, cookie)
            self.seen["cookie"] += 1
        for name in ("Location", "HX-Redirect"):
            if name in answer.headers:
                self._check(path, name, answer.headers[name])
                self._add(answer.headers[name], path)
        if link := answer.links.get("next"):
            self._check(path, "Link", link["url"])
        kind = answer.headers.get("Content-Type", "")
        if "html" in kind:
            self._look_at_page(path, Page(answer.text))
        elif "atom" in kind:
            for element in ElementTree.fromstring(answer.content).iter("{http://www.w3.org/2005/Atom}link"):  # noqa: S314  our own
                assert element.attrib["href"].startswith(f"{self.server.url}/"), (path, element.attrib)
                self.seen["feed"] += 1

    def _look_at_page(self, path: str, page: Page) -> None:
        for element in page.elements:
            for name, value in element.attributes.items():
                if name not in TEXTS and value.startswith("/"):
                    self._check(path, f"{element.tag} {name}", value)
            for name in ("href", "src", "action", "formaction", "hx-get", "hx-post"):
                if (address := element.attributes.get(name)) is None:
                    continue
                if EXTERNAL.match(address):
                    assert not address.startswith(f"{self.server.origin}/") or address.startswith(f"{self.server.url}/")
                elif name in ("href", "src", "hx-get") and element.tag != "form":
                    self._add(address, path)

    def _check(self, path: str, what: str, address: str) -> None:
        inside = address == self.server.path or address.startswith((f"{self.server.path}/", f"{self.server.path}?"))
        assert inside, (path, what, address)
        self.seen[what] += 1

    def _add(self, address: str, base: str) -> None:
        url = urldefrag(urljoin(f"{self.server.origin}{base}", address)).url
        assert url.startswith(self.server.url), (base, address)
        path = url.removeprefix(self.server.origin)
        shape = re.sub(r"[^/]+\Z", "ID", path.partition("?")[0])
        if path not in self._known and self._shapes[shape] < ALIKE and "/export" not in path:
            self._shapes[shape] += 1
            self._known.add(path)
            self._waiting.append(path)


def test_no_address_leaves_the_path(server: Server) -> None:
    client = signed_in(server)
    crawl = Crawl(server, client)
    crawl.run([*STARTS, *STARTS_OF_ALERTS])
    client.close()
    for what in ("a href", "form action", "script src", "link href", "form hx-get", "Location", "feed", "cookie"):
        assert crawl.seen[what], (what, crawl.seen)


def test_the_description_names_the_path(server: Server) -> None:
    described = httpx.get(f"{server.url}/v1/openapi.json", timeout=LONGEST_S).json()
    assert described["servers"] == [{"url": server.path}]
    schema = httpx.get(f"{server.url}/v1/schemas/entry.json", timeout=LONGEST_S).json()
    assert schema["$id"] == f"{server.url}/v1/schemas/entry.json"


def test_programs_use_the_address_as_it_is(server: Server) -> None:
    (secret,) = make_tokens(1, ["log:read", "log:append"], server.data_dir, ENHANCELOG_DEMO="1")
    with Connection(f"{server.url}/", secret) as connection:
        store = HttpEnhanceLogStore(connection)
        entries = list(store.entries(page_size=100))  # several pages
        assert len(entries) > 100
    headers = {"Authorization": f"Bearer {secret}"}
    page = httpx.get(f"{server.url}/v1/enhance/log?page_size=1", headers=headers, timeout=LONGEST_S)
    assert page.links["next"]["url"].startswith(f"{server.path}/v1/enhance/log?")
    entry = page.json()[0] | {"issue_id": "under-a-path"}
    made = httpx.post(f"{server.url}/v1/enhance/log", json=entry, headers=headers, timeout=LONGEST_S)
    assert (made.status_code, made.headers["Location"]) == (201, f"{server.path}/v1/enhance/log/under-a-path")


def test_probes_go_past_the_proxy_without_the_path(server: Server) -> None:
    for path in (f"{server.url}/health/ready", f"{server.url}/metrics"):
        assert httpx.get(path, timeout=LONGEST_S).status_code == 200


@pytest.mark.browser
def test_a_reader_walks_through_and_stays_signed_in_at_both(servers: list[Server], browser: "Browser") -> None:
    context = browser.new_context()
    context.set_default_timeout(TIMEOUT_MS)
    tabs = [walk(context, server) for server in servers]
    for tab, server in zip(tabs, servers, strict=True):
        tab.goto(f"{server.url}/account/tokens")  # still signed in
        assert urlsplit(tab.url).path == f"{server.path}/account/tokens"
    tabs[0].get_by_role("button", name="Sign out").click()
    tabs[0].wait_for_url(f"{servers[0].url}/account/sign-in")
    tabs[1].goto(f"{servers[1].url}/account/tokens")
    assert urlsplit(tabs[1].url).path == f"{servers[1].path}/account/tokens"
    context.close()


def walk(context: "BrowserContext", server: Server) -> "Tab":
    tab = context.new_page()
    failed: list[Any] = []
    tab.on("response", lambda answer: failed.append(answer.url) if answer.status >= 400 else None)
    tab.on("request", lambda sent: None if sent.url.startswith(f"{server.url}/") else failed.append(sent.url))
    tab.goto(f"{server.url}/account/sign-in")
    tab.get_by_label("User name").fill("admin")
    tab.get_by_label("Password").fill(server.password)
    tab.get_by_role("main").get_by_role("button", name="Sign in").click()
    tab.wait_for_url(f"{server.url}/")
    tab.goto(f"{server.url}/rejections/")
    tab.get_by_role("button", name=re.compile("^Live")).wait_for()
    box = tab.locator("main form.filters input[name=q]")
    box.fill("axis:")
    tab.locator("#completions *").first.wait_for(state="attached")
    box.fill("axis:agent-ref")
    box.press("Enter")
    tab.wait_for_url(f"{server.url}/rejections/?axis=agent-ref*")
    tab.locator("main a[href*='/entries/']").first.click()
    tab.wait_for_url(f"{server.url}/entries/**")
    assert failed == []
    return tab
