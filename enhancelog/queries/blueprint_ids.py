"""Which Blueprints a filter names, for tables with an index that begins with ``blueprint_id``."""

from functools import reduce
from operator import or_
from typing import Final, NamedTuple

from django.db.models import Q

from enhancelog.domain import records
from enhancelog.domain.filters import EntryFilter
from enhancelog.domain.text import end_of_prefix
from enhancelog.models import Entry
from enhancelog.queries import phrases

PARAMETERS: Final = ("blueprint_id", "blueprint_prefix")


class Named(NamedTuple):
    """Blueprints that are one of ``ids`` and start with one of ``prefixes``; ``None`` for any."""

    ids: tuple[str, ...] | None = None
    prefixes: tuple[str, ...] | None = None

    def has(self, blueprint_id: str) -> bool:
        is_one = self.ids is None or blueprint_id in self.ids
        return is_one and (self.prefixes is None or blueprint_id.startswith(self.prefixes))

    @property
    def condition(self) -> Q:
        found = Q()
        if self.ids is not None:
            found &= Q(blueprint_id__in=records.only_ids(self.ids, may_be_empty=True))
        if self.prefixes is not None:
            found &= reduce(or_, map(_starts_with, self.prefixes), Q(blueprint_id__in=[]))
        return found


EVERY: Final = Named()


def named(wanted: EntryFilter) -> Named:
    return Named(wanted.include.get("blueprint_id"), wanted.include.get("blueprint_prefix"))


def blueprints_of(wanted: EntryFilter) -> Q:
    return named(wanted).condition


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
