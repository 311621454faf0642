"""Everything that differs between the databases, and nothing else.

``sqlite`` and ``postgresql`` are Django ENGINEs. What the log needs beyond Django's own abstraction is a ``Dialect``,
which each engine's ``DatabaseWrapper`` carries; the rest of the project asks for it here and never for a vendor.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, NamedTuple, Protocol, cast
from urllib.parse import unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured
from django.db import Error, connections
from django.db.backends.utils import CursorWrapper
from django.db.models import QuerySet

from enhancelog.backends.disk import fault_of
from enhancelog.domain.errors import Other
from enhancelog.domain.search_words import Phrase

APPEND_LOCK_KEY = 0x656E_6861_6E63_6531
"""The advisory lock of appends on PostgreSQL ("enhance1"); a number nobody else picks."""

LONGEST_INSERT = 512
"""Rows in one statement."""

START_LOCK_KEY = 0x656E_6861_6E63_6532
"""That of preparing the database for a server ("enhance2")."""


APPEND_LOCK_TIMEOUT_S = 60.0
SHORTEST_LOCK_TIMEOUT_S = 0.1
"""An attempt waits so long for the lock, however little time is left."""

SEARCH_TABLE = "enhancelog_search"


class Document(NamedTuple):
    """The words of the entry at ``position``, in order; an empty one is a place where none stands."""

    position: int
    words: Sequence[str]


class Found(NamedTuple):
    """Positions in the order asked for. ``stopped``: the time was up, there may be more."""

    positions: list[int]
    stopped: bool


class SearchIndex(Protocol):
    """The words of the entries in an index of the database's own, made beside the triggers, written by ``projections``.

    A question is the text in which the database takes phrases.
    """

    condition_sql: str
    """Condition on the entry table: the entry matches the question ``%s``."""

    def install(self, cursor: CursorWrapper) -> bool:
        """Create what is missing; whether the index had to be made and is empty."""

    def missing(self, cursor: CursorWrapper) -> list[str]:
        """The names of those tables and indexes that are absent."""

    def add(self, cursor: CursorWrapper, documents: Sequence[Document]) -> None:
        """Index documents that are not in the index yet."""

    def remove(self, cursor: CursorWrapper, documents: Sequence[Document]) -> None:
        """Take out documents, given as they were added."""

    def clear(self, cursor: CursorWrapper) -> None:
        """Take out all of them."""

    def settle(self, cursor: CursorWrapper) -> None:
        """After a load: what makes the next questions quick."""

    def question(self, phrases: Iterable[Phrase]) -> str:
        """Any of these phrases, none without a token."""

    def find(
        self, cursor: CursorWrapper, question: str, between: tuple[int, int], most: int, deadline: float, *, asc: bool
    ) -> Found:
        """Up to ``most`` matching positions ``between`` two, both inclusive; at ``deadline`` (monotonic s) what
        there is by then."""

    def differences(
        self, cursor: CursorWrapper, documents: Sequence[Document], after: int, up_to: int
    ) -> Iterator[str]:
        """How the index differs from these, which are all that should lie between two positions, the first
        exclusive; a line each."""


class Dialect(Protocol):
    """The ways of one database."""

    store_name: str
    """The backend's name in the contract."""

    search: SearchIndex

    def schema_sql(self) -> str:
        """What no migration creates, as SQL: the triggers and the search index."""

    link_before_sql: str
    """Condition and order of one Blueprint's rows ``link`` of the entry table: the last one before the entry of the
    source of ``chain`` comes first, where there is one, and the index of chains finds it."""

    text_search_sql: str
    """Condition on the entry table's columns: a text of the entry holds ``%s``, ASCII case ignored; four times."""

    def appending(self, timeout_s: float = APPEND_LOCK_TIMEOUT_S) -> AbstractContextManager[CursorWrapper]:
        """A transaction that is the only one that appends until it ends; waits for that ``timeout_s`` seconds, at
        least ``SHORTEST_LOCK_TIMEOUT_S``, or without a limit (see ``waiting``). Raises ``WrongSchema``."""

    def require_schema(self, cursor: CursorWrapper) -> None:
        """In a transaction that writes without the append lock: the schema is this release's until it ends. Raises
        ``WrongSchema``."""

    def migrating(self) -> AbstractContextManager[CursorWrapper]:
        """A transaction that may change the schema, with the append lock and no limit on a statement's time."""

    def starting(self) -> AbstractContextManager[None]:
        """Nobody else, on whatever host, prepares this database for a server until this ends; waits for that."""

    def install_triggers(self, cursor: CursorWrapper) -> None:
        """Create or replace the triggers of every table in ``write_once`` that exists."""

    def missing_triggers(self, cursor: CursorWrapper) -> list[str]:
        """The names of those triggers that are absent, altered or switched off."""

    def one_of(self, column: str, values: Sequence[str]) -> tuple[str, Any]:
        """The condition that a column is one of the values, and its one parameter; the SQL is always the same."""

    def insert_rows(
        self, cursor: CursorWrapper, table: str, columns: Sequence[str], rows: Sequence[Any], on_conflict: str = ""
    ) -> None:
        """Insert rows of plain values the quickest way. ``on_conflict``: a clause for those whose key is there; then no
        key comes twice among the rows."""

    def first_rows(
        self, rows: QuerySet[Any, tuple[Any, ...]], size: int, most_bytes: int, texts: Sequence[str]
    ) -> tuple[list[tuple[Any, ...]], bool]:
        """The first ``size`` rows, or fewer: the one whose ``texts`` (columns) bring them to ``most_bytes`` is the
        last. And whether there are no others."""

    def fetch(self, cursor: CursorWrapper, statement: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
        """All rows of a statement that is asked again and again with other values; it stays prepared."""

    def reading_any_text(self) -> AbstractContextManager[None]:
        """Until this ends, bytes that are not UTF-8, which SQLite may hold in a text, are read as lone surrogates."""

    def lock_table(self, cursor: CursorWrapper, table: str) -> None:
        """Nobody else writes to the table, or locks it so, until this transaction ends; who reads goes on."""


def dialect(using: str = "default") -> Dialect:
    """The dialect of the configured database."""
    return cast(Dialect, connections[using].dialect)  # type: ignore[attr-defined]


def in_parts(rows: Sequence[Any]) -> Iterator[Sequence[Any]]:
    """As long as a power of two each, up to ``LONGEST_INSERT``, which is one: so few statements insert any number of
    rows that they can stay prepared. Not one a row: other threads have a turn before each."""
    start, size = 0, LONGEST_INSERT
    while start < len(rows):
        while size > len(rows) - start:
            size //= 2
        yield rows[start : start + size]
        start += size


@contextmanager
def faults() -> Iterator[None]:
    """The database's errors as ours: ``Other``, or ``Full``."""
    try:
        yield
    except Error as error:
        raise fault_of(error) or Other(f"the database failed: {error}") from error


def from_url(url: str, data_dir: Path) -> dict[str, Any]:
    """Django's DATABASES entry for ``sqlite:///PATH`` or any ``postgres…`` URL that libpq reads; empty: SQLite in
    the data folder. Raises ``ImproperlyConfigured`` without repeating the URL, which may hold a password.
    """
    scheme = urlsplit(url).scheme
    if not url:
        found = _sqlite(str(data_dir / "enhancelog.sqlite3"))
    elif scheme == "sqlite":
        found = _sqlite(unquote(url.removeprefix("sqlite://").removeprefix("/")))
    elif scheme in ("postgres", "postgresql"):
        found = _postgresql(url)
    else:
        raise ImproperlyConfigured(f'DATABASE_URL: "{scheme}" is neither sqlite nor postgresql')
    # A thread keeps its connection and looks whether it still works before it uses it again.
    return {**found, "CONN_MAX_AGE": None, "CONN_HEALTH_CHECKS": True}


def _sqlite(path: str) -> dict[str, Any]:
    if not path:
        raise ImproperlyConfigured("DATABASE_URL: sqlite needs a path, as in sqlite:////srv/enhancelog.sqlite3")
    return {"ENGINE": "enhancelog.backends.sqlite", "NAME": path}


def _postgresql(url: str) -> dict[str, Any]:
    import psycopg

    try:
        parts = psycopg.conninfo.conninfo_to_dict(url)
    except psycopg.ProgrammingError:
        raise ImproperlyConfigured("DATABASE_URL: libpq cannot read it") from None
    named = {"NAME": "dbname", "USER": "user", "PASSWORD": "password", "HOST": "host", "PORT": "port"}
    config = {key: str(parts.pop(name, "") or "") for key, name in named.items()}
    return {"ENGINE": "enhancelog.backends.postgresql", **config, "OPTIONS": dict(parts)}
