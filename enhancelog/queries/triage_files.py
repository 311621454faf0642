"""Triage as it is exported: in chunks, each read by its own statements, in an order that does not depend on row ids."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

import msgspec
from django.db.models import Q

from enhancelog.backends import faults
from enhancelog.domain import records
from enhancelog.domain.triage_files import (
    TriageAlert,
    TriageNote,
    TriageNoteVersion,
    TriageReview,
    TriageState,
    TriageView,
    TriageViewName,
)
from enhancelog.models import (
    Alert,
    ChangedTemplate,
    Entry,
    Note,
    NoteVersion,
    Review,
    SavedView,
    StateChange,
    TemplateState,
)

CHUNK: Final = 200  # rows

_OF_STATE: Final = (
    *("axis", "state", "cause", "assignee", "note", "most_a_day"),
    *("actor_kind", "actor_name", "made_ms", "seen"),
)


def states() -> Iterator[list[TriageState]]:
    """In the order in which they were made."""
    numbers: dict[int, int] = {}
    last = 0
    while rows := _read(StateChange.objects.filter(pk__gt=last).order_by("pk")):
        last = rows[-1].pk
        for row in rows:
            numbers[row.pk] = len(numbers) + 1
        keys = [row.pk for row in rows]
        made_for = _grouped(ChangedTemplate.objects.filter(change__in=keys).values_list("change_id", "template"))
        holds_for = _grouped(TemplateState.objects.filter(change__in=keys).values_list("change_id", "pk"))
        yield [
            TriageState(
                **{name: getattr(row, name) for name in _OF_STATE},
                undoes=numbers.get(row.undoes_id),
                restores=numbers.get(row.restores_id),
                templates=made_for[row.pk],
                holds_for=holds_for[row.pk],
            )
            for row in rows
        ]


def notes() -> Iterator[list[TriageNote]]:
    last = ""
    while rows := _read(Note.objects.filter(pk__gt=last).select_related("user").order_by("pk")):
        last = rows[-1].pk
        yield as_written(rows)


def as_written(rows: Sequence[Note]) -> list[TriageNote]:
    # The versions of a note that was withdrawn cannot be read any more.
    found: defaultdict[str, list[TriageNoteVersion]] = defaultdict(list)
    there = [row.pk for row in rows if row.withdrawn_ms is None]
    for version in NoteVersion.objects.filter(note__in=there).order_by("note_id", "version"):
        found[version.note_id].append(
            TriageNoteVersion(
                version=version.version,
                text=version.text,
                mentions=list(records.decode_texts(version.mentions)),
                made_ms=version.made_ms,
            )
        )
    return [_note(row, found[row.pk]) for row in rows]


def reviews() -> Iterator[list[TriageReview]]:
    after: tuple[Any, ...] = (-1, "", "")
    while rows := _read(Review.objects.filter(_beyond(*after)).order_by("position", "axis", "reviewer")):
        after = rows[-1].position, rows[-1].axis, rows[-1].reviewer
        positions = {row.position for row in rows}
        ids = dict(Entry.objects.filter(pk__in=positions).values_list("pk", "issue_id"))
        yield [
            TriageReview(
                issue_id=ids[row.position],
                axis=row.axis,
                reviewer=row.reviewer,
                verdict=row.verdict,
                reason=row.reason,
                seed=row.seed,
                made_ms=row.made_ms,
            )
            for row in rows
            if row.position in ids
        ]


def views() -> Iterator[list[TriageView]]:
    rows = SavedView.objects.select_related("user").order_by("user__username", "name")
    skipped = 0
    while found := _read(rows[skipped : skipped + CHUNK]):
        skipped += len(found)
        yield [
            TriageView(owner=row.user.get_username(), name=row.name, url=row.url, shared=row.shared) for row in found
        ]


def alerts() -> Iterator[list[TriageAlert]]:
    last = ""
    while rows := _read(Alert.objects.filter(pk__gt=last).select_related("owner", "view__user").order_by("pk")):
        last = rows[-1].pk
        yield [alert(row) for row in rows]


def alert(row: Alert) -> TriageAlert:
    view = row.view
    return TriageAlert(
        id=row.pk,
        owner=row.owner.get_username(),
        name=row.name,
        event=row.event,
        has_view=row.has_view,
        view=TriageViewName(owner=view.user.get_username(), name=view.name) if view else None,
        options=msgspec.json.decode(row.options),
        channel=row.channel,  # type: ignore[arg-type]  # a constraint of the table
        address="" if row.channel == "slack" else row.address,
        made_ms=row.made_ms,
    )


def _note(row: Note, versions: list[TriageNoteVersion]) -> TriageNote:
    return TriageNote(
        id=row.pk,
        about=row.about,
        about_id=row.about_id,
        actor_kind=row.actor_kind,
        actor_name=row.actor_name,
        user=row.user.get_username() if row.user else None,
        made_ms=row.made_ms,
        edited_ms=row.edited_ms,
        withdrawn_ms=row.withdrawn_ms,
        withdrawn_by=row.withdrawn_by,
        version=row.version,
        versions=versions,
    )


def _beyond(position: int, axis: str, reviewer: str) -> Q:
    same = Q(position=position)
    return Q(position__gt=position) | (same & Q(axis__gt=axis)) | (same & Q(axis=axis, reviewer__gt=reviewer))


def _read(rows: Any) -> list[Any]:
    with faults():
        return list(rows[:CHUNK])


def _grouped(pairs: Iterable[tuple[int, str]]) -> defaultdict[int, list[str]]:
    found: defaultdict[int, list[str]] = defaultdict(list)
    with faults():
        for change, template in sorted(pairs):
            found[change].append(template)
    return found
