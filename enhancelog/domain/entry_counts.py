"""Counts the features of entries, column by column."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any, Final

import msgspec

from enhancelog.domain import features, meta, stored_verdicts
from enhancelog.domain.differences import Counted, Feature
from enhancelog.domain.meta_filters import PREFIX
from enhancelog.domain.source_names import Names

MOST_VALUES: Final = 100_000  # of one filter; beyond, none of them is compared
MOST_OF_KEY: Final = 1_000  # values of a key of ``meta``; beyond, they are mostly ids

_AS_RECORDED: Final = Names()
_LONGEST_KNOWN: Final = 2_000  # characters of verdicts that are remembered, as many runs have the same

# What is read of an entry. ``hour``: since 1970, NULL if implausible. ``intent``: its beginning. ``verdicts``, ``ops``:
# JSON text. ``candidate``: a length. ``attempt``: first or later.
COLUMNS: Final = (
    "hour",
    "blueprint_id",
    "source",
    "status",
    "actor_kind",
    "actor_name",
    "intent",
    "intent_length",
    "rationale_length",
    "verdicts",
    "ops",
    "bump",
    "candidate",
    "attempt",
)


class _Operation(msgspec.Struct):
    op: str


_operations = msgspec.json.Decoder(list[_Operation])


def _judged(verdicts: str) -> tuple[tuple[str, str], ...]:
    """Axis and status of each."""
    return tuple([(each.axis, each.status) for each in stored_verdicts.decode(verdicts)])


_known = lru_cache(maxsize=2048)(_judged)


class EntryCounts:
    """``characters``: of verdicts and patches. ``left_out``: filters that have too many values to compare."""

    def __init__(self, names: Names = _AS_RECORDED) -> None:
        self.entries = 0
        self._names = names
        self.characters = 0
        self.left_out: set[str] = set()
        self._values: defaultdict[str, Counter[str]] = defaultdict(Counter)
        self._numbers: defaultdict[str, Counter[int]] = defaultdict(Counter)

    def add(self, rows: Sequence[Sequence[Any]]) -> None:
        """``rows``: of ``COLUMNS``, at least one."""
        column = dict(zip(COLUMNS, zip(*rows, strict=True), strict=True))
        self.entries += len(rows)
        for name in ("blueprint_id", "status", "attempt"):
            self._count(name, column[name])
        self._count("source", map(self._names.shown, column["source"]))
        self._count("bump", [bump for bump in column["bump"] if bump])
        self._count("word", features.words_of_each(column["intent"]))
        for name in ("intent_length", "rationale_length"):
            self._numbers[name].update(column[name])
        self._add_actors(Counter(zip(column["actor_kind"], column["actor_name"], strict=True)))
        self._add_times(Counter(column["hour"]))
        self._add_verdicts(column["verdicts"])
        self._add_patches([ops for ops in column["ops"] if ops is not None])
        self.characters += sum(map(len, column["verdicts"])) + sum(len(ops) for ops in column["ops"] if ops)
        self._values["has"]["candidate"] += sum(length is not None for length in column["candidate"])

    def add_values(self, name: str, numbers: Mapping[str, int]) -> None:
        """Of a filter whose values are counted elsewhere."""
        self._count(name, numbers)

    def counted(self, other: "EntryCounts | None" = None) -> Counted:
        """``other``: with which it is compared. A filter for a value that only ``other`` has may find entries here."""
        found: dict[Feature, int] = {}
        for name, numbers in self._values.items():
            shown: Mapping[str, int] = numbers
            if name.startswith(PREFIX):
                shown = meta.as_found(numbers, {*numbers, *(other._values.get(name, ()) if other else ())})
            elif name == "word":  # those that the filter takes
                shown = {word: number for word, number in numbers.items() if 0 < len(word) <= features.LONGEST_WORD}
            found.update({(name, value): number for value, number in shown.items()})
        for name, lengths in self._numbers.items():
            buckets: Counter[str] = Counter()
            for length, number in lengths.items():
                buckets[features.bucket(name, length)] += number
            found.update({(name, value): number for value, number in buckets.items()})
        return Counted(self.entries, found)

    def _count(self, name: str, values: Iterable[str] | Mapping[str, int]) -> None:
        if name in self.left_out:
            return
        self._values[name].update(values)
        if len(self._values[name]) > (MOST_OF_KEY if name.startswith(PREFIX) else MOST_VALUES):
            self.left_out.add(name)
            del self._values[name]

    def _add_actors(self, actors: Mapping[tuple[str, str], int]) -> None:
        for (kind, name), number in actors.items():
            self._count("actor", {f"{kind}:{name}": number})
            self._count("actor", {kind: number})

    def _add_times(self, hours: Mapping[int | None, int]) -> None:
        for hour, number in hours.items():
            if hour is None:
                continue
            self._numbers["hour"][hour % 24] += number
            self._values["weekday"][features.WEEKDAYS[(hour // 24 + 3) % 7]] += number  # day 0 was a Thursday

    def _add_verdicts(self, texts: Iterable[str]) -> None:
        # Most runs are judged by the same axes, and most pass them.
        judgements = Counter([_known(text) if len(text) <= _LONGEST_KNOWN else _judged(text) for text in texts])
        judged: Counter[str] = Counter()
        denied: Counter[str] = Counter()
        for verdicts, number in judgements.items():
            judged.update(dict.fromkeys({axis for axis, _ in verdicts}, number))
            denied.update(dict.fromkeys({axis for axis, status in verdicts if status == "deny"}, number))
        self._count("not_axis_absent", judged)
        self._count("axis", denied)

    def _add_patches(self, texts: Sequence[str]) -> None:
        self._values["has"]["patch"] += len(texts)
        self._numbers["patch_length"].update(map(len, texts))
        for text in texts:
            kinds = [each.op for each in _operations.decode(text)]
            self._numbers["operations"][len(kinds)] += 1
            self._values["op"].update(set(kinds))
