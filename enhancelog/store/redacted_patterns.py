"""Takes the wordings of templates that are gone out of what is kept beside them."""

from collections.abc import Sequence
from typing import Final

from enhancelog import patterns
from enhancelog.domain import records
from enhancelog.domain.redactions import REDACTED
from enhancelog.models import PatternChange, Template

TABLES: Final = (PatternChange,)


Wording = tuple[str, str]  # with its axis before it


def said(axes: Sequence[str]) -> set[Wording]:
    """By the templates and patterns of these axes, under any rules."""
    rows = Template.objects.filter(axis__in=axes).values_list("axis", "text", "wording")
    return {(axis, text) for axis, *texts in rows for text in texts}


def forget(position: int, axes: Sequence[str], before: set[Wording]) -> frozenset[Wording]:
    """Returns what was said ``before`` and is no longer. ``position``: of the entry that said it."""
    # Of earlier rules only the id is needed: an old link leads to today's pattern.
    old = Template.objects.filter(axis__in=axes, first_position=position).exclude(rules=patterns.RULES_VERSION)
    old.update(text=REDACTED, wording=REDACTED)
    gone = frozenset(before - said(axes))
    for change in PatternChange.objects.filter(axis__in=axes) if gone else ():
        texts = records.decode_texts(change.templates)
        left = [text for text in texts if (change.axis, text) not in gone]
        if len(left) < len(texts):
            change.templates = records.encode_part(left)
            change.save(update_fields=["templates"])
    return gone
