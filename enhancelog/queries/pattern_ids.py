"""What a pattern's id stands for: the pattern itself, any template joined into it, or what it was under older rules."""

import re
from typing import Final

from django.db.models import Subquery

from enhancelog.models import PatternRules, Template

SERVED: Final = Subquery(PatternRules.objects.values("served"))
"""The rules version whose templates are read."""

_ID: Final = re.compile(r"[0-9a-f]{16}\Z")


def is_pattern_id(value: str) -> bool:
    """Whether ``value`` can be a pattern's id at all; if not, it matches nothing."""
    return bool(_ID.match(value))


def leader(key: str) -> Subquery:
    """The template that leads the pattern which ``key`` stands for; NULL for an unknown one."""
    # A template of older rules points to one of today, which points to its leader.
    known = Template.objects.filter(key=key, pattern__rules=SERVED)
    return Subquery(known.values("pattern__pattern_id"))
