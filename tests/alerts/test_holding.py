"""One process of a server evaluates and sends; another takes over when it is gone."""

import pytest

from enhancelog.alerts import holding
from enhancelog.domain.times import DAY_MS, now_ms
from enhancelog.models import AlertProgress

pytestmark = pytest.mark.django_db


def test_one_process_holds_until_it_stops_renewing() -> None:
    assert holding.take("one")
    assert not holding.take("two")
    assert holding.take("one")
    AlertProgress.objects.update(held_until_ms=now_ms() - 1)
    assert holding.take("two")
    assert not holding.take("one")


def test_process_that_ends_lets_go() -> None:
    assert holding.take("one")
    holding.release("two")
    assert not holding.take("two")
    holding.release("one")
    assert holding.take("two")


def test_hold_that_a_clock_left_far_ahead_counts_for_nothing() -> None:
    holding.take("one")
    AlertProgress.objects.update(held_until_ms=now_ms() + DAY_MS)
    assert holding.take("two")


def test_holder_renews_before_its_time_is_over() -> None:
    holding.take("one")
    AlertProgress.objects.update(held_until_ms=now_ms() + holding.HELD_FOR_MS // 3)
    assert holding.take("one")
    assert AlertProgress.objects.get().held_until_ms > now_ms() + holding.HELD_FOR_MS // 2
