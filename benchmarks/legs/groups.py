"""How well messages that nobody here wrote are grouped, beside Drain3 with our masks."""

import json
import statistics
import subprocess
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from benchmarks import messages
from benchmarks.bench import Bench
from benchmarks.children import Failed
from benchmarks.messages import Axis
from benchmarks.rounds import Fact, Results
from benchmarks.servers import peer_environment
from enhancelog.patterns import MOST_TEMPLATES, join, mask
from tests.patterns.scoring import f1
from tests.processes import ROOT

PEER: Final = "groups"
DRAINS: Final = ((0.4, 4), (0.6, 6), (0.7, 4))  # similarity and depth
OURS: Final = "ours"
# The least grouping accuracy, its F1 over groups, and F1 over pairs
GOALS: Final = {"logs": (0.88, 0.90, None), "linters": (0.88, 0.85, None), "denials": (None, None, 0.97)}

Grouping = Callable[[Sequence[Sequence[str]]], Sequence[Sequence[Hashable]]]


class Score(NamedTuple):
    """``accuracy``: messages whose group holds all messages of their label and no other. ``f_groups``: F1 of groups
    that are whole labels. ``f_pairs``: F1 of pairs in one group."""

    accuracy: float
    f_groups: float
    f_pairs: float


def run(bench: Bench) -> Results:
    results = Results()
    environment = peer_environment(PEER, bench.databases.folder)
    groupings: dict[str, Grouping] = {OURS: _joined, "our masks alone": _masked}
    for similarity, depth in DRAINS:
        groupings[f"our masks, then Drain3 ({similarity}, {depth})"] = _Drain(environment, similarity, depth)
    sets: dict[str, dict[str, Axis]] = {"linters": messages.linters(environment)}
    if bench.messages:
        sets["logs"] = messages.logs(bench.messages)
    else:
        results.notes.append("Logs were not grouped, because `--messages` named no folder of them.")
    sets["denials"] = {
        f"{corpus}: {axis}": said for corpus, axes in messages.denials().items() for axis, said in axes.items()
    }
    rows = [["set", "grouping", "labels", "GA", "FGA", "F1 of pairs"]]
    for name, axes in sets.items():
        for part, chosen in _parts(name, axes).items():
            for grouping, group in groupings.items():
                bench.progress(f"{part}: {grouping}")
                score = mean(chosen, group)
                labels = sum(len({message.label for message in axis}) for axis in chosen.values())
                rows.append([part, grouping, f"{labels:,}", *(f"{figure:.3f}" for figure in score)])
                if grouping == OURS and part == name:
                    results.facts += _facts(name, score)
    results.tables["Groups"] = rows
    return results


def _parts(name: str, axes: Mapping[str, Axis]) -> dict[str, dict[str, Axis]]:
    parts = {name: dict(axes)}
    if name == "denials":
        for axis, said in axes.items():
            parts.setdefault(f"{name}, {axis.partition(':')[0]}", {})[axis] = said
        return parts
    for is_held_back, part in ((False, "looked at"), (True, "held back")):
        parts[f"{name}, {part}"] = {
            axis: [message for message in said if messages.is_held_back(axis, message.label) == is_held_back]
            for axis, said in axes.items()
        }
    return parts | ({axis: {axis: said} for axis, said in axes.items()})


def _facts(name: str, score: Score) -> list[Fact]:
    measures = ("grouping accuracy", "F1 of groups", "F1 of pairs")
    return [
        Fact(f"{measure} of {name}", [figure], "of 1", at_least=goal)
        for measure, figure, goal in zip(measures, score, GOALS[name], strict=True)
        if goal
    ]


def mean(axes: Mapping[str, Axis], group: Grouping) -> Score:
    found = group([[message.text for message in axis] for axis in axes.values()])
    scores = [
        score([message.label for message in axis], groups) for axis, groups in zip(axes.values(), found, strict=True)
    ]
    return Score(*(statistics.mean(figures) for figures in zip(*scores, strict=True)))


def score(truth: Sequence[Hashable], found: Sequence[Hashable]) -> Score:
    labels, groups = _members(truth), _members(found)
    right = labels & groups
    return Score(
        sum(map(len, right)) / len(truth),
        2 * len(right) / (len(labels) + len(groups)),
        f1(truth, found) if max(Counter(truth).values()) > 1 else float(len(groups) == len(truth)),
    )


def _members(names: Sequence[Hashable]) -> set[tuple[int, ...]]:
    members: dict[Hashable, list[int]] = defaultdict(list)
    for nth, name in enumerate(names):
        members[name].append(nth)
    return {tuple(group) for group in members.values()}


def _masked(axes: Sequence[Sequence[str]]) -> list[list[str]]:
    return [[mask(text).template for text in axis] for axis in axes]


def _joined(axes: Sequence[Sequence[str]]) -> list[list[str]]:
    return [_leaders(templates) for templates in _masked(axes)]


def _leaders(templates: Sequence[str]) -> list[str]:
    first = list(dict.fromkeys(templates))[:MOST_TEMPLATES]
    leaders = {member: group.leader for group in join(first) for member in group.members}
    return [leaders.get(template, "other") for template in templates]


class _Drain:
    def __init__(self, environment: Path, similarity: float, depth: int) -> None:
        script = ROOT / "benchmarks" / "drained.py"
        self._command = [str(environment / "bin" / "python"), str(script), str(similarity), str(depth)]

    def __call__(self, axes: Sequence[Sequence[str]]) -> list[list[int]]:
        done = subprocess.run(self._command, input=json.dumps(_masked(axes)), capture_output=True, text=True)
        if done.returncode:
            raise Failed(f"Drain3 failed: {done.stderr.strip()[-300:]}")
        found: list[list[int]] = json.loads(done.stdout)
        return found
