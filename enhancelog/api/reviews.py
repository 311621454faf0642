from typing import Any, Final

import msgspec
from django.http import HttpResponse
from rest_framework.request import Request

from enhancelog.accounts import permissions
from enhancelog.accounts.permissions import Allows
from enhancelog.api.base import ApiView
from enhancelog.api.bodies import read_body, require_type
from enhancelog.api.errors import problem_response
from enhancelog.api.figures import answer
from enhancelog.api.negotiation import MEDIA_TYPES
from enhancelog.domain import filters
from enhancelog.domain.errors import NO_SUCH_RUN, Invalid, NotFound
from enhancelog.domain.intervals import rate
from enhancelog.domain.reviews import (
    MAX_BYTES,
    MAX_SEED,
    ReviewFigures,
    ReviewQueue,
    ReviewRates,
    Seed,
    Tally,
    decode,
    random_seed,
    reviewer,
    seed,
)
from enhancelog.queries import entries
from enhancelog.queries import reviews as log
from enhancelog.queries.reviews import Figures
from enhancelog.store import reviews as store
from enhancelog.store.database import last_position

_PARAMETERS: Final = ("axis", "seed")


class ReviewsOfEntry(ApiView):
    """GET: a bare array, oldest first. PUT sets the caller's review and is safe to repeat."""

    def get_permissions(self) -> list[Any]:
        return [Allows("triage:write" if self.request.method == "PUT" else "log:read")()]

    def get(self, request: Request, issue_id: str) -> HttpResponse:
        axis, _ = _asked(request)
        try:
            found = log.of_entry(entries.get(issue_id))
        except NotFound:
            return _no_such_run(issue_id)
        return answer(request, [review for name, each in found.items() if axis in (None, name) for review in each])

    def put(self, request: Request, issue_id: str) -> HttpResponse:
        require_type(request._request, MEDIA_TYPES["json"])
        axis, drawn_by = _asked(request)
        new = decode(read_body(request._request, MAX_BYTES))
        try:
            denied = log.denied(issue_id, _needed(axis))
        except NotFound:
            return _no_such_run(issue_id)
        permissions.may_write(request, blueprint_id=denied.blueprint_id)
        if drawn_by is not None:
            log.drawn(denied, drawn_by)
        origin = permissions.origin(request, "api")
        is_first = store.review(denied, new, None if drawn_by is None else int(drawn_by), origin)
        body = msgspec.json.encode(log.own(denied, reviewer(origin)))
        return HttpResponse(body, status=201 if is_first else 200, content_type=MEDIA_TYPES["json"])


class QueueOfReviews(ApiView):
    permission_classes = (Allows("log:read"),)

    def get(self, request: Request) -> HttpResponse:
        axis, asked = _asked(request)
        drawn = log.draw(_needed(axis), asked or random_seed(last_position()))
        denials = log.queue(drawn, reviewer(permissions.origin(request, "api")))
        return answer(request, ReviewQueue(axis=drawn.axis, seed=int(drawn.seed), of=drawn.of, drawn=denials))


def shown(figures: Figures) -> ReviewFigures:
    return ReviewFigures(drawn=_rates(figures.drawn), chosen=_rates(figures.chosen))


def _rates(tally: Tally) -> ReviewRates:
    return ReviewRates(wrong=rate(tally.wrong, tally.reviewed), right=tally.right, unclear=tally.unclear)


def _asked(request: Request) -> tuple[str | None, Seed | None]:
    parameters = dict(request._request.GET.lists())
    filters.check_single(parameters, *_PARAMETERS)
    given = filters.whole(parameters, "seed", MAX_SEED)
    return request._request.GET.get("axis"), None if given is None else seed(given, last_position())


def _needed(axis: str | None) -> str:
    if axis is None:
        raise Invalid("axis", "missing", "is missing; name the axis that denied the runs")
    return axis


def _no_such_run(issue_id: str) -> HttpResponse:
    return problem_response(404, f"{NO_SUCH_RUN} {issue_id[:80]}.")
