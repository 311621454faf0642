"""From an ASGI scope to a WSGI environ."""

from typing import Any

import pytest

from enhancelog.server.environ import environ_of


def scope(path: bytes = b"/", *headers: tuple[bytes, bytes]) -> dict[str, Any]:
    return {
        "method": "GET",
        "raw_path": path,
        "query_string": b"a=%2F&b=\xc3\xa9",
        "http_version": "1.1",
        "scheme": "http",
        "client": ("192.0.2.1", 4711),
        "server": ("127.0.0.1", 8000),
        "headers": list(headers),
    }


@pytest.mark.parametrize(
    ("sent", "path"), [(b"/a%2Fb", "/a/b"), (b"/%C3%A9", "/\xc3\xa9"), (b"/%FF", "/\xff"), (b"*", "*"), (b"/%", "/%")]
)
def test_path_is_decoded_to_bytes_once(sent: bytes, path: str) -> None:
    assert environ_of(scope(sent))["PATH_INFO"] == path


def test_query_stays_as_it_was_sent() -> None:
    assert environ_of(scope())["QUERY_STRING"] == "a=%2F&b=\xc3\xa9"


def test_repeated_headers_are_joined_and_cookies_by_semicolons() -> None:
    environ = environ_of(scope(b"/", (b"accept", b"a"), (b"accept", b"b"), (b"cookie", b"c=1"), (b"cookie", b"d=2")))
    assert environ["HTTP_ACCEPT"] == "a,b"
    assert environ["HTTP_COOKIE"] == "c=1; d=2"


def test_header_with_an_underscore_cannot_pass_for_another() -> None:
    assert "HTTP_X_FORWARDED_FOR" not in environ_of(scope(b"/", (b"x_forwarded_for", b"127.0.0.1")))
    assert "HTTP_REMOTE_USER" not in environ_of(scope(b"/", (b"remote_user", b"admin")))


def test_type_and_length_have_names_of_their_own() -> None:
    environ = environ_of(scope(b"/", (b"content-type", b"text/csv"), (b"content-length", b"3")))
    assert environ["CONTENT_TYPE"] == "text/csv"
    assert environ["CONTENT_LENGTH"] == "3"
    assert "HTTP_CONTENT_TYPE" not in environ
    assert environ["REMOTE_ADDR"] == "192.0.2.1"
