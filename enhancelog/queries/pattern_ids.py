"""What a pattern's id stands for: the pattern itself, any template joined into it, or what it was under older rules."""

import re
from typing import Final

from django.db.models import Q, Subquery

from enhancelog.models import PatternRules, Template
from enhancelog.queries.prepared import Statement, run

SERVED: Final = Subquery(PatternRules.objects.values("served"))
"""The rules version whose templates are read."""

_TEMPLATE: Final = Template._meta.db_table
# The condition is spelled as that of the index, so that SQLite uses it.
_MOVING: Final = f"""
    SELECT home_id FROM {_TEMPLATE} moving WHERE NOT (home_id = pattern_id) AND EXISTS (
        SELECT 1 FROM {_TEMPLATE} said JOIN {_TEMPLATE} present ON present.id = said.pattern_id
        WHERE said.key = %s AND present.pattern_id IN (moving.home_id, moving.pattern_id))"""
_ID: Final = re.compile(r"[0-9a-f]{16}\Z")


def is_pattern_id(value: str) -> bool:
    """Whether ``value`` can be a pattern's id at all; if not, it matches nothing."""
    return bool(_ID.match(value))


def leader(key: str) -> Subquery:
    """The template that leads the pattern which ``key`` stands for; NULL for an unknown one."""
    # A template of older rules points to one of today, which points to its leader.
    known = Template.objects.filter(key=key, pattern__rules=SERVED)
    return Subquery(known.values("pattern__pattern_id"))


def denied_by(key: str) -> Q:
    """Of entries, through their ``patterns``: those that the pattern denied which ``key`` stands for.

    One index range, but while rows are being moved from or to the pattern.
    """
    homes = {home_id for (home_id,) in run(Statement(_MOVING, (key,)))}
    if not homes:
        return Q(patterns__pattern=leader(key))
    ranges = Template.objects.filter(pk=leader(key)).values("pk")
    lies_there = Q(patterns__pattern__in=homes) | Q(patterns__pattern__in=ranges)
    return lies_there & Q(patterns__template__pattern=leader(key))
