"""E-mails to people whom notes mention, unless they have an alert for that or chose to get none."""

import logging
from collections.abc import Callable, Sequence
from threading import Thread
from typing import Final, NamedTuple

from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import F

from enhancelog import links
from enhancelog.alerts import mail, verified_addresses
from enhancelog.alerts.messages import short
from enhancelog.alerts.outgoing import one_line
from enhancelog.alerts.posting import Answer
from enhancelog.backends import faults
from enhancelog.domain.times import now_ms
from enhancelog.models import Alert, Mention, MentionReader, Note

# Before each further attempt; a server that is killed while it sends makes the next one, too.
WAITS_S: Final = (60, 600, 3_600, 14_400)
_LONGEST_WAIT_MS: Final = 1_000 * max(WAITS_S)
BETWEEN_MAILS_MS: Final = 60_000  # to one person; the next mail has what came meanwhile
MOST_IN_ONE: Final = 20
MOST_SETTLED: Final = 100  # people who get no e-mail, in a step: they hold up nobody who does
_MOST_CHARACTERS: Final = 300  # of each note
_MOST_OF_NAMES: Final = 150

_log = logging.getLogger(__name__)


class Line(NamedTuple):
    """Printable texts; agents may have written them."""

    by: str
    about: str
    text: str
    url: str


class Letter(NamedTuple):
    to: str
    ids: Sequence[int]
    lines: Sequence[Line]


class MentionMails:
    # One thread calls ``step``; an e-mail is sent in its own, one at a time. ``wake`` is called when one was sent.
    def __init__(self, wake: Callable[[], object]) -> None:
        self._wake = wake
        self._sending: Thread | None = None
        self._sent: Sequence[int] = ()

    def step(self) -> None:
        with faults():
            if self._sending is not None:
                if self._sending.is_alive():
                    return
                self._sending = None
                _end(self._sent)
            if letter := _next_letter(now_ms()):
                self._sent = ()
                self._sending = Thread(target=self._send, args=[letter], name="mention-mail", daemon=True)
                self._sending.start()

    def _send(self, letter: Letter) -> None:
        try:
            answer = _send(letter)
        except Exception:
            _log.exception("cannot write the e-mail about a mention")
        else:
            if answer.is_success:
                self._sent = letter.ids
            else:
                _log.warning("cannot send an e-mail about a mention: %s", answer.text)
        self._wake()


def has_rule(user: User) -> bool:
    """Whether an alert tells the user already."""
    with faults():
        return Alert.objects.filter(owner=user, event="mention", off_ms=None).exists()


def _next_letter(now: int) -> Letter | None:
    # Claims what it is about: the next attempt is due later, unless this one succeeds.
    waiting = Mention.objects.filter(mail_ms__isnull=False)
    if not mail.is_set_up():
        if waiting.exists():
            waiting.update(mail_ms=None)  # a server that sends mail one day does not begin with what is old
        return None
    for _ in range(MOST_SETTLED):
        first = waiting.order_by("mail_ms").select_related("user").first()
        if first is None or now < (first.mail_ms or 0) <= now + _LONGEST_WAIT_MS:
            return None
        if letter := _letter_to(first.user, now):
            return letter
    return None


def _letter_to(user: User, now: int) -> Letter | None:
    # ``None``: what waited is settled, or due later.
    with transaction.atomic():
        reader, _ = MentionReader.objects.select_for_update().get_or_create(user=user)
        mine = Mention.objects.filter(mail_ms__isnull=False, user=user)
        to = verified_addresses.first_of(user)
        if not to or not reader.by_mail or has_rule(user):
            mine.update(mail_ms=None)
            return None
        if now < reader.mailed_ms + BETWEEN_MAILS_MS <= now + BETWEEN_MAILS_MS:
            mine.update(mail_ms=reader.mailed_ms + BETWEEN_MAILS_MS)
            return None
        mine.filter(note__withdrawn_ms__isnull=False).update(mail_ms=None)
        found = list(mine.select_related("note").order_by("pk")[:MOST_IN_ONE])
        if not found:
            return None
        for each in found:
            _claim(each, now)
        MentionReader.objects.filter(pk=reader.pk).update(mailed_ms=now)
    return Letter(to, [each.pk for each in found], [_line(each.note) for each in found])


def _claim(mention: Mention, now: int) -> None:
    is_last = mention.mails >= len(WAITS_S)
    due_ms = None if is_last else now + 1_000 * WAITS_S[mention.mails]
    Mention.objects.filter(pk=mention.pk).update(mails=F("mails") + 1, mail_ms=due_ms)


def _end(ids: Sequence[int]) -> None:
    if ids:
        Mention.objects.filter(pk__in=ids).update(mail_ms=None)


def _line(note: Note) -> Line:
    kind = "" if note.actor_kind == "user" else f"{note.actor_kind} "
    return Line(
        by=one_line(f"{kind}{note.actor_name}", _MOST_OF_NAMES),
        about=one_line(f"{note.about} {note.about_id}", _MOST_OF_NAMES),
        text=one_line(short(note.text), _MOST_CHARACTERS),
        url=links.absolute(f"{links.NOTED[note.about](note.about_id)}#note-{note.pk}"),
    )


def _send(letter: Letter) -> Answer:
    first, *further = letter.lines
    subject = f"{len(letter.lines)} notes mention you" if further else f"{first.by} mentioned you: {first.about}"
    page = links.absolute(links.mentions())
    headers = mail.headers_of(repr(("mentions", settings.SECRET_KEY, letter.ids)), page)
    return mail.send(letter.to, subject, "alert_mail/mentions", {"lines": letter.lines, "page": page}, headers)
