"""Changes the names under which sources are shown. Entries keep what was recorded."""

from collections.abc import Sequence
from typing import Final, NamedTuple

from django.db import transaction
from django.db.backends.utils import CursorWrapper

from enhancelog.backends import dialect, faults
from enhancelog.domain import records
from enhancelog.domain.audit import AuditAct
from enhancelog.domain.errors import Invalid
from enhancelog.domain.origin import Origin
from enhancelog.domain.source_names import MOST_RENAMED, Names, check_name, check_why
from enhancelog.domain.times import now_ms
from enhancelog.models import BlueprintSummary, HostSource, SourceChange, SourceProgress, UnfinishedRun, Version
from enhancelog.projections import source_names, waking
from enhancelog.store import audit

# Where a source is recorded: entries, and what a host keeps besides them.
_RECORDED: Final = (BlueprintSummary, HostSource, UnfinishedRun, Version)
SHOWN: Final = 40  # characters of a name in an error


class MergeNeeded(Invalid):
    """The new name is that of another source."""


class Rename(NamedTuple):
    """``old``: a name under which sources are shown. ``merges``: ``new`` may be the name of others."""

    old: str
    new: str
    why: str
    merges: bool = False


def rename(wanted: Rename, origin: Origin) -> list[str]:
    """Show the sources that are shown as ``old`` as ``new``; returns them. Raises ``Invalid`` or ``Other``."""
    check_name(wanted.new, "new")
    why = check_why(wanted.why, "why")
    with faults(), dialect().appending() as cursor:
        names = source_names.up_to(cursor, source_names.last_change(cursor))
        renamed = _shown_as(names, wanted.old)
        if not renamed:
            raise Invalid("old", "unknown", _unknown(names, wanted.old))
        if wanted.old == wanted.new:
            raise Invalid("new", "same", f'is "{wanted.new[:SHOWN]}", as before; give another name')
        others = _shown_as(names, wanted.new)
        if others and not wanted.merges:
            raise _merge(wanted.new)
        _write(cursor, names, renamed, wanted.new, why, origin)
        act: AuditAct = "source.merge" if others else "source.rename"
        audit.record(act, origin, "source", wanted.old, shown_as=wanted.new, recorded_as=renamed, why=why)
    return renamed


def restore(source: str, why: str, origin: Origin, *, merges: bool = False) -> None:
    """Show the source under the name under which it was recorded. Raises ``Invalid`` or ``Other``."""
    why = check_why(why, "why")
    with faults(), dialect().appending() as cursor:
        names = source_names.up_to(cursor, source_names.last_change(cursor))
        shown = names.shown(source)
        if shown == source:
            raise Invalid("source", "same", f'"{source[:SHOWN]}" is not shown under another name')
        if _shown_as(names, source) and not merges:
            raise _merge(source)
        _write(cursor, names, [source], source, why, origin)
        audit.record("source.restore", origin, "source", source, was_shown_as=shown, why=why)


def _shown_as(names: Names, name: str) -> list[str]:
    """The sources that were recorded and are shown under this name."""
    found = names.recorded(name) if records.is_id(name) else []
    return [source for source in found if names.shown(source) == name and _is_recorded(source)]


def _is_recorded(source: str) -> bool:
    return any(table._default_manager.filter(source=source).exists() for table in _RECORDED)


def _unknown(names: Names, old: str) -> str:
    if names.shown(old) != old:
        return f'"{old[:SHOWN]}" is shown as "{names.shown(old)[:SHOWN]}"; rename that, or restore it first'
    return f'there is no source "{old[:SHOWN]}"; see the list of sources'


def _merge(name: str) -> MergeNeeded:
    return MergeNeeded("new", "merge", f'"{name[:SHOWN]}" is the name of another source; confirm that they are merged')


def _write(
    cursor: CursorWrapper, names: Names, sources: Sequence[str], shown_as: str, why: str, origin: Origin
) -> None:
    # ``bulk_create``: the table is written once, and ``save`` would try an UPDATE first.
    after = Names({**names.by_source, **dict.fromkeys(sources, shown_as)})
    if after.renamed > max(MOST_RENAMED, names.renamed):
        raise Invalid("new", "count", f"at most {MOST_RENAMED:,} sources can be shown under another name")
    first, now = source_names.last_change(cursor) + 1, now_ms()
    SourceChange.objects.bulk_create(
        SourceChange(
            id=number,
            source=source,
            shown_as=shown_as,
            recorded_ms=now,
            actor_kind=origin.actor_kind,
            actor_name=origin.actor_name,
            why=why,
        )
        for number, source in enumerate(sources, first)
    )
    SourceProgress.objects.get_or_create(pk=1, defaults={"changes": 0, "entries": 0, "patches": None})
    transaction.on_commit(_has_changed)


def _has_changed() -> None:
    source_names.forget()
    waking.work_waits.set()
