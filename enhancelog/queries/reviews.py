"""Reviews of denials: what was said, the rate of wrong ones by axis, and draws of denials to review."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import islice
from typing import Any, Final, NamedTuple

from django.db import connection
from django.db.models.functions import Substr

from enhancelog.backends import dialect
from enhancelog.domain import records, reviews
from enhancelog.domain.errors import Invalid, NotFound
from enhancelog.domain.reviews import DRAWN, Denied, QueuedDenial, Review, ReviewVerdict, Sample, Seed, Tally
from enhancelog.domain.text import LONGEST
from enhancelog.models import AxisTotal, Denial, Entry
from enhancelog.models import Review as ReviewRow
from enhancelog.projections.axis_totals import EVERY
from enhancelog.queries.entries import Listed
from enhancelog.queries.selection import Entries
from enhancelog.store.rows import decode_verdicts

MOST_DETAILS: Final = 5  # of an axis that denied a run more than once
MOST_READ: Final = 2_000  # reviews that are listed, of all denials together

_REVIEW: Final = ReviewRow._meta.db_table

# Of each denial, how many more reviewers found it wrong than right; ``sample`` tells apart how it came to be reviewed.
_LEAN: Final = "SUM(CASE verdict WHEN 'wrong' THEN 1 WHEN 'right' THEN -1 ELSE 0 END)"
_FOUND: Final = "CASE WHEN lean > 0 THEN 'wrong' WHEN lean < 0 THEN 'right' ELSE 'unclear' END"
_SAMPLE: Final = "CASE WHEN seed IS NULL THEN 'chosen' ELSE 'drawn' END"
_DENIALS: Final = f"""
    (SELECT axis, position, sample, {_FOUND} AS found FROM (
        SELECT axis, position, sample, {_LEAN} AS lean
        FROM (SELECT axis, position, verdict, {{sample}} AS sample FROM {_REVIEW} {{where}}) AS review
        GROUP BY axis, position, sample) AS leaning) AS denial"""
_TALLIES: Final = f"SELECT axis, sample, found, COUNT(*) FROM {_DENIALS} GROUP BY axis, sample, found"
_LISTED: Final = f"SELECT position FROM {_DENIALS} WHERE {{having}} ORDER BY position DESC LIMIT %s OFFSET %s"

# To draw ranks takes a scan of all denials of an axis. Positions are dense, so for an axis that denies often, some that
# are tried at random suffice. An index holds an axis' denials in the order of ranks; the plus sign keeps SQLite from
# reading those of all axes.
MOST_TRIED: Final = 1_000
_DENIAL: Final = Denial._meta.db_table
_DRAWN_FROM: Final = f"FROM {_DENIAL} WHERE axis = %s AND +position <= %s"
_COUNTED: Final = f"SELECT COUNT(*) {_DRAWN_FROM}"
_RANKED: Final = f"""
    SELECT place, position FROM (
        SELECT position, ROW_NUMBER() OVER (ORDER BY ts_ms, position) - 1 AS place {_DRAWN_FROM}) AS ranked
    WHERE place IN ({{}})"""


class Draw(NamedTuple):
    # ``of``: the axis' denials up to the seed's position, from which ``positions`` were drawn.

    axis: str
    seed: Seed
    of: int
    positions: list[int]


class Figures(NamedTuple):
    drawn: Tally = Tally()
    chosen: Tally = Tally()


class ReviewedDenial(NamedTuple):
    issue_id: str
    blueprint_id: str
    ts_ms: int
    recorded_ms: int
    intent: str
    reviews: list[Review]

    @property
    def found(self) -> ReviewVerdict:
        counted = tally(self.reviews)
        return reviews.majority(counted.right, counted.wrong)


class Said(NamedTuple):
    verdict: ReviewVerdict
    seed: int | None


def denied(issue_id: str, axis: str) -> Denied:
    # Raises ``NotFound``, or ``Invalid`` if the axis did not deny the run.
    rows = Entry.objects.filter(issue_id=issue_id) if records.is_id(issue_id) else Entry.objects.none()
    row = rows.values_list("position", "blueprint_id", "verdicts").first()
    if row is None:
        raise NotFound(issue_id)
    said = {verdict.status for verdict in decode_verdicts(row[2]) if verdict.axis == axis}
    if "deny" not in said:
        what = "passed this run" if said else "did not judge this run"
        raise Invalid("axis", "denied", f'"{axis[:80]}" {what}; only denials can be reviewed')
    return Denied(row[0], issue_id, row[1], axis)


def of_entry(entry: Listed) -> Mapping[str, list[Review]]:
    # By axis, oldest first.
    found: defaultdict[str, list[Review]] = defaultdict(list)
    for _, review in _read({entry.position: entry.issue_id}):
        found[review.axis].append(review)
    return found


def own(denied: Denied, reviewer: str) -> Review:
    # The reviewer has one.
    ((_, review),) = _read({denied.position: denied.issue_id}, axis=denied.axis, reviewer=reviewer)
    return review


def draw(axis: str, seed: Seed) -> Draw:
    # Every denial of the axis up to the seed's position is as likely; the same seed draws the same ones.
    if not records.is_id(axis):
        return Draw(axis, seed, 0, [])
    of = int(_rows(_COUNTED, [axis, seed.up_to])[0][0])
    tried = _tried(axis, seed)
    return Draw(axis, seed, of, tried if len(tried) == DRAWN else _ranked(axis, seed, of))


def _tried(axis: str, seed: Seed) -> list[int]:
    # Which denials these are depends on chance alone, so they are as good a draw as one of all ranks.
    most = min(MOST_TRIED, seed.up_to // 2)
    tried = [1 + number for number in reviews.numbers("position", axis, seed, seed.up_to, most)]
    condition, values = dialect().one_of("position", tried)
    rows = _rows(f"SELECT position FROM {_DENIAL} WHERE {condition} AND axis = %s", [values, axis])
    denied = {position for (position,) in rows}
    return [position for position in tried if position in denied][:DRAWN]


def _ranked(axis: str, seed: Seed, of: int) -> list[int]:
    places = reviews.numbers("rank", axis, seed, of)
    statement = _RANKED.format(", ".join(["%s"] * len(places)))
    found = dict(_rows(statement, [axis, seed.up_to, *places])) if places else {}
    return [found[place] for place in places]


def drawn(denied: Denied, seed: Seed) -> Draw:
    # Raises ``Invalid`` if the seed did not draw the denial.
    found = draw(denied.axis, seed)
    if denied.position not in found.positions:
        raise Invalid("seed", "drawn", f"{int(seed)} did not draw this denial; leave it out, or review what it drew")
    return found


def queue(draw: Draw, reviewer: str) -> list[QueuedDenial]:
    # With the beginnings of texts, in the order of the draw.
    said = said_by(reviewer, draw.axis, draw.positions)
    columns = ("issue_id", "blueprint_id", "ts_ms", Substr("intent", 1, LONGEST), Substr("rationale", 1, LONGEST))
    rows: Entries = Entry.objects.filter(position__in=draw.positions)
    found = {}
    for row in rows.values_list("position", *columns, "verdicts"):
        own = said[row[0]].verdict if row[0] in said else None
        found[row[0]] = QueuedDenial(*(*row[1:-1], _details(row[-1], draw.axis), own))
    return [found[position] for position in draw.positions]


def _details(verdicts: str, axis: str) -> list[str]:
    said = (each.detail for each in decode_verdicts(verdicts) if each.axis == axis and each.status == "deny")
    return [detail[:LONGEST] for detail in islice(said, MOST_DETAILS)]


def said_by(reviewer: str, axis: str, positions: Collection[int]) -> Mapping[int, Said]:
    # By position.
    rows: Entries = ReviewRow.objects.filter(axis=axis, position__in=positions, reviewer=reviewer)
    return {row[0]: Said(*row[1:]) for row in rows.values_list("position", "verdict", "seed")}


def figures(axis: str) -> Figures:
    return by_axis([axis]).get(axis, Figures()) if records.is_id(axis) else Figures()


def by_axis(axes: Sequence[str] = ()) -> Mapping[str, Figures]:
    # Of axes with reviews; all unless named.
    condition = f"WHERE axis IN ({', '.join(['%s'] * len(axes))})" if axes else ""
    found: defaultdict[str, defaultdict[str, dict[str, int]]] = defaultdict(lambda: defaultdict(dict))
    for axis, sample, verdict, number in _rows(_TALLIES.format(sample=_SAMPLE, where=condition), axes):
        found[axis][sample][verdict] = number
    return {axis: Figures(**{name: Tally(**counts) for name, counts in each.items()}) for axis, each in found.items()}


def listed(axis: str, sample: Sample | None, verdict: ReviewVerdict | None, size: int, skip: int) -> list[int]:
    # Positions of reviewed denials, newest first.
    if not records.is_id(axis):
        return []
    asked = [(name, value) for name, value in (("sample", sample), ("found", verdict)) if value is not None]
    having = " AND ".join([f"{name} = %s" for name, _ in asked] or ["1 = 1"])
    apart = "'both'" if sample is None else _SAMPLE
    statement = _LISTED.format(sample=apart, where="WHERE axis = %s", having=having)
    return [position for (position,) in _rows(statement, [axis, *(value for _, value in asked), size, skip])]


def reviewed(axis: str, positions: Sequence[int], sample: Sample | None) -> list[ReviewedDenial]:
    # In this order, with their reviews of the sample; ``None``: with all.
    columns = ("issue_id", "blueprint_id", "ts_ms", "recorded_ms", Substr("intent", 1, LONGEST))
    rows: Entries = Entry.objects.filter(position__in=positions)
    found = {row[0]: ReviewedDenial(*(*row[1:], [])) for row in rows.values_list("position", *columns)}
    for position, review in _read({position: each.issue_id for position, each in found.items()}, axis=axis):
        if sample in (None, review.sample):
            found[position].reviews.append(review)
    return [found[position] for position in positions]


def denying_axes(most: int) -> tuple[list[str], int]:
    # Most denials first, and how many more there are.
    rows = AxisTotal.objects.filter(rejected__gt=0).exclude(axis=EVERY)
    names = list(rows.order_by("-rejected", "axis").values_list("axis", flat=True))
    return names[:most], max(0, len(names) - most)


def issue_ids(positions: Sequence[int]) -> Mapping[int, str]:
    # By position, in this order.
    found = dict(Entry.objects.filter(position__in=positions).values_list("position", "issue_id"))
    return {position: found[position] for position in positions}


def found_wrong(positions: Collection[int]) -> set[tuple[int, str]]:
    # Denials, by position and axis, that most of their reviewers found wrong.
    lean: defaultdict[tuple[int, str], int] = defaultdict(int)
    rows = ReviewRow.objects.filter(position__in=positions).exclude(verdict="unclear")
    for position, axis, verdict in rows.values_list("position", "axis", "verdict"):
        lean[position, axis] += 1 if verdict == "wrong" else -1
    return {denial for denial, more in lean.items() if more > 0}


def tally(found: Iterable[Review]) -> Tally:
    # Of reviewers.
    said = [review.verdict for review in found]
    return Tally(*(said.count(verdict) for verdict in reviews.VERDICTS))


def _read(issue_ids: Mapping[int, str], **where: Any) -> Iterable[tuple[int, Review]]:
    columns = ("axis", "reviewer", "verdict", "reason", "made_ms", "seed")
    rows = ReviewRow.objects.filter(position__in=list(issue_ids), **where).order_by("made_ms", "pk")
    for position, *said in rows.values_list("position", *columns)[:MOST_READ]:
        yield position, Review(issue_id=issue_ids[position], **dict(zip(columns, said, strict=True)))


def _rows(statement: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        found: list[tuple[Any, ...]] = cursor.fetchall()
        return found
