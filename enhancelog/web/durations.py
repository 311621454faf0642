"""Ranges of durations in words."""

from typing import Final

from enhancelog.domain.durations import Range
from enhancelog.domain.intents import FOLLOWED
from enhancelog.domain.times import DAY_MS, HOUR_MS

_UNITS: Final = ((DAY_MS, "d"), (HOUR_MS, "h"), (60_000, "min"), (1000, "s"))


def in_words(found: Range | None) -> str:
    """``3 to 5 min``, ``45 s to 1 min``, ``under 1 s``; a dash if there is none."""
    if found is None:
        return "–"
    if found.below_ms is None:
        return f"over {FOLLOWED} attempts"
    (start, unit), (end, last_unit) = _parts(found.from_ms), _parts(found.below_ms)
    if not start:
        return f"under {end} {last_unit}"
    return f"{start} to {end} {unit}" if unit == last_unit else f"{start} {unit} to {end} {last_unit}"


def _parts(ms: int) -> tuple[int, str]:
    size, unit = next(each for each in _UNITS if ms >= each[0] or each == _UNITS[-1])
    return ms // size, unit
