"""Digests: when they are due, on days of 23 and 25 hours too, and what they say."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from enhancelog.alerts.timed_events import last_time
from enhancelog.domain.alerts import WEEKDAYS, DigestOptions
from enhancelog.domain.markers import NewMarker
from enhancelog.domain.origin import Origin
from enhancelog.domain.times import DAY_MS, HOUR_MS, now_ms
from enhancelog.models import Alert, Delivery
from enhancelog.store import markers
from tests.alerts.making import evaluate, make_rule, told
from tests.factories import make_entry, make_rejected
from tests.recording import record_all


def ms(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp()) * 1000


def due(options: DigestOptions, now: str) -> str:
    return last_time(options, ms(now)).astimezone(UTC).isoformat()


ZURICH = "Europe/Zurich"


@pytest.mark.parametrize(
    ("options", "now", "expected"),
    [
        ({}, "2026-11-29T07:59:59+00:00", "2026-11-28T08:00:00+00:00"),
        ({}, "2026-11-29T08:00:00+00:00", "2026-11-29T08:00:00+00:00"),
        ({"time_zone": ZURICH}, "2026-07-01T06:00:00+00:00", "2026-07-01T06:00:00+00:00"),
        ({"time_zone": ZURICH}, "2026-12-01T06:59:00+00:00", "2026-11-30T07:00:00+00:00"),
        # 2:00 does not exist on 29 March, and comes twice on 25 October.
        ({"time_zone": ZURICH, "hour": 2}, "2026-03-29T12:00:00+00:00", "2026-03-29T01:00:00+00:00"),
        ({"time_zone": ZURICH, "hour": 2}, "2026-10-25T00:30:00+00:00", "2026-10-25T00:00:00+00:00"),
        ({"time_zone": ZURICH, "hour": 2}, "2026-10-25T01:30:00+00:00", "2026-10-25T00:00:00+00:00"),
        ({"every": "week", "weekday": "monday"}, "2026-11-29T09:00:00+00:00", "2026-11-23T08:00:00+00:00"),
        ({"every": "week", "weekday": "sunday"}, "2026-11-29T07:00:00+00:00", "2026-11-22T08:00:00+00:00"),
        ({"time_zone": "Pacific/Kiritimati", "hour": 0}, "2026-11-29T10:00:00+00:00", "2026-11-29T10:00:00+00:00"),
    ],
)
def test_a_digest_is_due_by_the_clock_of_its_time_zone(options: Any, now: str, expected: str) -> None:
    assert due(DigestOptions(**options), now) == expected


@given(
    st.integers(ms("2020-01-01T00:00:00+00:00"), ms("2030-01-01T00:00:00+00:00")),
    st.integers(0, 23),
    st.sampled_from([ZURICH, "America/St_Johns", "Australia/Lord_Howe", "Asia/Kathmandu", "UTC"]),
    st.sampled_from(["day", "week"]),
    st.sampled_from(WEEKDAYS),
)
def test_the_last_time_is_past_and_of_the_last_period(now: int, hour: int, zone: str, every: Any, weekday: Any) -> None:
    options = DigestOptions(every=every, hour=hour, time_zone=zone, weekday=weekday)
    found = last_time(options, now)
    at = int(found.timestamp()) * 1000
    assert at <= now
    assert now - at <= (7 if every == "week" else 1) * DAY_MS + 2 * HOUR_MS
    assert every == "day" or WEEKDAYS[found.weekday()] == weekday


@pytest.mark.django_db
def test_each_day_has_one_digest_over_a_change_of_the_clocks() -> None:
    start = ms("2026-10-23T00:00:00+00:00")
    alert = make_rule("digest", options={"time_zone": ZURICH, "hour": 2})
    Alert.objects.update(since_ms=start - 1)
    for hour in range(24 * 5):
        evaluate(now=start + hour * HOUR_MS)
    spans = [(each["since_ms"], each["until_ms"]) for each in told(alert)]
    assert [(until - since) // HOUR_MS for since, until in spans] == [24, 24, 24, 25, 24]
    assert [until for _, until in spans[:-1]] == [since for since, _ in spans[1:]]


@pytest.mark.django_db
def test_a_digest_says_what_is_new_what_moved_and_what_waits() -> None:
    now = now_ms()
    until = now // DAY_MS * DAY_MS - DAY_MS
    days = {"week": until - 3 * DAY_MS, "before": until - 10 * DAY_MS}
    entries = []
    for when, details in (("before", ["old", "old", "gone"]), ("week", ["old", "new one"])):
        for number, detail in enumerate(details):
            entries.append(make_rejected("noop", issue_id=f"{when}-{number}", detail=detail, ts_ms=days[when]))
    entries += [make_entry(issue_id=f"fine-{number}", ts_ms=days["week"]) for number in range(3)]
    entries.append(make_rejected("noop", issue_id="other", detail="old", ts_ms=days["week"], blueprint_id="other"))
    record_all(entries)
    markers.make(NewMarker(title="prompt v12", ts_ms=days["week"]), Origin("user", "ada", "page"))
    weekday = WEEKDAYS[datetime.fromtimestamp(until // 1000, UTC).weekday()]
    options = {"every": "week", "weekday": weekday, "hour": 0}
    make_rule("digest", "/rejections/?blueprint_id=main", options=options)
    Alert.objects.update(since_ms=until - 1)
    evaluate(now=until + HOUR_MS)
    (found,) = told()
    assert (found["since_ms"], found["until_ms"]) == (until - 7 * DAY_MS, until)
    assert (found["rejected"], found["runs"]) == (2, 5)
    assert (found["rejected_before"], found["runs_before"]) == (3, 3)
    assert [(each["template"], each["denied"]) for each in found["new_patterns"]] == [("new one", 1)]
    moved = {each["template"]: (each["before"], each["denied"]) for each in found["moved"]}
    assert moved == {"old": (2, 1), "gone": (1, 0)}
    assert [(each["title"], each["effect"]) for each in found["markers"]] == [("prompt v12", "too_few")]
    assert found["waiting"] == 3
    assert found["view"] == "view 0"


@pytest.mark.django_db
def test_a_digest_made_late_is_made_once() -> None:
    make_rule("digest")
    Alert.objects.update(since_ms=0)
    now = now_ms()
    evaluate(now=now)
    evaluate(now=now + 5 * DAY_MS)  # no server ran meanwhile
    assert Delivery.objects.count() == 2


@pytest.mark.django_db
@pytest.mark.parametrize(
    "view",
    [
        "/patterns/?sort=rising&axis=noop",
        "/search/?phrase=cite+the+file&text=line",
        "/search/?is=new&period=7d",
        "/search/?touches=%2Fagents&has=patch",
        "/search/?attempt=first&matching=status%3Drejected",
        "/search/?meta.team=a&not_meta.team=b",
        "/blueprints/?blueprint_id=",
        "/rejections/?op=add&only=noop&axes=one",
        "/search/?since=2026-01-01&until=2026-02-01",
    ],
)
def test_every_event_of_time_and_of_many_runs_watches_any_list(view: str) -> None:
    for event, options in (
        ("digest", {}),
        ("runs.silent", {"hours": 1}),
        ("rate.high", {"percent": 10, "runs": 20}),
        ("rate.high", {"twice": True, "runs": 20}),
        ("axis.silent", {"runs": 20}),
        ("entry.rejected", {}),
        ("pattern.new", {}),
    ):
        make_rule(event, view, options=options)
    Alert.objects.update(since_ms=now_ms() - DAY_MS)
    record_all([make_rejected(issue_id=f"h-{number}", ts_ms=now_ms()) for number in range(45)])
    evaluate(now=now_ms() + 2 * HOUR_MS)
    assert not Alert.objects.exclude(off_ms=None).exists()
    assert Delivery.objects.filter(event="digest").count() == 1
