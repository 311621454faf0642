"""What is known of one Blueprint before any of its entries is read."""

from dataclasses import dataclass

from enhancelog import records
from enhancelog.models import BlueprintSummary


@dataclass(frozen=True)
class Standing:
    """``newest_ms``: the last plausible time of a run, epoch ms. ``sources``: who recorded them."""

    sources: tuple[str, ...]
    newest_ms: int | None


def standing(blueprint_id: str) -> Standing | None:
    """``None`` for a Blueprint without entries, or an id that the rules refuse."""
    if not records.is_id(blueprint_id, may_be_empty=True):
        return None
    chains = BlueprintSummary.objects.filter(blueprint_id=blueprint_id).order_by("source")
    found = list(chains.values_list("source", "newest_ts_ms"))
    if not found:
        return None
    newest = max((ts_ms for _, ts_ms in found if ts_ms is not None), default=None)
    return Standing(tuple(source for source, _ in found), newest)
