"""Writes the groups of an axis to its tables in small operations."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from django.db import connection
from django.db.backends.utils import CursorWrapper

from enhancelog import patterns
from enhancelog.models import DenialPattern, Template
from enhancelog.patterns import Rest, no_rest
from enhancelog.projections.patterns import axes
from enhancelog.projections.patterns.groups import Change, Place, arrange, changes

# After each operation every template is in exactly one pattern with a known leader, and a denial's row is under its
# template's pattern or ``home``. So work can stop anywhere. Resumed from the tables it ends with the same result,
# because that depends only on the templates and the manual changes.
_TEMPLATE: Final = Template._meta.db_table
_DENIAL: Final = DenialPattern._meta.db_table

# Denials per operation.
ROWS: Final = 100
_BEFORE_ALL: Final = (-(2**63), 0)


class StoredTemplate(NamedTuple):
    id: int
    text: str
    pattern_id: int
    home_id: int
    wording: str
    first_position: int


class Basis(NamedTuple):
    axis: str
    templates: Sequence[StoredTemplate]
    changes: Sequence[Change]

    def moving(self) -> list[StoredTemplate]:
        return [known for known in self.templates if known.home_id != known.pattern_id]

    def places(self, rest: Rest = no_rest) -> dict[str, Place]:
        return arrange([known.text for known in self.templates], self.changes, rest)


def read(cursor: CursorWrapper, axis: str) -> Basis:
    cursor.execute(
        f"SELECT id, text, pattern_id, home_id, wording, first_position FROM {_TEMPLATE}"
        " WHERE rules = %s AND axis = %s AND NOT other ORDER BY first_position",
        [patterns.RULES_VERSION, axis],
    )
    return Basis(axis, [StoredTemplate(*row) for row in cursor.fetchall()], changes(cursor, axis))


def operations(basis: Basis, places: Mapping[str, Place]) -> Iterator[None]:
    """Group the templates, move their rows, mark the axis as done. No template may be ``moving``."""
    ids = {known.text: known.id for known in basis.templates}
    grouped = [
        known._replace(pattern_id=ids[places[known.text].leader], wording=places[known.text].wording)
        for known in basis.templates
    ]
    differing = [(new, old) for new, old in zip(grouped, basis.templates, strict=True) if new != old]
    # A leader is marked before others join its pattern, and unmarked only after all others have left.
    for new, _ in sorted(differing, key=lambda pair: _turn(*pair)):
        with connection.cursor() as cursor:
            cursor.execute(
                f"UPDATE {_TEMPLATE} SET pattern_id = %s, wording = %s WHERE id = %s",
                [new.pattern_id, new.wording, new.id],
            )
        yield
    yield from moves([new for new, _ in differing])
    with connection.cursor() as cursor:
        axes.settle(cursor, basis.axis, basis.templates[-1].first_position if basis.templates else 0)
    yield


def _turn(new: StoredTemplate, old: StoredTemplate) -> int:
    if new.pattern_id == new.id:
        return 0
    return 2 if old.pattern_id == old.id else 1


def moves(templates: Sequence[StoredTemplate]) -> Iterator[None]:
    leaving: defaultdict[int, dict[int, int]] = defaultdict(dict)
    for known in templates:
        if known.home_id != known.pattern_id:
            leaving[known.home_id][known.id] = known.pattern_id
    for home_id, targets in sorted(leaving.items()):
        yield from _move(home_id, targets)


def _move(home_id: int, targets: Mapping[int, int]) -> Iterator[None]:
    # Rows added meanwhile already go to the new pattern.
    after = _BEFORE_ALL
    while True:
        with connection.cursor() as cursor:
            cursor.execute(
                f"SELECT ts_ms, position, template_id FROM {_DENIAL}"
                " WHERE pattern_id = %s AND (ts_ms, position) > (%s, %s) ORDER BY ts_ms, position LIMIT %s",
                [home_id, *after, ROWS],
            )
            rows = cursor.fetchall()
            cursor.executemany(
                f"UPDATE {_DENIAL} SET pattern_id = %s WHERE position = %s AND template_id = %s",
                [(targets[template], position, template) for _, position, template in rows if template in targets],
            )
            if len(rows) < ROWS:
                break
        after = rows[-1][:2]
        yield
    for template in sorted(targets):
        with connection.cursor() as cursor:
            cursor.execute(f"UPDATE {_TEMPLATE} SET home_id = pattern_id WHERE id = %s", [template])
        yield
