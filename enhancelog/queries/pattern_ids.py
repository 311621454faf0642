"""Resolves a pattern's id, also that of a joined template or of older rules."""

import re
from collections.abc import Iterable
from typing import Any, Final

from django.db.models import Q, QuerySet, Subquery

from enhancelog.models import PatternRules, Template
from enhancelog.queries.prepared import Statement, run

# The rules version whose templates are read.
SERVED: Final = Subquery(PatternRules.objects.values("served")[:1])

_TEMPLATE: Final = Template._meta.db_table
# The condition is written like the index's, so that SQLite uses it.
_MOVING: Final = f"""
    SELECT home_id FROM {_TEMPLATE} moving WHERE NOT (home_id = pattern_id) AND EXISTS (
        SELECT 1 FROM {_TEMPLATE} said JOIN {_TEMPLATE} present ON present.id = said.pattern_id
        WHERE said.key = %s AND present.pattern_id IN (moving.home_id, moving.pattern_id))"""
_ID: Final = re.compile(r"[0-9a-f]{16}\Z")


def is_pattern_id(value: str) -> bool:
    return bool(_ID.match(value))


def leader(key: str) -> Subquery:
    return Subquery(leaders([key])[:1])  # NULL if unknown


def leaders(keys: Iterable[str]) -> QuerySet[Any]:
    # A template of older rules points to a current one, which points to its leader.
    return Template.objects.filter(key__in=list(keys), pattern__rules=SERVED).values("pattern__pattern_id")


def denied_by(key: str) -> Q:
    """A condition on ``DenialPattern``."""
    # One index range, except while rows are being moved from or to the pattern.
    homes = {home_id for (home_id,) in run(Statement(_MOVING, (key,)))}
    if not homes:
        return Q(pattern=leader(key))
    ranges = Template.objects.filter(pk=leader(key)).values("pk")
    lies_there = Q(pattern__in=homes) | Q(pattern__in=ranges)
    return lies_there & Q(template__pattern=leader(key))
