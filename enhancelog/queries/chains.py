"""Gaps in a Blueprint's chain of hashes."""

from typing import Final

from enhancelog.backends import dialect
from enhancelog.domain.origin import OPTIMIZERS
from enhancelog.models import BlueprintSummary, Entry
from enhancelog.projections import source_names

# Each source of a Blueprint has its own chain; sources that are shown under one name share one. After an entry the
# chain is at its new_hash (applied) or still at its prev_hash (rejected). An entry has a gap before it if the Blueprint
# has earlier entries and no chain is at its prev_hash: the Blueprint was changed outside the flow, or entries are
# missing. An optimizer goes on from any version, so its entries are no chain, whatever the name it is shown under.
_ENTRY = Entry._meta.db_table
_TREES = ", ".join(f"'{source}'" for source in OPTIMIZERS)
_SUMMARY: Final = BlueprintSummary._meta.db_table
_STATE: Final = "CASE WHEN link.status = 'applied' THEN link.new_hash ELSE link.prev_hash END"


def gap() -> str:
    if source_names.current().renamed:
        return _gap("own", _state_of_name())
    return _gap("chain", _last(_STATE))


def _gap(chain: str, state: str) -> str:
    # Mostly the chain goes on, which one look-up shows. PostgreSQL would join conditions with AND in another order.
    return f"""(
    CASE WHEN {_ENTRY}.source IN ({_TREES}) THEN FALSE
        WHEN EXISTS (
            SELECT 1 FROM {_SUMMARY} {chain}
            WHERE {chain}.blueprint_id = {_ENTRY}.blueprint_id AND {_ENTRY}.prev_hash = ({state})) THEN FALSE
        ELSE EXISTS (SELECT 1 FROM {_ENTRY} earlier WHERE earlier.blueprint_id = {_ENTRY}.blueprint_id
            AND (earlier.ts_ms, earlier.position) < ({_ENTRY}.ts_ms, {_ENTRY}.position)) END)"""


def _last(value: str) -> str:
    """Of the last entry of ``chain`` before the entry."""
    return f"""
            SELECT CASE WHEN link.source <> chain.source THEN NULL ELSE {value} END FROM {_ENTRY} link
            WHERE link.blueprint_id = chain.blueprint_id AND {dialect().link_before_sql} LIMIT 1"""


def _state_of_name() -> str:
    # Of each source that is shown under the same name, the last entry; and of these, the last one.
    same_name = f"{source_names.shown_sql('chain.source')} = {source_names.shown_sql('own.source')}"
    return f"""
            SELECT {_STATE} FROM {_ENTRY} link WHERE link.position IN (
                SELECT ({_last("link.position")}) FROM {_SUMMARY} chain
                WHERE chain.blueprint_id = own.blueprint_id AND {same_name})
            ORDER BY link.ts_ms DESC, link.position DESC LIMIT 1"""
