"""Which Blueprints a filter names, for tables with an index that ``blueprint_id`` leads."""

from collections.abc import Sequence
from functools import reduce
from operator import or_

from django.db.models import Q

from enhancelog.domain import records
from enhancelog.domain.filters import EntryFilter
from enhancelog.domain.text import end_of_prefix
from enhancelog.models import Entry
from enhancelog.queries import phrases


def of_blueprints(ids: Sequence[str] | None, prefixes: Sequence[str] | None) -> Q:
    """One of ``ids`` and one of ``prefixes``; ``None`` for any."""
    found = Q()
    if ids is not None:
        found &= Q(blueprint_id__in=records.only_ids(ids, may_be_empty=True))
    if prefixes is not None:
        found &= reduce(or_, map(_starts_with, prefixes), Q(blueprint_id__in=[]))
    return found


def blueprints_of(wanted: EntryFilter) -> Q:
    return of_blueprints(wanted.include.get("blueprint_id"), wanted.include.get("blueprint_prefix"))


def few(wanted: EntryFilter, up_to: int) -> list[int] | None:
    """Positions of the entries of these Blueprints; ``None`` if too many."""
    entries = Entry.objects.filter(blueprints_of(wanted), position__lte=up_to).order_by()
    found = list(entries.values_list("position", flat=True)[: phrases.FEW + 1])
    return found if len(found) <= phrases.FEW else None


def _starts_with(prefix: str) -> Q:
    if "\0" in prefix:  # PostgreSQL takes no such text
        return Q(blueprint_id__in=[])
    end = end_of_prefix(prefix)
    return Q(blueprint_id__gte=prefix) & (Q() if end is None else Q(blueprint_id__lt=end))
