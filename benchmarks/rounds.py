"""Measures contenders in shuffled rounds, so that disturbances affect all alike. Results are ratios within a
round.
"""

import math
import random
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

TAIL: Final = 0.025


class Sample(NamedTuple):
    value: float
    seen: Mapping[str, float] = {}


class Contender(NamedTuple):
    """``unit``: a rate such as ``entries/s`` (more is better) or ``ms`` (less is better)."""

    name: str
    unit: str
    measure: Callable[[], Sample]


@dataclass(frozen=True)
class Target:
    """Bounds for the ratio of contender ``over`` to ``under``."""

    work: str
    over: str
    under: str
    at_least: float | None = None
    at_most: float | None = None


@dataclass(frozen=True)
class Fact:
    """A single figure that is not a ratio, such as a latency's spread or a size."""

    work: str
    values: Sequence[float]
    unit: str = ""
    at_least: float | None = None
    at_most: float | None = None


@dataclass
class Results:
    """``notes`` are sentences; ``tables`` have a title and begin with their head; ``skipped`` and ``failed`` say why
    there are no results. ``seconds``: how long it all took."""

    samples: dict[str, list[Sample]] = field(default_factory=dict)
    units: dict[str, str] = field(default_factory=dict)
    targets: list[Target] = field(default_factory=list)
    facts: list[Fact] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    tables: dict[str, list[list[str]]] = field(default_factory=dict)
    skipped: str = ""
    failed: str = ""
    seconds: float | None = None

    def values(self, name: str) -> list[float]:
        return [sample.value for sample in self.samples[name]]

    def ratios(self, target: Target) -> list[float]:
        pairs = zip(self.values(target.over), self.values(target.under), strict=True)
        return [over / under for over, under in pairs]

    def add(self, other: "Results") -> None:
        self.samples |= other.samples
        self.units |= other.units
        self.targets += other.targets
        self.facts += other.facts
        self.notes += other.notes
        self.tables |= other.tables

    def misses(self) -> list[str]:
        bounds = [(target, self.ratios(target)) for target in self.targets]
        bounds += [(fact, list(fact.values)) for fact in self.facts]  # type: ignore[misc]
        return [bound.work for bound, values in bounds if not _within(statistics.median(values), bound)]

    def as_dict(self) -> dict[str, Any]:
        took = {} if self.seconds is None else {"seconds": round(self.seconds, 1)}
        if reason := self.skipped or self.failed:
            return {"skipped" if self.skipped else "failed": reason, **took}
        return took | {
            "contenders": {
                name: {
                    "unit": self.units[name],
                    "median": statistics.median(self.values(name)),
                    "samples": [{"value": sample.value, **sample.seen} for sample in samples],
                }
                for name, samples in self.samples.items()
            },
            "ratios": [
                {
                    "work": target.work,
                    "over": target.over,
                    "under": target.under,
                    "at_least": target.at_least,
                    "at_most": target.at_most,
                    "rounds": self.ratios(target),
                    "median": statistics.median(self.ratios(target)),
                }
                for target in self.targets
            ],
            "facts": [
                {
                    "work": fact.work,
                    "unit": fact.unit,
                    "at_least": fact.at_least,
                    "at_most": fact.at_most,
                    "rounds": list(fact.values),
                    "median": statistics.median(fact.values),
                }
                for fact in self.facts
            ],
            "notes": self.notes,
            "tables": self.tables,
        }


def _within(value: float, bound: Target | Fact) -> bool:
    if bound.at_least is not None and value < bound.at_least:
        return False
    return bound.at_most is None or value <= bound.at_most


def upper_end(values: Sequence[float]) -> float:
    """Of the 95 % confidence interval of their median, without a distribution; of few, the highest."""
    number, tail, rank = len(values), 0.0, len(values)
    while rank > 1 and (tail := tail + math.comb(number, rank) / 2**number) <= TAIL:
        rank -= 1
    return sorted(values)[min(rank, number - 1)]


def interleaved(
    contenders: Sequence[Contender], rounds: int, chance: random.Random, progress: Callable[[str], None]
) -> Results:
    """Warm up every contender, then measure each once per round."""
    results = Results(units={contender.name: contender.unit for contender in contenders})
    for number in range(rounds + 1):
        for contender in chance.sample(contenders, len(contenders)):
            progress(f"round {number} of {rounds}: {contender.name}" if number else f"warming up: {contender.name}")
            sample = contender.measure()
            if number:
                results.samples.setdefault(contender.name, []).append(sample)
    return results
