"""Asks witnesses (C2SP tlog-witness) to cosign the newest checkpoint."""

import logging
from collections.abc import Sequence
from http import HTTPStatus
from typing import Final

from enhancelog.alerts import addresses, posting
from enhancelog.alerts.outgoing import one_line
from enhancelog.alerts.posting import Answer
from enhancelog.evidence import signed_notes
from enhancelog.evidence import witnesses as protocol
from enhancelog.evidence.errors import Unproven
from enhancelog.evidence.witnesses import Witness
from enhancelog.queries import evidence as read
from enhancelog.store import evidence, witnesses
from enhancelog.store.evidence import Stored
from enhancelog.store.witnesses import Failure

# The first one may have to ask for the size that the witness knows; meanwhile another process may have asked it, too.
MOST_REQUESTS: Final = 3
LONGEST_DETAIL: Final = 200

_HEADERS: Final = {"Content-Type": "text/plain; charset=utf-8", "User-Agent": "enhancelog"}
_PASSING: Final = (HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS)
_REFUSALS: Final[dict[int, str]] = {
    HTTPStatus.NOT_FOUND: "it does not know this log (404)",
    HTTPStatus.FORBIDDEN: "it knows this log with another key (403)",
    HTTPStatus.BAD_REQUEST: "it does not understand the request (400)",
}

_log = logging.getLogger(__name__)


class _Failed(Exception):
    def __init__(self, kind: str, detail: str) -> None:
        self.failure: Final = Failure(kind, one_line(detail, LONGEST_DETAIL))


class _Overtaken(Exception):
    pass  # another process of this log sent a newer checkpoint


def step(named: Sequence[Witness]) -> None:
    """Ask those that did not cosign the newest checkpoint yet. Raises ``Other``."""
    newest = evidence.stored()
    if newest is None or not newest.checkpoint.size:
        return
    before = witnesses.last()
    signed = witnesses.best(newest)
    lacking = {str(each.key): each for each in named if (each.key.name, each.key.id) not in signed.key_ids}
    if not lacking:
        return
    note = signed.note
    for key, size in witnesses.begin_round([str(each.key) for each in named], lacking).items():
        note = _asked(lacking[key], newest, size, note)
    if note != signed.note:
        witnesses.keep(note, before)


def _asked(witness: Witness, newest: Stored, size: int, note: bytes) -> bytes:
    # ``note`` with the cosignature, if there is one.
    key = str(witness.key)
    try:
        answer = _cosignatures(witness, newest, size)
        note = signed_notes.with_cosignatures(note, answer, [witness.key])
    except _Overtaken:
        return note
    except _Failed as failed:
        _note(witness, failed.failure)
        return note
    except Unproven as error:
        detail = f"its answer has no cosignature by {witness.key.name}: {error}"
        _note(witness, Failure("unverified", one_line(detail, LONGEST_DETAIL)))
        return note
    witnesses.note_cosigned(key, newest.checkpoint.size)
    return note


def _note(witness: Witness, failure: Failure) -> None:
    if witnesses.note_failure(str(witness.key), failure):
        _log.warning("the witness %s has not cosigned: %s", witness.key.name, failure.detail)


def _cosignatures(witness: Witness, newest: Stored, size: int) -> bytes:
    receiver = addresses.of_operator(witness.add_checkpoint)
    if receiver is None:
        raise _Failed("refused", "its address is not valid")
    known = min(size, newest.checkpoint.size)
    for _ in range(MOST_REQUESTS):
        answer = posting.post(receiver, _HEADERS, read.growth_to(newest, known))
        if answer.status == HTTPStatus.OK:
            return answer.body
        if answer.status != HTTPStatus.CONFLICT:
            raise _failed(answer)
        known = _size_in(answer)
        if known > newest.checkpoint.size:
            now = evidence.stored()
            if now and now.checkpoint.size >= known:
                raise _Overtaken
            raise _Failed("ahead", f"it cosigned {known:,} entries of this log, which are not all here")
    raise _Failed("refused", f"it knows the log with yet another size after each of {MOST_REQUESTS} requests (409)")


def _size_in(answer: Answer) -> int:
    try:
        return protocol.parse_size(answer.body)
    except Unproven as error:
        raise _Failed("refused", f"it does not say with which size it knows the log (409): {error}") from None


def _failed(answer: Answer) -> _Failed:
    status = answer.status
    if status is None:
        return _Failed("unreachable", answer.text)
    if status >= 500 or status in _PASSING:
        return _Failed("unreachable", f"it answers with status {status}")
    if status == HTTPStatus.UNPROCESSABLE_ENTITY:
        return _Failed("forked", "what it cosigned before is not how this log begins (422)")
    if 300 <= status < 400:
        return _Failed("refused", f"it redirects, which is not followed ({status})")
    return _Failed("refused", _REFUSALS.get(status, f"it answers with status {status}"))
