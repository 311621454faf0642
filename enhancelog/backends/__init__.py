"""Everything that differs between the databases: each engine's ``DatabaseWrapper`` carries a ``Dialect``."""

# No other code checks which database it is.

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, NamedTuple, Protocol, cast
from urllib.parse import unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured
from django.db import Error, connections
from django.db.backends.utils import CursorWrapper
from django.db.models import QuerySet

from enhancelog.backends.copies import Copies
from enhancelog.backends.disk import fault_of
from enhancelog.domain.errors import Other
from enhancelog.domain.installation import Database
from enhancelog.domain.search_words import Phrase

# PostgreSQL advisory lock held while appending ("enhance1").
APPEND_LOCK_KEY = 0x656E_6861_6E63_6531

# Rows per statement; a power of two (see ``in_parts``).
LONGEST_INSERT = 512

# PostgreSQL advisory lock held while ``serve`` prepares the database ("enhance2").
START_LOCK_KEY = 0x656E_6861_6E63_6532

# PostgreSQL advisory lock held while a copy is restored beside the database ("enhance3").
CHECK_LOCK_KEY = 0x656E_6861_6E63_6533

# PostgreSQL advisory lock held while the projections are rebuilt ("enhance4").
REBUILD_LOCK_KEY = 0x656E_6861_6E63_6534
REBUILT_ALREADY = "the projections are being rebuilt already, by another rebuild_projections; wait until it has ended"

# How long everything but an append waits for the append lock. An append waits for the rest of its
# ``APPEND_PATIENCE_S`` (``store.writing``).
APPEND_LOCK_TIMEOUT_S = 60.0
# Minimum wait for the lock, however little time is left.
SHORTEST_LOCK_TIMEOUT_S = 0.1

SEARCH_TABLE = "enhancelog_search"

# Of what is named that no release of ours has created.
MOST_FOREIGN = 100


class Document(NamedTuple):
    """The words of an entry in order, with one space between two; no phrase crosses a ``GAP``."""

    position: int
    words: str


class Found(NamedTuple):
    """``stopped``: the deadline passed, so there may be more."""

    positions: list[int]
    stopped: bool


class SearchIndex(Protocol):
    """A full-text index beside Django's schema; a question is a query in its syntax."""

    # Condition on the entry table. Parameters: the question, the first and the last position.
    condition_sql: str

    def install(self, cursor: CursorWrapper) -> bool:
        """Create what is missing; returns whether the index is new and empty."""

    def missing(self, cursor: CursorWrapper) -> list[str]: ...

    # The documents must not be indexed yet.
    def add(self, cursor: CursorWrapper, documents: Sequence[Document]) -> None: ...

    # The documents must equal those that were added.
    def remove(self, cursor: CursorWrapper, documents: Sequence[Document]) -> None: ...

    def clear(self, cursor: CursorWrapper) -> None: ...

    # The index is made anew, by position. Nobody searches what is made until it is served as a whole, or else every
    # step leaves what it has passed as it should be.

    # Begins, unless somebody has. Returns the position after which to go on.
    def renewing(self, cursor: CursorWrapper) -> int: ...

    # ``documents``: all in (``after``, ``up_to``]. False, and nothing was done: begin again.
    def renew(self, cursor: CursorWrapper, documents: Sequence[Document], after: int, up_to: int) -> bool: ...

    # There is nothing to renew. Without the append lock it may be wrong, but only in saying no.
    def is_right(self, cursor: CursorWrapper, documents: Sequence[Document], after: int, up_to: int) -> bool: ...

    # Renewed up to ``last``, which is the end of the log.
    def serve(self, cursor: CursorWrapper, last: int) -> None: ...

    # Removes some of what a renewal left; returns whether there may be more.
    def sweep(self, cursor: CursorWrapper) -> bool: ...

    # After a bulk load: optimizes the next searches.
    def settle(self, cursor: CursorWrapper) -> None: ...

    # Matches any of the phrases; each must have a token.
    def question(self, phrases: Iterable[Phrase]) -> str: ...

    def find(
        self, cursor: CursorWrapper, question: str, between: tuple[int, int], most: int, deadline: float, *, asc: bool
    ) -> Found:
        """Up to ``most`` positions in an inclusive range; stops at ``deadline`` (monotonic s)."""

    def differences(
        self, cursor: CursorWrapper, documents: Sequence[Document], after: int, up_to: int
    ) -> Iterator[str]:
        """One line per difference from ``documents``, which must be all in (``after``, ``up_to``]."""


Row = tuple[Any, ...]


