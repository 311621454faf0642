"""The triggers of tables that are written once, and the functions that they call."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from enhancelog.backends import write_once
from enhancelog.backends.redacting import DETAILS, IS_SEALED, SEALED, TEXTS, VALUES, Recorded, Redacting
from enhancelog.backends.write_once import Table

REFUSE: Final = "enhancelog_refuse_change"

_REFUSAL: Final = "RAISE EXCEPTION 'rows of % are written once (%)', TG_TABLE_NAME, TG_OP USING ERRCODE = '23000';"

# Bits of pg_trigger.tgtype
_ROW, _BEFORE, _INSERT, _DELETE, _UPDATE, _TRUNCATE = 1, 2, 4, 8, 16, 32

# Over OLD and NEW: the JSON text in a column differs by a redaction alone.
_GONE: Final = {
    DETAILS: """NOT EXISTS (
        SELECT 1 FROM json_array_elements(OLD.{0}::json) WITH ORDINALITY was (value, at)
        FULL JOIN json_array_elements(NEW.{0}::json) WITH ORDINALITY became (value, at) ON became.at = was.at
        WHERE was.value ->> 'axis' IS DISTINCT FROM became.value ->> 'axis'
            OR was.value ->> 'status' IS DISTINCT FROM became.value ->> 'status'
            OR was.value ->> 'detail' IS DISTINCT FROM became.value ->> 'detail'
                AND became.value ->> 'detail' IS DISTINCT FROM '[redacted]')""",
    TEXTS: """NOT EXISTS (
        SELECT 1 FROM json_array_elements_text(OLD.{0}::json) WITH ORDINALITY was (value, at)
        FULL JOIN json_array_elements_text(NEW.{0}::json) WITH ORDINALITY became (value, at) ON became.at = was.at
        WHERE was.value IS DISTINCT FROM became.value
            AND (was.value IS NULL OR COALESCE(strpos(became.value, '[redacted]'), 0) = 0))""",
    SEALED: IS_SEALED,
    VALUES: """NOT EXISTS (
        SELECT 1 FROM json_each(OLD.{0}::json) was FULL JOIN json_each(NEW.{0}::json) became ON became.key = was.key
        WHERE was.value::text IS DISTINCT FROM became.value::text
            AND (was.key IS NULL OR became.value::text IS DISTINCT FROM '"[redacted]"'))""",
}


class Trigger(NamedTuple):
    """``kind``: the bits of its events and level. ``body``: of its function."""

    table: str
    name: str
    event: str
    kind: int
    function: str
    body: str


def of_table(name: str, table: Table) -> Iterator[Trigger]:
    function, body = REFUSE, f"\n    BEGIN\n        {_REFUSAL}\n    END "
    change = "BEFORE UPDATE OR DELETE", _ROW + _BEFORE + _DELETE + _UPDATE
    if table.redacting is None:
        yield _trigger(name, f"{name}_no_change", *change, function, body)
    else:
        yield _trigger(name, f"{name}_no_change", *change, f"{name}_refuse_change", _unless(table.redacting))
    yield _trigger(name, f"{name}_no_truncate", "BEFORE TRUNCATE", _BEFORE + _TRUNCATE, function, body)
    if table.redacting and (recorded := table.redacting.recorded):
        function = f"{recorded.table}_carry_out"
        body = _carries_out(name, table.redacting, recorded)
        yield _trigger(recorded.table, function, "AFTER INSERT", _ROW + _INSERT, function, body)


def every(tables: Mapping[str, Table]) -> list[Trigger]:
    return [trigger for name, table in tables.items() for trigger in of_table(name, table)]


def registered() -> list[Trigger]:
    return every(write_once.registered())


def _trigger(table: str, name: str, events: str, kind: int, function: str, body: str) -> Trigger:
    level = "ROW" if kind & _ROW else "STATEMENT"
    return Trigger(table, name, f"{events} ON {table} FOR EACH {level}", kind, function, body)


def _unless(redacting: Redacting) -> str:
    texts = [_text(column, way) for column, way in redacting.texts.items()]
    condition = "\n        AND ".join([_are_same(redacting.fixed), *texts, redacting.allowed])
    if repacked := redacting.repacked:
        same = _are_same(repacked.fixed(redacting.columns))
        condition = f"({condition})\n        OR ({same} AND {repacked.allowed})"
    return f"""
    BEGIN
        IF TG_OP = 'UPDATE' THEN
            IF {condition} THEN
                RETURN NEW;
            END IF;
        END IF;
        {_REFUSAL}
    END """


def _are_same(columns: Sequence[str]) -> str:
    new, old = (", ".join(f"{row}.{column}" for column in columns) for row in ("NEW", "OLD"))
    return f"ROW({new}) IS NOT DISTINCT FROM ROW({old})"


def _text(column: str, way: str) -> str:
    gone = _GONE[way].format(column) if way in _GONE else f"NEW.{column} IS NOT DISTINCT FROM {way}"
    return f"(NEW.{column} IS NOT DISTINCT FROM OLD.{column} OR OLD.{column} IS NOT NULL AND {gone})"


def _carries_out(name: str, redacting: Redacting, recorded: Recorded) -> str:
    statements = recorded.carry_out(name, list(redacting.texts))
    return f"""
    BEGIN
        IF NOT ({recorded.is_possible(name)}) THEN
            RAISE EXCEPTION 'a redaction needs its row of {name} and the texts that stay' USING ERRCODE = '23000';
        END IF;
        {"; ".join(statements)};
        RETURN NULL;
    END """
