"""Gaps in a Blueprint's chain of hashes."""

from enhancelog.backends import dialect
from enhancelog.domain.origin import OPTIMIZERS
from enhancelog.models import BlueprintSummary, Entry

# Each source of a Blueprint has its own chain. After an entry the chain is at its new_hash (applied) or still at its
# prev_hash (rejected). An entry has a gap before it if the Blueprint has earlier entries and no chain is at its
# prev_hash: the Blueprint was changed outside the flow, or entries are missing. An optimizer goes on from any version,
# so its entries are no chain.
_ENTRY = Entry._meta.db_table
_TREES = ", ".join(f"'{source}'" for source in OPTIMIZERS)


def gap() -> str:
    return f"""(
    {_ENTRY}.source NOT IN ({_TREES})
    AND EXISTS (SELECT 1 FROM {_ENTRY} earlier WHERE earlier.blueprint_id = {_ENTRY}.blueprint_id
            AND (earlier.ts_ms, earlier.position) < ({_ENTRY}.ts_ms, {_ENTRY}.position))
    AND NOT EXISTS (
        SELECT 1 FROM {BlueprintSummary._meta.db_table} chain
        WHERE chain.blueprint_id = {_ENTRY}.blueprint_id AND {_ENTRY}.prev_hash = (
            SELECT CASE WHEN link.source <> chain.source THEN NULL
                        WHEN link.status = 'applied' THEN link.new_hash ELSE link.prev_hash END
            FROM {_ENTRY} link
            WHERE link.blueprint_id = chain.blueprint_id AND {dialect().link_before_sql} LIMIT 1)))"""
