"""The API for a browser's session: everything a token may, with a CSRF token, and bodies nobody parsed before."""

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.test import Client

from enhancelog.domain import records
from tests.factories import make_entry

pytestmark = [pytest.mark.django_db, pytest.mark.once]

LOG = "/v1/enhance/log"
ONE = records.encode(make_entry(issue_id="one"))
LINES = b"\n".join(records.encode(make_entry(issue_id=f"line-{number}")) for number in range(2))


@pytest.fixture
def browser_of_staff() -> Client:
    client = Client(enforce_csrf_checks=True)
    client.force_login(User.objects.create_user("staff", is_staff=True))
    client.cookies[settings.CSRF_COOKIE_NAME] = "t" * 32
    return client


def post(client: Client, body: bytes, content_type: str) -> int:
    return client.post(LOG, body, content_type=content_type, HTTP_X_CSRFTOKEN="t" * 32).status_code


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        (ONE, "application/json", 201),
        (LINES, "application/x-ndjson", 200),
        (b"[" + ONE + b"]", "application/json", 200),
        (b"{", "application/json", 400),
        (b'{"a":' * 10_000, "application/json", 400),
        (b"issue_id=one", "application/x-www-form-urlencoded", 415),
    ],
    ids=["entry", "lines", "array", "cut", "deep", "form"],
)
def test_body_sent_with_a_session_is_judged_as_any_other(
    browser_of_staff: Client, body: bytes, content_type: str, status: int
) -> None:
    assert post(browser_of_staff, body, content_type) == status


def test_session_without_csrf_token_is_403(browser_of_staff: Client) -> None:
    response = browser_of_staff.post(LOG, ONE, content_type="application/json")
    assert response.status_code == 403
    assert "CSRF" in response.json()["detail"]
