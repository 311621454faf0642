"""Which numbers are times, and on which day they fall."""

from datetime import UTC, datetime

import pytest
from django.db import connection

from enhancelog.domain.times import DAY_MS, EARLIEST_MS, as_datetime, day_of, is_plausible, plausible_sql, tally_day
from enhancelog.models import Denial, Entry
from enhancelog.queries.plausible import Plausible
from tests.factories import make_rejected
from tests.recording import record

NOW_MS = 1_795_000_000_000
I64_EXTREMES = (-(2**63), 2**63 - 1)


@pytest.mark.parametrize("ts_ms", [EARLIEST_MS, EARLIEST_MS + 1, NOW_MS, NOW_MS + DAY_MS])
def test_from_2000_to_a_day_after_recording_is_plausible(ts_ms: int) -> None:
    assert is_plausible(ts_ms, NOW_MS)


@pytest.mark.parametrize("ts_ms", [-1, 0, EARLIEST_MS - 1, NOW_MS + DAY_MS + 1, *I64_EXTREMES])
def test_any_other_number_is_no_time_and_has_no_day(ts_ms: int) -> None:
    assert not is_plausible(ts_ms, NOW_MS)
    assert as_datetime(ts_ms, NOW_MS) is None
    assert tally_day(ts_ms, NOW_MS) is None


@pytest.mark.parametrize(("ts_ms", "day"), [(-1, -1), (0, 0), (DAY_MS - 1, 0), (DAY_MS, 1), (-(2**63), -106751991168)])
def test_days_are_floor_divided(ts_ms: int, day: int) -> None:
    assert day_of(ts_ms) == day


def test_a_time_keeps_its_millisecond() -> None:
    assert as_datetime(1_795_000_000_123, NOW_MS) == datetime(2026, 11, 18, 11, 6, 40, 123_000, UTC)


@pytest.mark.django_db
def test_the_database_finds_the_same_times_plausible() -> None:
    given = [0, -1, EARLIEST_MS, EARLIEST_MS - 1, NOW_MS, NOW_MS + DAY_MS, NOW_MS + DAY_MS + 1, *I64_EXTREMES]
    found = f"SELECT {plausible_sql('ts_ms', str(NOW_MS))} FROM (SELECT CAST(%s AS BIGINT) AS ts_ms) given"
    with connection.cursor() as cursor:
        for ts_ms in given:
            cursor.execute(found, [ts_ms])
            assert bool(cursor.fetchone()[0]) == is_plausible(ts_ms, NOW_MS)


@pytest.mark.django_db
def test_queries_find_the_same_times_plausible() -> None:
    record(make_rejected(issue_id="first"))
    recorded_ms = Entry.objects.get().recorded_ms
    early = [-1, 0, EARLIEST_MS - 1, EARLIEST_MS]
    given = [*early, recorded_ms, recorded_ms + DAY_MS - 1000, recorded_ms + 2 * DAY_MS, *I64_EXTREMES]
    record(*(make_rejected(issue_id=str(ts_ms), ts_ms=ts_ms) for ts_ms in given))
    plausible = {entry.ts_ms for entry in Entry.objects.all() if is_plausible(entry.ts_ms, entry.recorded_ms)}
    assert set(Entry.objects.filter(Plausible("ts_ms", "recorded_ms")).values_list("ts_ms", flat=True)) == plausible
    denials = Denial.objects.filter(Plausible("ts_ms", "entry__recorded_ms"))
    assert set(denials.values_list("ts_ms", flat=True)) == plausible
