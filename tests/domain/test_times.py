"""Which numbers are times, on which day they fall, and how people write them."""

import re
from datetime import UTC, datetime, timedelta, timezone

import pytest
from django.db import connection
from hypothesis import given
from hypothesis import strategies as st

from enhancelog.domain.errors import Invalid
from enhancelog.domain.periods import INSTANT_SCHEMA, instant
from enhancelog.domain.times import DAY_MS, EARLIEST_MS, as_datetime, day_of, is_plausible, plausible_sql, tally_day
from enhancelog.models import Denial, Entry
from enhancelog.queries.plausible import Plausible
from tests.factories import make_rejected
from tests.recording import record

NOW_MS = 1_795_000_000_000
MIDNIGHT_MS = NOW_MS // DAY_MS * DAY_MS
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


@pytest.mark.parametrize(
    ("text", "ms"),
    [
        ("0", 0),
        ("-1", -1),
        ("9223372036854775807", 2**63 - 1),
        ("-9223372036854775808", -(2**63)),
        ("1970-01-02", DAY_MS),
        ("1969-12-31", -DAY_MS),
        ("2026-11-08+02:00", 1_794_088_800_000),
        ("2026-11-08 02:00", 1_794_088_800_000),
        ("2026-11-08-05:30", 1_794_115_800_000),
        ("2026-11-08Z", 1_794_096_000_000),
        ("today", MIDNIGHT_MS),
        ("yesterday", MIDNIGHT_MS - DAY_MS),
        ("2026-11-18T10:00:00Z", 1_794_996_000_000),
        ("2026-11-18t10:00:00z", 1_794_996_000_000),
        ("2026-11-18 10:00:00Z", 1_794_996_000_000),
        ("2026-11-18T12:00:00+02:00", 1_794_996_000_000),
        ("2026-11-18T12:00:00 02:00", 1_794_996_000_000),
        ("2026-11-18T10:00:00.1239999Z", 1_794_996_000_123),
        ("2026-11-18T10:00:00.5Z", 1_794_996_000_500),
        ("90m", NOW_MS - 90 * 60_000),
        ("24h", NOW_MS - DAY_MS),
        ("1d", MIDNIGHT_MS),
        ("7d", MIDNIGHT_MS - 6 * DAY_MS),
        ("2w", MIDNIGHT_MS - 13 * DAY_MS),
    ],
)
def test_what_people_write_for_a_time(text, ms):
    assert instant("since", text, NOW_MS) == ms
    assert re.search(INSTANT_SCHEMA, text, re.ASCII), "the API's description refuses what the server takes"


@pytest.mark.parametrize("text", ["2026-02-30", "2026-04-31T10:00:00Z", "0000-01-01", "9223372036854775808"])
def test_a_time_that_does_not_exist_is_refused_by_a_rule_of_its_own(text: str) -> None:
    assert re.search(INSTANT_SCHEMA, text, re.ASCII)
    with pytest.raises(Invalid) as refused:
        instant("until", text, NOW_MS)
    assert (refused.value.field, refused.value.rule) == ("until", "nonexistent")


@given(st.from_regex(INSTANT_SCHEMA, fullmatch=True))
def test_every_time_that_the_description_allows_is_taken_or_does_not_exist(text: str) -> None:
    try:
        instant("since", text.removesuffix("\n"), NOW_MS)
    except Invalid as refused:
        assert refused.rule == "nonexistent"


@pytest.mark.parametrize(
    "text",
    [
        "", "tomorrow", "Today", "7D", "2026-11-08+2", "2026-11-08+24:00",
        "0d", "-7d", "1y", "٧d", "1.5h", "9999999d", "2026-13-01", "2026-02-30", "2026-1-1",
        "2026-11-18T10:00Z", "2026-11-18T10:00:00", "2026-11-18T25:00:00Z", "2026-11-18T10:00:00+99:00", "0000-01-01",
        "9223372036854775808", "1e3", " 7d", "7d\n", "2026-11-18\n",
    ],
)  # fmt: skip
def test_what_is_no_time_is_refused_by_name(text):
    with pytest.raises(Invalid) as refused:
        instant("until", text, NOW_MS)
    assert refused.value.field == "until"


@given(
    st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30)),
    st.integers(-23 * 60, 23 * 60),
)
def test_rfc3339_is_read_to_the_millisecond(moment, offset):
    moment = moment.replace(microsecond=moment.microsecond // 1000 * 1000)
    there = moment.replace(tzinfo=timezone(timedelta(minutes=offset)))
    text = there.isoformat(timespec="milliseconds")
    exact = (there - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)
    assert instant("since", text, NOW_MS) == exact
    assert instant("since", text.replace("+", " "), NOW_MS) == exact


@given(st.text(max_size=30))
def test_any_text_is_a_time_or_refused(text):
    try:
        assert -(2**63) <= instant("since", text, NOW_MS) < 2**63
    except Invalid as refused:
        assert refused.field == "since"


@given(st.integers(1, 999_999), st.sampled_from("mhdw"), st.integers(0, 2**52))
def test_ages_count_back_from_now(number, unit, now):
    found = instant("since", f"{number}{unit}", now)
    length = {"m": 60_000, "h": 3_600_000, "d": DAY_MS, "w": 7 * DAY_MS}[unit] * number
    if unit in "mh":
        assert found == now - length
    else:
        assert found % DAY_MS == 0
        assert found <= now - length + DAY_MS < found + 2 * DAY_MS
