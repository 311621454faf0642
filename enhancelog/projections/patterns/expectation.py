"""What the patterns' tables should contain. Keeps templates and sums, not denials."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Sequence
from typing import Final

from django.db import connection
from django.db.models import F, Model, QuerySet

from enhancelog import patterns
from enhancelog.models import DenialPattern, PatternAxis, Template, TemplateTally
from enhancelog.projections.expected import Row, RowsPerEntry, Sums
from enhancelog.projections.patterns import rules
from enhancelog.projections.patterns.details import OTHER, Classified, classify, other_key
from enhancelog.projections.patterns.groups import Place, arrange, changes
from enhancelog.projections.stored import Stored

TEMPLATE_COLUMNS: Final = ("key", "axis", "text", "first_position", "other", "pattern__key", "wording")
AXIS_COLUMNS: Final = ("axis", "named", "newest")


# During a rebuild there is nothing to compare. Patterns are compared only on grouped axes; a row that is yet to be
# moved is not a difference.
class ExpectedPatterns:
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
        yield from self._differing_axes()
        astray = DenialPattern.objects.filter(template__rules=patterns.RULES_VERSION)
        astray = astray.exclude(pattern_id=F("template__pattern_id")).exclude(pattern_id=F("template__home_id"))
        if number := astray.count():
            yield f"{DenialPattern._meta.db_table} has {number:,} rows whose pattern is not that of their template"

    def _learned(self, one: Classified) -> str:
        # Entries arrive in position order.
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
        pending = set(_axes().filter(pending__isnull=False).values_list("axis", flat=True))
        wanted = set(self._expected_templates(pending))
        rows = Template.objects.filter(rules=patterns.RULES_VERSION).values_list(*TEMPLATE_COLUMNS)
        present = {_ungrouped(row) if row[1] in pending else row for row in rows.iterator()}
        yield from _differences(Template, wanted, present)

    def _expected_templates(self, pending: Collection[str]) -> Iterator[Row]:
        for axis, known in self._templates.items():
            with connection.cursor() as cursor:
                basis = list(known), changes(cursor, axis)
            places: dict[str, Place] = {} if axis in pending else arrange(*basis)
            for text, one in known.items():
                place = places.get(text, Place(text, text))
                row = one.key, axis, text, one.position, False, known[place.leader].key, place.wording
                yield _ungrouped(row) if axis in pending else row
        for axis, position in self._others.items():
            key = other_key(axis)
            row = key, axis, OTHER, position, True, key, OTHER
            yield _ungrouped(row) if axis in pending else row

    def _differing_axes(self) -> Iterator[str]:
        wanted = {
            (axis, len(known), max(one.position for one in known.values()))
            for axis, known in self._templates.items()
            if known
        }
        yield from _differences(PatternAxis, wanted, set(_axes().filter(named__gt=0).values_list(*AXIS_COLUMNS)))


def _axes() -> QuerySet[PatternAxis]:
    return PatternAxis.objects.filter(rules=patterns.RULES_VERSION)


def _ungrouped(row: Row) -> Row:
    return (*row[:-2], None, None)


def _differences(table: type[Model], wanted: set[Row], present: set[Row]) -> Iterator[str]:
    name = table._meta.db_table
    yield from (f"{name} should not contain {row!r}" for row in sorted(present - wanted, key=repr))
    yield from (f"{name} lacks {row!r}" for row in sorted(wanted - present, key=repr))
