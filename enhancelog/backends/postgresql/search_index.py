"""The search index on PostgreSQL: a tsvector per position under GIN, without a text search configuration."""

import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Final

from django.db import OperationalError
from django.db.backends.utils import CursorWrapper

from enhancelog.backends import SEARCH_TABLE, Document, Found
from enhancelog.domain.search_words import GAP, Phrase

_INDEX: Final = f"{SEARCH_TABLE}_words"
# A short pending list, so that no single append has to flush many.
_PENDING_KB: Final = 256

# GIN has no order. The newest matches are searched in ranges of positions, which grow while they are read quickly.
_FIRST_STRETCH: Final = 1_024
_LONGEST_STRETCH: Final = 262_144
_GROWTH: Final = 8
_QUICK_S: Final = 0.02
_CANCELED: Final = "57014"  # SQLSTATE of a statement that the timeout ended


class PostgresqlSearch:
    statements = (
        f"CREATE TABLE IF NOT EXISTS {SEARCH_TABLE} (position bigint PRIMARY KEY, words tsvector NOT NULL)",
        f"""CREATE INDEX IF NOT EXISTS {_INDEX} ON {SEARCH_TABLE} USING gin (words)
            WITH (gin_pending_list_limit = {_PENDING_KB})""",
    )

    condition_sql = (
        f"EXISTS (SELECT 1 FROM {SEARCH_TABLE} searched"
        " WHERE searched.position = enhancelog_entry.position AND searched.words @@ %s::tsquery"
        " AND searched.position BETWEEN %s AND %s)"
    )

    def install(self, cursor: CursorWrapper) -> bool:
        missing = self.missing(cursor)
        for statement in self.statements:
            cursor.execute(statement)
        return SEARCH_TABLE in missing

    def missing(self, cursor: CursorWrapper) -> list[str]:
        names = [SEARCH_TABLE, _INDEX]
        cursor.execute("SELECT name FROM unnest(%s::text[]) name WHERE to_regclass(name) IS NULL", [names])
        return [name for (name,) in cursor.fetchall()]

    def add(self, cursor: CursorWrapper, documents: Sequence[Document]) -> None:
        cursor.db.dialect.insert_rows(cursor, SEARCH_TABLE, ("position", "words"), list(map(_row, documents)))

    def remove(self, cursor: CursorWrapper, documents: Sequence[Document]) -> None:
        positions = [document.position for document in documents]
        cursor.execute(f"DELETE FROM {SEARCH_TABLE} WHERE position = ANY(%s)", [positions])

    def clear(self, cursor: CursorWrapper) -> None:
        cursor.execute(f"DELETE FROM {SEARCH_TABLE}")

    def settle(self, cursor: CursorWrapper) -> None:
        cursor.execute(f"ANALYZE {SEARCH_TABLE}")

    def renewing(self, cursor: CursorWrapper) -> int:
        return -(2**63)

    def renew(self, cursor: CursorWrapper, documents: Sequence[Document], after: int, up_to: int) -> bool:
        differing = {row[0] for row in _differences(cursor, documents, after, up_to)}
        if differing:
            cursor.execute(f"DELETE FROM {SEARCH_TABLE} WHERE position = ANY(%s)", [sorted(differing)])
            self.add(cursor, [document for document in documents if document.position in differing])
        return True

    def is_right(self, cursor: CursorWrapper, documents: Sequence[Document], after: int, up_to: int) -> bool:
        return not _differences(cursor, documents, after, up_to)

    def serve(self, cursor: CursorWrapper, last: int) -> None:
        cursor.execute(f"DELETE FROM {SEARCH_TABLE} WHERE position > %s", [last])

    def sweep(self, cursor: CursorWrapper) -> bool:
        return False

    def question(self, phrases: Iterable[Phrase]) -> str:
        return " | ".join(f"({_tsquery(phrase)})" for phrase in phrases)

    def find(
        self, cursor: CursorWrapper, question: str, between: tuple[int, int], most: int, deadline: float, *, asc: bool
    ) -> Found:
        positions: list[int] = []
        # In the first range, reading in order is fastest for frequent words. Afterwards the word is known to be
        # rare and only GIN is fast; "+ 0" keeps the planner, which overestimates every word, from scanning in order
        # because of LIMIT.
        key = "position"
        with _timeout(cursor, deadline):
            for stretch in _stretches(*between, asc=asc):
                if time.monotonic() >= deadline:
                    return Found(positions, stopped=True)
                try:
                    cursor.execute(
                        f"SELECT position FROM {SEARCH_TABLE} WHERE position BETWEEN %s AND %s"
                        f" AND words @@ %s::tsquery ORDER BY {key} {'ASC' if asc else 'DESC'} LIMIT %s",
                        [*stretch, question, most - len(positions)],
                    )
                except OperationalError as error:
                    if getattr(error.__cause__, "sqlstate", "") != _CANCELED:
                        raise
                    return Found(positions, stopped=True)
                positions += [position for (position,) in cursor.fetchall()]
                if len(positions) >= most:
                    break
                key = "position + 0"
        return Found(positions, stopped=False)

    def differences(
        self, cursor: CursorWrapper, documents: Sequence[Document], after: int, up_to: int
    ) -> Iterator[str]:
        for position, is_missing, is_strange in _differences(cursor, documents, after, up_to):
            said = "lacks" if is_missing else "should not contain" if is_strange else "has other words at"
            yield f"{SEARCH_TABLE} {said} position {position}"


def _differences(
    cursor: CursorWrapper, documents: Sequence[Document], after: int, up_to: int
) -> list[tuple[int, bool, bool]]:
    wanted = dict(map(_row, documents))
    cursor.execute(
        f"""SELECT COALESCE(kept.position, wanted.position), kept.words IS NULL, wanted.words IS NULL
            FROM (SELECT * FROM {SEARCH_TABLE} WHERE position > %s AND position <= %s) kept
            FULL JOIN unnest(%s::bigint[], %s::text[]) wanted (position, words) USING (position)
            WHERE kept.words IS DISTINCT FROM wanted.words::tsvector ORDER BY 1""",
        [after, up_to, list(wanted), list(wanted.values())],
    )
    found: list[tuple[int, bool, bool]] = cursor.fetchall()
    return found


def _stretches(low: int, high: int, *, asc: bool) -> Iterator[tuple[int, int]]:
    size = _FIRST_STRETCH
    while low <= high:
        began = time.monotonic()
        if asc:
            yield low, min(high, low + size - 1)
            low += size
        else:
            yield max(low, high - size + 1), high
            high -= size
        if time.monotonic() - began < _QUICK_S:
            size = min(_GROWTH * size, _LONGEST_STRETCH)


@contextmanager
def _timeout(cursor: CursorWrapper, deadline: float) -> Iterator[None]:
    left_ms = max(1, round((deadline - time.monotonic()) * 1000))
    cursor.execute("SELECT set_config('statement_timeout', %s, false)", [str(left_ms)])
    try:
        yield
    finally:
        cursor.execute("RESET statement_timeout")


def _row(document: Document) -> tuple[int, str]:
    # The text of a tsvector, which joins the places of a word. Quoting is safe: no word contains quotes or backslashes.
    words = enumerate(document.words.split(), 1)
    return document.position, " ".join([f"'{word}':{place}" for place, word in words if word != GAP])


def _tsquery(phrase: Phrase) -> str:
    return " <-> ".join(f"'{token}'" for token in phrase.tokens) + (":*" if phrase.is_open else "")
