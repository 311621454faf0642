"""One's own sessions: listed without their keys, ended at once, and at their limits by themselves."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings as in_force
from django.contrib.auth.models import User
from django.db import OperationalError, connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from enhancelog.accounts import last_seen, sessions
from enhancelog.accounts.session_limits import MAX_OWNED
from enhancelog.models import AuditRecord, Session
from tests.pages import Page, read

pytestmark = pytest.mark.django_db

PAGE = "/account/sessions"
PASSWORD = "correct horse battery"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"
HOSTILE = '<script>alert(1)</script>"\x1b[31m'


@pytest.fixture
def ada() -> User:
    return User.objects.create_user("ada", password=PASSWORD)


def browser(user: User, address: str = "192.0.2.7", user_agent: str = FIREFOX) -> Client:
    client = Client(REMOTE_ADDR=address, headers={"user-agent": user_agent})
    signed_in = client.post("/account/sign-in", {"username": user.username, "password": PASSWORD})
    assert signed_in.status_code == 302
    return client


def key_of(client: Client) -> str:
    return client.cookies[in_force.SESSION_COOKIE_NAME].value


def row_of(client: Client) -> Session:
    return Session.objects.get(pk=key_of(client))


def ends(page: Page) -> list[str]:
    return [form.attributes["action"] for form in page.all("form") if "/end/" in form.attributes.get("action", "")]


def is_signed_in(client: Client) -> bool:
    return client.get("/rejections/").status_code == 200


def age(client: Client, **changes: timedelta) -> None:
    now = timezone.now()
    Session.objects.filter(pk=key_of(client)).update(**{name: now - ago for name, ago in changes.items()})


def test_the_page_lists_own_sessions_and_says_which_is_this_one(ada: User) -> None:
    here = browser(ada)
    browser(ada, "2001:db8::7", HOSTILE)
    bob = User.objects.create_user("bob", password=PASSWORD)
    browser(bob, "198.51.100.9")
    page = read(here.get(PAGE))
    this, other = [each.words for each in page.all("li") if "data-row" in each.attributes]
    assert this.startswith("Firefox 128 on Linux this one")
    assert "from 192.0.2.7, signed in" in this
    assert other.startswith("Another program")
    assert "from 2001:db8::7, signed in" in other
    assert "198.51.100.9" not in page.words
    assert "14 days after it was last used" in page.words
    assert "90 days after you signed in" in page.words
    assert len(ends(page)) == 1


def test_the_page_holds_no_key(ada: User) -> None:
    here, other = browser(ada), browser(ada)
    text = here.get(PAGE).content.decode()
    assert key_of(other) not in text
    assert key_of(here) not in text


def test_one_is_ended_and_stops_at_its_next_request(ada: User) -> None:
    here, other = browser(ada), browser(ada)
    (action,) = ends(read(here.get(PAGE)))
    response = here.post(action, follow=True)
    assert "The session was ended." in read(response).words
    assert is_signed_in(here)
    assert not is_signed_in(other)
    refused = other.post("/account/views", {"name": "typed text", "url": "/"})
    assert refused.status_code == 401
    assert "typed text" in refused.content.decode()
    assert here.post(action).status_code == 404
    record = AuditRecord.objects.get(act="session.end")
    assert (record.actor_name, record.about_id, record.detail) == ("ada", "ada", '{"sessions":1}')


def test_all_others_are_ended(ada: User) -> None:
    here, *others = [browser(ada) for _ in range(3)]
    assert "2 other sessions were ended." in read(here.post(f"{PAGE}/end-others", follow=True)).words
    assert is_signed_in(here)
    assert not any(is_signed_in(other) for other in others)
    assert "You had no other session." in read(here.post(f"{PAGE}/end-others", follow=True)).words
    assert AuditRecord.objects.filter(act="session.end").count() == 1


def test_neither_this_one_nor_those_of_others_can_be_ended(ada: User) -> None:
    here = browser(ada)
    bobs = browser(User.objects.create_user("bob", password=PASSWORD))
    for client in (here, bobs):
        assert here.post(f"{PAGE}/end/{sessions.name_of(row_of(client))}").status_code == 404
    assert is_signed_in(bobs)


def test_an_administrator_ends_all_sessions_of_a_user(ada: User) -> None:
    User.objects.create_superuser("boss", password=PASSWORD)
    boss, *others = browser(User.objects.get(username="boss")), browser(ada), browser(ada)
    boss.post("/admin/auth/user/", {"action": "end_sessions", "_selected_action": [ada.pk]})
    assert not any(is_signed_in(other) for other in others)
    assert is_signed_in(boss)
    record = AuditRecord.objects.get(act="session.end")
    assert (record.actor_name, record.about_id, record.detail) == ("boss", "ada", '{"sessions":2}')


def test_a_new_password_removes_the_other_sessions(ada: User) -> None:
    here = browser(ada)
    browser(ada)
    new = "something else entirely"
    here.post("/account/password", {"old_password": PASSWORD, "new_password1": new, "new_password2": new})
    assert Session.objects.count() == 1
    assert is_signed_in(here)


@pytest.mark.parametrize(
    ("changes", "lasts"),
    [
        ({"seen": timedelta(days=13)}, True),
        ({"seen": timedelta(days=15)}, False),
        ({"started": timedelta(days=89)}, True),
        ({"started": timedelta(days=91)}, False),
    ],
)
def test_limits_hold_on_the_server(ada: User, changes: dict[str, timedelta], lasts: bool) -> None:
    client = browser(ada)
    age(client, **changes)
    assert is_signed_in(client) == lasts


def test_a_shorter_limit_holds_for_sessions_that_exist(ada: User, settings: Any) -> None:
    client = browser(ada)
    age(client, started=timedelta(hours=9))
    settings.SESSION_LIFETIME = timedelta(hours=8)
    assert not is_signed_in(client)


def test_the_cookie_lasts_as_long_as_the_session_and_not_longer_when_it_is_sent_again(ada: User) -> None:
    client = browser(ada)
    lifetime = in_force.SESSION_LIFETIME.total_seconds()
    assert abs(int(client.cookies[in_force.SESSION_COOKIE_NAME]["max-age"]) - lifetime) < 600
    session = client.session
    session.set_expiry(timezone.now() + timedelta(hours=1))
    session.save()
    began = row_of(client).started
    new = "something else entirely"
    client.post("/account/password", {"old_password": PASSWORD, "new_password1": new, "new_password2": new})
    assert int(client.cookies[in_force.SESSION_COOKIE_NAME]["max-age"]) <= 3600
    assert row_of(client).started == began


def test_use_is_recorded_once_in_a_while_and_not_by_the_page(ada: User, django_assert_num_queries: Any) -> None:
    client = browser(ada)
    client.get("/account/views")
    with CaptureQueriesContext(connection) as fresh:
        client.get(PAGE)
    assert not any("UPDATE" in query["sql"] for query in fresh)
    client.defaults["REMOTE_ADDR"] = "198.51.100.3"
    age(client, seen=timedelta(minutes=6))
    before = row_of(client).seen
    client.get("/rejections/")
    assert row_of(client).seen == before
    last_seen.write()
    assert row_of(client).seen > before
    assert row_of(client).address == "198.51.100.3"


def test_a_short_idle_limit_is_recorded_more_often(ada: User, settings: Any) -> None:
    settings.SESSION_IDLE = timedelta(minutes=10)
    client = browser(ada)
    age(client, seen=timedelta(minutes=2))
    before = row_of(client).seen
    client.get("/rejections/")
    last_seen.write()
    assert row_of(client).seen > before


def test_use_that_cannot_be_recorded_is_a_line_of_the_log(
    ada: User, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*arguments: Any, **more: Any) -> None:
        raise OperationalError("database is locked")

    last_seen.note("x" * 32, last_seen.Use(timezone.now(), "", ""))
    monkeypatch.setattr("django.db.models.query.QuerySet.update", fail)
    last_seen.write()
    assert "cannot record when a session was last used: database is locked" in caplog.text


@pytest.mark.django_db(transaction=True)
def test_use_of_many_is_recorded_in_one_order_and_short_transactions(ada: User) -> None:
    keys = [f"{number:032}" for number in range(last_seen.AT_ONCE + 1)]
    for key in reversed(keys):
        last_seen.note(key, last_seen.Use(timezone.now(), "", ""))
    with CaptureQueriesContext(connection) as asked:
        last_seen.write()
    said = [query["sql"] for query in asked]
    updated = [next(key for key in keys if key in sql) for sql in said if sql.startswith("UPDATE")]
    assert updated == keys
    assert sum(sql.startswith("COMMIT") for sql in said) == 2


def test_reading_without_a_session_records_nothing(settings: Any, django_assert_num_queries: Any) -> None:
    settings.PUBLIC_READ = True
    client = Client()
    client.get("/rejections/")
    assert not Session.objects.exists()
    assert not last_seen._waiting


def test_the_oldest_sessions_end_beyond_the_most_that_one_may_have(ada: User) -> None:
    now = timezone.now()
    Session.objects.bulk_create(
        Session(
            session_key=f"{n:032}", expire_date=now + timedelta(days=1), user=ada, started=now - timedelta(hours=n + 1)
        )
        for n in range(MAX_OWNED + 5)
    )
    browser(ada)
    assert Session.objects.filter(user=ada).count() == MAX_OWNED
    assert not Session.objects.filter(pk=f"{MAX_OWNED + 4:032}").exists()


def test_a_deleted_user_takes_the_sessions_along_and_the_admin_shows_no_key(ada: User) -> None:
    boss, client = browser(User.objects.create_superuser("boss", password=PASSWORD)), browser(ada)
    one, many = f"/admin/auth/user/{ada.pk}/delete/", "/admin/auth/user/"
    chosen = {"action": "delete_selected", "_selected_action": [ada.pk]}
    for asked in (boss.get(one), boss.post(many, chosen)):
        assert "Firefox 128 on Linux, signed in" in read(asked).words
        assert key_of(client) not in asked.content.decode()
    deleted = boss.post(many, chosen | {"post": "yes"}, follow=True)
    assert key_of(client) not in deleted.content.decode()
    assert not is_signed_in(client)
    assert [session.user.username for session in Session.objects.all() if session.user] == ["boss"]


def test_the_page_takes_a_fixed_number_of_statements(ada: User, django_assert_num_queries: Any) -> None:
    here = browser(ada)
    for _ in range(5):
        browser(ada)
    with django_assert_num_queries(4):  # session, user, sessions, mentions
        page = here.get(PAGE)
    assert re.search("no-store|no-cache", page["Cache-Control"])


@pytest.mark.parametrize("key", ['"\\000aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"', "a" * 4_000, "../../etc/passwd", "é" * 32])
def test_a_cookie_that_is_no_key_asks_the_database_for_nothing(key: str, client: Client) -> None:
    with CaptureQueriesContext(connection) as asked:
        answer = client.get("/rejections/", headers={"cookie": f"{in_force.SESSION_COOKIE_NAME}={key}"})
    assert answer.status_code == 302
    assert not asked.captured_queries
