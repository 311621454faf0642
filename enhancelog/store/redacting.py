"""Takes texts out of a stored entry and out of everything that was derived from them."""

from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Final, NamedTuple

from django.db.backends.utils import CursorWrapper
from django.db.models import Model

from enhancelog.backends import dialect, faults
from enhancelog.domain import entry_texts, records, redactions
from enhancelog.domain.errors import Invalid, NotFound, Other
from enhancelog.domain.origin import Origin
from enhancelog.domain.records import Entry
from enhancelog.domain.redactions import Tombstone
from enhancelog.domain.times import now_ms
from enhancelog.models import Entry as EntryModel
from enhancelog.models import KeptTexts, Redaction
from enhancelog.projections import meta_values, patterns, search_index
from enhancelog.projections.stored import Stored
from enhancelog.store import (
    audit,
    database,
    redacted,
    redacted_hosts,
    redacted_patterns,
    theme_derivation,
    touch_derivation,
)
from enhancelog.store.rows import LEAF_COLUMNS, REDACTED, STORED_COLUMNS, inner_hash, to_row

_KEPT_COLUMNS: Final = (
    "position", "intent", "rationale", "verdicts", "reasons", "ops", "meta", "digest", "envelope", "salt",
)  # fmt: skip


class Taken(NamedTuple):
    """``texts``: what the entry no longer says; ``wordings``: what no pattern of an axis says any more; ``of_hosts``:
    what the host's stores say no more. Never to be shown.
    """

    position: int
    number: int
    fields: Sequence[str]
    before: Entry
    after: Entry
    wordings: frozenset[redacted_patterns.Wording] = frozenset()
    of_hosts: frozenset[str] = frozenset()

    @property
    def texts(self) -> list[str]:
        return entry_texts.texts(self.before, self.after)

    @property
    def all_texts(self) -> list[str]:
        """Also those in operations, in ``meta``, and of hosts."""
        return list(dict.fromkeys([*entry_texts.all_texts(self.before, self.after), *sorted(self.of_hosts)]))


# Takes the texts out of its own tables, in the transaction.
Hook = Callable[[CursorWrapper, Taken], None]

_hooks: list[Hook] = []


def register(hook: Hook) -> None:
    _hooks.append(hook)


def look(issue_id: str, fields: Sequence[str]) -> Taken:
    """What ``redact`` would take out. Raises ``NotFound`` or ``Invalid``."""
    with faults():
        stored, shown = _stored(issue_id)
        return _taken(stored, shown, fields)


def possible(issue_id: str) -> list[str]:
    """The fields that have a text to redact. Raises ``NotFound``."""
    with faults():
        stored, _ = _stored(issue_id)
        return redactions.possible(stored.entry, redacted_hosts.patched(stored.position))


def done(issue_id: str) -> list[str]:
    """The fields that are redacted. Raises ``NotFound``."""
    return [field for tombstone in redactions.tombstones(shown(issue_id)) for field in tombstone.fields]


def shown(issue_id: str) -> str | None:
    """The entry's ``redacted``. Raises ``NotFound``."""
    with faults():
        return _stored(issue_id)[1]


def position(issue_id: str) -> int:
    """Raises ``NotFound``."""
    with faults():
        return _stored(issue_id)[0].position


def is_permitted() -> bool:
    """Whether our role in the database may take texts out of entries: a role that only serves may not."""
    with faults():
        return dialect().may_update(EntryModel._meta.db_table)


