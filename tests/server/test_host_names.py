"""Which names the server answers to, and what a request gets by each of them."""

from collections.abc import Iterator
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import httpx
import pytest
from django.contrib.auth.models import User
from django.test import Client

from enhancelog import links
from enhancelog.domain.public_addresses import parse
from enhancelog.observing.first_seen import FORGOTTEN_AFTER_S, MOST, FirstSeen
from enhancelog.server.mounting import mount
from enhancelog.settings.names import OWN_FIRST_PARTS
from enhancelog.urls import urlpatterns
from tests.logged import Log, captured
from tests.processes import free_port, manage, serving
from tests.waiting import LONGEST_S

HOSTILE = ("10.42.8.201:8000", "enhancelog:8000", "evil.example", "<script>", "a b", "[::1", "")
FORWARDED = {"X-Forwarded-For": "198.51.100.7", "X-Forwarded-Proto": "https"}


@pytest.fixture
def log() -> Iterator[Log]:
    with captured() as lines:
        yield lines


@pytest.fixture
def https(settings: Any) -> Any:
    settings.SECURE_SSL_REDIRECT = True
    settings.PUBLIC_HOST = "log.example.org:8443"
    settings.OTHER_HOSTS = ["enhancelog", ".internal"]
    settings.ALLOWED_HOSTS = ["log.example.org", *settings.OTHER_HOSTS]
    settings.PUBLIC_READ = True
    return settings


@pytest.mark.parametrize(
    ("written", "url"),
    [
        ("https://Log.Example.org:8443", "https://log.example.org:8443"),
        ("https://bücher.example/", "https://xn--bcher-kva.example"),
        ("https://BU\u0308CHER.example", "https://xn--bcher-kva.example"),
        ("https://straße.example", "https://xn--strae-oqa.example"),
        ("https://log.example.org.:443", "https://log.example.org"),
        ("http://log.example.org:80", "http://log.example.org"),
        ("http://[FD00::07]:8000", "http://[fd00::7]:8000"),
        ("https://Example.org/Log/a.b/", "https://example.org/Log/a.b"),
    ],
)
def test_an_address_becomes_what_browsers_send(written: str, url: str) -> None:
    assert parse(written).url == url


@pytest.mark.parametrize(
    "written",
    [
        *("log.example.org", "ftp://x", "https://", "https://x?y", "https://x#y", "https://x:99999", "https://x:0"),
        *("https://a_b.example", "https://-x.example", "https://10.0.0.1111", "https://[::1%25eth0]", "https://x y"),
        *("https://x/../y", "https://x//y", "https://x/a%20b", "https://x/é", "https://u:secret@x"),
    ],
)
def test_what_is_no_address_is_refused(written: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  of several functions
        parse(written)


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("ENHANCELOG_URL", "https://u:secret@x", "must be a URL like https://log.example.org"),
        ("ENHANCELOG_URL", "https://example.org/search", "must not begin with /search"),
        (
            "ENHANCELOG_HOSTS",
            "enhancelog:8000",
            "without a port, like enhancelog, *.internal, 10.0.0.7 or fd00::7, not",
        ),
        ("ENHANCELOG_HOSTS", "good,*", 'not "*"'),
        ("ENHANCELOG_HOSTS", "*.10.0.0.7", 'not "*.10.0.0.7"'),
    ],
)
@pytest.mark.once
def test_a_wrong_setting_is_one_line(tmp_path: Path, name: str, value: str, said: str) -> None:
    done = manage("check", data_dir=tmp_path, **{name: value})
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert f"{name}: " in line
    assert said in line
    assert "secret" not in line


@pytest.mark.once
@pytest.mark.parametrize("url", ["https://Bücher.example", "https://example.org/log"])
def test_deploy_check_is_clean(tmp_path: Path, url: str) -> None:
    more = {"ENHANCELOG_URL": url, "ENHANCELOG_SECRET_KEY": "0123456789" * 6, "ENHANCELOG_HOSTS": "*.Internal, fd00::7"}
    assert manage("migrate", data_dir=tmp_path, **more).returncode == 0
    done = manage("check", "--deploy", data_dir=tmp_path, **more)
    assert (done.returncode, done.stderr) == (0, ""), done
    assert [line for line in done.stdout.splitlines() if line.startswith(("error", "warning"))] == []


