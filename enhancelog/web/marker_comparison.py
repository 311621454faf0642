"""The comparison of a marker's page: each number with the list of its rows."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from enhancelog import links
from enhancelog.domain.filter_box import Pair
from enhancelog.domain.markers import Marker
from enhancelog.domain.times import DAY_MS
from enhancelog.queries.charts import Bar, Window
from enhancelog.queries.markers.comparison import Change, Comparison, PatternChange, Patterns
from enhancelog.web import periods


class Side(NamedTuple):
    """``n`` of ``of``. Empty URLs: no list shows just these."""

    n: int
    url: str
    of: int
    of_url: str


class Row(NamedTuple):
    """``is_name``: somebody chose the label. ``url``: the label's page."""

    label: str
    before: Side
    after: Side
    change: Change
    is_name: bool = False
    url: str = ""


class PatternRow(NamedTuple):
    pattern: PatternChange
    url: str
    rejected_url: str


def compared(marker: Marker, found: Comparison) -> dict[str, Any]:
    scope = [] if marker.blueprint_id is None else [("blueprint_id", marker.blueprint_id)]
    before, after = found.windows.before, found.windows.after
    left_out = found.windows.left_out_day
    return {
        "spans": [periods.span_in_words(each.since_ms, each.until_ms) for each in (before, after)],
        "runs_urls": [links.runs([*scope, *_span(each)]) for each in (before, after)],
        "left_out": None if left_out is None else periods.full_label(Bar(left_out * DAY_MS, (left_out + 1) * DAY_MS)),
        "totals": _totals(found, scope),
        "axes": [_axis(each.axis, each.change, found, scope) for each in found.axes],
        "blueprints": [_blueprint(each.blueprint_id, each.change, found) for each in found.blueprints],
        "gone": _patterns(found.gone, before, scope),
        "new": _patterns(found.new, after, scope),
    }


def _totals(found: Comparison, scope: Sequence[Pair]) -> list[Row]:
    def rejected(window: Window, n: int, of: int) -> Side:
        pairs = [*scope, *_span(window)]
        return Side(n, links.rejections(pairs), of, links.runs(pairs))

    def unfinished(window: Window, n: int, of: int) -> Side:
        return Side(n, links.unfinished([*scope, *_span(window)]), of, "")

    def first(window: Window, n: int, of: int) -> Side:
        pairs = [("attempt", "first"), *scope, *_span(window)]
        return Side(n, links.runs([("status", "applied"), *pairs]), of, links.runs(pairs))

    return [
        _row("Rejected runs", found.rejected, found, rejected),
        _row("First attempts applied", found.first_applied, found, first),
        _row("Unfinished runs", found.unfinished, found, unfinished),
    ]


def _axis(axis: str, change: Change, found: Comparison, scope: Sequence[Pair]) -> Row:
    def side(window: Window, n: int, of: int) -> Side:
        pairs = [*scope, *_span(window)]
        judged = links.runs([("not_axis_absent", axis), *pairs])
        return Side(n, links.rejections([("axis", axis), *pairs]), of, judged)

    return _row(axis, change, found, side)._replace(is_name=True, url=links.axis(axis))


def _blueprint(blueprint_id: str, change: Change, found: Comparison) -> Row:
    def side(window: Window, n: int, of: int) -> Side:
        pairs = [("blueprint_id", blueprint_id), *_span(window)]
        return Side(n, links.rejections(pairs), of, links.runs(pairs))

    return _row(blueprint_id, change, found, side)._replace(is_name=True, url=links.blueprint(blueprint_id))


def _row(label: str, change: Change, found: Comparison, side: Callable[[Window, int, int], Side]) -> Row:
    before = side(found.windows.before, change.n_before, change.of_before)
    return Row(label, before, side(found.windows.after, change.n, change.of), change)


def _patterns(patterns: Patterns, window: Window, scope: Sequence[Pair]) -> list[PatternRow]:
    return [
        PatternRow(
            each,
            links.pattern(each.leader.key),
            links.rejections([*scope, ("pattern", each.leader.key), *_span(window)]),
        )
        for each in patterns.found
    ]


def _span(window: Window) -> list[Pair]:
    return links.between(window.since_ms, window.until_ms)