def text_bytes(columns: Sequence[str], texts: Sequence[str]) -> Callable[[Row], int]:
    """A function from a row of ``columns`` to the UTF-8 bytes of those named in ``texts``."""
    places = [columns.index(name) for name in texts]

    def of_row(row: Row) -> int:
        found = [row[place] or "" for place in places]
        return sum([len(text) if text.isascii() else _bytes_of(text) for text in found])

    return of_row


# SQLite can store bytes, and invalid UTF-8, in a text column.
def _bytes_of(text: str | bytes) -> int:
    return len(text if isinstance(text, bytes) else text.encode(errors="surrogatepass"))


class Dialect(Protocol):
    # The backend's name in the contract.
    store_name: str

    search: SearchIndex

    copies: Copies

    def schema_parts(self) -> Mapping[str, str]:
        """The SQL of each table's triggers and of the search index, which no migration creates."""

    # Condition and order that find an entry's predecessor in its chain, by the chain index.
    link_before_sql: str

    # Condition: a text of the entry contains another, ASCII case-insensitively (``queries.containing``).
    text_search_sql: str

    def has_word(self, text: str, word: str, separators: str) -> tuple[str, tuple[str, ...]]:
        """Condition and its parameters: ``text``, which is SQL, has a word, ASCII case-insensitively. All of
        ``separators`` and spaces, which are ASCII, end words."""

    # The number of operations in JSON text, which may be NULL.
    def operations_sql(self, ops: str) -> str: ...

    # Condition: one of the operations in JSON text is of this kind.
    def has_operation_sql(self, ops: str, kind: str) -> str: ...

    def appending(self, timeout_s: float = APPEND_LOCK_TIMEOUT_S) -> AbstractContextManager[CursorWrapper]:
        """A transaction under the append lock. Waits ``timeout_s``, or without limit (see ``waiting``). Raises
        ``WrongSchema``.
        """

    # In a command: this thread's connection may use more memory from now on, because many transactions follow.
    def expect_many(self) -> None: ...

    def require_schema(self, cursor: CursorWrapper) -> None:
        """Keeps the schema until a transaction without the append lock ends. Waits for a migration as long as an
        append does. Raises ``WrongSchema`` or ``Other``.
        """

    def migrating(self) -> AbstractContextManager[CursorWrapper]:
        """A transaction under the append lock without a statement timeout."""

    # One ``serve`` at a time, over all hosts, prepares the database.
    def starting(self) -> AbstractContextManager[None]: ...

    # One rebuild at a time, over all hosts. Raises ``Other``: there is another.
    def rebuilding(self) -> AbstractContextManager[None]: ...

    def install_triggers(self, cursor: CursorWrapper) -> None: ...

    # Names of those that are absent, altered or disabled.
    def missing_triggers(self, cursor: CursorWrapper) -> list[str]: ...

    # Triggers, views and the like that this release does not know.
    def foreign_objects(self, cursor: CursorWrapper) -> list[str]: ...

    def one_of(self, column: str, values: Sequence[str] | Sequence[int]) -> tuple[str, Any]:
        """Condition and its only parameter, so that the SQL is constant."""

    def insert_rows(
        self, cursor: CursorWrapper, table: str, columns: Sequence[str], rows: Sequence[Any], on_conflict: str = ""
    ) -> None:
        """With ``on_conflict``, no key may appear twice in ``rows``."""

    def first_rows(
        self, rows: QuerySet[Any, Any], columns: Sequence[str], texts: Sequence[str], size: int, most_bytes: int
    ) -> tuple[list[Row], bool]:
        """Up to ``size`` rows, until their ``text_bytes`` reach ``most_bytes``; and whether no rows follow."""

    # For frequent statements: they stay prepared.
    def fetch(self, cursor: CursorWrapper, statement: str, values: Sequence[Any]) -> list[tuple[Any, ...]]: ...

    def reading_any_text(self) -> AbstractContextManager[None]:
        """Decode invalid UTF-8, which SQLite can store in a text column, as lone surrogates."""

    def lock_table(self, cursor: CursorWrapper, table: str) -> None:
        """Block other writers, but not readers, until the transaction ends."""

    # Whether our role may update rows of the table, as far as triggers let it.
    def may_update(self, table: str) -> bool: ...

    def erasing(self) -> AbstractContextManager[None]:
        """Around a transaction: where the database can, what it deletes or overwrites is overwritten in its file."""

    def erase(self, tables: Sequence[str], say: Callable[[str], object]) -> bool:
        """Outside a transaction: free what no row has any more, so that it is in no file of the database. ``say``
        hears of each long step. False if somebody who reads kept the last step from its end.
        """

    # In a server: from now on, no other file takes the place of the database, nor does this process create one.
    def stay(self) -> None: ...

    # What this thread asks fails if a server does not answer in time, whatever that does.
    def answering_within(self, seconds: float) -> AbstractContextManager[None]: ...

    def glance(self) -> AbstractContextManager[CursorWrapper]:
        """For reading, but not for long: statements that wait for a lock or take seconds fail."""

    # A few statements that scan nothing, which a role without privileges may execute.
    def facts(self, cursor: CursorWrapper) -> Database: ...


