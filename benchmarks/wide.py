"""The wide log: a thousand Blueprints, twelve axes and a year, with what filters look for; a seed determines it."""

import random
from collections.abc import Iterator
from typing import Final

from msgspec import UNSET, Raw

from benchmarks import generator
from benchmarks.generator import DAY_MS, END_MS
from enhancelog.domain import records
from enhancelog.domain.records import Bump, Entry, Verdict

# Each Blueprint has a source. One entry in 200 begins at a hash that no entry of its Blueprint left, one in three has
# a patch, and one in eight tries the candidate of its Blueprint's last run again, which an axis may judge differently.
DAYS: Final = 365
BLUEPRINTS: Final = tuple(f"group-{number // 25}/flow-{number}" for number in range(1000))
SOURCES: Final = ("ci", "nightly", "laptop", "api", "bench")
AXES: Final = (
    *("des", "canonical", "noop", "agent-ref", "schema", "secrets", "tone", "budget", "latency", "scope", "licence"),
    "reachable",
)
DENIED: Final = 0.4
TRIED_AGAIN: Final = 0.7
MODELS: Final = ("m-large", "m-small", "m-tiny")
BUMPS: Final[tuple[Bump, ...]] = ("patch", "minor", "major")

_REASONS: Final = (
    '"{}" is not what the document of "{}" declares',
    'the value of "{}" differs after "{}"',
    'step "{}" has no agent "{}"',
)


def source_of(blueprint_id: str) -> str:
    return SOURCES[int(blueprint_id.rpartition("-")[2]) % len(SOURCES)]


def log(seed: int, size: int) -> Iterator[Entry]:
    """``size`` entries that end where those of ``generator.log`` do, oldest first."""
    chance = random.Random(f"{seed}/wide")
    vocabulary = generator.words(seed)
    frequent = _frequent(len(vocabulary))
    step_ms = DAYS * DAY_MS / size
    names = chance.choices(BLUEPRINTS, _frequent(len(BLUEPRINTS)), k=size)
    heads: dict[str, str] = {}
    last: dict[str, str] = {}  # the Blueprint's last candidate
    rejected: dict[str, str] = {}  # the intent of its last run, to be tried again
    for number, blueprint_id in enumerate(names):
        text = chance.choices(vocabulary, frequent, k=30)
        verdicts = _verdicts(chance, text)
        reasons = tuple(f"{verdict.axis}: {verdict.detail}" for verdict in verdicts if verdict.status == "deny")
        before = _hash(chance) if chance.random() < 0.005 else heads.get(blueprint_id, "")
        after = "" if reasons else _hash(chance)
        heads[blueprint_id] = after or before
        candidate = last.get(blueprint_id, "") if chance.random() < 1 / 8 else ""
        last[blueprint_id] = candidate = candidate or after or _hash(chance)
        intent = rejected.pop(blueprint_id, "") or " ".join(text[:8])
        if reasons and chance.random() < TRIED_AGAIN:
            rejected[blueprint_id] = intent
        yield Entry(
            issue_id=f"w-{number:07}-{chance.getrandbits(48):012x}",
            blueprint_id=blueprint_id,
            prev_hash=before,
            new_hash=after,
            intent=intent,
            rationale=f"Adds `{text[8]}`.\n\n" + " ".join(text[9:]),
            verdicts=verdicts,
            status="rejected" if reasons else "applied",
            reasons=reasons,
            ts_ms=END_MS - round((size - number) * step_ms),
            ops=_ops(chance, text) if chance.random() < 1 / 3 else UNSET,
            bump=chance.choice(BUMPS),
            candidate_hash=candidate,
            meta=_meta(chance, number),
        )


def _frequent(number: int) -> list[float]:
    return [1 / (rank + 1) for rank in range(number)]


def _verdicts(chance: random.Random, text: list[str]) -> tuple[Verdict, ...]:
    denied = set()
    if chance.random() < DENIED:
        denied = set(chance.choices(AXES, _frequent(len(AXES)), k=chance.choice((1, 1, 1, 2, 3))))
    return tuple(
        Verdict(axis, "deny", _REASONS[number % len(_REASONS)].format(text[0], text[number]))
        if axis in denied
        else Verdict(axis, "pass", f'"{text[number]}" is as it was')
        for number, axis in enumerate(AXES)
    )


def _ops(chance: random.Random, text: list[str]) -> Raw:
    places = chance.choices(("agents/{}/prompt", "agents/{}/model", "steps/{}/uses", "settings/limit"), k=2)
    return Raw(
        records.encode_part(
            [
                {"op": "replace", "path": "/" + place.format(chance.randrange(20)), "value": word}
                for place, word in zip(places, text, strict=False)
            ]
        ).encode()
    )


def _meta(chance: random.Random, number: int) -> Raw:
    said = {"model": chance.choice(MODELS), "run": f"run-{number // 8}", "temperature": chance.randrange(10) / 10}
    return Raw(records.encode_part(said).encode())


def _hash(chance: random.Random) -> str:
    return f"{chance.getrandbits(256):064x}"
