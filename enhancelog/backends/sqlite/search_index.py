"""The search index on SQLite: a contentless FTS5 table with rowid = position."""

import time
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from django.db import OperationalError
from django.db.backends.utils import CursorWrapper

from enhancelog.backends import SEARCH_TABLE, Document, Found
from enhancelog.domain.search_words import Phrase

# Words are already tokenized. The "ascii" tokenizer splits only at ASCII punctuation, which no word contains; a gap is
# a token of its own.
_MERGE_AT: Final = 8  # later than FTS5's default, which halves the cost of an append
# VM steps between two checks of the clock; in FTS5 about a millisecond.
_OPCODES: Final = 100

# Rows of its tables that one step deletes: about a page each, and of the table of sizes, a few hundred a page.
_BLOCKS_AT_ONCE: Final = 256
_SIZES_AT_ONCE: Final = 8_192
_FIRST_BLOCK: Final = 10  # up to here are averages and structure, without which FTS5 does not open it

_PROBES: Final = 8
_PROBE_WORDS: Final = 3


# While the index is made anew: the one to come, and the one before.
_NEW: Final = f"{SEARCH_TABLE}_new"
_OLD: Final = f"{SEARCH_TABLE}_old"


def _statements(table: str) -> tuple[str, str]:
    return (
        f"CREATE VIRTUAL TABLE {table} USING fts5 (words, content='', tokenize='ascii')",
        f"INSERT INTO {table} ({table}, rank) VALUES ('automerge', {_MERGE_AT})",
    )


