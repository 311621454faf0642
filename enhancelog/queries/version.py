"""Which log a reading saw, with which patterns and documents, so that what was made of it is kept until it changes."""

from typing import Any

from django.db.models import Aggregate, Count, Max, Model, QuerySet, Subquery, Value

from enhancelog.models import BlueprintDocument, Entry, PatternChange, PatternRules


def log_version() -> tuple[Any, ...]:
    """The newest entry's position and digest: the log only grows, and one that was restored from a copy and went on
    differently ends in another digest. Then what the deny patterns depend on beside it, and the newest kept document.
    One statement."""
    newest = Entry.objects.order_by("-position").annotate(
        served=Subquery(PatternRules.objects.values("served")[:1]),
        building=Subquery(PatternRules.objects.values("building")[:1]),
        done=Subquery(PatternRules.objects.values("done")[:1]),
        made=_one(PatternChange, Max("id")),
        undone=_one(PatternChange, Count("undone_ms")),
        documents=_one(BlueprintDocument, Max("id")),
    )
    columns = ("position", "digest", "served", "building", "done", "made", "undone", "documents")
    return newest.values_list(*columns).first() or ()


def _one(table: type[Model], number: Aggregate) -> Subquery:
    """One number of all rows of a table."""
    rows: QuerySet[Any] = table._default_manager.order_by()
    return Subquery(rows.values(all=Value(1)).annotate(n=number).values("n"))
