"""The tool that kills at a write: it kills exactly there."""

from itertools import pairwise
from pathlib import Path

import pytest

from tests.faults.killed import Killer, points

pytestmark = [pytest.mark.slow, pytest.mark.once]


def test_kills_at_each_of_the_calls_that_write(tmp_path: Path) -> None:
    killer = Killer(tmp_path)
    calls = killer.calls("migrate", data_dir=tmp_path / "whole")
    assert calls > 100
    assert killer.kill(calls // 2, "migrate", data_dir=tmp_path / "half")
    assert killer.kill(1, "migrate", data_dir=tmp_path / "none")
    assert not killer.kill(calls * 2, "migrate", data_dir=tmp_path / "all")


def test_points_are_spread_over_all_calls() -> None:
    assert points(3) == [1, 2, 3]
    chosen = points(1000)
    assert (len(chosen), chosen[-1]) == (20, 1000)
    assert all(a < b for a, b in pairwise(chosen))
