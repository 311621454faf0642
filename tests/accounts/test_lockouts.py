"""Wrong passwords close sign-in for a name from a network, and for a whole network; what is old is deleted."""

from datetime import timedelta
from typing import Any

import pytest
from axes.models import AccessAttempt, AccessLog
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from enhancelog.accounts import lockouts
from enhancelog.models import Session
from tests.pages import read

pytestmark = pytest.mark.django_db

PASSWORD = "correct horse battery"
WRONG = "wrong"


@pytest.fixture(autouse=True)
def limits(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.AXES_FAILURE_LIMIT = 3
    monkeypatch.setattr(lockouts, "NETWORK_FAILURE_LIMIT", 6)


@pytest.fixture(autouse=True)
def ada(db: None) -> User:
    return User.objects.create_user("ada", password=PASSWORD)


def sign_in(name: str, password: str = WRONG, address: str = "192.0.2.7", path: str = "/account/sign-in") -> Any:
    return Client(REMOTE_ADDR=address).post(path, {"username": name, "password": password})


def fail(number: int, address: str = "192.0.2.7") -> list[int]:
    return [sign_in(f"nobody-{address}-{n}", address=address).status_code for n in range(number)]


def test_many_wrong_names_close_their_address() -> None:
    assert fail(6) == [200] * 5 + [429]
    for path in ("/account/sign-in", "/admin/login/"):
        closed = sign_in("ada", PASSWORD, path=path)
        assert (closed.status_code, closed["Retry-After"]) == (429, "900")
        assert "Too many sign-ins from your network failed" in read(closed).words
    assert sign_in("ada", PASSWORD, "192.0.2.8").status_code == 302


def test_an_ipv6_network_counts_as_one_address() -> None:
    for n in range(6):
        fail(1, f"2001:db8:1:2::{n:x}")
    assert sign_in("ada", PASSWORD, "2001:db8:1:2:ffff::1").status_code == 429
    assert sign_in("ada", PASSWORD, "2001:db8:1:3::1").status_code == 302


def test_a_name_is_closed_for_its_whole_ipv6_network() -> None:
    for n in range(3):
        sign_in("ada", address=f"2001:db8:1:2::{n:x}")
    assert sign_in("ada", PASSWORD, "2001:db8:1:2::ff").status_code == 429


def test_an_office_goes_on_while_few_of_it_mistype() -> None:
    """Who signs in after typing errors takes them out of the count."""
    for n in range(4):
        User.objects.create_user(f"user-{n}", password=PASSWORD)
        assert [sign_in(f"user-{n}").status_code for _ in range(2)] == [200, 200]
        assert sign_in(f"user-{n}", PASSWORD).status_code == 302
    assert sign_in("ada", PASSWORD).status_code == 302


def test_an_account_of_ones_own_does_not_take_others_failures_out_of_the_count() -> None:
    fail(5)
    assert sign_in("ada", PASSWORD).status_code == 302
    assert sign_in("nobody").status_code == 429


def test_attempts_while_closed_are_neither_recorded_nor_prolong_it() -> None:
    fail(6)
    before = list(AccessAttempt.objects.order_by("pk").values())
    assert fail(4) == [429] * 4
    assert list(AccessAttempt.objects.order_by("pk").values()) == before
    AccessAttempt.objects.update(attempt_time=timezone.now() - timedelta(minutes=15))
    assert sign_in("ada", PASSWORD).status_code == 302


def test_sign_ins_delete_what_is_old_in_bounded_steps(monkeypatch: pytest.MonkeyPatch, ada: User) -> None:
    monkeypatch.setattr(lockouts, "PRUNED_AT_ONCE", 3)
    now = timezone.now()
    for n in range(5):
        Session.objects.create(session_key=f"old-{n}", session_data="", expire_date=now - timedelta(days=1))
        AccessAttempt.objects.create(username=f"old-{n}", ip_address="192.0.2.1", failures_since_start=1)
        AccessLog.objects.create(username=f"old-{n}")
    Session.objects.create(session_key="live", session_data="", expire_date=now + timedelta(days=1))
    AccessLog.objects.update(attempt_time=now - timedelta(days=91))
    AccessAttempt.objects.update(attempt_time=now - timedelta(minutes=16))
    AccessLog.objects.create(username="kept")

    def left() -> list[int]:
        return [
            Session.objects.filter(session_key__startswith="old-").count(),
            AccessAttempt.objects.filter(username__startswith="old-").count(),
            AccessLog.objects.filter(username__startswith="old-").count(),
        ]

    assert sign_in("ada", PASSWORD).status_code == 302
    assert left() == [2, 2, 2]
    assert sign_in("ada", PASSWORD).status_code == 302
    assert left() == [0, 0, 0]
    assert Session.objects.filter(session_key="live").exists()
    assert AccessLog.objects.filter(username="kept").exists()


@pytest.mark.parametrize("name", ["x" * 100_000, "nul\0", "\u202e", ""])
@pytest.mark.parametrize("path", ["/account/sign-in", "/admin/login/"])
def test_no_name_is_too_odd_to_be_refused(name: str, path: str) -> None:
    assert sign_in(name, path=path).status_code in (200, 400)
