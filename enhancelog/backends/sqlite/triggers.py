"""The triggers of tables that are written once."""

from collections.abc import Mapping, Sequence
from typing import Final

from enhancelog.backends import write_once
from enhancelog.backends.redacting import DETAILS, IS_SEALED, SEALED, TEXTS, VALUES, Recorded, Redacting
from enhancelog.backends.write_once import Table

# Members of both JSON texts, by key. Grouped, not joined: a join of two ``json_each`` compares each with each.
_ALIKE: Final = """json_type(NEW.{{0}}) = json_type(OLD.{{0}}) AND NOT EXISTS (
        SELECT 1 FROM (SELECT 0 AS side, key, type, value FROM json_each(OLD.{{0}})
            UNION ALL SELECT 1, key, type, value FROM json_each(NEW.{{0}}))
        GROUP BY key HAVING COUNT(*) <> 2 OR {})"""


def _differs(value: str) -> str:
    return f"{_of(1, value)} IS NOT {_of(0, value)}"


def _of(side: int, value: str) -> str:
    return f"MAX({value}) FILTER (WHERE side = {side})"


def _member(name: str) -> str:
    return f"json_extract(value, '$.{name}')"


# Over OLD and NEW: the JSON text in a column differs by a redaction alone.
_GONE: Final = {
    DETAILS: _ALIKE.format(
        f"{_differs(_member('axis'))} OR {_differs(_member('status'))}"
        f" OR {_differs(_member('detail'))} AND {_of(1, _member('detail'))} IS NOT '[redacted]'"
    ),
    TEXTS: _ALIKE.format(f"{_differs('value')} AND COALESCE(instr({_of(1, 'value')}, '[redacted]'), 0) = 0"),
    SEALED: IS_SEALED,
    VALUES: _ALIKE.format(f"({_differs('type')} OR {_differs('value')}) AND {_of(1, 'value')} IS NOT '[redacted]'"),
}


def of_table(name: str, table: Table) -> dict[str, str]:
    """Name to statement."""
    refuse = f"BEGIN SELECT RAISE(ABORT, 'rows of {name} are written once'); END"
    # INSERT OR REPLACE deletes the old row without firing a DELETE trigger, hence the third trigger.
    refuse_known = f"BEGIN SELECT RAISE(ABORT, 'UNIQUE constraint failed: {name} has this row already'); END"
    known = " OR ".join(
        f"EXISTS (SELECT 1 FROM {name} WHERE {' AND '.join(f'{column} = NEW.{column}' for column in key)})"
        for key in table.keys
    )
    unless = f" WHEN NOT ({_is_redaction(table.redacting)})" if table.redacting else ""
    bodies = {
        f"{name}_no_update": f"BEFORE UPDATE ON {name}{unless} {refuse}",
        f"{name}_no_delete": f"BEFORE DELETE ON {name} {refuse}",
        f"{name}_no_replace": f"BEFORE INSERT ON {name} WHEN {known} {refuse_known}",
    }
    if table.redacting and (recorded := table.redacting.recorded):
        body = _carries_out(name, table.redacting, recorded)
        bodies[f"{recorded.table}_carry_out"] = f"AFTER INSERT ON {recorded.table} {body}"
    return {trigger: f"CREATE TRIGGER {trigger} {body}" for trigger, body in bodies.items()}


def every(tables: Mapping[str, Table]) -> dict[str, str]:
    return {trigger: statement for name in tables for trigger, statement in of_table(name, tables[name]).items()}


def registered() -> dict[str, str]:
    return every(write_once.registered())


# COALESCE: what is NULL is no redaction.
def _is_redaction(redacting: Redacting) -> str:
    texts = [f"(NEW.{column} IS OLD.{column} OR {_is_gone(column, way)})" for column, way in redacting.texts.items()]
    allowed = f"COALESCE({' AND '.join([_are_same(redacting.fixed), *texts, redacting.allowed])}, 0)"
    if repacked := redacting.repacked:
        same = _are_same(repacked.fixed(redacting.columns))
        allowed += f" OR COALESCE({same} AND {repacked.allowed}, 0)"
    return allowed


def _are_same(columns: Sequence[str]) -> str:
    new, old = (", ".join(f"{row}.{column}" for column in columns) for row in ("NEW", "OLD"))
    return f"({new}) IS ({old})"


def _is_gone(column: str, way: str) -> str:
    gone = _GONE[way].format(column) if way in _GONE else f"NEW.{column} IS {way}"
    return f"OLD.{column} IS NOT NULL AND {gone}"


def _carries_out(name: str, redacting: Redacting, recorded: Recorded) -> str:
    refuse = f"SELECT RAISE(ABORT, 'a redaction needs its row of {name} and the texts that stay')"
    statements = recorded.carry_out(name, list(redacting.texts))
    return f"BEGIN {refuse} WHERE NOT ({recorded.is_possible(name)}); {'; '.join(statements)}; END"
