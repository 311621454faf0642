"""Requests about the log as a whole, and their answers."""

from collections.abc import Iterable
from typing import Final
from urllib.parse import quote, urlencode

import msgspec

from enhancelog.client.endpoint import Endpoint
from enhancelog.client.exchange import Answer, Call, Request, json_of, problem_of
from enhancelog.domain import records
from enhancelog.domain.axis_figures import AxisDetail, AxisFigures, WhatIfResult
from enhancelog.domain.comparisons import AGAINST
from enhancelog.domain.difference_figures import DifferenceResult
from enhancelog.domain.errors import NO_SUCH_AXIS, NO_SUCH_MARKER, NO_SUCH_PATTERN, NotFound, Other
from enhancelog.domain.funnel_figures import FunnelResult
from enhancelog.domain.marker_figures import KnownMarker
from enhancelog.domain.markers import Marker
from enhancelog.domain.pattern_states import PatternStateChange
from enhancelog.domain.steadiness_figures import SteadinessResult
from enhancelog.domain.theme_figures import AxisThemes
from enhancelog.domain.why import TriedBefore

LONGEST_INTENT_BYTES: Final = 4000  # longer intents of ``why`` are cut, because proxies limit URLs

_WHY: Final = "/v1/enhance/why"
_AXES: Final = "/v1/enhance/axes"
_MARKERS: Final = "/v1/enhance/markers"

Params = tuple[tuple[str, str], ...]
Pairs = Iterable[tuple[str, str]]


class AnalysisCalls:
    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint

    def why(self, blueprint_id: str, intent: str) -> Call[bytes]:
        answer = yield Request("GET", _WHY, params=_about(blueprint_id, intent))
        return self._endpoint.expect(answer, 200).body

    def why_text(self, blueprint_id: str, intent: str, max_chars: int | None) -> Call[str]:
        return (yield from self._text(_about(blueprint_id, intent), max_chars))

    def tried_before(self, prev_hash: str, blueprint_id: str | None, limit: int | None) -> Call[TriedBefore]:
        answer = yield Request("GET", _WHY, params=_from(prev_hash, blueprint_id, limit))
        return json_of(self._endpoint.expect(answer, 200), _tried_before, self._endpoint.url)

    def tried_before_text(
        self, prev_hash: str, blueprint_id: str | None, limit: int | None, max_chars: int | None
    ) -> Call[str]:
        return (yield from self._text(_from(prev_hash, blueprint_id, limit), max_chars))

    def axes(self, filters: Pairs) -> Call[list[AxisFigures]]:
        answer = yield Request("GET", _AXES, params=tuple(filters))
        return json_of(self._endpoint.expect(answer, 200), _axes, self._endpoint.url)

    def axis(self, axis: str, filters: Pairs) -> Call[AxisDetail]:
        answer = yield from self._named(_AXES, axis, NO_SUCH_AXIS, tuple(filters))
        return json_of(answer, _axis, self._endpoint.url)

    def themes(self, axis: str, filters: Pairs) -> Call[AxisThemes]:
        answer = yield from self._named("/v1/enhance/themes", axis, NO_SUCH_AXIS, tuple(filters))
        return json_of(answer, _themes, self._endpoint.url)

    def what_if(self, without: Iterable[str], filters: Pairs) -> Call[WhatIfResult]:
        params = (*(("without", axis) for axis in without), *filters)
        answer = yield Request("GET", "/v1/enhance/what-if", params=params)
        return json_of(self._endpoint.expect(answer, 200), _what_if, self._endpoint.url)

    def funnel(self, filters: Pairs) -> Call[FunnelResult]:
        answer = yield Request("GET", "/v1/enhance/funnel", params=tuple(filters))
        return json_of(self._endpoint.expect(answer, 200), _funnel, self._endpoint.url)

    def steadiness(self, filters: Pairs) -> Call[SteadinessResult]:
        answer = yield Request("GET", "/v1/enhance/steadiness", params=tuple(filters))
        return json_of(self._endpoint.expect(answer, 200), _steadiness, self._endpoint.url)

    def differences(self, filters: Pairs, against: Pairs | None) -> Call[DifferenceResult]:
        other = () if against is None else ((AGAINST, urlencode(tuple(against))),)
        answer = yield Request("GET", "/v1/enhance/differences", params=(*filters, *other))
        return json_of(self._endpoint.expect(answer, 200), _differences, self._endpoint.url)

    def markers(self, filters: Pairs) -> Call[list[Marker]]:
        answer = yield Request("GET", _MARKERS, params=tuple(filters))
        return json_of(self._endpoint.expect(answer, 200), _markers, self._endpoint.url)

    def marker(self, marker_id: str) -> Call[KnownMarker]:
        answer = yield from self._named(_MARKERS, marker_id, NO_SUCH_MARKER)
        return json_of(answer, _marker, self._endpoint.url)

    def pattern_changes(self, pattern_id: str) -> Call[list[PatternStateChange]]:
        answer = yield from self._named("/v1/enhance/patterns/history", pattern_id, NO_SUCH_PATTERN)
        return json_of(answer, _pattern_changes, self._endpoint.url)

    def _named(self, path: str, name: str, missing: str, params: Params = ()) -> Call[Answer]:
        if not records.is_id(name):
            raise NotFound(name)
        answer = yield Request("GET", f"{path}/{quote(name, safe='')}", params=params)
        if answer.status == 404 and problem_of(answer).detail.startswith(missing):
            raise NotFound(name)
        return self._endpoint.expect(answer, 200)

    def _text(self, params: Params, max_chars: int | None) -> Call[str]:
        within = (("max_chars", str(max_chars)),) if max_chars is not None else ()
        answer = yield Request("GET", _WHY, params=(*params, ("format", "text"), *within))
        sent = self._endpoint.expect(answer, 200)
        if not sent.headers.get("Content-Type", "").startswith("text/plain"):
            raise Other(f"{self._endpoint.url} sent no text: it is an older release, or no Enhancelog server")
        return sent.body.decode(errors="replace")


def _about(blueprint_id: str, intent: str) -> Params:
    asked = intent.encode("utf-8", "replace")[:LONGEST_INTENT_BYTES].decode("utf-8", "ignore")
    return (("blueprint_id", blueprint_id), *((("intent", asked),) if asked else ()))


def _from(prev_hash: str, blueprint_id: str | None, limit: int | None) -> Params:
    given = {"prev_hash": prev_hash, "blueprint_id": blueprint_id, "limit": None if limit is None else str(limit)}
    return tuple((name, value) for name, value in given.items() if value is not None)


_tried_before = msgspec.json.Decoder(TriedBefore)
_axes = msgspec.json.Decoder(list[AxisFigures])
_axis = msgspec.json.Decoder(AxisDetail)
_themes = msgspec.json.Decoder(AxisThemes)
_what_if = msgspec.json.Decoder(WhatIfResult)
_funnel = msgspec.json.Decoder(FunnelResult)
_steadiness = msgspec.json.Decoder(SteadinessResult)
_differences = msgspec.json.Decoder(DifferenceResult)
_markers = msgspec.json.Decoder(list[Marker])
_marker = msgspec.json.Decoder(KnownMarker)
_pattern_changes = msgspec.json.Decoder(list[PatternStateChange])
