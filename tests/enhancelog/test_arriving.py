"""Bodies as granian passes them on: a cut one is an error, whatever reads it."""

import io
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.test import Client

from content.store import open_store
from enhancelog.arriving import Body, Exchange, watched
from enhancelog.origin import Origin

FORM = b"version=1&value=a+whole+value"


def arriving(sent: bytes, length: int | None) -> io.BufferedReader:
    return io.BufferedReader(Body(io.BytesIO(sent), length, Exchange(None)))


def test_whole_body_is_read() -> None:
    assert arriving(b"x" * 200_000, 200_000).read(200_000) == b"x" * 200_000


def test_body_without_a_length_ends_where_it_ends() -> None:
    assert arriving(b"one\ntwo", None).readlines() == [b"one\n", b"two"]


def test_cut_body_raises_connection_error() -> None:
    with pytest.raises(ConnectionError, match="3 of 4 bytes"):
        arriving(b"abc", 4).read(4)


@pytest.mark.parametrize("environ", [{}, {"CONTENT_LENGTH": "0"}])
def test_request_without_a_body_is_passed_on_as_it_is(environ: dict[str, str]) -> None:
    seen: list[object] = []
    watched(lambda protocol, environ: seen.extend([protocol, environ]))("protocol", environ)
    assert seen == ["protocol", environ]


class Answered:
    """A protocol object that keeps what it is given."""

    def __init__(self) -> None:
        self.closed = False
        self.given: list[int] = []

    def response_iter(self, status: int, headers: list[tuple[str, str]], body: object) -> None:
        self.given.append(status)

    def close(self) -> None:
        self.closed = True


def test_second_answer_is_closed_unsent() -> None:
    protocol = Answered()
    exchange = Exchange(protocol)
    exchange.give_up()
    exchange.response_iter(200, [], protocol)
    assert protocol.given == [408]
    assert protocol.closed


@pytest.fixture
def editor() -> Client:
    client = Client(enforce_csrf_checks=True)
    client.force_login(User.objects.create_user("editor", is_staff=True))
    client.cookies[settings.CSRF_COOKIE_NAME] = "t" * 32
    return client


@pytest.mark.once
@pytest.mark.django_db
@pytest.mark.parametrize("in_header", [True, False], ids=["htmx", "plain form"])
def test_cut_form_changes_nothing(editor: Client, in_header: bool) -> None:
    store = open_store(Origin("user", "editor", "web"))
    store.write("S-1", "story", "as it was")
    form = FORM if in_header else b"csrfmiddlewaretoken=%s&%s" % (b"t" * 32, FORM)

    def post(sent: bytes) -> int:
        environ: dict[str, Any] = {"wsgi.input": arriving(sent, len(form))}
        environ |= {"HTTP_X_CSRFTOKEN": "t" * 32} if in_header else {}
        content_type = "application/x-www-form-urlencoded"
        return editor.generic("POST", "/content/edit/story/S-1", form, content_type, **environ).status_code

    assert 400 <= post(form[:-4]) < 500
    assert store.read("S-1", "story").value == "as it was"
    assert post(form) < 400
    assert store.read("S-1", "story").value == "a whole value"
