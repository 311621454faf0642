"""Whether axes judge the same candidate alike: figures by axis, the judgements that were repeated, and suspects."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any, Final, Literal, NamedTuple, get_args

from django.db.models import Case, F, Q, QuerySet, When
from django.db.models.functions import Left

from enhancelog.domain import records
from enhancelog.domain.same_candidates import EVIDENCE, Evidence, hash_key
from enhancelog.models import CandidateKey, Rejudgement, Version
from enhancelog.queries.charts import Window
from enhancelog.queries.counts import CAP, Count, up_to_cap

Kind = Literal["flips", "to_deny", "to_pass", "judged", "suspects"]
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)

MOST_READ: Final = 50_000  # newest repeated judgements, for figures by axis
MOST_BY_HAND: Final = 1_000  # newest versions made by hand
MOST_OF_ENTRY: Final = 100
INTENT_CHARACTERS: Final = 200
DIFFERS: Final = {"prev_hash": "document before", "intent": "intent", "rationale": "rationale", "status": "outcome"}

_NEWEST_FIRST: Final = ("-ts_ms", "-entry_id", "-earlier_id", "axis")
_FLIPS: Final = Q(flips=True)
_OF_KIND: Final[dict[Kind, Q]] = {
    "flips": _FLIPS,
    "to_deny": _FLIPS & Q(after="deny"),
    "to_pass": _FLIPS & Q(after="pass"),
    "judged": ~Q(after="absent"),
    "suspects": Q(suspect=True),
}


class Steadiness(NamedTuple):
    """Of an axis: how often it judged a candidate again, and then denied or passed what it had passed or denied."""

    axis: str
    judged: int
    to_deny: int
    to_pass: int

    @property
    def flips(self) -> int:
        return self.to_deny + self.to_pass


class Figures(NamedTuple):
    """Most flips first. ``capped``: only the newest ``MOST_READ`` judgements were counted."""

    axes: list[Steadiness]
    capped: bool


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


def figures(window: Window, axis: str | None = None) -> Figures:
    rows = _rows(window, axis).exclude(after="absent").values_list("axis", "flips", "after")
    found = list(rows[: MOST_READ + 1])
    counts: dict[str, list[int]] = {}
    for name, flips, after in found[:MOST_READ]:
        numbers = counts.setdefault(name, [0, 0, 0])
        numbers[0] += 1
        numbers[1] += flips and after == "deny"
        numbers[2] += flips and after == "pass"
    each = [Steadiness(name, *numbers) for name, numbers in counts.items()]
    each.sort(key=lambda one: (-one.flips, -one.judged, one.axis))
    return Figures(each, len(found) > MOST_READ)


def count(window: Window, kind: Kind, axis: str | None = None) -> Count:
    return up_to_cap(_rows(window, axis).filter(_OF_KIND[kind])[: CAP + 1].count())


def listed(window: Window, kind: Kind, size: int, axis: str | None = None, skip: int = 0) -> list[Repeated]:
    """The newest first; at most ``CAP`` can be skipped."""
    start = min(skip, CAP)
    return _read(_rows(window, axis).filter(_OF_KIND[kind])[start : start + size])


def of_entry(position: int) -> list[Repeated]:
    """Those that flip, in which the entry is either run; the newest first."""
    rows = Rejudgement.objects.filter(Q(entry_id=position) | Q(earlier_id=position), flips=True)
    return _read(rows.order_by(*_NEWEST_FIRST)[:MOST_OF_ENTRY])


def made_by_hand(window: Window, axis: str | None = None) -> list[MadeByHand]:
    """The newest first. Of each version and axis, the last denial before it."""
    versions = Version.objects.filter(_within(window), made_by="hand").exclude(hash=F("prev_hash"))
    rows = versions.order_by("-position").values_list("blueprint_id", "source", "hash", "ts_ms")[:MOST_BY_HAND]
    made: defaultdict[int, dict[int, str]] = defaultdict(dict)  # by key, then by time
    for blueprint_id, source, hash, ts_ms in rows:
        if ts_ms is not None and (key := hash_key(blueprint_id, source, "", hash)) is not None:
            made[key][ts_ms] = hash
    found: dict[tuple[int, int, str], MadeByHand] = {}
    for key, denied_by, *denied in _denied(list(made), axis):
        run = Run._make(denied)
        for ts_ms, hash in made[key].items():
            if run.ts_ms < ts_ms:
                found[key, ts_ms, denied_by] = MadeByHand(denied_by, run, hash, ts_ms)
    return sorted(found.values(), key=lambda each: (-each.ts_ms, each.axis, each.denied.issue_id))


def _rows(window: Window, axis: str | None) -> QuerySet[Rejudgement]:
    rows = Rejudgement.objects.filter(_within(window)).order_by(*_NEWEST_FIRST)
    return rows if axis is None else rows.filter(axis__in=records.only_ids((axis,)))


def _within(window: Window) -> Q:
    condition = Q(ts_ms__isnull=False)
    if window.since_ms is not None:
        condition &= Q(ts_ms__gte=window.since_ms)
    if window.until_ms is not None:
        condition &= Q(ts_ms__lt=window.until_ms)
    return condition


def _read(rows: QuerySet[Rejudgement]) -> list[Repeated]:
    said = ("axis", "before", "after", "evidence")
    equal = [Case(When(**{f"earlier__{name}": F(f"entry__{name}")}, then=True), default=False) for name in DIFFERS]
    runs = [*_columns("earlier__"), *_columns("entry__")]
    found = []
    for axis, before, after, evidence, *row in rows.values_list(*said, *equal, *runs):
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
