"""What the figures of one axis read does not grow with what other axes judged."""

import pytest
from django.db import connection

from enhancelog.domain.times import DAY_MS
from enhancelog.queries.charts import Window
from enhancelog.queries.judgements import Judged, judgements
from enhancelog.store.database import analyze
from tests.factories import make_entry
from tests.plans import steps
from tests.recording import record_all

FIRST = 20_700
DAYS = 60
OTHERS = 3  # few, so that SQLite prefers a scan in order to a sort


@pytest.mark.django_db
@pytest.mark.skipif(connection.vendor != "sqlite", reason="counts the steps of SQLite's virtual machine")
def test_judgements_of_an_axis_by_blueprint_do_not_read_the_tallies_of_other_axes() -> None:
    def read() -> dict[str, Judged]:
        found = judgements(Window()).sums("blueprint_id", axis=["one"])
        return {blueprint_id: here for (blueprint_id,), here in found.items()}

    _record("one")
    analyze()
    before = steps(read)
    _record(*(f"other-{number}" for number in range(OTHERS)))
    analyze()
    assert steps(read) < before + DAYS * OTHERS
    assert read() == {"main": Judged(DAYS // 2), "triage": Judged(DAYS // 2)}


def _record(*axes: str) -> None:
    record_all(
        make_entry(
            issue_id=f"{axes[0]}-{day}",
            blueprint_id=("main", "triage")[day % 2],
            ts_ms=(FIRST + day) * DAY_MS,
            verdicts=[{"axis": axis, "status": "pass", "detail": ""} for axis in axes],
        )
        for day in range(DAYS)
    )
