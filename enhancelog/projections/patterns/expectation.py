"""What the patterns' tables should hold, derived in memory from the entries; the other half of ``add``.

Keeps templates and sums, not denials. While a rebuild is under way there is nothing to hold it against.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from typing import Final

from django.db import connection
from django.db.models import F

from enhancelog import patterns
from enhancelog.models import DenialPattern, Template, TemplateTally
from enhancelog.projections.expected import Row, RowsPerEntry, Sums
from enhancelog.projections.patterns import rules
from enhancelog.projections.patterns.details import OTHER, Classified, classify, other_key
from enhancelog.projections.patterns.groups import Place, arrange, changes
from enhancelog.projections.stored import Stored

TEMPLATE_COLUMNS: Final = ("key", "axis", "text", "first_position", "pattern__key", "wording", "other")


class ExpectedPatterns:
    """Templates with their patterns, denials and tallies."""

    def __init__(self) -> None:
        with connection.cursor() as cursor:
            self._holds = rules.is_complete(cursor)
        self._templates: defaultdict[str, dict[str, Classified]] = defaultdict(dict)  # by axis, then text
        self._others: dict[str, int] = {}  # axis to the first position
        self._batch: list[tuple[str, Classified]] = []  # with the key of the template it belongs to
        mine = {"template__rules": patterns.RULES_VERSION}
        self._denials = RowsPerEntry(
            DenialPattern,
            ("position", "template__key", "ts_ms", "blueprint_id", "rejected"),
            self._rows,
            DenialPattern.objects.filter(**mine),
        )
        self._tallies = Sums(
            TemplateTally,
            ("day", "blueprint_id", "template__key"),
            ("denied", "rejected"),
            self._sums,
            present=TemplateTally.objects.filter(**mine),
        )

    def feed(self, entries: Sequence[Stored], after: int, up_to: int) -> Iterator[str]:
        if not self._holds:
            return
        self._batch = [(self._learned(one), one) for one in classify(entries)]
        yield from self._denials.feed(entries, after, up_to)
        yield from self._tallies.feed(entries, after, up_to)

    def finish(self) -> Iterator[str]:
        if not self._holds:
            return
        yield from self._denials.finish()
        yield from self._tallies.finish()
        yield from self._differing_templates()
        astray = DenialPattern.objects.filter(template__rules=patterns.RULES_VERSION)
        if number := astray.exclude(pattern_id=F("template__pattern_id")).count():
            yield f"{DenialPattern._meta.db_table} has {number:,} rows whose pattern is not that of their template"

    def _learned(self, one: Classified) -> str:
        """The key of the denial's template. Entries come in position order."""
        known = self._templates[one.axis]
        if one.template not in known and len(known) >= patterns.MOST_TEMPLATES:
            self._others.setdefault(one.axis, one.position)
            return other_key(one.axis)
        return known.setdefault(one.template, one).key

    def _rows(self, entries: Sequence[Stored]) -> Iterator[Row]:
        for key, one in self._batch:
            yield one.position, key, one.ts_ms, one.blueprint_id, one.rejected

    def _sums(self, entries: Sequence[Stored]) -> dict[Row, Row]:
        denied = Counter((one.day, one.blueprint_id, key) for key, one in self._batch)
        rejected = Counter((one.day, one.blueprint_id, key) for key, one in self._batch if one.rejected)
        return {key: (number, rejected[key]) for key, number in denied.items()}

    def _differing_templates(self) -> Iterator[str]:
        wanted = set(self._expected_templates())
        present = set(Template.objects.filter(rules=patterns.RULES_VERSION).values_list(*TEMPLATE_COLUMNS).iterator())
        name = Template._meta.db_table
        yield from (f"{name} should not hold {row!r}" for row in sorted(present - wanted))
        yield from (f"{name} lacks {row!r}" for row in sorted(wanted - present))

    def _expected_templates(self) -> Iterator[Row]:
        for axis, known in self._templates.items():
            with connection.cursor() as cursor:
                places: dict[str, Place] = arrange(list(known), changes(cursor, axis))
            for text, one in known.items():
                place = places[text]
                yield one.key, axis, text, one.position, known[place.leader].key, place.wording, False
            if axis in self._others:
                key = other_key(axis)
                yield key, axis, OTHER, self._others[axis], key, OTHER, True
