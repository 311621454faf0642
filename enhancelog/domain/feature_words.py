"""Features of entries in words."""

from typing import Final, NamedTuple

from enhancelog.domain.differences import Feature
from enhancelog.domain.features import BUCKETS, WEEKDAYS, range_of
from enhancelog.domain.meta_filters import is_meta

_KINDS: Final = {
    "blueprint_id": "Blueprint",
    "source": "Source",
    "status": "Status",
    "attempt": "Attempt",
    "actor": "Appended by",
    "axis": "Denied by",
    "not_axis_absent": "Judged by",
    "word": "Word of the intent",
    "touches": "Patch touches",
    "op": "Patch has",
    "operations": "Patch has",
    "bump": "Bump",
    "has": "Recorded",
    "intent_length": "Intent",
    "rationale_length": "Rationale",
    "patch_length": "Patch",
    "hour": "Hour",
    "weekday": "Weekday",
}
_OURS: Final = frozenset(("status", "attempt", "op", "bump", "has", "weekday", *BUCKETS))
_DAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_OTHERS: Final = {
    "attempt": {"first": "the first at the intent", "later": "a later one at the intent"},
    "has": {"patch": "a patch", "candidate": "the candidate's hash"},
}


class FeatureWords(NamedTuple):
    """``is_name``: ``value`` is not our word."""

    kind: str
    value: str
    is_name: bool


def feature_words(feature: Feature) -> FeatureWords:
    name, value = feature
    if is_meta(name):
        return FeatureWords(name, value, is_name=True)
    return FeatureWords(_KINDS[name], _words(name, value), is_name=name not in _OURS)


def _words(name: str, value: str) -> str:
    if name == "hour":
        return f"{int(value):02}:00 to {int(value):02}:59 UTC"
    if name in BUCKETS:
        return _range(value, "operation" if name == "operations" else "character")
    if name == "weekday":
        return f"{_DAYS[WEEKDAYS.index(value)]} (UTC)"
    if name == "op":
        return f"an operation {value}"
    return _OTHERS.get(name, {}).get(value, value)


def _range(value: str, unit: str) -> str:
    low, high = range_of(value)
    if high == low:
        return f"{low:,} {unit}" if low == 1 else f"{low:,} {unit}s"
    if high is None:
        return f"{low:,} {unit}s or more"
    return f"{low:,} to {high:,} {unit}s" if low else f"under {high + 1:,} {unit}s"
