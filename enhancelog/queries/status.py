"""How far everything has come. Each function asks a few bounded statements."""

from collections.abc import Iterable, Sequence
from typing import Any, Final

from django.db.models import Min
from django.db.models.functions import Coalesce, Greatest
from msgspec.structs import replace

from enhancelog import patterns, themes
from enhancelog.backends import dialect
from enhancelog.domain.alerts import BY_PERSON
from enhancelog.domain.installation import EVIDENCE, Derivation, Positions, Queue
from enhancelog.models import Alert, AlertProgress, AuditRecord, Delivery, Entry, HostSource, PatternAxis
from enhancelog.projections import source_names
from enhancelog.projections.patterns import rules
from enhancelog.queries import deliveries, evidence
from enhancelog.store import host_derivation, theme_derivation, touch_derivation

MOST_NAMES: Final = 10
# Deliveries have no index by state; what is older is in the list of deliveries.
NEWEST_DELIVERIES: Final = 1_000
# Entries without themes while a server keeps up
MOST_WAITING: Final = 10_000

_ENTRY: Final = Entry._meta.db_table
# The content store's table is named, because nothing in the log imports the content store.
_POSITIONS: Final = f"""
    SELECT (SELECT MAX(position) FROM {_ENTRY}),
        (SELECT recorded_ms FROM {_ENTRY} ORDER BY position DESC LIMIT 1),
        (SELECT MAX(id) FROM content_contentrevision), (SELECT MAX(position) FROM {AuditRecord._meta.db_table})"""
_PENDING: Final = f"""
    SELECT MIN(pending) FROM {PatternAxis._meta.db_table} WHERE rules = %s AND pending IS NOT NULL"""


def positions() -> Positions:
    with dialect().glance() as cursor:
        cursor.execute(_POSITIONS)
        return Positions(*[value or 0 for value in cursor.fetchone()])


def derivations(at: Positions, of_alerts: Iterable[Derivation]) -> list[Derivation]:
    with dialect().glance():
        found = [
            Derivation("badges, tallies and search", "entries", at.log, at.log, 0),
            _patterns(at.log),
            _themes(),
            *_names_of_sources(),
            *_of_hosts(),
            *_touches(at.log),
            _evidence(at.log),
            *of_alerts,
        ]
        return _with_ages(found)


def queue(now: int) -> Queue:
    with dialect().glance():
        on = Alert.objects.filter(off_ms=None)
        failing = on.filter(failing_since_ms__isnull=False).order_by("failing_since_ms")
        failed = Alert.objects.filter(off_ms__isnull=False, failing_since_ms__isnull=False).order_by("-off_ms")
        stuck = on.filter(stuck_since_ms__isnull=False, owner__is_active=True).order_by("stuck_since_ms")
        by_server = failed.exclude(off_why__startswith=BY_PERSON)
        newest = Delivery.objects.order_by("-made_ms", "-id").values_list("state", flat=True)
        # Of alerts that are neither snoozed nor rest between two messages.
        opens = Greatest(Coalesce("alert__snoozed_until_ms", 0), "alert__next_message_ms")
        unsent = Delivery.objects.filter(next_ms__isnull=False, folds=None, alert__off_ms=None).annotate(opens=opens)
        due = unsent.filter(next_ms__lte=now, opens__lte=now)[: deliveries.MOST_COUNTED]
        held = AlertProgress.objects.values_list("holder", "held_until_ms").first() or ("", 0)
        return Queue(
            waiting=deliveries.waiting(),
            due_ms=due.aggregate(first=Min(Greatest("next_ms", "opens")))["first"],
            dead=list(newest[:NEWEST_DELIVERIES]).count("dead"),
            alerts=on.count(),
            failing=_names(failing),
            failed=_names(by_server),
            stuck=_names(stuck),
            by_mail=on.filter(channel="email").exists(),
            holder=held[0],
            held_until_ms=held[1],
        )


def _names(rows: Any) -> list[str]:
    return list(rows.values_list("name", flat=True)[:MOST_NAMES])


def _patterns(last: int) -> Derivation:
    with dialect().glance() as cursor:
        state = rules.read(cursor)
        cursor.execute(_PENDING, [patterns.RULES_VERSION])
        (pending,) = cursor.fetchone()
    found = Derivation("deny patterns", "entries", last, last, 0, rules=patterns.RULES_VERSION)
    if state is not None and state.served != patterns.RULES_VERSION:
        done = state.done if state.building == patterns.RULES_VERSION else 0
        return replace(found, up_to=done, behind=last - done, is_rebuilding=True)
    if pending is not None and pending <= last:
        return replace(found, up_to=pending - 1, behind=last - pending + 1)
    return found


def _themes() -> Derivation:
    found = theme_derivation.progress()
    behind = found.last - found.up_to
    # A long log is derived for minutes, at the first time or again: nothing to worry about.
    is_rebuilding = found.is_rebuilding or behind > MOST_WAITING
    return Derivation(
        "themes",
        "entries",
        found.up_to,
        found.last,
        behind,
        rules=themes.RULES_VERSION,
        is_rebuilding=is_rebuilding,
    )


def _names_of_sources() -> list[Derivation]:
    with dialect().glance() as cursor:
        last, done = source_names.last_change(cursor), source_names.progress(cursor).changes
    return [Derivation("names of sources", "changes", done, last, last - done)] if last else []


def _of_hosts() -> list[Derivation]:
    found = host_derivation.progress()
    if found is None:
        return []
    done, last = found.done, found.last
    sources, waiting = HostSource.objects.count(), len(found.sources)
    return [
        Derivation("joins of entries to patches", "entries", done.entries, last.entries, last.entries - done.entries),
        Derivation("joins of patches to entries", "patches", done.patches, last.patches, last.patches - done.patches),
        Derivation("unfinished runs", "sources", sources - waiting, sources, waiting),
    ]


def _touches(last: int) -> list[Derivation]:
    found = touch_derivation.progress()
    if not found.is_begun:
        return []
    up_to = last if found.next_own is None else found.next_own - 1
    documents = found.documents or 0
    return [
        Derivation("touched places", "entries", up_to, last, last - up_to),
        Derivation(
            "names of touched places", "documents", documents, found.last_document, found.last_document - documents
        ),
    ]


def _evidence(last: int) -> Derivation:
    size = evidence.signed_up_to()
    return Derivation(EVIDENCE, "entries", size, max(size, last), max(0, last - size))


def _with_ages(found: Sequence[Derivation]) -> list[Derivation]:
    waits = [each.up_to + 1 for each in found if each.of == "entries" and each.behind]
    stored = dict(_recorded(waits)) if waits else {}
    return [
        replace(each, since_ms=stored.get(each.up_to + 1)) if each.of == "entries" and each.behind else each
        for each in found
    ]


def _recorded(at: Iterable[int]) -> Iterable[tuple[int, int]]:
    return Entry.objects.filter(position__in=list(at)).values_list("position", "recorded_ms")
