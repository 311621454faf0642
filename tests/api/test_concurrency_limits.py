"""Slots for responses that take long: in total, and for each caller."""

from enhancelog.api.concurrency_limits import Slots


def test_one_caller_gets_a_quarter() -> None:
    slots = Slots(8, workers=1)
    assert [slots.take("a") is not None for _ in range(3)] == [True, True, False]
    assert slots.take("b") is not None


def test_all_callers_together_get_the_total() -> None:
    slots = Slots(4, workers=1)
    assert [slots.take(name) is not None for name in "abcde"] == [True, True, True, True, False]


def test_each_worker_grants_its_share_and_at_least_one() -> None:
    assert [Slots(64, workers=2).limit, Slots(3, workers=2).limit, Slots(1, workers=2).limit] == [32, 2, 1]
    assert Slots(1, workers=2).take("a") is not None


def test_released_slot_is_free_once() -> None:
    slots = Slots(1, workers=1)
    slot = slots.take("a")
    assert slot is not None
    slot.release()
    slot.release()
    assert slots.take("b") is not None
    assert slots.take("b") is None
