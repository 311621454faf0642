"""What people write for a time or a period: ``7d``, ``today``, a date."""

import re
from datetime import UTC, datetime
from typing import Final, NamedTuple

from enhancelog.domain.errors import Invalid
from enhancelog.domain.times import DAY_MS, day_of

I64: Final = range(-(2**63), 2**63)

PERIODS: Final = ("24h", "7d", "30d", "90d", "all")  # offered by pages; any number of units is one, too

# Ranges that fit no pattern (the days of a month, 64 bits) are checked by ``instant``.
_DAY = "([0-9]{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01]))"
_ZONE = "([Zz]|[+ -](?:[01][0-9]|2[0-3]):[0-5][0-9])"  # an unescaped + arrives as a space
_AGO_SCHEMA = "([1-9][0-9]{0,5})([mhdw])"
_INTEGER_SCHEMA = "-?[0-9]{1,19}"
_DATE_SCHEMA = f"{_DAY}{_ZONE}?"
_RFC3339_SCHEMA = rf"{_DAY}[Tt ]((?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9])(\.[0-9]{{1,9}})?{_ZONE}"
PERIOD_SCHEMA: Final = f"^({_AGO_SCHEMA}|today|yesterday|all)$"
RFC3339_SCHEMA: Final = f"^{_RFC3339_SCHEMA}$"
INSTANT_SCHEMA: Final = f"^({_INTEGER_SCHEMA}|{_DATE_SCHEMA}|{_RFC3339_SCHEMA}|{_AGO_SCHEMA}|today|yesterday)$"

_INTEGER = re.compile(_INTEGER_SCHEMA)
_DATE = re.compile(_DATE_SCHEMA)
_RFC3339 = re.compile(_RFC3339_SCHEMA)
_AGO = re.compile(_AGO_SCHEMA)
_DAYS_AGO = {"today": 0, "yesterday": 1}
_UNIT_MS = {"m": 60_000, "h": 3_600_000, "d": DAY_MS, "w": 7 * DAY_MS}


class Span(NamedTuple):
    """A half-open range of epoch ms; ``None``: unbounded."""

    since_ms: int | None = None
    until_ms: int | None = None


def span_of(period: str, now_ms: int, parameter: str = "period") -> Span:
    """Whole UTC days that end with today (``7d``, ``2w``), exactly that long up to now (``24h``, ``90m``), ``today``,
    ``yesterday`` or ``all``.
    """
    if period == "all":
        return Span()
    if bounds := _bounds(period, now_ms):
        return Span(*bounds)
    shown = period[:40]
    raise Invalid(parameter, "period", f'"{shown}" is not a period: use 7d, 2w, 24h, 90m, today, yesterday or all')


def _bounds(period: str, now_ms: int) -> tuple[int, int] | None:
    tomorrow_ms = (day_of(now_ms) + 1) * DAY_MS
    if period in _DAYS_AGO:
        until_ms = tomorrow_ms - _DAYS_AGO[period] * DAY_MS
        return until_ms - DAY_MS, until_ms
    if found := _AGO.fullmatch(period):
        until_ms = now_ms if found[2] in "mh" else tomorrow_ms
        return until_ms - int(found[1]) * _UNIT_MS[found[2]], until_ms
    return None


def instant(name: str, value: str, now_ms: int) -> int:
    """Epoch ms from epoch ms, RFC 3339, ``YYYY-MM-DD`` (midnight in UTC, or at the offset that follows), ``today``,
    ``yesterday`` or the age at which ``span_of`` starts.
    """
    try:
        if _INTEGER.fullmatch(value):
            return _i64(int(value))
        if found := _DATE.fullmatch(value):
            return _rfc3339_ms(found[1], "00:00:00", None, found[2] or "Z")
        if found := _RFC3339.fullmatch(value):
            return _rfc3339_ms(*found.groups())
    except (ValueError, OverflowError):
        reason = f'"{value[:40]}" does not exist: check the day, or use epoch ms from -2^63 to 2^63 - 1'
        raise Invalid(name, "nonexistent", reason) from None
    if bounds := _bounds(value, now_ms):
        return bounds[0]
    raise Invalid(
        name,
        "time",
        f'"{value[:40]}" is not a time: use epoch ms, RFC 3339, YYYY-MM-DD, today, yesterday, '
        "or an age like 90m, 24h, 7d or 2w (days and weeks begin at midnight)",
    )


def _i64(value: int) -> int:
    if value not in I64:
        raise OverflowError
    return value


def _rfc3339_ms(day: str, clock: str, fraction: str | None, zone: str) -> int:
    offset = "+00:00" if zone in "Zz" else zone.replace(" ", "+")
    moment = datetime.fromisoformat(f"{day}T{clock}{offset}")
    whole = moment - datetime(1970, 1, 1, tzinfo=UTC)
    return (whole.days * 86400 + whole.seconds) * 1000 + int(f"{(fraction or '.0')[1:]:0<3}"[:3])
