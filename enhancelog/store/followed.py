"""What following a host keeps beside the entries: Blueprint head documents, and what was reported already.

Both are kept once: a second document under the same hash, and a second report of the same thing, change nothing.
Faults of the database are ``Other``.
"""

from collections.abc import Iterable
from typing import Any, Final, Literal, NamedTuple

from enhancelog.backends import faults
from enhancelog.domain.origin import Origin
from enhancelog.domain.times import now_ms
from enhancelog.models import BlueprintDocument, Entry, FollowFinding

Kind = Literal["conflict", "quarantined", "vanished"]

_BATCH: Final = 500


class Remark(NamedTuple):
    """Something odd; ``digest`` tells two remarks about one subject apart (hex; empty for what vanished)."""

    kind: Kind
    subject: str
    digest: str = ""


def keep_document(blueprint_id: str, version: str, document: str, source: str) -> bool:
    """Keep a Blueprint's document (JSON text) under its hash; whether it was new."""
    with faults():
        if BlueprintDocument.objects.filter(blueprint_id=blueprint_id, hash=version).exists():
            return False
        row = BlueprintDocument(
            blueprint_id=blueprint_id, hash=version, document=document, recorded_ms=now_ms(), source=source
        )
        BlueprintDocument.objects.bulk_create([row], ignore_conflicts=True)
    return True


def document(blueprint_id: str, version: str) -> str | None:
    """The JSON text kept under this hash, ``None`` if there is none."""
    with faults():
        rows = BlueprintDocument.objects.filter(blueprint_id=blueprint_id, hash=version)
        return rows.values_list("document", flat=True).first()


def remarks(source: str) -> set[Remark]:
    """Everything reported about this source so far."""
    with faults():
        rows: Any = FollowFinding.objects.filter(source=source).values_list("kind", "subject", "digest")
        return {Remark(*row) for row in rows.iterator()}


def remember(source: str, made: Iterable[Remark]) -> None:
    """Note that these were reported."""
    now = now_ms()
    rows = [FollowFinding(source=source, **remark._asdict(), reported_ms=now) for remark in made]
    if rows:
        with faults():
            FollowFinding.objects.bulk_create(rows, batch_size=_BATCH, ignore_conflicts=True)


def forget_vanished(source: str, issue_ids: Iterable[str]) -> None:
    """These are listed again; should they vanish anew, that is worth a report."""
    subjects = list(issue_ids)
    with faults():
        for start in range(0, len(subjects), _BATCH):
            chunk = subjects[start : start + _BATCH]
            FollowFinding.objects.filter(source=source, kind="vanished", subject__in=chunk).delete()


def added_ids(origin: Origin) -> set[str]:
    """The ids of the entries that this very origin appended."""
    kind, name, source = origin
    rows = Entry.objects.filter(source=source, actor_kind=kind, actor_name=name)
    with faults():
        return set(rows.values_list("issue_id", flat=True).iterator())
