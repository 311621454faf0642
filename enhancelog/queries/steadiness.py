"""Whether axes judge the same candidate alike: figures by axis, the judgements that were repeated, and suspects."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import islice
from operator import itemgetter
from typing import Any, Final, Literal, NamedTuple, assert_never, get_args

from django.db.models import Case, F, Q, QuerySet, When
from django.db.models.functions import Left

from enhancelog.domain import records
from enhancelog.domain.same_candidates import EVIDENCE, Evidence, hash_key
from enhancelog.models import CandidateKey, Rejudgement, Version
from enhancelog.projections import source_names
from enhancelog.queries.charts import Window
from enhancelog.queries.counts import CAP, Count
from enhancelog.queries.prepared import run, written

Kind = Literal["flips", "to_deny", "to_pass", "judged", "suspects"]
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)

MOST_READ: Final = 50_000  # newest repeated judgements
MOST_BY_HAND: Final = 1_000  # newest versions made by hand
MOST_OF_ENTRY: Final = 100
INTENT_CHARACTERS: Final = 200
DIFFERS: Final = {"prev_hash": "document before", "intent": "intent", "rationale": "rationale", "status": "outcome"}

# Columns of a repeated judgement that is counted. Its key and what was said share the axis.
_COLUMNS: Final = ("entry_id", "earlier_id", "axis", "after", "flips", "suspect")
_KEY: Final = slice(0, 3)
_SAID: Final = slice(2, 6)
_NEWEST_FIRST: Final = ("-ts_ms", "-entry_id", "-earlier_id", "axis")


class Steadiness(NamedTuple):
    """Of an axis: how often it judged a candidate again, and then denied or passed what it had passed or denied."""

    axis: str
    judged: int
    to_deny: int
    to_pass: int

    @property
    def flips(self) -> int:
        return self.to_deny + self.to_pass


class Run(NamedTuple):
    """``intent``: its first ``INTENT_CHARACTERS``."""

    issue_id: str
    blueprint_id: str
    status: str
    intent: str
    ts_ms: int
    recorded_ms: int


class Repeated(NamedTuple):
    """A candidate that an axis judged in ``earlier`` and again in ``later``. ``after`` may be ``absent``.
    ``differs``: what else is not the same in the two runs, of ``DIFFERS``.
    """

    axis: str
    before: str
    after: str
    evidence: Evidence
    differs: list[str]
    earlier: Run
    later: Run

    @property
    def is_weak(self) -> bool:
        return self.evidence == "words"


class MadeByHand(NamedTuple):
    """An axis denied a run, and later its candidate was made the Blueprint's version by hand."""

    axis: str
    denied: Run
    hash: str
    ts_ms: int


class Said(NamedTuple):
    """What an axis said of a repeated candidate."""

    axis: str
    after: str
    flips: bool
    suspect: bool

    def is_of(self, kind: Kind) -> bool:
        match kind:
            case "judged":
                return self.after != "absent"
            case "suspects":
                return self.suspect
            case "flips":
                return self.flips
            case "to_deny" | "to_pass":
                return self.flips and kind == f"to_{self.after}"
            case _:
                assert_never(kind)


@dataclass(frozen=True)
class Reading:
    """Repeated judgements. ``rows``: ``_COLUMNS``, the newest first. ``numbers``: of those that say the same.
    ``capped``: there are more than these ``MOST_READ``."""

    rows: list[tuple[Any, ...]]
    numbers: Mapping[Said, int]
    capped: bool

    def count(self, kind: Kind) -> Count:
        return self.counted(sum(number for said, number in self.numbers.items() if said.is_of(kind)))

    def counted(self, number: int) -> Count:
        return Count(number, self.capped and number > 0)

    def by_axis(self) -> list[Steadiness]:
        """Most flips first."""
        counted: defaultdict[str, Counter[Kind]] = defaultdict(Counter)
        for said, number in self.numbers.items():
            counted[said.axis].update({kind: number for kind in KINDS if said.is_of(kind)})
        found = [
            Steadiness(axis, here["judged"], here["to_deny"], here["to_pass"])
            for axis, here in counted.items()
            if here["judged"]
        ]
        return sorted(found, key=lambda row: (-row.flips, -row.judged, row.axis))

    def listed(self, kind: Kind, size: int, skip: int = 0) -> list[Repeated]:
        wanted = {said for said in self.numbers if said.is_of(kind)}
        keys = [*islice((row[_KEY] for row in self.rows if row[_SAID] in wanted), skip, skip + size)]
        return _read(Rejudgement.objects.filter(pk__in=keys)) if keys else []