def redact(issue_id: str, fields: Sequence[str], why: str, origin: Origin) -> Taken:
    """All or nothing. What follows after a commit is left to its derivations, and what no row has any more to
    ``Dialect.erase``. Raises ``NotFound``, ``Invalid`` or ``Other``.
    """
    why = redactions.checked_why(why)
    fields = list(dict.fromkeys(fields))
    with faults(), dialect().erasing(), dialect().appending() as cursor:
        stored, shown = _stored(issue_id)
        taken = _taken(stored, shown, fields)
        redactions.check_repeats(why, taken.all_texts)
        denied = records.denials(taken.after)
        axes = [axis for axis, detail in stored.denied.items() if denied[axis] != detail]
        before = redacted_patterns.said(axes)
        changed = _changed(taken, axes)
        for projection in changed:
            projection.drop(cursor, [stored])
        _record(taken, stored, shown, why, origin)
        now = stored._replace(entry=taken.after, denied=denied, kept=redacted.kept_of(stored))
        for projection in changed:
            projection.apply(cursor, [now])
        taken = taken._replace(wordings=redacted_patterns.forget(stored.position, axes, before))
        theme_derivation.forget(cursor, stored.position, axes)
        taken = taken._replace(of_hosts=redacted_hosts.forget(cursor, stored.position, taken.after.issue_id))
        for hook in _hooks:
            hook(cursor, taken)
        audit.record("entry.redact", origin, "entry", issue_id, fields=fields, why=why)
    return taken


def _stored(issue_id: str) -> tuple[Stored, str | None]:
    found = EntryModel.objects.filter(issue_id=issue_id) if records.is_id(issue_id) else EntryModel.objects.none()
    rows = list(found.values_list(*STORED_COLUMNS))
    if not rows:
        raise NotFound(issue_id)
    (stored,) = database.stored(rows)
    return stored, rows[0][REDACTED]


def _taken(stored: Stored, shown: str | None, fields: Sequence[str]) -> Taken:
    if not fields:
        raise Invalid("field", "missing", f"is missing; name at least one of {', '.join(redactions.FIELDS)}")
    number = len(redactions.tombstones(shown)) + 1
    patched = redacted_hosts.patched(stored.position)
    of_hosts = frozenset(text for field in fields for text in patched.get(field, ()))
    after = redactions.without(stored.entry, fields, patched)
    return Taken(stored.position, number, fields, stored.entry, after, of_hosts=of_hosts)


def _inner_hash(position: int) -> str:
    (row,) = EntryModel.objects.filter(position=position).values_list(*LEAF_COLUMNS)
    try:
        return inner_hash(row).hex()
    except ValueError as error:
        raise Other(f"the entry at position {position} is damaged: {error}") from None


# All other projections follow from what stays, and from the keys that a redaction keeps.
def _changed(taken: Taken, axes: Sequence[str]) -> list[ModuleType]:
    of_patterns = [patterns] if axes else []
    of_meta = [meta_values] if taken.before.meta != taken.after.meta else []
    return [*of_patterns, *of_meta, search_index]


def _record(taken: Taken, stored: Stored, shown: str | None, why: str, origin: Origin) -> None:
    recorded_ms = now_ms()
    tombstones = redactions.with_tombstone(shown, Tombstone(list(taken.fields), recorded_ms, why))
    kept, digest = redacted.written(stored), records.digest(taken.after)
    # Digest and envelope of the original would confirm a guess of what is taken out, and the salt would let people test
    # guesses against the evidence. Its inner hash stays, so that proofs hold.
    inner = _inner_hash(taken.position)
    row = dict(
        zip(
            STORED_COLUMNS,
            to_row(taken.position, taken.after, stored.recorded_ms, stored.origin, inner, salt=None),
            strict=True,
        )
    )
    KeptTexts.objects.bulk_create([KeptTexts(**{name: row[name] for name in _KEPT_COLUMNS})])
    sealed = (taken.position, taken.number, recorded_ms, origin, tombstones, kept, digest)
    # Its trigger takes the texts out of the entry.
    redaction = Redaction(
        position=taken.position,
        number=taken.number,
        recorded_ms=recorded_ms,
        **origin._asdict(),
        tombstones=tombstones,
        digest=digest,
        kept=kept,
        envelope=redactions.of_redaction(*sealed),
    )
    Redaction.objects.bulk_create([redaction])


def tables() -> list[str]:
    """Those that may have held the texts."""
    held: list[type[Model]] = [EntryModel, KeptTexts, *patterns.TABLES, *meta_values.TABLES, *redacted_patterns.TABLES]
    held += [*redacted_hosts.TABLES, *touch_derivation.TABLES, *theme_derivation.TEXT_TABLES]
    return [table._meta.db_table for table in held]
