"""What the axes of a window judged, by bar of a chart."""

from collections import Counter

import pytest

from enhancelog.domain.times import DAY_MS, HOUR_MS
from enhancelog.queries.blueprint_ids import EVERY, Named
from enhancelog.queries.charts import Scale, Window
from enhancelog.queries.judgements import Judged, judgements
from tests.factories import make_entry, make_rejected
from tests.recording import record_all
from tests.strategies import NOW_MS

pytestmark = pytest.mark.django_db

TODAY = NOW_MS // DAY_MS
HOURS = Window((TODAY - 1) * DAY_MS, (TODAY + 1) * DAY_MS, hourly=True)


@pytest.mark.parametrize("blueprints", [EVERY, Named(("main",))])
@pytest.mark.parametrize(
    "bars",
    [
        Scale(TODAY - 13, 7, 2, Window((TODAY - 13) * DAY_MS, (TODAY + 1) * DAY_MS)),
        Scale(TODAY - 9, 1, 10, Window((TODAY - 20) * DAY_MS, None)),
        Scale(TODAY - 10, 3, 2, Window()),  # entries lie before the bars, after them, and have no day
        Scale(24 * TODAY - 10, 5, 4, HOURS),
    ],
)
def test_bars_add_up_what_was_judged_in_their_slots(
    blueprints: Named, bars: Scale, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("enhancelog.store.writing.now_ms", lambda: NOW_MS)
    times = [*(NOW_MS - at * DAY_MS for at in range(20)), *(NOW_MS - at * HOUR_MS for at in range(20)), -1, 5]
    runs = [
        make_rejected("noop", issue_id=f"h-{at}", ts_ms=ts_ms, blueprint_id=("main", "other")[at % 2])
        for at, ts_ms in enumerate(times)
    ]
    record_all([*runs, *(make_entry(issue_id=f"a-{at}", ts_ms=ts_ms) for at, ts_ms in enumerate(times))])
    found = judgements(bars.window, blueprints)
    judged, rejected = Counter[tuple[str, int | None]](), Counter[tuple[str, int | None]]()
    for (axis, slot), here in found.sums("axis", "slot").items():
        place = None if slot is None else bars.index(slot)
        judged[axis, place] += here.judged
        rejected[axis, place] += here.rejected
    within = {
        (axis, place): Judged(number, rejected[axis, place])
        for (axis, place), number in judged.items()
        if place in range(bars.length)
    }
    in_bars = found.in_bars(bars)
    assert within
    assert {key: here for key, here in in_bars.items() if key[1] in range(bars.length)} == within
    assert sum(here.judged for here in in_bars.values()) == sum(judged.values())
