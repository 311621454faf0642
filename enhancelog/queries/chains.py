"""Gaps in a Blueprint's chain of hashes.

Each source of a Blueprint has a chain of its own. After an entry the Blueprint stands at its ``new_hash`` (applied) or
still at its ``prev_hash`` (rejected). An entry has a gap before it when earlier entries of its Blueprint exist and no
chain stands at its ``prev_hash``: somebody changed the Blueprint outside the flow, or entries are missing.
"""

from enhancelog.backends import dialect
from enhancelog.models import BlueprintSummary, Entry

_ENTRY = Entry._meta.db_table


def gap() -> str:
    """SQL condition on a row of the entry table; the chain's index serves every step."""
    return f"""(
    EXISTS (SELECT 1 FROM {_ENTRY} earlier WHERE earlier.blueprint_id = {_ENTRY}.blueprint_id
            AND (earlier.ts_ms, earlier.position) < ({_ENTRY}.ts_ms, {_ENTRY}.position))
    AND NOT EXISTS (
        SELECT 1 FROM {BlueprintSummary._meta.db_table} chain
        WHERE chain.blueprint_id = {_ENTRY}.blueprint_id AND {_ENTRY}.prev_hash = (
            SELECT CASE WHEN link.source <> chain.source THEN NULL
                        WHEN link.status = 'applied' THEN link.new_hash ELSE link.prev_hash END
            FROM {_ENTRY} link
            WHERE link.blueprint_id = chain.blueprint_id AND {dialect().link_before_sql} LIMIT 1)))"""
