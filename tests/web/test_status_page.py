"""The operator's page: who may see it, what it shows, and that it works while the database does not."""

import json
import os
import re
from ipaddress import ip_network
from pathlib import Path
from typing import Any, Final

import pytest
from django.conf import settings as django_settings
from django.contrib.auth.models import Permission, User
from django.db import OperationalError, connection
from django.http import HttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils.crypto import salted_hmac

from enhancelog.alerts import evaluator
from enhancelog.domain.installation import Derivation
from enhancelog.domain.times import now_ms
from enhancelog.maintenance import integrity, status
from enhancelog.models import AlertProgress
from enhancelog.settings import in_force, reading
from enhancelog.web.pages import status as operators_page
from tests import processes
from tests.alerts.making import evaluate, make_rule
from tests.alerts.outboxes import make_alert
from tests.conftest import entries_unprotected
from tests.factories import make_entry, make_rejected
from tests.logged import captured
from tests.pages import read
from tests.recording import record_all

pytestmark = pytest.mark.django_db

PAGE: Final = "/admin/status/"


@pytest.fixture
def boss(client: Client) -> Client:
    client.force_login(User.objects.create_superuser("boss"))
    return client


@pytest.fixture(autouse=True)
def nothing_seen_before(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(integrity, "_migrated", set())


def clerk(*permissions: str, is_staff: bool = True) -> Client:
    user = User.objects.create_user("clerk", is_staff=is_staff)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    client = Client()
    client.force_login(user)
    return client


def broken() -> Any:
    raise OperationalError("connection to server at 10.0.0.9 failed")


def break_database(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("enhancelog.accounts.session_store.SessionStore.load", lambda self: broken())
    monkeypatch.setattr("enhancelog.backends.schema.look", broken)


@pytest.mark.parametrize(
    ("permissions", "is_staff", "code"),
    [((), True, 403), (("see_status",), True, 200), (("see_status",), False, 403), ((), False, 403)],
)
def test_staff_need_the_permission(permissions: tuple[str, ...], is_staff: bool, code: int) -> None:
    client = clerk(*permissions, is_staff=is_staff)
    response = client.get(PAGE)
    assert response.status_code == code
    if code == 403:
        assert "Can see the status" in response.content.decode()
    links = [link.attributes.get("href") for link in read(client.get("/admin/")).all("a")]
    assert (PAGE in links) is (code == 200)


def test_the_menu_asks_nothing_about_permissions(boss: Client) -> None:
    assert PAGE in [link.attributes.get("href") for link in read(boss.get("/blueprints/")).all("a")]
    client = clerk("see_status")
    with CaptureQueriesContext(connection) as asked:
        assert client.get("/blueprints/").status_code == 200
    assert [each["sql"] for each in asked if "auth_permission" in each["sql"]] == []


def test_a_new_superuser_gets_the_menu_although_nothing_else_changed() -> None:
    client = clerk()
    client.get("/blueprints/")  # sets a cookie
    etag = client.get("/blueprints/").headers["ETag"]
    assert client.get("/blueprints/", headers={"If-None-Match": etag}).status_code == 304
    User.objects.update(is_superuser=True)
    assert PAGE in client.get("/blueprints/", headers={"If-None-Match": etag}).content.decode()


def test_nobody_else_may() -> None:
    assert Client().get(PAGE)["Location"] == f"/account/sign-in?next={PAGE}"
    assert clerk("see_status").post(PAGE).status_code == 405


def test_the_admin_links_to_it(boss: Client) -> None:
    assert PAGE in [link.attributes.get("href") for link in read(boss.get("/admin/")).all("a")]
    assert PAGE not in [link.attributes.get("href") for link in read(clerk().get("/admin/")).all("a")]


def test_it_costs_the_same_however_long_the_log(boss: Client, django_assert_max_num_queries: Any) -> None:
    counts: list[int] = []
    for _ in range(2):
        record_all(make_rejected(axis, issue_id=f"{axis}-{len(counts)}-{n}") for n in range(20) for axis in ("a", "b"))
        boss.get(PAGE)
        with django_assert_max_num_queries(60) as asked:
            boss.get(PAGE)
        counts.append(len(asked))
    assert counts[0] == counts[1]


def test_it_says_how_far_everything_has_come(boss: Client) -> None:
    record_all([make_entry(issue_id="h-1"), make_rejected("noop", issue_id="h-2")])
    found = boss.get(PAGE, {"format": "json"}).json()
    assert found["positions"]["log"] == 2
    by_name = {each["name"]: each for each in found["derivations"]}
    assert by_name["deny patterns"]["up_to"] == 2
    assert found["database"]["bytes"] > 0
    assert found["database"]["kind"] == {"sqlite": "SQLite", "postgresql": "PostgreSQL"}[connection.vendor]
    assert bool(found["database"]["tables"]) is (connection.vendor == "postgresql")


def evaluated(**positions: int) -> None:
    zero = {"log_position": 0, "audit_position": 0, "time_ms": 0, "holder": "", "held_until_ms": 0}
    AlertProgress.objects.update_or_create(pk=1, defaults=zero | positions)


def of_alerts() -> dict[str, Derivation]:
    found = status.look().derivations
    assert found is not None
    return {each.name: each for each in found if each.name.startswith("alerts")}


def test_alerts_that_lag_are_behind() -> None:
    record_all([make_rejected("noop", issue_id=f"h-{n}") for n in range(5)])
    make_alert("https://hooks.example.org/", event="entry.rejected")
    evaluated(log_position=2)
    (found,) = of_alerts().values()
    assert (found.name, found.up_to, found.behind) == ("alerts", 2, 3)
    assert found.since_ms is not None


def test_an_alert_is_not_behind_what_came_before_it() -> None:
    record_all([make_rejected("noop", issue_id=f"h-{n}") for n in range(5)])
    make_rule("entry.rejected")
    evaluated()
    assert (of_alerts()["alerts"].up_to, of_alerts()["alerts"].behind) == (5, 0)


@pytest.mark.parametrize(
    ("event", "options", "names"),
    [
        ("digest", {}, set()),
        ("runs.silent", {}, set()),
        ("mention", {}, {"alerts on acts"}),
        ("pattern.new", {}, {"alerts that wait for patterns or places"}),
        ("rate.high", {"percent": 50}, {"alerts on many runs"}),
        ("run.unfinished", {}, {"alerts on unfinished runs"}),
        ("entry.rejected", {}, {"alerts"}),
    ],
)
def test_only_what_an_alert_reads_can_be_behind(event: str, options: dict[str, Any], names: set[str]) -> None:
    make_rule(event, options=options)
    record_all([make_rejected("noop", issue_id=f"h-{n}") for n in range(5)])
    evaluate()
    evaluate(now=now_ms() + evaluator.TICK_MS)
    found = of_alerts()
    assert set(found) == names
    assert [each for each in found.values() if each.behind] == []


@pytest.mark.parametrize("changes", [{"options": "{"}, {"has_view": True}, {"stuck_since_ms": 1}, {"off_ms": 1}])
def test_an_alert_that_is_not_evaluated_with_the_others_is_not_behind(changes: dict[str, Any]) -> None:
    record_all([make_rejected("noop")])
    make_alert("https://hooks.example.org/", **({"event": "entry.rejected"} | changes))
    evaluated()
    assert of_alerts() == {}


def test_an_alert_that_cannot_be_evaluated_is_a_problem(boss: Client) -> None:
    make_alert("https://hooks.example.org/", name="nightly", stuck_since_ms=1)
    found = {problem.code: problem for problem in status.look().problems}
    assert "“nightly”" in found["stuck-alerts"].text
    assert "“nightly”" in read(boss.get(PAGE)).text


def test_problems_come_first(boss: Client) -> None:
    with entries_unprotected():
        page = read(boss.get(PAGE))
        found = boss.get(PAGE, {"format": "json"}).json()["problems"]
    assert found[0]["code"] == "triggers"
    assert "migrate --skip-checks" in page.text


def test_readiness_says_the_same() -> None:
    with entries_unprotected():
        said = Client().get("/health/ready").json()["problems"]
        assert said == [problem.text for problem in status.look().problems if problem.code == "triggers"]


def test_a_role_with_few_privileges_suffices() -> None:
    if connection.vendor != "postgresql":
        pytest.skip("SQLite has no roles")
    record_all([make_rejected("noop")])
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE ROLE few_privileges; GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public"
            " TO few_privileges; SET LOCAL ROLE few_privileges"
        )
        found = status.look()
        cursor.execute("RESET ROLE")
    assert found.database.error == ""
    assert found.database.tables
    assert found.database.max_connections
    assert None not in (found.positions, found.derivations, found.queue)


def test_an_unknown_format_is_refused(boss: Client) -> None:
    assert boss.get(PAGE, {"format": "xml"}).status_code == 400


def test_without_the_database_its_reader_still_sees_the_page(boss: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    boss.get(PAGE)
    boss.raise_request_exception = False  # as a server answers
    break_database(monkeypatch)
    response = boss.get(PAGE)
    assert response.status_code == 503
    page = read(response).text
    assert "connection to server at 10.0.0.9 failed" in page
    assert "Settings in force" in page
    assert not response.cookies
    found = boss.get(PAGE, {"format": "json"})
    assert (found.status_code, found.json()["problems"][0]["code"]) == (503, "database")
    assert found.json()["disk"]["spaces"]


def test_without_the_database_the_log_has_one_line_with_the_reason(
    boss: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    boss.get(PAGE)
    boss.raise_request_exception = False  # as a server answers
    break_database(monkeypatch)
    with captured() as log:
        boss.get(PAGE)
    (line,) = [line for line in log.lines if line["logger"] == "django.request"]
    assert line["event"].endswith(f"{PAGE}; the database failed: connection to server at 10.0.0.9 failed")
    assert "exception" not in line


@pytest.mark.parametrize("lost", ["operator", "session"])
def test_without_the_database_nobody_else_sees_it(boss: Client, monkeypatch: pytest.MonkeyPatch, lost: str) -> None:
    boss.get(PAGE)
    names = {"operator": django_settings.OPERATOR_COOKIE_NAME, "session": django_settings.SESSION_COOKIE_NAME}
    boss.cookies[names[lost]] = "x" * 32
    boss.raise_request_exception = False  # as a server answers
    break_database(monkeypatch)
    response = boss.get(PAGE)
    assert response.status_code == 503
    assert "10.0.0.9" not in response.content.decode()


def test_without_the_database_a_mark_without_a_session_counts_for_nothing(
    client: Client, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    settings.TRUSTED_PROXIES, settings.REMOTE_USER_HEADER = [ip_network("127.0.0.1")], "HTTP_REMOTE_USER"
    name, signed = django_settings.OPERATOR_COOKIE_NAME, HttpResponse()
    mark = salted_hmac(operators_page.SALT, "", algorithm="sha256").hexdigest()
    signed.set_signed_cookie(name, mark, salt=operators_page.SALT)
    client.cookies[name] = signed.cookies[name].value
    client.raise_request_exception = False  # as a server answers
    break_database(monkeypatch)
    monkeypatch.setattr("enhancelog.accounts.remote_users.RemoteUsers.authenticate", lambda *asked: broken())
    response = client.get(PAGE, headers={"remote-user": "eve"})
    assert response.status_code == 503
    assert "10.0.0.9" not in response.content.decode()


def test_the_mark_of_its_readers_is_kept_from_scripts(boss: Client) -> None:
    cookie = boss.get(PAGE).cookies[django_settings.OPERATOR_COOKIE_NAME]
    assert (cookie["httponly"], cookie["samesite"]) == (True, "Strict")
    assert django_settings.OPERATOR_COOKIE_NAME not in clerk().get(PAGE).cookies


def test_a_part_that_fails_costs_only_itself(boss: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("enhancelog.queries.status.queue", lambda now: broken())
    monkeypatch.setattr("enhancelog.maintenance.disk_use.look", lambda *asked: os.stat("/nowhere"))
    found = boss.get(PAGE, {"format": "json"}).json()
    assert (found["queue"], found["disk"]) == (None, None)
    assert found["positions"]
    assert boss.get(PAGE).status_code == 200


def test_no_secret_is_shown(boss: Client, monkeypatch: pytest.MonkeyPatch, settings: Any) -> None:
    monkeypatch.setattr(reading, "asked", {})
    monkeypatch.setenv("ENHANCELOG_SECRET_KEY", "hunter2" * 9)
    monkeypatch.setenv("ENHANCELOG_SOMETHING_NEW", "hunter2")
    monkeypatch.setenv("ENHANCELOG_THREADS", "7")
    for name in ("ENHANCELOG_SECRET_KEY", "ENHANCELOG_SOMETHING_NEW"):
        reading.text(name)
    reading.positive("ENHANCELOG_THREADS", 32)
    reading.boolean("ENHANCELOG_PUBLIC_READ")
    settings.SETTINGS_IN_FORCE = in_force.settings({})
    body = boss.get(PAGE, {"format": "json"}).content.decode()
    shown = {each["name"]: (each["value"], each["origin"]) for each in json.loads(body)["settings"]}
    assert shown == {
        "ENHANCELOG_PUBLIC_READ": ("false", "default"),
        "ENHANCELOG_SECRET_KEY": ("set", "environment"),
        "ENHANCELOG_SOMETHING_NEW": ("set", "environment"),
        "ENHANCELOG_THREADS": ("7", "environment"),
    }
    assert "hunter2" not in body
    assert django_settings.SECRET_KEY not in body


@pytest.mark.once
def test_check_shows_no_password_of_any_setting(tmp_path: Path) -> None:
    given = {
        "ENHANCELOG_URL": "https://log.example.org",
        "ENHANCELOG_SECRET_KEY": "hunter2-of-sessions-" * 3,
        "ENHANCELOG_EMAIL_URL": "smtps://ada:hunter2-of-mail@mail.example.org?from=log@example.org",
        "DATABASE_URL": "postgresql://ada:hunter2-of-postgres@127.0.0.1:1/log",
        "ENHANCELOG_OIDC_ISSUER": "https://id.example.org/realms/staff",
        "ENHANCELOG_OIDC_CLIENT_ID": "enhancelog",
        "ENHANCELOG_OIDC_CLIENT_SECRET": "hunter2-of-oidc",
        "ENHANCELOG_OIDC_SCOPES": "openid email",
        "ENHANCELOG_OIDC_STAFF_GROUPS": "operators",
        "ENHANCELOG_OIDC_READER_GROUPS": "readers",
    }
    done = processes.manage("check", "--format", "json", data_dir=tmp_path, **given)
    assert "hunter2" not in done.stdout + done.stderr
    shown = {each["name"]: (each["value"], each["origin"]) for each in json.loads(done.stdout)["settings"]}
    assert set(given) <= set(shown)
    assert shown["ENHANCELOG_OIDC_CLIENT_SECRET"] == ("set", "environment")
    assert shown["ENHANCELOG_OIDC_SCOPES"] == ("openid email", "environment")
    assert shown["ENHANCELOG_OIDC_GROUPS_CLAIM"] == ("groups", "default")
    assert shown["ENHANCELOG_SESSION_IDLE"] == ("14d", "default")
    assert shown["ENHANCELOG_SESSION_LIFETIME"][0]
    assert "mail.example.org" in shown["ENHANCELOG_EMAIL_URL"][0]
    assert "127.0.0.1" in shown["DATABASE_URL"][0]


def test_it_asks_nothing_that_writes(boss: Client) -> None:
    boss.get(PAGE)
    with CaptureQueriesContext(connection) as asked:
        boss.get(PAGE)
    words = ("INSERT INTO", "UPDATE ", "DELETE FROM", "COUNT(*) FROM enhancelog_entry")
    # Without texts, such as the bodies of triggers, which are compared with those in the database.
    said = [re.sub(r"'(?:[^']|'')*'", "''", each["sql"]).replace('"', "") for each in asked]
    assert [sql for sql in said if any(word in sql for word in words)] == []
