"""What people and programs did beside the log, newest first."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import reduce
from operator import or_
from typing import Any, Final, NamedTuple

import msgspec
from django.contrib.auth.models import Group, User
from django.db.models import Model, Q, QuerySet

from enhancelog import models
from enhancelog.backends import dialect, faults
from enhancelog.domain import cursors, filters, periods, strict_json
from enhancelog.domain.audit import ACTS, SUBJECTS, AuditRecord
from enhancelog.domain.errors import Invalid
from enhancelog.models import Alert, Entry, SavedView, Template, Token

PARAMETERS: Final = ("act", "about", "actor", "since", "until")
MOST_VALUES: Final = 50  # of a parameter
CHUNK_ROWS: Final = 500
CHUNK_BYTES: Final = 1 << 20

_COLUMNS: Final = AuditRecord.__struct_fields__
_cursor = msgspec.msgpack.Decoder(tuple[int, str])

# What may be gone, with the column that the audit names it by.
_THINGS: Final[Mapping[str, tuple[type[Model], str]]] = {
    "pattern": (Template, "key"),
    "entry": (Entry, "issue_id"),
    "view": (SavedView, "pk"),
    "token": (Token, "pk"),
    "user": (User, "username"),
    "group": (Group, "name"),
    "alert": (Alert, "pk"),
}


class Wanted(NamedTuple):
    """Empty and ``None``: any. Times are epoch ms, half-open. ``about``: kind and id, or kind and ``None``."""

    act: Sequence[str] = ()
    about: Sequence[tuple[str, str | None]] = ()
    actor: Sequence[str] = ()
    since_ms: int | None = None
    until_ms: int | None = None
    pairs: tuple[tuple[str, str], ...] = ()  # as given

    @property
    def fingerprint(self) -> str:
        return filters.EntryFilter(pairs=self.pairs).fingerprint("desc")


class Page(NamedTuple):
    """``next``: the cursor of the next page."""

    records: list[AuditRecord]
    next: str | None


def parse(parameters: Mapping[str, Sequence[str]], now_ms: int) -> Wanted:
    """Raises ``Invalid``. What cannot exist matches nothing."""
    filters.check_single(parameters, "since", "until")
    for name in PARAMETERS:
        if len(parameters.get(name, ())) > MOST_VALUES:
            raise Invalid(name, "count", f"has more than {MOST_VALUES} values")
    for act in parameters.get("act", ()):
        if act not in ACTS:
            raise Invalid("act", "choice", f'must be one of {", ".join(ACTS)}, not "{act[:40]}"')
    since_ms, until_ms = (
        periods.instant(name, parameters[name][0], now_ms) if name in parameters else None
        for name in ("since", "until")
    )
    return Wanted(
        act=parameters.get("act", ()),
        about=[_about(value) for value in parameters.get("about", ())],
        actor=parameters.get("actor", ()),
        since_ms=since_ms,
        until_ms=until_ms,
        pairs=tuple((name, value) for name in PARAMETERS for value in parameters.get(name, ())),
    )


def page(wanted: Wanted, size: int, cursor: str | None = None) -> Page:
    """Raises ``Invalid`` (cursor)."""
    before = None if cursor is None else _position(cursor, wanted)
    records, is_whole = _some(wanted, size, before)
    following = None if is_whole or not records else cursors.written((records[-1].position, wanted.fingerprint))
    return Page(records, following)


def chunks(wanted: Wanted) -> Iterator[list[AuditRecord]]:
    before, is_whole = None, False
    while not is_whole:
        records, is_whole = _some(wanted, CHUNK_ROWS, before)
        if records:
            before = records[-1].position
            yield records


def existing(records: Iterable[AuditRecord]) -> set[tuple[str, str]]:
    """Kinds and ids of what is still there. A statement for each kind among them."""
    named: dict[str, set[str]] = {}
    for each in records:
        named.setdefault(each.about, set()).add(each.about_id)
    found = set()
    with faults():
        for kind, ids in named.items():
            if kind in _THINGS:
                model, column = _THINGS[kind]
                keys = [key for key in ids if column != "pk" or kind == "alert" or key.isdecimal()]
                there = model._default_manager.filter(**{f"{column}__in": keys}).values_list(column, flat=True)
                found |= {(kind, str(key)) for key in there}
    return found


def _some(wanted: Wanted, size: int, before: int | None) -> tuple[list[AuditRecord], bool]:
    rows = _selected(wanted)
    if before is not None:
        rows = rows.filter(pk__lt=before)
    with faults():
        found, is_whole = dialect().first_rows(rows.order_by("-pk"), _COLUMNS, ("detail",), size, CHUNK_BYTES)
    return [_record(row) for row in found], is_whole


def _record(row: Sequence[Any]) -> AuditRecord:
    values = dict(zip(_COLUMNS, row, strict=True))
    return AuditRecord(**{**values, "detail": msgspec.json.decode(values["detail"])})


def _selected(wanted: Wanted) -> "QuerySet[models.AuditRecord]":
    rows = models.AuditRecord.objects.all()
    if wanted.act:
        rows = rows.filter(act__in=wanted.act)
    if wanted.about:
        rows = rows.filter(reduce(or_, (_is_about(*each) for each in wanted.about)))
    if wanted.actor:
        rows = rows.filter(actor_name__in=[name for name in wanted.actor if strict_json.is_clean(name)])
    if wanted.since_ms is not None:
        rows = rows.filter(recorded_ms__gte=wanted.since_ms)
    if wanted.until_ms is not None:
        rows = rows.filter(recorded_ms__lt=wanted.until_ms)
    return rows


def _is_about(kind: str, key: str | None) -> Q:
    return Q(about=kind) if key is None else Q(about=kind, about_id=key)


def _about(value: str) -> tuple[str, str | None]:
    kind, colon, key = value.partition(":")
    if kind not in SUBJECTS:
        detail = f"must be one of {', '.join(SUBJECTS)}, or one of them with an id, as in pattern:5f2b8c1d9e3a7046"
        raise Invalid("about", "choice", f'{detail}; not "{value[:40]}"')
    if not strict_json.is_clean(key):
        key = "\ufffd" * 600  # longer than any id: nothing
    return kind, key if colon else None


def _position(cursor: str, wanted: Wanted) -> int:
    position, fingerprint = cursors.read(cursor, _cursor)
    if fingerprint != wanted.fingerprint:
        raise Invalid("cursor", "cursor", "is of a list with another filter; start again without it")
    return position
