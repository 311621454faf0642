"""State of following a host: Blueprint head documents and reported findings, each kept once."""

from collections.abc import Iterable
from typing import Any, Final, Literal, NamedTuple

from enhancelog.backends import faults
from enhancelog.domain.origin import Origin
from enhancelog.domain.times import now_ms
from enhancelog.models import BlueprintDocument, Entry, FollowFinding

Kind = Literal["conflict", "dropped", "quarantined", "vanished"]

_BATCH: Final = 500


class Remark(NamedTuple):
    """A finding; ``digest`` (hex) tells findings about one subject apart."""

    kind: Kind
    subject: str
    digest: str = ""


def keep_document(blueprint_id: str, version: str, document: str, source: str) -> bool:
    with faults():
        if BlueprintDocument.objects.filter(blueprint_id=blueprint_id, hash=version).exists():
            return False
        row = BlueprintDocument(
            blueprint_id=blueprint_id, hash=version, document=document, recorded_ms=now_ms(), source=source
        )
        BlueprintDocument.objects.bulk_create([row], ignore_conflicts=True)
    return True


def document(blueprint_id: str, version: str) -> str | None:
    with faults():
        rows = BlueprintDocument.objects.filter(blueprint_id=blueprint_id, hash=version)
        return rows.values_list("document", flat=True).first()


def remarks(source: str) -> set[Remark]:
    with faults():
        rows: Any = FollowFinding.objects.filter(source=source).values_list("kind", "subject", "digest")
        return {Remark(*row) for row in rows.iterator()}


def remember(source: str, made: Iterable[Remark]) -> None:
    now = now_ms()
    rows = [FollowFinding(source=source, **remark._asdict(), reported_ms=now) for remark in made]
    if rows:
        with faults():
            FollowFinding.objects.bulk_create(rows, batch_size=_BATCH, ignore_conflicts=True)


def forget_vanished(source: str, issue_ids: Iterable[str]) -> None:
    """These entries are listed again, so another disappearance must be reported."""
    subjects = list(issue_ids)
    with faults():
        for start in range(0, len(subjects), _BATCH):
            chunk = subjects[start : start + _BATCH]
            FollowFinding.objects.filter(source=source, kind="vanished", subject__in=chunk).delete()


def added_ids(origin: Origin) -> set[str]:
    kind, name, source = origin
    rows = Entry.objects.filter(source=source, actor_kind=kind, actor_name=name)
    with faults():
        return set(rows.values_list("issue_id", flat=True).iterator())
