"""What a server says about its log, as requests and their answers, and whether it fits what is remembered."""

from collections.abc import Sequence
from typing import Final, NamedTuple

from enhancelog.client.exchange import Answer, Call, Request
from enhancelog.domain.errors import Forked, Other
from enhancelog.evidence import checkpoints, growth_files, keys, signed_notes
from enhancelog.evidence.checkpoints import Checkpoint
from enhancelog.evidence.encodings import quoted
from enhancelog.evidence.errors import Unproven
from enhancelog.evidence.keys import VerifierKey
from enhancelog.evidence.signed_notes import Note

CHECKPOINT: Final = "/v1/evidence/checkpoint"
KEYS: Final = "/v1/evidence/keys"
CONSISTENCY: Final = "/v1/evidence/consistency"
MOST_KEYS: Final = 16  # of one log


class Known(NamedTuple):
    keys: tuple[VerifierKey, ...] = ()
    checkpoint: Checkpoint | None = None
    are_pinned: bool = False  # the keys were given, so no others are learned


class Seen(NamedTuple):
    """``keys``: those that signed."""

    checkpoint: Checkpoint
    note: bytes
    keys: tuple[VerifierKey, ...]


class WitnessCalls:
    def __init__(self, url: str) -> None:
        self._url = url

    def look(self, known: Known) -> Call[Seen | None]:
        """``None``: the server never had evidence. Raises ``Forked``; ``Other``: it withholds it."""
        if known.checkpoint is None:
            return (yield from self._first(known))
        answer = yield _ask(CONSISTENCY, ("first", str(known.checkpoint.size)))
        if answer.status == 400:
            return (yield from self._smaller(known, known.checkpoint))
        shown = self._body(answer)
        try:
            growth = growth_files.parse(shown)
        except Unproven as reason:
            raise self._not_evidence(reason) from None
        if growth.old != known.checkpoint.size:
            raise self._not_evidence(f"old: is {growth.old:,}, but {known.checkpoint.size:,} was asked for")
        seen = self._opened(growth.checkpoint, known.keys, shown, known)
        _check(known.checkpoint, seen.checkpoint, growth.hashes, shown)
        return (yield from self._with_new_keys(known, seen))

    def _first(self, known: Known) -> Call[Seen | None]:
        answer = yield _ask(CHECKPOINT)
        if answer.status != 200:
            return None
        try:
            _parsed(answer.body)
        except Unproven:
            return None  # another kind of server
        if known.keys:
            return self._opened(answer.body, known.keys, answer.body, known)
        listed = self._keys(self._body((yield _ask(KEYS))))
        try:
            return self._opened(answer.body, listed, answer.body, known)
        except Forked as reason:  # of nothing: its keys may just be changing
            raise self._not_evidence(reason) from None

    def _smaller(self, known: Known, remembered: Checkpoint) -> Call[Seen | None]:
        # What the server says is needed as evidence, not only that it refuses.
        shown = self._body((yield _ask(CHECKPOINT)))
        seen = self._opened(shown, known.keys, shown, known)
        if seen.checkpoint.size < remembered.size:
            _check(remembered, seen.checkpoint, [], shown)
        raise Other(f"{self._url} does not prove that its log grew from {remembered.size:,} entries")

    # A new key is learned from a checkpoint that a known one signed, too.
    def _with_new_keys(self, known: Known, seen: Seen) -> Call[Seen]:
        note = signed_notes.parse(seen.note)
        known_ids = {key.id for key in known.keys}
        is_new = any(each.name == seen.checkpoint.origin and each.key_id not in known_ids for each in note.signatures)
        if known.are_pinned or not is_new:
            return seen
        try:
            listed = self._keys(self._body((yield _ask(KEYS))))
            signers = _signers(note, listed)
        except (Unproven, Other):
            return seen
        return seen._replace(keys=tuple(dict.fromkeys((*seen.keys, *signers)))[:MOST_KEYS])

    def _opened(self, note: bytes, by: Sequence[VerifierKey], shown: bytes, known: Known) -> Seen:
        try:
            parsed, checkpoint = _parsed(note)
        except Unproven as reason:
            raise self._not_evidence(reason) from None
        try:
            signers = _signers(parsed, by, may_skip=not known.are_pinned)
        except Unproven as reason:
            raise Forked(str(reason), shown) from None
        if checkpoint.origin not in {key.name for key in signers}:
            raise Forked(f"origin: is {quoted(checkpoint.origin)}, but {quoted(signers[0].name)} signed it", shown)
        return Seen(checkpoint, note, tuple(signers))

    def _keys(self, text: bytes) -> list[VerifierKey]:
        try:
            found = [keys.parse_verifier_key(line) for line in text.decode().splitlines()[:MOST_KEYS]]
        except (Unproven, UnicodeDecodeError) as reason:
            raise self._not_evidence(reason) from None
        return [key for key in found if not key.is_witness]

    def _body(self, answer: Answer) -> bytes:
        if answer.status != 200:
            raise Other(f"{self._url} no longer says what its log is: it answered {answer.status}")
        return answer.body

    def _not_evidence(self, reason: object) -> Other:
        return Other(f"{self._url} does not say what its log is: {reason}")


def _ask(path: str, *params: tuple[str, str]) -> Request:
    return Request("GET", path, params, is_brief=True)


def _parsed(note: bytes) -> tuple[Note, Checkpoint]:
    parsed = signed_notes.parse(note)
    return parsed, checkpoints.parse_text(parsed.text)


# Without ``cryptography`` hashes are compared, and signatures are believed.
def _signers(note: Note, by: Sequence[VerifierKey], *, may_skip: bool = True) -> list[VerifierKey]:
    try:
        return [signed.key for signed in signed_notes.verify(note, by)]
    except ImportError:
        if not may_skip:
            raise Other("the given key cannot be checked; run: pip install 'enhancelog[verify]'") from None
    named = {(each.name, each.key_id) for each in note.signatures}
    return [key for key in by if (key.name, key.id) in named]


def _check(old: Checkpoint, new: Checkpoint, hashes: list[bytes], shown: bytes) -> None:
    try:
        checkpoints.check_growth(old, new, hashes)
    except Unproven as reason:
        raise Forked(str(reason), shown) from None
