"""``/account/addresses``: an address counts once a link that was mailed to it was opened and confirmed."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core import signing
from django.test import Client

from enhancelog.domain.mail_server import MailServer
from enhancelog.models import VerifiedAddress
from tests.alerts.receivers import Mailbox, receiving_mail
from tests.audited import audited
from tests.pages import read

pytestmark = pytest.mark.django_db

PAGE = "/account/addresses"
TO = "olga@example.org"


@pytest.fixture
def mailbox(settings: Any) -> Iterator[Mailbox]:
    with receiving_mail() as (found, port):
        settings.MAIL_SERVER = MailServer("smtp", "127.0.0.1", port, "", "", "log@example.org")
        yield found


@pytest.fixture
def olga() -> Client:
    return signed_in("olga")


def signed_in(name: str) -> Client:
    client = Client()
    client.force_login(User.objects.create_user(name))
    return client


def ask(client: Client, address: str = TO) -> Any:
    return client.post(PAGE, {"address": address}, follow=True)


def link_in(mailbox: Mailbox) -> str:
    text = mailbox.messages[-1].get_body(("plain",)).get_content()
    found = re.search(r"http://127.0.0.1:8000(/account/addresses/confirm\?token=\S+)", text)
    assert found
    return found[1]


def verified() -> list[str]:
    return list(VerifiedAddress.objects.values_list("address", flat=True))


def test_address_is_verified_by_the_button_behind_its_link(mailbox: Mailbox, olga: Client) -> None:
    assert "A link was sent" in read(ask(olga)).words
    assert mailbox.messages[0]["To"] == TO
    link = link_in(mailbox)
    assert TO in read(olga.get(link)).words
    assert verified() == []
    assert TO in read(olga.post(link, follow=True)).words
    olga.post(link)
    assert verified() == [TO]
    (record,) = audited()
    assert (record.act, record.about_id, record.actor_name) == ("address.verify", "olga", "olga")


def test_link_of_somebody_else_verifies_nothing(mailbox: Mailbox, olga: Client) -> None:
    ask(olga)
    otto = signed_in("otto")
    assert otto.post(link_in(mailbox)).status_code == 403
    assert Client().get(link_in(mailbox)).status_code == 302
    assert verified() == []


@pytest.mark.parametrize(
    "token", ["x", "a:b:c", signing.dumps([1, TO]), "\x00"], ids=["word", "parts", "other salt", "nul"]
)
def test_forged_link_is_not_known(olga: Client, token: str) -> None:
    assert olga.get(f"{PAGE}/confirm", {"token": token}).status_code == 404


def test_link_is_valid_for_three_days(mailbox: Mailbox, olga: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    ask(olga)
    monkeypatch.setattr("enhancelog.alerts.verified_addresses.VALID_S", -1)
    response = olga.get(link_in(mailbox))
    assert response.status_code == 404
    assert "too old" in read(response).words


@pytest.mark.parametrize(
    "address", ["", "olga", "olga@", "olga@example.org\nBcc: all@example.org", "a@b@example.org", "ölga@example.org"]
)
def test_what_is_no_address_is_refused_beside_the_field(mailbox: Mailbox, olga: Client, address: str) -> None:
    assert ask(olga, address).status_code == 400
    assert mailbox.messages == []


def test_only_some_mails_an_hour_are_sent(mailbox: Mailbox, olga: Client) -> None:
    answers = [ask(olga, f"olga-{number}@example.org").status_code for number in range(7)]
    assert answers == [200] * 5 + [400] * 2
    assert len(mailbox.messages) == 5


def test_address_can_be_removed_by_its_owner_alone(olga: Client) -> None:
    row = VerifiedAddress.objects.create(user=User.objects.get(username="olga"), address=TO, verified_ms=1)
    assert signed_in("otto").post(f"{PAGE}/remove/{row.pk}").status_code == 404
    assert TO not in [row.words for row in read(olga.post(f"{PAGE}/remove/{row.pk}", follow=True)).all("b")]
    assert verified() == []


def test_server_that_sends_no_mail_says_so(olga: Client) -> None:
    response = ask(olga)
    assert response.status_code == 400
    assert "ENHANCELOG_EMAIL_URL is not set" in read(response).words
