from typing import Final, NamedTuple

from msgspec import UNSET

from enhancelog import links
from enhancelog.domain import meta
from enhancelog.domain.meta_filters import PREFIX
from enhancelog.domain.records import Entry
from enhancelog.web.folded_texts import Text, text

SHOWN: Final = 8  # the others are folded


class Row(NamedTuple):
    key: str
    value: Text
    url: str  # the runs with the same value; empty for one that is empty, long or has lines


class Noted(NamedTuple):
    shown: list[Row]
    folded: list[Row]


def noted(entry: Entry) -> Noted | None:
    if entry.meta is UNSET:
        return None
    rows = [Row(key, text(value), _url(key, value)) for key, value in meta.written(bytes(entry.meta)).items()]
    return Noted(rows[:SHOWN], rows[SHOWN:])


def as_text(entry: Entry) -> str:
    values = {} if entry.meta is UNSET else meta.written(bytes(entry.meta))
    return "\n".join(f"{key}: {value}" for key, value in sorted(values.items()))


def _url(key: str, value: str) -> str:
    is_line = value and meta.is_whole(value) and len(value.splitlines()) == 1
    return links.runs([(f"{PREFIX}{key}", value)]) if is_line else ""
