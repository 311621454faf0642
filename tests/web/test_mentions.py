"""``/account/mentions``: whoever a note names sees it, and is told by e-mail once."""

import logging
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from enhancelog.alerts import mention_mails, rules
from enhancelog.alerts.mention_mails import MentionMails
from enhancelog.alerts.rules import Actor
from enhancelog.domain.alerts import AlertEdit
from enhancelog.domain.mail_server import MailServer
from enhancelog.domain.notes import NoteSubject
from enhancelog.domain.origin import Origin
from enhancelog.domain.times import now_ms
from enhancelog.models import Mention, MentionReader, VerifiedAddress
from enhancelog.store import notes
from tests.alerts.making import evaluate, make_rule, told
from tests.alerts.receivers import Mailbox, receiving_mail
from tests.factories import make_entry
from tests.pages import read
from tests.recording import record
from tests.waiting import LONGEST_S

pytestmark = pytest.mark.django_db

PAGE = "/account/mentions"
ADA = Origin("user", "ada", "page")
TO = "olga@example.org"


@pytest.fixture(autouse=True)
def entry() -> None:
    record(make_entry(issue_id="h-1"))


@pytest.fixture
def olga() -> User:
    return User.objects.create_user("olga")


@pytest.fixture
def client(olga: User) -> Client:
    client = Client()
    client.force_login(olga)
    return client


@pytest.fixture
def mailbox(settings: Any, olga: User) -> Iterator[Mailbox]:
    VerifiedAddress.objects.create(user=olga, address=TO, verified_ms=now_ms())
    with receiving_mail() as (found, port):
        settings.MAIL_SERVER = MailServer("smtp", "127.0.0.1", port, "", "", "log@example.org")
        yield found


def write(text: str, origin: Origin = ADA) -> str:
    return notes.add(NoteSubject("entry", "h-1"), text, None, origin)


def send_mails() -> None:
    """Those that are due, as the server's worker does."""
    woken = threading.Event()
    mails = MentionMails(woken.set)
    while True:
        woken.clear()
        mails.step()
        if mails._sending is None:
            return
        assert woken.wait(LONGEST_S)
        mails._sending.join()


def pass_time() -> None:
    """As if the next mail and the next attempt were due."""
    MentionReader.objects.update(mailed_ms=0)
    Mention.objects.filter(mail_ms__isnull=False).update(mail_ms=now_ms())


def count(client: Client) -> str:
    (link,) = (each for each in read(client.get("/")).all("a") if each.attributes.get("href") == PAGE)
    return link.words.removeprefix("Mentions").strip()


def test_a_mention_is_listed_and_counted_until_it_is_seen(client: Client) -> None:
    assert "No note mentions you yet." in read(client.get(PAGE)).words
    assert count(client) == ""
    first, second = write("the parser is wrong, @olga"), write("and **again**, @olga", Origin("token", "bot", "api"))
    assert count(client) == "2 new"
    page = read(client.get(PAGE))
    assert page.words.index("and **again**") < page.words.index("the parser is wrong")
    assert "token bot" in page.words
    links = [each.attributes.get("href", "") for each in page.all("a")]
    assert f"/entries/h-1#note-{first}" in links
    assert f"/entries/h-1#note-{second}" in links
    newest = Mention.objects.order_by("pk").last()
    assert newest
    client.post(PAGE, {"act": "seen", "up_to": newest.pk})
    write("a third, @olga")
    client.post(PAGE, {"act": "seen", "up_to": 1})  # an old page: the mark does not go back
    assert count(client) == "1 new"
    assert read(client.get(PAGE)).words.count("new ada") == 1


def test_more_than_nine_are_not_counted(client: Client) -> None:
    for number in range(12):
        write(f"{number} @olga")
    assert count(client) == "9+ new"


def test_nobody_else_sees_it(client: Client) -> None:
    write("@olga look")
    other = Client()
    other.force_login(User.objects.create_user("otto"))
    assert "look" not in read(other.get(PAGE)).words
    mention = Mention.objects.get()
    other.post(PAGE, {"act": "seen", "up_to": mention.pk})
    assert count(client) == "1 new"


def test_who_is_not_told(client: Client) -> None:
    User.objects.create_user("gone", is_active=False)
    write("@olga is me", Origin("user", "olga", "page"))
    write("@gone and @nobody and `@olga`")
    assert not Mention.objects.exists()


def test_a_token_tells_its_owner(client: Client) -> None:
    write("@olga, please decide", Origin("token", "olga", "api"))
    assert count(client) == "1 new"


def test_an_edit_tells_only_those_who_are_new(client: Client, olga: User) -> None:
    otto = User.objects.create_user("otto")
    note = write("@olga look")
    notes.edit(note, "look", ADA)
    notes.edit(note, "@olga and @otto look", ADA)
    assert set(Mention.objects.values_list("user", flat=True)) == {olga.pk, otto.pk}
    assert Mention.objects.count() == 2


def test_a_withdrawn_note_says_so(client: Client) -> None:
    note = write("@olga a secret")
    notes.withdraw(note, ADA)
    words = read(client.get(PAGE)).words
    assert "This note was withdrawn." in words
    assert "secret" not in words


def test_older_ones_are_on_further_pages(client: Client) -> None:
    for number in range(45):
        write(f"number-{number}. @olga")
    url, seen = PAGE, []
    while url:
        page = read(client.get(url))
        seen += [each.words for each in page.all("li", class_="remark")]
        url = next((each.attributes["href"] for each in page.all("a") if each.words == "Older mentions"), "")
    assert [next(number for number in range(45) if f"number-{number}." in each) for each in seen] == [
        *range(44, -1, -1)
    ]


