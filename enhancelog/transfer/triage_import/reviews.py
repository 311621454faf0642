from collections.abc import Sequence
from typing import Final

from enhancelog.domain.triage_files import TriageReview
from enhancelog.models import Denial, Entry, Review
from enhancelog.transfer.triage_import.tally import Tally, chunks

_SAID: Final = ("verdict", "reason", "seed", "made_ms")


def bring_in(reviews: Sequence[TriageReview]) -> Tally:
    """The later of two reviews by the same person holds."""
    tally = Tally("reviews")
    for part in chunks(list(enumerate(reviews))):
        ids = {each.issue_id for _, each in part}
        positions = dict(Entry.objects.filter(issue_id__in=ids).values_list("issue_id", "pk"))
        denials = set(Denial.objects.filter(entry__in=positions.values()).values_list("entry_id", "axis"))
        rows = Review.objects.filter(position__in=positions.values())
        there = {(row.position, row.axis, row.reviewer): row for row in rows}
        for index, each in part:
            position = positions.get(each.issue_id)
            if position is None:
                tally.skip(index, f"the log has no entry {each.issue_id}")
            elif (position, each.axis) not in denials:
                tally.skip(index, f"the axis {each.axis} did not deny the entry {each.issue_id}")
            else:
                _write(index, each, position, there.get((position, each.axis, each.reviewer)), tally)
    return tally


def _write(index: int, new: TriageReview, position: int, before: Review | None, tally: Tally) -> None:
    said = {name: getattr(new, name) for name in _SAID}
    if before is None:
        Review.objects.create(position=position, axis=new.axis, reviewer=new.reviewer, **said)
        tally.made()
    elif all(getattr(before, name) == value for name, value in said.items()):
        tally.unchanged()
    elif before.made_ms < new.made_ms:
        Review.objects.filter(pk=before.pk).update(**said)
        tally.changed()
    else:
        tally.skip(index, f"{new.reviewer} reviewed it here, not earlier")
