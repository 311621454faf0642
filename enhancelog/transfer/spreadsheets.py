"""CSV: plain, and as Excel and LibreOffice open it (byte-order mark, readable time, texts that stay texts)."""

import calendar
import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import Any, Final

from enhancelog.domain.strict_json import BOM
from enhancelog.domain.times import as_datetime
from enhancelog.store.rows import RECORD, RECORD_COLUMNS, REDACTED
from enhancelog.transfer.exports import RECORDED_MS, TS_MS, Row, csv_lines

# Spreadsheets would evaluate such texts; they get a leading apostrophe
_FORMULA_STARTS: Final = (*"=+-@", *"＝＋－＠", "\t", "\r", "\n")

# The most that Excel holds in a cell; it spills the rest into other cells.
MOST_UNITS: Final = 32_767  # of UTF-16
# The digits of a number that a spreadsheet keeps
EXACT: Final = 10**15

_TIME_UTC: Final = RECORD_COLUMNS.index("ts_ms") + 1
_HEADER: Final = (*RECORD_COLUMNS[:_TIME_UTC], "time_utc", *RECORD_COLUMNS[_TIME_UTC:], "redacted")

_WORD: Final = re.compile(r"[^\W\d_]++")
_DIGIT: Final = re.compile(r"\d")
_TRUTHS: Final = {"true", "false"}
_MONTHS: Final = {name.lower() for name in (*calendar.month_name, *calendar.month_abbr, "Sept")}
# What numbers, dates and times may hold beside digits: 1e5, 3 Mar, 12 PM, 2026-11-28T09:30Z
_WORDS_OF_VALUES: Final = {*_MONTHS, "e", "am", "pm", "a", "p", "t", "z"}


def csv(chunks: Iterable[Sequence[Row]]) -> Iterator[bytes]:
    """RFC 4180 with a header line; ``redacted`` and ``time_utc``, which are not part of the record, come last."""
    return csv_lines(chunks, (*RECORD_COLUMNS, "redacted", "time_utc"), _csv_cells)


def spreadsheet(chunks: Iterable[Sequence[Row]]) -> Iterator[bytes]:
    lines = csv_lines(chunks, _HEADER, _cells)
    return chain([BOM + next(lines)], lines)


def _csv_cells(row: Row) -> list[Any]:
    cells = [without_formula(value) for value in (*row[RECORD], row[REDACTED])]
    time = as_datetime(row[TS_MS], row[RECORDED_MS])
    cells.append("" if time is None else time.isoformat(timespec="milliseconds").replace("+00:00", "Z"))
    return cells


def without_formula(value: Any) -> Any:
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA_STARTS) else value


def _cells(row: Row) -> list[Any]:
    cells = [_cell(value) for value in (*row[RECORD], row[REDACTED])]
    time = as_datetime(row[TS_MS], row[RECORDED_MS])
    cells.insert(_TIME_UTC, "" if time is None else f"{time:%Y-%m-%d %H:%M:%S}")
    return cells


def _cell(value: Any) -> Any:
    if isinstance(value, int) and abs(value) >= EXACT:
        return f"'{value}"
    if not isinstance(value, str):
        return value
    return f"'{_cut(value)}" if _would_change(value) else _cut(without_formula(value))


def _would_change(text: str) -> bool:
    # Whether a spreadsheet would take it for a number, a date, a time or a truth value.
    if text.startswith(("[", "{")):  # JSON
        return False
    if text.strip().lower() in _TRUTHS:
        return True
    words = (found[0].lower() for found in _WORD.finditer(text))
    return all(word in _WORDS_OF_VALUES for word in words) and _DIGIT.search(text) is not None


def _cut(text: str) -> str:
    if len(text) <= MOST_UNITS // 2:
        return text
    units = text.encode("utf-16-le", "surrogatepass")
    if len(units) <= 2 * MOST_UNITS:
        return text
    return units[: 2 * (MOST_UNITS - 1)].decode("utf-16-le", "ignore") + "…"
