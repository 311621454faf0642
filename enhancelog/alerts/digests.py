"""What a digest says of a view: what is new, what moved, what markers did, what waits."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from enhancelog import links
from enhancelog.alerts.messages import Rule, about, short
from enhancelog.alerts.watched import rejections, without_times
from enhancelog.domain.alert_events import MOST_LISTED, Digest, DigestMarker, DigestPattern
from enhancelog.domain.filters import EntryFilter
from enhancelog.domain.times import now_ms
from enhancelog.queries.counts import count
from enhancelog.queries.horizon import horizon
from enhancelog.queries.markers import comparison
from enhancelog.queries.markers.listing import markers
from enhancelog.queries.patterns.listing import Pattern, listing
from enhancelog.queries.patterns.served import new_among
from enhancelog.queries.triage import inbox

MOST_MARKERS: Final = 5  # each is compared, which takes many statements


def made(rule: Rule, since_ms: int, until_ms: int) -> Digest:
    wanted, runs = without_times(rule.watched.wanted), rule.watched.runs
    now, before = (_Span(wanted, runs, *bounds) for bounds in _both(since_ms, until_ms))
    was = {each.id: each for each in before.patterns}
    new_ids = new_among([each.id for each in now.patterns], since_ms)
    new = [each for each in now.patterns if each.id in new_ids]
    view = rule.alert.view
    return Digest(
        alert=about(rule.alert),
        url=links.absolute(links.at(view.url) if view else links.rejections(links.between(since_ms, until_ms))),
        since_ms=since_ms,
        until_ms=until_ms,
        view=view.name if view else None,
        runs=now.runs.number,
        rejected=now.rejected.number,
        runs_before=before.runs.number,
        rejected_before=before.rejected.number,
        is_whole=not any(each.capped for span in (now, before) for each in (span.runs, span.rejected)),
        new_patterns=[_shown(each, each.count, was) for each in new[:MOST_LISTED]],
        more_new=max(0, len(new) - MOST_LISTED),
        moved=_moved(now.patterns, was, new_ids),
        markers=_markers(since_ms, until_ms),
        waiting=inbox(now_ms()).left.number,
        triage_url=links.absolute(links.triage()),
    )


class _Span:
    # The numbers of a time. Rejections are those that the view shows, of all runs that it could show.

    def __init__(self, wanted: EntryFilter, runs: EntryFilter, since_ms: int, until_ms: int) -> None:
        rejected = replace(rejections(wanted), since_ms=since_ms, until_ms=until_ms)
        up_to = horizon(rejected)
        self.runs = count(replace(runs, since_ms=since_ms, until_ms=until_ms), up_to)
        self.rejected = count(rejected, up_to)
        self.patterns: Sequence[Pattern] = listing(rejected).patterns


def _both(since_ms: int, until_ms: int) -> list[tuple[int, int]]:
    return [(since_ms, until_ms), (2 * since_ms - until_ms, since_ms)]


def _moved(now: Sequence[Pattern], was: Mapping[str, Pattern], new_ids: set[str]) -> list[DigestPattern]:
    counts = {each.id: each.count for each in now}
    known = [each for key, each in {**was, **{each.id: each for each in now}}.items() if key not in new_ids]
    shown = [_shown(each, counts.get(each.id, 0), was) for each in known]
    moved = [each for each in shown if each.denied != each.before]
    return sorted(moved, key=lambda each: (-abs(each.denied - each.before), each.pattern))[:MOST_LISTED]


def _shown(found: Pattern, denied: int, was: Mapping[str, Pattern]) -> DigestPattern:
    return DigestPattern(
        pattern=found.id,
        axis=found.axis,
        template=short(found.template),
        denied=denied,
        before=was[found.id].count if found.id in was else 0,
        url=links.absolute(links.pattern(found.id)),
    )


def _markers(since_ms: int, until_ms: int) -> list[DigestMarker]:
    every = markers()
    found = [marker for marker in every.shown if since_ms <= marker.ts_ms < until_ms]
    shown = []
    for marker in found[:MOST_MARKERS]:
        compared = comparison.around(marker, every, now_ms())
        effect = "too_few" if compared is None else compared.rejected.effect
        shown.append(
            DigestMarker(
                title=short(marker.title),
                ts_ms=marker.ts_ms,
                effect=effect,
                url=links.absolute(links.marker(marker.id)),
            )
        )
    return shown
