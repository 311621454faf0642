"""How well details are told apart: pairwise F1 of the groups against the templates that wrote them."""

from collections import Counter
from collections.abc import Hashable, Sequence
from typing import NamedTuple

from enhancelog.patterns import join, mask
from tests.patterns.tuned import Template
from tests.patterns.values import Values

VOLUMES = (2, 3, 4, 6, 10, 20, 40)


class Written(NamedTuple):
    """A detail, and the number of the template that wrote it."""

    by: int
    detail: str


def written(axis: str, templates: Sequence[Template], seed: int) -> list[Written]:
    """Details of one axis in random order, few of some templates and many of others."""
    values = Values(f"{seed}:{axis}")
    details = [
        Written(number, template(values))
        for number, template in enumerate(templates)
        for _ in range(values.random.choice(VOLUMES))
    ]
    values.random.shuffle(details)
    return details


def grouped(details: Sequence[str]) -> list[str]:
    """For every detail the leader of its group."""
    templates = [mask(detail).template for detail in details]
    leaders = {member: group.leader for group in join(list(dict.fromkeys(templates))) for member in group.members}
    return [leaders[template] for template in templates]


def f1(truth: Sequence[Hashable], found: Sequence[Hashable]) -> float:
    """Of the pairs in one group, how many belong there, and of those that belong, how many are: the harmonic mean."""
    together = _pairs(zip(truth, found, strict=True))
    return 2 * together / (_pairs(truth) + _pairs(found)) if together else 0.0


def score(axis: str, templates: Sequence[Template], seeds: int) -> float:
    """The mean F1 of one axis."""
    scores = []
    for seed in range(seeds):
        details = written(axis, templates, seed)
        scores.append(f1([one.by for one in details], grouped([one.detail for one in details])))
    return sum(scores) / seeds


def _pairs(labels: object) -> int:
    return sum(count * (count - 1) // 2 for count in Counter(labels).values())  # type: ignore[call-overload]