@pytest.mark.once
def test_deploy_check_says_once_that_the_address_is_not_https(tmp_path: Path) -> None:
    assert manage("migrate", data_dir=tmp_path).returncode == 0
    done = manage("check", "--deploy", data_dir=tmp_path, ENHANCELOG_URL="http://127.0.0.1:8000")
    (finding,) = [line for line in done.stdout.splitlines() if line.startswith(("error", "warning"))]
    assert "ENHANCELOG_URL is http://127.0.0.1:8000" in finding
    assert "SECURE_" not in done.stdout


@pytest.mark.once
@pytest.mark.parametrize("module", ["another_project.settings", "tomllib"])
def test_settings_of_another_program_are_one_line(tmp_path: Path, module: str) -> None:
    done = manage("check", data_dir=tmp_path, DJANGO_SETTINGS_MODULE=module)
    assert (done.returncode, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    assert f"DJANGO_SETTINGS_MODULE: {module}" in line


def test_no_path_of_the_public_address_can_be_taken_for_one_of_ours() -> None:
    firsts = set()
    pending = [("", urlpatterns)]
    while pending:
        before, patterns = pending.pop()
        for pattern in patterns:
            route = before + str(pattern.pattern)
            if "/" not in route and hasattr(pattern, "url_patterns"):
                pending.append((route, pattern.url_patterns))
            else:
                firsts.add(route.partition("/")[0])
    assert firsts - {""} <= OWN_FIRST_PARTS


@pytest.mark.parametrize(
    ("given", "seen"),
    [("/log", "/"), ("/log/", "/"), ("/log/search/", "/search/"), ("/search/", "/search/"), ("/logs/", "/logs/")],
)
def test_the_path_is_taken_off_whether_or_not_the_proxy_did(given: str, seen: str) -> None:
    environ = {"SCRIPT_NAME": "", "PATH_INFO": given}
    for _ in range(2):  # by the front, and by the application
        mount(environ, "/log")
        assert environ == {"SCRIPT_NAME": "/log", "PATH_INFO": seen}


def test_addresses_in_messages_have_the_path_once(settings: Any) -> None:
    settings.PUBLIC_PATH, settings.PUBLIC_ORIGIN = "/log", "https://example.org"
    assert links.absolute(links.alert("a")) == "https://example.org/log/alerts/a"
    for path in (links.rejections([("axis", "noop")]), "/rejections/?axis=noop"):
        assert links.route_of(path) == "/rejections/?axis=noop"
    assert links.route_of("/logs/") == "/logs/"


@pytest.mark.django_db
@pytest.mark.parametrize("host", HOSTILE)
@pytest.mark.parametrize("path", ["/health/live", "/health/ready", "/metrics"])
def test_probes_call_by_any_name_without_https(https: Any, path: str, host: str) -> None:
    answer = Client().get(path, HTTP_HOST=host)
    assert answer.status_code == 200
    assert not host or host not in f"{answer.content.decode()}{answer.headers}"


@pytest.mark.django_db
@pytest.mark.parametrize("host", ["enhancelog:8000", "Enhancelog", "a.internal"])
def test_other_names_keep_their_scheme(https: Any, host: str) -> None:
    assert Client().get("/v1/enhance/log?page_size=1", HTTP_HOST=host).status_code == 200


@pytest.mark.django_db
@pytest.mark.parametrize("headers", [{}, {"X-Forwarded-For": "198.51.100.7"}, {"X-Forwarded-Proto": "http"}])
def test_plain_requests_of_the_public_name_go_to_the_public_address(https: Any, headers: dict[str, str]) -> None:
    answer = Client().get("/search/?text=a", HTTP_HOST="log.example.org", headers=headers)
    assert (answer.status_code, answer["Location"]) == (301, "https://log.example.org:8443/search/?text=a")


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/", "/v1/enhance/log", "/static/css/app.css"])
def test_a_proxy_that_is_not_named_is_reported_once_and_gets_no_redirect(https: Any, path: str, log: Log) -> None:
    client = Client(HTTP_HOST="log.example.org")
    for _ in range(3):
        answer = client.get(path, headers=FORWARDED)
        assert answer.status_code == 400
        assert "ENHANCELOG_TRUSTED_PROXIES" in answer.content.decode()
        assert "127.0.0.1" not in answer.content.decode()
    warnings = [line["event"] for line in log.lines if line["level"] == "warning"]
    assert len(warnings) == 1
    assert "of 127.0.0.1 are ignored" in warnings[0]
    assert client.get(path).status_code == 301  # for everybody else


@pytest.mark.once
@pytest.mark.slow
def test_serve_says_that_it_needs_a_proxy_and_then_which(tmp_path: Path) -> None:
    bind = f"127.0.0.1:{free_port()}"
    own = {"ENHANCELOG_URL": "https://log.example.org", "ENHANCELOG_WORKERS": "1"}
    log = tmp_path / "log"
    with log.open("w") as output, serving("--bind", bind, data_dir=tmp_path / "data", output=output, **own):
        headers = {"Host": "log.example.org", **FORWARDED}
        statuses = [httpx.get(f"http://{bind}/", headers=headers, timeout=LONGEST_S).status_code for _ in range(3)]
    said = log.read_text()
    assert statuses == [400, 400, 400]
    assert said.count("ENHANCELOG_TRUSTED_PROXIES names none") == 1
    assert said.count("of 127.0.0.1 are ignored") == 1


@pytest.mark.django_db
def test_a_named_proxy_without_the_scheme_is_told_so(https: Any) -> None:
    https.TRUSTED_PROXIES = [ip_network("127.0.0.0/8")]
    client = Client(HTTP_HOST="log.example.org")
    answer = client.get("/", headers={"X-Forwarded-For": "198.51.100.7"})
    assert (answer.status_code, "X-Forwarded-Proto" in answer.content.decode()) == (400, True)
    assert client.get("/", headers=FORWARDED).status_code == 200
    assert client.get("/", headers=FORWARDED, REMOTE_ADDR="::ffff:127.0.0.9").status_code == 200


@pytest.mark.django_db
def test_an_unknown_name_is_reported_once_and_learns_nothing(https: Any, log: Log) -> None:
    client = Client(HTTP_HOST="Evil.example\x1b[31m")
    for _ in range(3):
        answer = client.get("/")
        assert answer.status_code == 400
        assert "internal" not in answer.content.decode()
    (warning,) = [line["event"] for line in log.lines if line["level"] == "warning"]
    assert "answers to log.example.org, enhancelog, *.internal" in warning
    assert "\x1b" not in warning


@pytest.mark.django_db
def test_a_form_is_taken_from_the_name_that_served_it(settings: Any) -> None:
    settings.ALLOWED_HOSTS = ["testserver", "enhancelog", ".internal"]
    User.objects.create_user("ada", password="correct horse battery")
    client = Client(enforce_csrf_checks=True, HTTP_HOST="enhancelog:8000")
    client.get("/account/sign-in")
    token = client.cookies[settings.CSRF_COOKIE_NAME].value
    form = {"username": "ada", "password": "correct horse battery", "csrfmiddlewaretoken": token}
    strange = client.post("/account/sign-in", form, headers={"Origin": "http://other.internal"})
    assert strange.status_code == 403
    assert client.post("/account/sign-in", form, headers={"Origin": "http://enhancelog:8000"}).status_code == 302


def test_what_strangers_choose_cannot_flood_the_log() -> None:
    now = [0.0]
    seen = FirstSeen(lambda: now[0])
    assert sum(seen.accepts(str(number)) for number in range(10 * MOST)) == MOST
    assert not seen.accepts("0")
    now[0] += FORGOTTEN_AFTER_S + 1
    assert seen.accepts("0")
