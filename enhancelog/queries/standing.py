"""Where a Blueprint stands: the sources of its runs, and the newest time."""

from dataclasses import dataclass
from typing import Final

from enhancelog.domain import records
from enhancelog.models import BlueprintSummary
from enhancelog.projections import source_names
from enhancelog.queries.prepared import Statement, run

_CHAINS: Final = (
    f"SELECT source, newest_ts_ms FROM {BlueprintSummary._meta.db_table} WHERE blueprint_id = %s ORDER BY 1"
)


@dataclass(frozen=True)
class Standing:
    """Times are epoch ms."""

    sources: tuple[str, ...]
    newest_ms: int | None


def standing(blueprint_id: str) -> Standing | None:
    if not records.is_id(blueprint_id, may_be_empty=True):
        return None
    found = run(Statement(_CHAINS, (blueprint_id,)))
    if not found:
        return None
    newest = max((ts_ms for _, ts_ms in found if ts_ms is not None), default=None)
    names = source_names.current()
    return Standing(tuple(sorted({names.shown(source) for source, _ in found})), newest)
