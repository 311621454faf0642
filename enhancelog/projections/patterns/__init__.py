"""The template and pattern of every denial, and counts per UTC day, Blueprint and template.

A denial costs a look-up, and a row for a template that is new: a pattern of its own, until ``store.pattern_groups`` has
grouped its axis after the commit. Each axis tells its first ``MOST_TEMPLATES`` templates by position apart, the rest is
one "other". What an entry says beyond its first ``MOST_AXES`` denied axes is of no pattern and has no row. Once
grouped, all of it depends on the set of entries and the changes by hand alone. ``Denial`` rows must be written before
these, and dropped before them.
"""

from collections.abc import Sequence

from django.db.backends.utils import CursorWrapper

from enhancelog.models import DenialPattern, Template, TemplateTally
from enhancelog.projections.expected import Expected
from enhancelog.projections.patterns import axes, rules
from enhancelog.projections.patterns.adding import add
from enhancelog.projections.patterns.details import classify, templates
from enhancelog.projections.patterns.dropping import drop
from enhancelog.projections.patterns.expectation import ExpectedPatterns
from enhancelog.projections.stored import Stored

__all__ = ["TABLES", "apply", "classify", "drop", "expected", "start", "templates"]

TABLES = (Template, DenialPattern, TemplateTally)


def apply(cursor: CursorWrapper, entries: Sequence[Stored]) -> None:
    """Those entries that are beyond what a rebuild has got to wait for it."""
    denied = [stored for stored in entries if stored.denied]
    if denied:
        up_to = rules.derived_up_to(cursor, before=entries[0].position)
        add(cursor, classify(rules.among(denied, up_to)))


def start(cursor: CursorWrapper) -> None:
    """The tables are empty, and this release's rules are served from the first entry on."""
    axes.forget_all(cursor)
    rules.serve(cursor)


def expected() -> list[Expected]:
    return [ExpectedPatterns()]
