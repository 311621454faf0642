"""What pages show of the reviews of a denial, and the form that sets one."""

from collections.abc import Collection, Sequence
from typing import Final, NamedTuple

from django import forms
from django.http import HttpRequest

from enhancelog import links
from enhancelog.domain import reviews
from enhancelog.domain.intervals import wilson
from enhancelog.domain.reviews import NewReview, Review, Seed, Tally
from enhancelog.queries import reviews as log
from enhancelog.queries.entries import Listed
from enhancelog.queries.reviews import Figures

LABELS: Final = {"right": "Right", "wrong": "Wrong", "unclear": "Unclear"}


class ReviewForm(forms.Form):
    verdict = forms.ChoiceField(choices=list(LABELS.items()))
    reason = forms.CharField(required=False, max_length=reviews.MAX_REASON)

    def clean_reason(self) -> str:
        return str(self.cleaned_data["reason"]).replace("\r\n", "\n")

    @property
    def new(self) -> NewReview:
        # Requires a valid form.
        return NewReview(**self.cleaned_data)


class Reviewed(NamedTuple):
    # ``action``: where the form goes. ``own``: the reader's.

    action: str
    found: Sequence[Review]
    own: Review | None
    tally: Tally


class SampleRow(NamedTuple):
    # ``rows``: each number with its list. ``interval``: of the rate of wrong ones; empty if none is reviewed.

    sample: str
    tally: Tally
    rows: dict[str, tuple[int, str]]
    interval: str


def reviewed(request: HttpRequest, issue_id: str, axis: str, found: Sequence[Review], seed: Seed | None) -> Reviewed:
    name = request.user.get_username()
    own = next((review for review in found if name and review.reviewer == name), None)
    return Reviewed(links.review(issue_id, asked(axis, seed)), found, own, log.tally(found))


def of_entry(request: HttpRequest, listed: Listed, axes: Collection[str]) -> dict[str, Reviewed]:
    # By axis that denied it.
    found = log.of_entry(listed) if axes else {}
    return {axis: reviewed(request, listed.issue_id, axis, found.get(axis, []), None) for axis in axes}


def asked(axis: str, seed: Seed | None = None) -> list[tuple[str, str]]:
    # Parameters.
    return [("axis", axis), *([] if seed is None else [("seed", str(int(seed)))])]


def rates(axis: str, figures: Figures) -> list[SampleRow]:
    return [
        SampleRow(sample, tally, _rows(axis, sample, tally), _interval(tally))
        for sample, tally in figures._asdict().items()
    ]


def _interval(tally: Tally) -> str:
    low, high = wilson(tally.wrong, tally.reviewed)
    return f"{round(100 * low)} to {round(100 * high)} %" if tally.reviewed else ""


def _rows(axis: str, sample: str, tally: Tally) -> dict[str, tuple[int, str]]:
    scope = [("axis", axis), ("sample", sample)]
    rows = {found: (number, links.reviews([*scope, ("review", found)])) for found, number in tally._asdict().items()}
    return {**rows, "reviewed": (tally.reviewed, links.reviews(scope))}
