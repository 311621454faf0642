"""Statements that are compiled once, with numbers that differ from run to run."""

from typing import Any

import pytest
from django.db.models import BooleanField, F
from django.db.models.expressions import RawSQL

from enhancelog.models import Entry
from enhancelog.queries import prepared
from enhancelog.queries.prepared import OpenNumber, Statement, fetch, written
from enhancelog.queries.selection import beyond, in_order
from tests.factories import make_entry
from tests.recording import record

pytestmark = pytest.mark.django_db


@pytest.fixture
def compiled(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """What ``write`` was called with, of entries at the positions 1 to 9 whose times are ten times as large."""
    monkeypatch.setattr(prepared, "_kept", {})
    record(*(make_entry(issue_id=str(n), ts_ms=10 * n) for n in range(1, 10)))
    return []


def entries():
    return Entry.objects.annotate(key_ts_ms=F("ts_ms"), key_position=F("position"))


def test_every_run_has_its_own_numbers(compiled: list[tuple[Any, ...]]) -> None:
    def write(since_ms: int | None, until_ms: int | None) -> Statement:
        compiled.append((since_ms, until_ms))
        found = entries()
        found = found if since_ms is None else found.filter(ts_ms__gte=since_ms)
        found = found if until_ms is None else found.filter(ts_ms__lt=until_ms)
        return written(found.order_by("position").values_list("position"))

    def positions(*bounds: int | None) -> list[int]:
        return [position for (position,) in fetch("bounds", write, *bounds)]

    assert positions(20, 40) == [2, 3]
    assert positions(40, 20) == []
    assert positions(70, 2**63 - 1) == [7, 8, 9]
    assert positions(-(2**63), 20) == [1]
    assert len(compiled) == 1
    assert positions(80, None) == [8, 9]
    assert positions(None, None) == [*range(1, 10)]
    assert [tuple(type(number) for number in numbers) for numbers in compiled] == [
        (OpenNumber, OpenNumber),
        (OpenNumber, type(None)),
        (type(None), type(None)),
    ]


def test_an_open_number_may_stand_in_a_list_in_a_pair_and_in_raw_sql(compiled: list[tuple[Any, ...]]) -> None:
    def write(ts_ms: int, position: int, first: int, last: int) -> Statement:
        compiled.append(())
        behind = in_order(entries().filter(beyond(ts_ms, position, ascending=True)), ascending=True)
        among = behind.filter(key_position__in=[first, last])
        odd = RawSQL("position %% 2 = 1 OR position = %s", (last,), output_field=BooleanField())
        return written(among.filter(odd).values_list("position", "issue_id"))

    assert fetch("places", write, 20, 2, 3, 8) == [(3, "3"), (8, "8")]
    assert fetch("places", write, 30, 3, 3, 4) == [(4, "4")]
    assert fetch("places", write, 30, 2, 3, 3) == [(3, "3")]
    assert len(compiled) == 1