def dialect(using: str = "default") -> Dialect:
    return cast(Dialect, connections[using].dialect)  # type: ignore[attr-defined]


def in_parts(rows: Sequence[Any], longest: int = LONGEST_INSERT) -> Iterator[Sequence[Any]]:
    """Batches of power-of-two size, so that few statements stay prepared."""
    start, size = 0, longest
    while start < len(rows):
        # Not one statement per row: other threads would get a turn before each.
        while size > len(rows) - start:
            size //= 2
        yield rows[start : start + size]
        start += size


@contextmanager
def faults() -> Iterator[None]:
    try:
        yield
    except Error as error:
        raise fault_of(error) or Other(f"the database failed: {error}") from error


def from_url(url: str, data_dir: Path) -> dict[str, Any]:
    """A DATABASES entry; empty: SQLite in the data folder. Raises ``ImproperlyConfigured`` without the URL, which
    may contain a password.
    """
    scheme = urlsplit(url).scheme
    if not url:
        found = _sqlite(str(data_dir / "enhancelog.sqlite3"))
    elif scheme == "sqlite":
        found = _sqlite(unquote(url.removeprefix("sqlite://").removeprefix("/")))
    elif scheme in ("postgres", "postgresql"):
        found = _postgresql(url)
    else:
        raise ImproperlyConfigured(f'DATABASE_URL: must be a sqlite or postgresql URL, not "{scheme}"')
    # A thread keeps its connection and checks it before each reuse.
    return {**found, "CONN_MAX_AGE": None, "CONN_HEALTH_CHECKS": True}


def replica_from_url(url: str, primary: dict[str, Any]) -> dict[str, Any] | None:
    """What differs from the primary's DATABASES entry; ``None`` without a URL. Raises as ``from_url`` does."""
    if not url:
        return None
    if primary["ENGINE"] != "enhancelog.backends.postgresql":
        raise ImproperlyConfigured("ENHANCELOG_READ_URL: needs PostgreSQL; DATABASE_URL names an SQLite database")
    scheme = urlsplit(url).scheme
    if scheme not in ("postgres", "postgresql"):
        raise ImproperlyConfigured(f'ENHANCELOG_READ_URL: must be a postgresql URL, not "{scheme}"')
    found = _postgresql(url, "ENHANCELOG_READ_URL")
    # Of several nodes, any can be the primary now; which one is the replica is asked when connecting.
    if "," not in found["HOST"] and address_of(found) == address_of(primary):
        raise ImproperlyConfigured("ENHANCELOG_READ_URL: must name a replica, not the server of DATABASE_URL")
    return found


def address_of(config: dict[str, Any]) -> str:
    """Of a DATABASES entry, without user and password."""
    if config["ENGINE"] == "enhancelog.backends.sqlite":
        return f"sqlite:///{config['NAME']}"
    hosts, ports = config["HOST"].split(","), config["PORT"].split(",")
    if len(ports) < len(hosts):
        ports = ports[:1] * len(hosts)  # as libpq reads it
    places = (f"{host}:{port}" if port else host for host, port in zip(hosts, ports, strict=False))
    return f"postgresql://{','.join(places)}/{config['NAME']}"


def _sqlite(path: str) -> dict[str, Any]:
    if not path:
        raise ImproperlyConfigured("DATABASE_URL: sqlite needs a path, as in sqlite:////srv/enhancelog.sqlite3")
    return {"ENGINE": "enhancelog.backends.sqlite", "NAME": path}


def _postgresql(url: str, setting: str = "DATABASE_URL") -> dict[str, Any]:
    import psycopg

    try:
        parts = psycopg.conninfo.conninfo_to_dict(url)
    except psycopg.ProgrammingError:
        raise ImproperlyConfigured(f"{setting}: is not a valid PostgreSQL URL") from None
    named = {"NAME": "dbname", "USER": "user", "PASSWORD": "password", "HOST": "host", "PORT": "port"}
    config = {key: str(parts.pop(name, "") or "") for key, name in named.items()}
    return {"ENGINE": "enhancelog.backends.postgresql", **config, "OPTIONS": dict(parts)}
