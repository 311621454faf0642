from types import SimpleNamespace

import pytest

from enhancelog.backends.permit import permit
from enhancelog.maintenance import resting
from enhancelog.maintenance.resting import REST_S, WORK_S, Rest


def test_a_worker_leaves_the_permit_to_requests_after_each_piece_of_work(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = SimpleNamespace(now=100.0)
    rests: list[tuple[float, float, bool]] = []

    def sleep(seconds: float) -> None:
        rests.append((clock.now, seconds, permit._free.locked()))

    monkeypatch.setattr(resting, "time", SimpleNamespace(monotonic=lambda: clock.now, sleep=sleep))
    with permit.held():
        rest = Rest()
        for clock.now in (100.0 + WORK_S / 2, 100.0 + WORK_S * 2, 100.0 + WORK_S * 2.5):
            rest()
            assert permit._free.locked()
    assert rests == [(100.0 + WORK_S * 2, REST_S, False)]
