"""The only source of entries: a seed determines the log."""

import hashlib
import random
from collections.abc import Iterator, Sequence
from typing import Final

from enhancelog.domain import records
from enhancelog.domain.records import Entry, Verdict

# Runs of a Blueprint form a chain of hashes. Three in ten are rejected, mostly by a common axis; one in a thousand by
# the rare one. Of the rejected runs, seven in ten are tried again by the Blueprint's next run. An existing log ends at
# END_MS, and what a benchmark appends begins there.
END_MS: Final = 1_735_689_600_000
DAYS: Final = 90
DAY_MS: Final = 86_400_000
AXES: Final = ("des", "canonical", "noop", "agent-ref")
RARE_AXIS: Final = "licence"
TRIED_AGAIN: Final = 0.7
BLUEPRINTS: Final = tuple(f"team-{number // 4}/flow-{number}" for number in range(24))

_SYLLABLES: Final = ("ka", "to", "mi", "re", "lu", "san", "vor", "ex", "pli", "dun", "qua", "ner", "sol", "bi", "tra")
# A name in quotes varies, as in what verifiers say.
_REASONS: Final = {
    "des": 'blueprint lost its agents: "{}" is gone',
    "canonical": 'canonical hash differs after "{}"',
    "noop": 'patch is no-op, the hash before and after "{}" is equal',
    "agent-ref": 'step "{}" references an agent nobody declared',
    RARE_AXIS: 'the licence header of "{}" is missing',
}


def words(seed: int, number: int = 400) -> list[str]:
    """The vocabulary of all texts, rarest word last."""
    chance = random.Random(f"{seed}/words")
    found: dict[str, None] = {}
    while len(found) < number:
        found["".join(chance.choices(_SYLLABLES, k=chance.randint(2, 4)))] = None
    return list(found)


def log(seed: int, size: int) -> Iterator[Entry]:
    """``size`` entries over all Blueprints, oldest first."""
    step_ms = DAYS * DAY_MS / size
    times = (END_MS - round((size - number) * step_ms) for number in range(size))
    return _entries(f"{seed}/log", "h", BLUEPRINTS, times, words(seed))


def appends(seed: int, name: str, size: int, blueprints: int) -> list[Entry]:
    """New entries for one contender; ``name`` makes their ids unique."""
    times = (END_MS + number * 1000 for number in range(size))
    return list(_entries(f"{seed}/{name}", name, BLUEPRINTS[:blueprints], times, words(seed)))


def bodies(entries: Sequence[Entry]) -> list[bytes]:
    return list(map(records.encode, entries))


def _entries(
    seed: str, prefix: str, blueprints: Sequence[str], times: Iterator[int], vocabulary: Sequence[str]
) -> Iterator[Entry]:
    chance = random.Random(seed)
    heads = {name: _hash(name, 0) for name in blueprints}
    rejected: dict[str, str] = {}  # the intent of the Blueprint's last run, to be tried again
    weights = [1 / (rank + 1) for rank in range(len(blueprints))]
    frequent = [1 / (rank + 1) for rank in range(len(vocabulary))]
    for number, ts_ms in enumerate(times):
        blueprint_id = chance.choices(blueprints, weights)[0]
        text = chance.choices(vocabulary, frequent, k=40)
        denied = _denied(chance)
        before = heads[blueprint_id]
        after = "" if denied else _hash(blueprint_id, number + 1)
        heads[blueprint_id] = after or before
        intent = rejected.pop(blueprint_id, "") or " ".join(text[:12])
        if denied and chance.random() < TRIED_AGAIN:
            rejected[blueprint_id] = intent
        verdicts = _verdicts(denied, text[0])
        yield Entry(
            issue_id=f"{prefix}-{number:07}-{chance.getrandbits(48):012x}",
            blueprint_id=blueprint_id,
            prev_hash=before,
            new_hash=after,
            intent=intent,
            rationale=f"Adds `{text[12]}`.\n\n" + " ".join(text[13:]),
            verdicts=verdicts,
            status="rejected" if denied else "applied",
            reasons=tuple(f"{verdict.axis}: {verdict.detail}" for verdict in verdicts if verdict.status == "deny"),
            ts_ms=ts_ms,
        )


def _denied(chance: random.Random) -> set[str]:
    if chance.random() < 0.001:
        return {RARE_AXIS}
    if chance.random() < 0.7:
        return set()
    return set(chance.choices(AXES, (1, 2, 6, 3), k=1 + (chance.random() < 0.2)))


def _verdicts(denied: set[str], word: str) -> tuple[Verdict, ...]:
    axes = (*AXES, RARE_AXIS) if RARE_AXIS in denied else AXES
    return tuple(
        Verdict(axis, "deny", _REASONS[axis].format(word))
        if axis in denied
        else Verdict(axis, "pass", "shape ok (id/flow/agents present)")
        for axis in axes
    )


def _hash(blueprint_id: str, version: int) -> str:
    return hashlib.sha256(f"{blueprint_id} {version}".encode()).hexdigest()
