"""State of following a host: Blueprint head documents and reported findings, each kept once."""

from collections.abc import Iterable
from typing import Any, Final, Literal, NamedTuple

from enhancelog.backends import faults
from enhancelog.domain.observed import Document
from enhancelog.domain.origin import Origin
from enhancelog.domain.times import now_ms
from enhancelog.models import Entry, FollowFinding
from enhancelog.store import documents, observed
from enhancelog.store.documents import Seen
from enhancelog.store.observed import Found

Kind = Literal["conflict", "dropped", "quarantined", "vanished"]

_BATCH: Final = 500


class Remark(NamedTuple):
    """A finding; ``digest`` (hex) tells findings about one subject apart."""

    kind: Kind
    subject: str
    digest: str = ""


def keep_document(blueprint_id: str, version: str, document: str, source: str) -> bool:
    """The JSON of a head, which proves nothing about its hash."""
    if documents.is_stored(version, "json"):
        return False
    seen = Seen(blueprint_id, Document(hash=version, form="json", text=document))
    return observed.keep(source, Found(documents=[seen])).documents > 0


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
