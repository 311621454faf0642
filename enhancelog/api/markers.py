"""Markers: when something changed, and what was different after."""

from functools import partial
from typing import Any

import msgspec
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse
from rest_framework.request import Request

from enhancelog import links
from enhancelog.accounts import permissions
from enhancelog.accounts.permissions import Allows, allows, token_of
from enhancelog.api.base import ApiView
from enhancelog.api.bodies import read_body, require_type
from enhancelog.api.errors import problem_response
from enhancelog.api.figures import answer
from enhancelog.api.negotiation import MEDIA_TYPES
from enhancelog.domain.errors import NO_SUCH_MARKER
from enhancelog.domain.intervals import bounds, rate
from enhancelog.domain.marker_figures import ComparedRate, ComparedSpan, KnownMarker, MarkerComparison
from enhancelog.domain.markers import MAX_BYTES, decode_edit, decode_new
from enhancelog.domain.times import now_ms
from enhancelog.queries.charts import Window
from enhancelog.queries.markers import comparison, listing, selecting
from enhancelog.queries.markers.comparison import Change, Comparison, Patterns
from enhancelog.store import markers as store


class MarkerList(ApiView):
    """A bare array, the newest first."""

    def get_permissions(self) -> list[Any]:
        return [Allows("log:append" if self.request.method == "POST" else "log:read")()]

    def get(self, request: Request) -> HttpResponse:
        wanted = selecting.parse(dict(request._request.GET.lists()), now_ms())
        found = [marker for marker in listing.markers().found if wanted.has(marker)]
        return answer(request, found)

    def post(self, request: Request) -> HttpResponse:
        require_type(request._request, MEDIA_TYPES["json"])
        new = decode_new(read_body(request._request, MAX_BYTES), now_ms())
        permissions.may_mark(request, new.blueprint_id)
        marker_id = store.make(new, permissions.origin(request, "api"))
        return _written(marker_id, 201)


class MarkerByItsId(ApiView):
    def get_permissions(self) -> list[Any]:
        return [Allows("log:append" if self.request.method == "PATCH" else "log:read")()]

    def get(self, request: Request, marker_id: str) -> HttpResponse:
        found = listing.known(marker_id)
        if found is None:
            return _no_such_marker(marker_id)
        marker, all_markers = found
        compared = comparison.around(marker, all_markers, now_ms())
        body = KnownMarker(**msgspec.structs.asdict(marker), comparison=None if compared is None else _shown(compared))
        return answer(request, body)

    def patch(self, request: Request, marker_id: str) -> HttpResponse:
        require_type(request._request, MEDIA_TYPES["json"])
        change = decode_edit(read_body(request._request, MAX_BYTES), now_ms())
        if isinstance(change.hidden, bool) and not allows(request.user, "markers:hide", token_of(request)):
            raise PermissionDenied("Only staff may hide and show markers.")
        if listing.known(marker_id) is None:
            return _no_such_marker(marker_id)
        origin = permissions.origin(request, "api")
        store.edit(marker_id, change, origin, partial(permissions.may_mark, request))
        return _written(marker_id, 200)


def _shown(found: Comparison) -> MarkerComparison:
    return MarkerComparison(
        before=_span(found.windows.before, found.before.runs),
        after=_span(found.windows.after, found.after.runs),
        rejected=_rate(found.rejected),
        first_attempts_applied=_rate(found.first_applied),
        unfinished=_rate(found.unfinished),
        axes={each.axis: _rate(each.change) for each in found.axes},
        mix_changed=found.mix_changed,
        blueprints={each.blueprint_id: _rate(each.change) for each in found.blueprints},
        gone=_by_id(found.gone),
        new=_by_id(found.new),
    )


def _span(window: Window, runs: int) -> ComparedSpan:
    return ComparedSpan(window.since_ms or 0, window.until_ms or 0, runs)


def _rate(change: Change) -> ComparedRate:
    before, after = rate(change.n_before, change.of_before), rate(change.n, change.of)
    return ComparedRate(before, after, bounds(change.interval), change.effect)


def _by_id(patterns: Patterns) -> dict[str, int]:
    return {each.leader.key: each.rejected for each in patterns.found}


def _written(marker_id: str, status: int) -> HttpResponse:
    found = listing.known(marker_id)
    assert found is not None  # noqa: S101  markers are never deleted
    headers = {"Location": links.api_marker(marker_id)} if status == 201 else {}
    body = msgspec.json.encode(found[0])
    return HttpResponse(body, status=status, content_type=MEDIA_TYPES["json"], headers=headers)


def _no_such_marker(marker_id: str) -> HttpResponse:
    return problem_response(404, f"{NO_SUCH_MARKER} {marker_id[:80]}.")
