from collections.abc import Mapping, Sequence
from typing import Final

from django.contrib.auth.models import User
from msgspec import structs

from enhancelog.domain import records
from enhancelog.domain.triage_files import TriageNote
from enhancelog.models import Entry, Note, NoteVersion
from enhancelog.queries.triage_files import as_written
from enhancelog.transfer.triage_import.tally import AT_ONCE, Tally, chunks

_WHOSE: Final = ("about", "about_id", "actor_kind", "actor_name", "made_ms")


def bring_in(notes: Sequence[TriageNote], users: Mapping[str, User]) -> Tally:
    """A note that is here gets the versions that follow; one that differs stays as it is."""
    tally = Tally("notes")
    for part in chunks(list(enumerate(notes))):
        ids = [each.about_id for _, each in part if each.about == "entry"]
        entries = set(Entry.objects.filter(issue_id__in=ids).values_list("issue_id", flat=True))
        there = _there([each.id for _, each in part])
        for index, each in part:
            before = there.get(each.id)
            if each.about == "entry" and each.about_id not in entries:
                tally.skip(index, f"the log has no entry {each.about_id}")
            elif before is None:
                _write(each, users)
                tally.made()
            elif before == _comparable(each):
                tally.unchanged()
            elif _continues(each, before):
                _write(each, users, before)
                tally.changed()
            else:
                tally.skip(index, f"the note {each.id} says something else here")
    return tally


def _there(ids: Sequence[str]) -> dict[str, TriageNote]:
    rows = list(Note.objects.filter(pk__in=ids).select_related("user"))
    return {each.id: _comparable(each) for each in as_written(rows)}


def _comparable(note: TriageNote) -> TriageNote:
    # Of a withdrawn one, versions are neither exported nor imported.
    return structs.replace(note, user=None, versions=[] if note.withdrawn_ms is not None else note.versions)


def _continues(new: TriageNote, before: TriageNote) -> bool:
    same = all(getattr(new, name) == getattr(before, name) for name in _WHOSE)
    follows = new.withdrawn_ms is not None or new.versions[: len(before.versions)] == before.versions
    return same and before.withdrawn_ms is None and follows


def _write(note: TriageNote, users: Mapping[str, User], before: TriageNote | None = None) -> None:
    shown = _comparable(note).versions
    newest = shown[-1] if shown else None
    row = Note(
        id=note.id,
        **{name: getattr(note, name) for name in _WHOSE},
        user=users.get(note.user or ""),
        version=note.version,
        text=newest.text if newest else "",
        withdrawn_ms=note.withdrawn_ms,
        mentions=records.encode_part(newest.mentions if newest else []),
        edited_ms=note.edited_ms,
        withdrawn_by=note.withdrawn_by,
    )
    row.save(force_insert=before is None, force_update=before is not None)
    versions = [
        NoteVersion(
            note=row,
            version=each.version,
            text=each.text,
            mentions=records.encode_part(each.mentions),
            made_ms=each.made_ms,
        )
        for each in shown[len(before.versions) if before else 0 :]
    ]
    NoteVersion.objects.bulk_create(versions, AT_ONCE)
