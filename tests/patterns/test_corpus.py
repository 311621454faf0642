"""How well the rules tell templates apart, on axes they were tuned on and on axes they were not."""

import pytest

from tests.patterns import fresh, held_out, later, tuned, unseen, untouched
from tests.patterns.scoring import f1, score

SEEDS = 3
GOAL = 0.95
CORPORA = {
    "tuned": tuned.AXES,
    "held out": held_out.AXES,
    "unseen": unseen.AXES,
    "untouched": untouched.AXES,
    "fresh": fresh.AXES,
    "later": later.AXES,
}


@pytest.mark.parametrize("corpus", CORPORA)
def test_the_mean_over_axes_reaches_the_goal(corpus: str):
    scores = {axis: score(axis, templates, SEEDS) for axis, templates in CORPORA[corpus].items()}
    assert sum(scores.values()) / len(scores) >= GOAL, sorted(scores.items(), key=lambda item: item[1])[:5]
    assert sum(one >= GOAL for one in scores.values()) / len(scores) >= 0.8


def test_f1_counts_pairs():
    assert f1("aabb", "xxyy") == 1.0
    assert f1("aabb", "xxxx") == pytest.approx(2 * 2 / (2 + 6))
    assert f1("aabb", "wxyz") == 0.0
