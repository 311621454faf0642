"""Which rules version is served, and the progress of deriving another."""

from collections.abc import Sequence
from typing import Final, NamedTuple

from django.db.backends.utils import CursorWrapper

from enhancelog import patterns
from enhancelog.models import Denial, PatternRules
from enhancelog.projections.stored import Stored

# A release derives under its own rules only. After the rules change, the old patterns are served until all entries are
# derived again in position order; entries appended meanwhile are derived when it is their turn.
STATE: Final = PatternRules._meta.db_table
# The id of the only row.
ONLY: Final = 1


class State(NamedTuple):
    """``done``: last position derived under ``building``."""

    served: int | None
    building: int | None
    done: int


def read(cursor: CursorWrapper) -> State | None:
    """``None`` before the first denial."""
    cursor.execute(f"SELECT served, building, done FROM {STATE}")
    row = cursor.fetchone()
    return State(*row) if row else None


def write(cursor: CursorWrapper, state: State) -> None:
    cursor.execute(
        f"INSERT INTO {STATE} (id, served, building, done, regrouped) VALUES (%s, %s, %s, %s, 0)"
        " ON CONFLICT (id) DO UPDATE SET"
        " served = excluded.served, building = excluded.building, done = excluded.done",
        [ONLY, *state],
    )


def serve(cursor: CursorWrapper) -> None:
    write(cursor, State(patterns.RULES_VERSION, None, 0))


def derived_up_to(cursor: CursorWrapper, before: int) -> int | None:
    """The last position derived under this release's rules; ``None``: all."""
    # ``before`` is the first position being appended. Without an earlier denial, nothing is missing.
    state = read(cursor)
    if state is None:
        cursor.execute(f"SELECT 1 FROM {Denial._meta.db_table} WHERE position < %s LIMIT 1", [before])
        if cursor.fetchone():
            return 0
        serve(cursor)
        return None
    if state.served == patterns.RULES_VERSION:
        return None
    return state.done if state.building == patterns.RULES_VERSION else 0


def is_complete(cursor: CursorWrapper) -> bool:
    state = read(cursor)
    if state is not None:
        return state.served == patterns.RULES_VERSION
    cursor.execute(f"SELECT 1 FROM {Denial._meta.db_table} LIMIT 1")
    return cursor.fetchone() is None


def among(entries: Sequence[Stored], up_to: int | None) -> Sequence[Stored]:
    return entries if up_to is None else [stored for stored in entries if stored.position <= up_to]
