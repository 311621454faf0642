"""What pages show of a pattern's denials, and of what followed them."""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import msgspec

from enhancelog import links
from enhancelog.domain.telling_lines import shown_line
from enhancelog.queries.counts import Count
from enhancelog.queries.patterns import detail
from enhancelog.queries.patterns.came_next import CameNext
from enhancelog.queries.patterns.detail import Denied, Known
from enhancelog.queries.threads import passed_instead
from enhancelog.web.linked import Linked

PASSED: Final = 5
LOOKED_AT: Final = 20  # denials whose threads are followed
BLUEPRINTS: Final = 12


class DenialRow(NamedTuple):
    """``intent`` and ``said`` are first lines."""

    denial: Denied
    said: str
    intent: str
    url: str


class Applied(NamedTuple):
    """``tries``: after a denial of the pattern."""

    intent: str
    rationale: str
    url: str
    tries: Count


class PlaceRow(NamedTuple):
    name: str
    denied: int
    url: str


def denial_row(denial: Denied, pattern: Known) -> DenialRow:
    url = links.entry(denial.issue_id, [("pattern", pattern.id)])
    return DenialRow(denial, shown_line(denial.detail), shown_line(denial.intent), url)


def applied_instead(newest: Sequence[Denied]) -> list[Applied]:
    found: dict[int, Applied] = {}
    ended = passed_instead(denial.position for denial in newest)
    for denial in newest:
        if denial.position in ended:
            listed, tries = ended[denial.position]
            entry = listed.entry
            # An applied run may follow several denials; it is shown once, after the newest.
            shown = shown_line(entry.intent), shown_line(entry.rationale)
            found.setdefault(listed.position, Applied(*shown, links.entry(entry.issue_id), tries))
    return list(found.values())[:PASSED]


def outcomes(pattern: Known, followed: CameNext) -> dict[str, Linked]:
    return {
        outcome: Linked(
            number,
            Count(number, followed.denials.capped),
            links.rejections([("pattern", pattern.id), ("next", outcome)]),
        )
        for outcome, number in msgspec.structs.asdict(followed.outcomes).items()
    }


def by_blueprint(pattern: Known) -> dict[str, Any]:
    totals = detail.totals(pattern)
    denied, rejected = (sum(amounts) for amounts in zip(*totals.values(), strict=True)) if totals else (0, 0)
    listed = links.rejections if denied == rejected else links.runs
    own = ("pattern", pattern.id)
    shown = list(totals.items())[:BLUEPRINTS]
    return {
        "denied": denied,
        "all_url": listed([own]),
        "feed_url": listed([own, ("format", "atom")]),
        "places": [PlaceRow(name, here, listed([("blueprint_id", name), own])) for name, (here, _) in shown],
        "more_places": len(totals) - len(shown),
    }