def read(window: Window, axis: str | None = None) -> Reading:
    rows = Rejudgement.objects.filter(_within(window))
    if axis is not None:
        rows = rows.filter(axis__in=records.only_ids((axis,)))
    # Plain rows, because there are many: to make an object of each would take longer than to read them.
    found = run(written(rows.order_by(*_NEWEST_FIRST).values_list(*_COLUMNS)[: MOST_READ + 1]))
    newest = found[:MOST_READ]
    numbers = Counter(map(itemgetter(_SAID), newest))
    return Reading(newest, {Said(*said): number for said, number in numbers.items()}, len(found) > MOST_READ)


def of_entry(position: int) -> list[Repeated]:
    """Those that flip, in which the entry is either run; the newest first."""
    rows = Rejudgement.objects.filter(Q(entry_id=position) | Q(earlier_id=position), flips=True)
    return _read(rows, MOST_OF_ENTRY)


def made_by_hand(window: Window, axis: str | None = None) -> list[MadeByHand]:
    """The newest first. Of each version and axis, the last denial before it."""
    versions = Version.objects.filter(made_by="hand").order_by("-position")
    made: defaultdict[int, dict[int, str]] = defaultdict(dict)  # by key, then by time
    rows = versions.values_list("blueprint_id", "source", "prev_hash", "hash", "ts_ms")[:MOST_BY_HAND]
    names = source_names.current()
    for blueprint_id, source, prev_hash, hash, ts_ms in rows:
        key = hash_key(blueprint_id, names.shown(source), prev_hash, hash)
        if ts_ms is not None and _is_in(window, ts_ms) and key is not None:
            made[key][ts_ms] = hash
    found: dict[tuple[int, int, str], MadeByHand] = {}
    for key, denied_by, *denied in _denied(list(made), axis):
        run = Run._make(denied)
        for ts_ms, hash in made[key].items():
            if run.ts_ms < ts_ms:
                found[key, ts_ms, denied_by] = MadeByHand(denied_by, run, hash, ts_ms)
    return sorted(found.values(), key=lambda each: (-each.ts_ms, each.axis, each.denied.issue_id))


def _within(window: Window) -> Q:
    condition = Q()
    if window.since_ms is not None:
        condition &= Q(ts_ms__gte=window.since_ms)
    if window.until_ms is not None:
        condition &= Q(ts_ms__lt=window.until_ms)
    return condition


def _is_in(window: Window, ts_ms: int) -> bool:
    is_late = window.since_ms is None or window.since_ms <= ts_ms
    return is_late and (window.until_ms is None or ts_ms < window.until_ms)


def _read(rows: QuerySet[Rejudgement], most: int | None = None) -> list[Repeated]:
    said = ("axis", "before", "after", "evidence")
    equal = [Case(When(**{f"earlier__{name}": F(f"entry__{name}")}, then=True), default=False) for name in DIFFERS]
    runs = [*_columns("earlier__"), *_columns("entry__")]
    found = []
    for axis, before, after, evidence, *row in rows.order_by(*_NEWEST_FIRST).values_list(*said, *equal, *runs)[:most]:
        differs = [words for is_equal, words in zip(row, DIFFERS.values(), strict=False) if not is_equal]
        first = len(DIFFERS)
        earlier, later = row[first : first + len(Run._fields)], row[first + len(Run._fields) :]
        found.append(Repeated(axis, before, after, EVIDENCE[evidence], differs, Run(*earlier), Run(*later)))
    return found


def _columns(prefix: str) -> list[Any]:
    return [
        Left(f"{prefix}intent", INTENT_CHARACTERS) if name == "intent" else F(f"{prefix}{name}") for name in Run._fields
    ]


def _denied(keys: list[int], axis: str | None) -> Iterable[tuple[Any, ...]]:
    rows = CandidateKey.objects.filter(key__in=keys, entry__status="rejected", entry__denials__axis__isnull=False)
    if axis is not None:
        rows = rows.filter(entry__denials__axis__in=records.only_ids((axis,)))
    newest = rows.order_by("-ts_ms", "-entry_id").values_list("key", "entry__denials__axis", *_columns("entry__"))
    return reversed(newest[:CAP])
