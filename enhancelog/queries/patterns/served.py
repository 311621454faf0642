"""The served patterns, and the progress of a rebuild."""

from collections.abc import Iterable
from typing import Any, Final

from django.db.models import F, OuterRef, Q, QuerySet, Subquery

from enhancelog.models import DenialPattern, PatternRules, Template
from enhancelog.queries.pattern_ids import SERVED
from enhancelog.queries.plausible import Plausible
from enhancelog.queries.prepared import Statement, run
from enhancelog.store.database import last_position

# Of denials: those with a plausible time
PLAUSIBLE: Final = Plausible("ts_ms", "entry__recorded_ms")

EVERY_DENIAL = Q()

_BUILDING: Final = Statement(f"SELECT done FROM {PatternRules._meta.db_table} WHERE building IS NOT NULL ORDER BY id")


def rebuilding() -> int | None:
    """Per cent of the log derived under new rules; ``None`` once those are served."""
    found = run(_BUILDING)
    if not found:
        return None
    done = int(found[0][0])
    return 100 * done // max(last_position(), done, 1)


def patterns(among: Q = EVERY_DENIAL) -> QuerySet[Any]:
    """Leading templates with ``first_ms`` and ``last_ms`` of their denials ``among`` some (epoch ms, ``None`` without a
    plausible time)."""
    denials = DenialPattern.objects.filter(PLAUSIBLE, among, pattern=OuterRef("pk"))
    return Template.objects.filter(rules=SERVED, pattern_id=F("pk")).annotate(
        first_ms=Subquery(denials.order_by("ts_ms", "entry_id").values("ts_ms")[:1]),
        last_ms=Subquery(denials.order_by("-ts_ms", "-entry_id").values("ts_ms")[:1]),
    )


def new_patterns(since_ms: int | None, until_ms: int | None) -> QuerySet[Any]:
    """Those whose first denial is between these times (epoch ms); none without a beginning."""
    if since_ms is None:
        return patterns().none()
    new = patterns().filter(first_ms__gte=since_ms)
    return new if until_ms is None else new.filter(first_ms__lt=until_ms)


def new_among(keys: Iterable[str], since_ms: int) -> set[str]:
    """The ids of those whose first denial is not before this time (epoch ms)."""
    rows = patterns().filter(key__in=list(keys), first_ms__gte=since_ms)
    return set(rows.values_list("key", flat=True))
