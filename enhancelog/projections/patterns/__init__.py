"""Template and pattern of every denial, and tallies by UTC day, Blueprint and template."""

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

# An append costs a look-up per denial and a row per new template. A new template is a pattern of its own until
# ``store.pattern_groups`` groups its axis, after the commit. Each axis distinguishes its first ``MOST_TEMPLATES``
# templates by position; the rest are one "other". Denials beyond an entry's first ``MOST_AXES`` denied axes belong
# to no pattern. Once grouped, everything depends only on the set of entries and the manual changes. ``Denial`` rows
# must be written before these and dropped after them.
TABLES = (Template, DenialPattern, TemplateTally)


def apply(cursor: CursorWrapper, entries: Sequence[Stored]) -> None:
    # Entries beyond the progress of a rebuild wait for it.
    denied = [stored for stored in entries if stored.denied]
    if denied:
        up_to = rules.derived_up_to(cursor, before=entries[0].position)
        add(cursor, classify(rules.among(denied, up_to)))


def start(cursor: CursorWrapper) -> None:
    axes.forget_all(cursor)
    rules.serve(cursor)


def expected() -> list[Expected]:
    return [ExpectedPatterns()]
