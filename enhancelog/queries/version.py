"""Which log a reading saw, and by which patterns, so that what was made of it can be kept until it changes."""

from typing import Any

from django.db.models import Count, Max, QuerySet, Subquery, Value

from enhancelog.models import Entry, PatternChange, PatternRules


def log_version() -> tuple[Any, ...]:
    """The newest entry's position and digest: the log only grows, and one that was restored from a copy and went on
    differently ends in another digest. Then what the deny patterns depend on beside it. One statement."""
    newest = Entry.objects.order_by("-position").annotate(
        served=Subquery(PatternRules.objects.values("served")[:1]),
        building=Subquery(PatternRules.objects.values("building")[:1]),
        done=Subquery(PatternRules.objects.values("done")[:1]),
        made=Subquery(_changes(n=Max("id"))),
        undone=Subquery(_changes(n=Count("undone_ms"))),
    )
    columns = ("position", "digest", "served", "building", "done", "made", "undone")
    return newest.values_list(*columns).first() or ()


def _changes(**number: Any) -> QuerySet[Any]:
    """One number of all changes made by hand."""
    return PatternChange.objects.order_by().values(all=Value(1)).annotate(**number).values("n")
