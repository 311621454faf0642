"""Settings of sessions and of the header that names users: one line says what is wrong and how to put it right."""

from datetime import timedelta

import pytest
from django.core.exceptions import ImproperlyConfigured

from enhancelog.settings import reading, remote_user

IDLE = "ENHANCELOG_SESSION_IDLE"
LIMITS = ("5m", "400d")


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("12h", timedelta(hours=12)),
        ("14D", timedelta(days=14)),
        ("2w", timedelta(weeks=2)),
        ("5m", timedelta(minutes=5)),
        ("", timedelta(days=1)),
    ],
)
def test_a_duration_is_a_number_and_a_unit(monkeypatch: pytest.MonkeyPatch, text: str, length: timedelta) -> None:
    monkeypatch.setenv(IDLE, text)
    assert reading.duration(IDLE, "1d", LIMITS) == length


@pytest.mark.parametrize("text", ["4m", "401d", "0h", "12", "h", "-1d", "1.5h", "12 h", "9999w", "٣d", "forever"])
def test_any_other_duration_stops_the_start(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv(IDLE, text)
    with pytest.raises(ImproperlyConfigured) as refused:
        reading.duration(IDLE, "1d", LIMITS)
    assert str(refused.value) == f'{IDLE}: must be like 12h or 14d, between 5m and 400d, not "{text}"'


@pytest.mark.parametrize(
    ("header", "key"),
    [("", ""), ("Remote-User", "HTTP_REMOTE_USER"), ("x-forwarded-user", "HTTP_X_FORWARDED_USER")],
)
def test_a_header_that_names_users(header: str, key: str) -> None:
    assert remote_user.meta_key(header, True) == key


@pytest.mark.parametrize(
    ("header", "said"),
    [
        ("Remote_User", "write it with hyphens"),
        ("Remote User", "must be a header like Remote-User"),
        ("Cookie", "must be a header like Remote-User"),
        ("host", "must be a header like Remote-User"),
        ("Authorization", "must be a header like Remote-User"),
        ("X-Forwarded-For", "must be a header like Remote-User"),
        ("HX-Request", "must be a header like Remote-User"),
        ("-", "must be a header like Remote-User"),
    ],
)
def test_a_header_that_means_something_else_stops_the_start(header: str, said: str) -> None:
    with pytest.raises(ImproperlyConfigured, match=said):
        remote_user.meta_key(header, True)


def test_the_header_needs_proxies_that_may_send_it() -> None:
    with pytest.raises(ImproperlyConfigured, match="needs ENHANCELOG_TRUSTED_PROXIES"):
        remote_user.meta_key("Remote-User", False)