class SqliteSearch:
    statements = _statements(SEARCH_TABLE)
    # As SQLite keeps them; it quotes the name of a table that was renamed.
    tables = tuple(_statements(name)[0] for table in (SEARCH_TABLE, _NEW, _OLD) for name in (table, f'"{table}"'))

    condition_sql = (
        # The plus keeps this a filter; otherwise the planner could let FTS5 drive the scan and its order.
        f"+enhancelog_entry.position IN ("
        f"SELECT rowid FROM {SEARCH_TABLE} WHERE {SEARCH_TABLE} MATCH %s AND rowid BETWEEN %s AND %s)"
    )

    def install(self, cursor: CursorWrapper) -> bool:
        _drop_others(cursor)  # another release made them
        if not self.missing(cursor):
            return False
        for statement in self.statements:
            cursor.execute(statement)
        return True

    def missing(self, cursor: CursorWrapper) -> list[str]:
        return [] if _exists(cursor, SEARCH_TABLE) else [SEARCH_TABLE]

    def add(self, cursor: CursorWrapper, documents: Sequence[Document]) -> None:
        _add(cursor, SEARCH_TABLE, documents)

    def remove(self, cursor: CursorWrapper, documents: Sequence[Document]) -> None:
        cursor.executemany(
            f"INSERT INTO {SEARCH_TABLE} ({SEARCH_TABLE}, rowid, words) VALUES ('delete', %s, %s)",
            documents,
        )
        _drop_others(cursor)  # they may have these words, too

    def clear(self, cursor: CursorWrapper) -> None:
        cursor.execute(f"INSERT INTO {SEARCH_TABLE} ({SEARCH_TABLE}) VALUES ('delete-all')")

    def settle(self, cursor: CursorWrapper) -> None:
        """FTS5 has no statistics."""

    def renewing(self, cursor: CursorWrapper) -> int:
        if not _exists(cursor, _NEW):
            for statement in _statements(_NEW):
                cursor.execute(statement)
        return _last(cursor)

    def renew(self, cursor: CursorWrapper, documents: Sequence[Document], after: int, up_to: int) -> bool:
        if not _exists(cursor, _NEW) or _last(cursor) > after:
            return False
        _add(cursor, _NEW, documents)
        return True

    # What an index without contents holds cannot be read from it.
    def is_right(self, cursor: CursorWrapper, documents: Sequence[Document], after: int, up_to: int) -> bool:
        return False

    def serve(self, cursor: CursorWrapper, last: int) -> None:
        # Both at once, so nobody finds neither. To drop the old one takes seconds, so it is emptied in steps.
        cursor.execute(f"ALTER TABLE {SEARCH_TABLE} RENAME TO {_OLD}")
        cursor.execute(f"ALTER TABLE {_NEW} RENAME TO {SEARCH_TABLE}")

    def sweep(self, cursor: CursorWrapper) -> bool:
        if not _exists(cursor, _OLD):
            return False
        for kind, first, most in (("data", _FIRST_BLOCK, _BLOCKS_AT_ONCE), ("docsize", 0, _SIZES_AT_ONCE)):
            some = f"SELECT id FROM {_OLD}_{kind} WHERE id > {first} ORDER BY id DESC LIMIT {most}"
            cursor.execute(f"DELETE FROM {_OLD}_{kind} WHERE id IN ({some})")
            if cursor.rowcount == most:
                return True
        cursor.execute(f"DROP TABLE {_OLD}")
        return False

    def question(self, phrases: Iterable[Phrase]) -> str:
        return " OR ".join(f'"{" ".join(phrase.tokens)}"{" *" if phrase.is_open else ""}' for phrase in phrases)

    def find(
        self, cursor: CursorWrapper, question: str, between: tuple[int, int], most: int, deadline: float, *, asc: bool
    ) -> Found:
        # FTS5 scans in position order, so what it found by the deadline is complete up to there.
        late = False

        def is_late() -> bool:
            nonlocal late
            late = late or time.monotonic() > deadline
            return late

        positions: list[int] = []
        database: Any = cursor.connection
        database.set_progress_handler(is_late, _OPCODES)
        try:
            cursor.execute(
                f"SELECT rowid FROM {SEARCH_TABLE} WHERE {SEARCH_TABLE} MATCH %s AND rowid BETWEEN %s AND %s"
                f" ORDER BY rowid {'ASC' if asc else 'DESC'} LIMIT %s",
                [question, *between, most],
            )
            for (position,) in cursor:
                positions.append(position)
        except OperationalError:
            if not late:
                raise
        finally:
            database.set_progress_handler(None, 0)
        return Found(positions, late)

    def differences(
        self, cursor: CursorWrapper, documents: Sequence[Document], after: int, up_to: int
    ) -> Iterator[str]:
        # FTS5 stores how many words an entry has, but not which. So a few phrases from every batch are searched
        # for: exactly the entries that contain them must be found.
        numbers = {document.position: len(document.words.split()) for document in documents}
        cursor.execute(f"SELECT id, sz FROM {SEARCH_TABLE}_docsize WHERE id > %s AND id <= %s", [after, up_to])
        present = {position: _first_number(sizes) for position, sizes in cursor.fetchall()}
        for position in sorted(numbers.keys() | present.keys()):
            if position not in present:
                yield f"{SEARCH_TABLE} lacks position {position}"
            elif position not in numbers:
                yield f"{SEARCH_TABLE} should not contain position {position}"
            elif numbers[position] != present[position]:
                yield f"{SEARCH_TABLE} at position {position} holds {present[position]} words, not {numbers[position]}"
        yield from self._wrongly_found(cursor, documents, after, up_to)

    def _wrongly_found(
        self, cursor: CursorWrapper, documents: Sequence[Document], after: int, up_to: int
    ) -> Iterator[str]:
        texts = {document.position: f" {document.words} " for document in documents if document.words}
        for phrase in _probes(documents):
            cursor.execute(
                f"SELECT rowid FROM {SEARCH_TABLE} WHERE {SEARCH_TABLE} MATCH %s AND rowid > %s AND rowid <= %s",
                [f'"{phrase}"', after, up_to],
            )
            found = {position for (position,) in cursor.fetchall()}
            wanted = {position for position, text in texts.items() if f" {phrase} " in text}
            for position in sorted(found ^ wanted):
                said = "does not find" if position in wanted else "should not find"
                yield f"{SEARCH_TABLE} {said} position {position} by its words"


def _exists(cursor: CursorWrapper, table: str) -> bool:
    cursor.execute("SELECT COUNT(*) FROM sqlite_master WHERE type = 'table' AND name = %s", [table])
    return bool(cursor.fetchone()[0])


def _last(cursor: CursorWrapper) -> int:
    cursor.execute(f"SELECT COALESCE(MAX(id), 0) FROM {_NEW}_docsize")
    return int(cursor.fetchone()[0])


def _add(cursor: CursorWrapper, table: str, documents: Sequence[Document]) -> None:
    cursor.executemany(f"INSERT INTO {table} (rowid, words) VALUES (%s, %s)", documents)


def _drop_others(cursor: CursorWrapper) -> None:
    for table in (_NEW, _OLD):
        cursor.execute(f"DROP TABLE IF EXISTS {table}")


def _probes(documents: Sequence[Document]) -> Iterator[str]:
    spoken = [document for document in documents if document.words]
    for document in spoken[:: max(1, len(spoken) // _PROBES)][:_PROBES]:
        words = document.words.split()
        start = document.position % len(words)  # another place in each batch
        yield " ".join(words[start : start + _PROBE_WORDS])


def _first_number(sizes: bytes) -> int:
    # SQLite's varint: seven bits per byte, high bit set if more follow.
    number = 0
    for byte in sizes:
        number = number << 7 | byte & 0x7F
        if byte < 0x80:
            break
    return number
