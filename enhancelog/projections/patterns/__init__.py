"""Template and pattern of every denial, and tallies by UTC day, Blueprint and template."""

from collections.abc import Sequence

from django.db import connection
from django.db.backends.utils import CursorWrapper

from enhancelog.models import DenialPattern, Template, TemplateTally
from enhancelog.projections.expected import Expected, Row, Sums
from enhancelog.projections.patterns import rules
from enhancelog.projections.patterns.adding import TALLY_COLUMNS, add
from enhancelog.projections.patterns.details import classify, templates
from enhancelog.projections.patterns.dropping import counted, drop
from enhancelog.projections.patterns.expectation import ExpectedPatterns
from enhancelog.projections.stored import Stored

__all__ = ["TABLES", "apply", "classify", "drop", "expected", "stored_sums", "templates"]

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


def expected() -> list[Expected]:
    return [ExpectedPatterns()]


def stored_sums() -> Sums:
    """The tallies that follow from the stored rows of denials."""
    return Sums(TemplateTally, TALLY_COLUMNS[:3], TALLY_COLUMNS[3:], _sums)


def _sums(entries: Sequence[Stored]) -> dict[Row, Row]:
    with connection.cursor() as cursor:
        return dict(counted(cursor, entries))