@pytest.mark.parametrize(
    "sent", [{"act": "seen"}, {"act": "seen", "up_to": "-1"}, {"act": "seen", "up_to": "9" * 30}, {"act": "x"}, {}]
)
def test_a_form_that_was_made_up_is_refused(sent: dict[str, str], client: Client) -> None:
    assert client.post(PAGE, sent).status_code == 400
    assert client.get(PAGE, {"before": "٣"}).status_code == 400


def test_the_count_takes_one_statement_and_none_for_anonymous_readers(client: Client, settings: Any) -> None:
    settings.PUBLIC_READ = True

    def asked(some: Client) -> int:
        with CaptureQueriesContext(connection) as captured:
            assert some.get("/").status_code == 200
        return sum("enhancelog_mention" in each["sql"] for each in captured.captured_queries)

    assert asked(client) == 1
    write("@olga look")
    assert asked(client) == 1
    assert not asked(Client())


def test_a_page_that_is_unchanged_but_for_the_count_is_sent_again(client: Client) -> None:
    client.get("/")  # sets a cookie
    etag = client.get("/").headers["ETag"]
    assert client.get("/", headers={"If-None-Match": etag}).status_code == 304
    write("@olga look")
    assert client.get("/", headers={"If-None-Match": etag}).status_code == 200


def test_people_without_an_address_hold_up_nobody(mailbox: Mailbox) -> None:
    for number in range(5):
        User.objects.create_user(f"nobody{number}")
    write("@nobody0 @nobody1 @nobody2 @nobody3 @nobody4")
    write("@olga look")
    mails = MentionMails(lambda: None)
    mails.step()  # one step suffices
    assert mails._sending is not None
    mails._sending.join()
    assert len(mailbox.messages) == 1


def test_one_mail_for_each_mention(mailbox: Mailbox) -> None:
    write("@olga: the *parser*\nis wrong <b>")
    send_mails()
    send_mails()
    (mail,) = mailbox.messages
    assert mail["To"] == TO
    assert mail["Subject"] == "ada mentioned you: entry h-1"
    text = mail.get_body(("plain",)).get_content()
    assert "the *parser* is wrong <b>" in text
    assert "http://127.0.0.1:8000/entries/h-1#note-" in text
    assert "/account/mentions" in text
    assert "is wrong &lt;b&gt;" in mail.get_body(("html",)).get_content()
    assert not Mention.objects.filter(mail_ms__isnull=False).exists()


def test_what_comes_within_a_minute_is_in_one_mail(mailbox: Mailbox) -> None:
    write("@olga first")
    send_mails()
    write("@olga second")
    write("@olga third")
    send_mails()
    assert len(mailbox.messages) == 1
    pass_time()
    send_mails()
    assert mailbox.messages[1]["Subject"] == "2 notes mention you"
    assert mailbox.messages[0]["Message-ID"] != mailbox.messages[1]["Message-ID"]


def test_no_mail_for_who_chose_none(mailbox: Mailbox, client: Client) -> None:
    client.post(PAGE, {"act": "no-mail"})
    write("@olga look")
    send_mails()
    assert not mailbox.messages
    assert "You chose to get no e-mail" in read(client.get(PAGE)).words
    client.post(PAGE, {"act": "mail"})
    send_mails()
    assert not mailbox.messages  # what is old
    write("@olga look again")
    send_mails()
    assert len(mailbox.messages) == 1


def test_who_has_an_alert_for_mentions_is_told_by_it_alone(mailbox: Mailbox, client: Client, olga: User) -> None:
    actor = Actor(olga, False, Origin("user", "olga", "page"))
    alert = make_rule("mention", actor=actor, channel="email", address=TO, url=None)
    write("@olga look")
    send_mails()
    evaluate()
    assert not mailbox.messages
    assert len(told(alert)) == 1
    assert count(client) == "1 new"
    assert "alert for mentions tells you" in read(client.get(PAGE)).words
    rules.change(alert, AlertEdit(on=False), actor)
    write("@olga look again")
    send_mails()
    assert len(mailbox.messages) == 1


@pytest.mark.parametrize("lacks", ["address", "server", "user"])
def test_without_an_address_or_a_server_no_mail_waits(lacks: str, mailbox: Mailbox, olga: User, settings: Any) -> None:
    write("@olga look")
    if lacks == "address":
        VerifiedAddress.objects.all().delete()
    elif lacks == "server":
        settings.MAIL_SERVER = None
    else:
        User.objects.filter(pk=olga.pk).update(is_active=False)
    send_mails()
    assert not mailbox.messages
    assert not Mention.objects.filter(mail_ms__isnull=False).exists()


def test_a_note_that_was_withdrawn_before_is_not_mailed(mailbox: Mailbox) -> None:
    notes.withdraw(write("@olga look"), ADA)
    send_mails()
    assert not mailbox.messages


def test_a_mail_that_fails_is_tried_again_and_given_up(
    olga: User, settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    VerifiedAddress.objects.create(user=olga, address=TO, verified_ms=now_ms())
    settings.MAIL_SERVER = MailServer("smtp", "127.0.0.1", 1, "", "", "log@example.org")
    write("@olga look")
    with caplog.at_level(logging.WARNING):
        for attempt in range(1, len(mention_mails.WAITS_S) + 1):
            send_mails()
            mention = Mention.objects.get()
            assert mention.mails == attempt
            assert mention.mail_ms
            assert mention.mail_ms > now_ms()
            send_mails()  # not before its time
            pass_time()
        send_mails()
    assert Mention.objects.get().mail_ms is None
    assert len(caplog.records) == len(mention_mails.WAITS_S) + 1
