"""The filter ``meta.KEY=VALUE``, and which keys and values occur."""

from collections.abc import Iterable
from typing import Final, NamedTuple

from django.db.models import Exists, OuterRef, Q

from enhancelog.domain import meta
from enhancelog.domain.filters import EntryFilter
from enhancelog.domain.meta_filters import is_meta, key_of
from enhancelog.models import MetaValue
from enhancelog.queries import phrases
from enhancelog.queries.prepared import Statement, run

_TABLE: Final = MetaValue._meta.db_table

MOST: Final = 8  # names that complete a beginning


# Each step is one seek in the index, however many entries have the same key or value.
def next_texts(table: str, column: str, fixed: str = "") -> str:
    return f"""
    WITH RECURSIVE found (text) AS (
        SELECT MIN({column}) FROM {table} WHERE {column} >= %s {fixed}
        UNION ALL
        SELECT (SELECT MIN({column}) FROM {table} WHERE {column} > found.text {fixed})
        FROM found WHERE found.text IS NOT NULL)
    SELECT text FROM found WHERE text IS NOT NULL LIMIT %s"""


_KEYS: Final = next_texts(_TABLE, "key")
_VALUES: Final = next_texts(_TABLE, "value", "AND key = %s")


class Asked(NamedTuple):
    key: str
    values: tuple[str, ...]  # as the index holds them; any of them matches

    @property
    def condition(self) -> Q:
        return Q(Exists(MetaValue.objects.filter(entry=OuterRef("position"), key=self.key, value__in=self.values)))


def asked(name: str, values: Iterable[str]) -> Asked:
    found = (text for value in values if "\0" not in value for text in meta.found_as(value))
    return Asked(key_of(name), tuple(dict.fromkeys(found)))


# The name of a filter that is one range of the index.
def leading(wanted: EntryFilter) -> str | None:
    if len(wanted.include.get("blueprint_id", ())) == 1:  # mostly fewer runs than have a value
        return None
    of_meta = (name for name in wanted.include if is_meta(name))
    return next((name for name in of_meta if len(asked(name, wanted.include[name]).values) == 1), None)


def few(name: str, wanted: EntryFilter, up_to: int) -> list[int] | None:
    """Positions; ``None`` if too many."""
    key, values = asked(name, wanted.include[name])
    rows = MetaValue.objects.filter(key=key, value__in=values, entry_id__lte=up_to).order_by()
    found = list(rows.values_list("entry_id", flat=True)[: phrases.FEW + 1])
    return found if len(found) <= phrases.FEW else None


def keys(beginning: str) -> list[str]:
    return _starting_with(beginning, _KEYS, [])


# Those that are held whole.
def values(key: str, beginning: str) -> list[str]:
    return [text for text in _starting_with(beginning, _VALUES, [key]) if text and meta.is_whole(text)]


def _starting_with(beginning: str, sql: str, fixed: list[str]) -> list[str]:
    if "\0" in beginning:  # PostgreSQL takes no such text
        return []
    found = run(Statement(sql, (beginning, *fixed, *fixed, MOST)))
    return [text for (text,) in found if text.startswith(beginning)]
