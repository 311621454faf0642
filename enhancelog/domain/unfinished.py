"""Which runs of a host were never finished: a pure function of its stores and the log."""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, Literal, NamedTuple

from enhancelog.domain.causes import Cause, cause_of, was_judged

# A host runs one issue after the other, so its issues, its outputs and ``ts_ms`` have the same order. The runs in the
# log divide that order into gaps. A patch or an answer belongs to a run of its gap only if it fits no other, and if
# nothing else fits that run; it is never guessed.

RunStatus = Literal["pending", "died", "resolved"]
Fate = Literal["joined", "ambiguous", "missing"]
Kind = Literal["failed", "patch", "text"]

MAX_CHARACTERS: Final = 10_000  # of intent and reason each

_NEVER_LOGGED: Final = "its entry never came, although a later run of the Blueprint was logged"

# What the answer of a run can be that ended so. Where the applier had its turn, the answer became a patch.
_FITTING: Final[Mapping[Cause | None, frozenset[Kind]]] = {
    None: frozenset({"patch"}),
    "spawner": frozenset({"failed"}),
    "answer": frozenset({"failed", "patch", "text"}),
    "pointer": frozenset({"patch"}),
    "time_limit": frozenset({"patch", "text"}),
    "other": frozenset({"patch", "text"}),
}

# The applier had its turn, or may have had it.
_WITH_PATCH: Final[frozenset[Cause | None]] = frozenset({None, "committer", "time_limit", "no_verifiers", "other"})


class Issue(NamedTuple):
    """``logged_ms``: the time of its entry, if plausible."""

    issue_id: str
    blueprint_id: str
    intent: str
    status: str
    detail: str
    created_seq: int
    is_logged: bool
    logged_ms: int | None


class Tried(NamedTuple):
    """A patch. ``fate``: the entry of its run is known, cannot be told from others, or is missing."""

    position: int
    digest: str
    blueprint_id: str
    ts_ms: int
    seq: int
    fate: Fate


class Said(NamedTuple):
    """A spawner's answer that became no patch."""

    position: int
    seq: int
    kind: Kind


class Unfinished(NamedTuple):
    """``ts_ms`` is exact; without it, the bounds say what is known. ``patch`` and ``answer`` are positions."""

    issue_id: str
    blueprint_id: str
    intent: str
    reason: str
    cause: Cause | None
    status: RunStatus
    ts_ms: int | None = None
    not_before_ms: int | None = None
    not_after_ms: int | None = None
    patch: int | None = None
    answer: int | None = None


class Derived(NamedTuple):
    """``unassigned_…``: how many fit no run, or several."""

    runs: list[Unfinished]
    unassigned_patches: int = 0
    unassigned_answers: int = 0


def id_of_patch(ts_ms: int, digest: str) -> str:
    """Of a run that only a patch tells of."""
    return f"run-{ts_ms}-{digest[:32]}"


def derive(issues: Iterable[Issue], patches: Iterable[Tried], answers: Sequence[Said]) -> Derived:
    gaps = _Gaps(issues)
    missing: list[Tried] = []
    # Of the joined, which are almost all, no more is remembered than is needed.
    newest: dict[str, int] = {}
    beside: list[tuple[int, int]] = []
    for patch in patches:
        if patch.fate == "missing":
            missing.append(patch)
        elif patch.fate == "joined":
            newest[patch.blueprint_id] = max(patch.ts_ms, newest.get(patch.blueprint_id, patch.ts_ms))
            if answers:
                beside.append((patch.seq, patch.ts_ms))
    claimed, unclaimed, unassigned = _claims(gaps, missing)
    without_patch = [run for run in gaps.open if run.issue.issue_id not in claimed]
    answered = _answered(without_patch, _placed(gaps, sorted(beside), answers))
    runs = [
        _unfinished(gaps, run, claimed.get(run.issue.issue_id), answered.get(run.issue.issue_id)) for run in gaps.open
    ]
    known = {run.issue_id for run in runs}
    runs += [run for run in _never_logged(unclaimed, newest) if run.issue_id not in known]
    return Derived(runs, unassigned, len(answers) - len(answered))


class _Open(NamedTuple):
    gap: int
    issue: Issue
    cause: Cause | None

    @property
    def has_begun(self) -> bool:
        return self.issue.status != "pending"


class _Gaps:
    """Gap n ends with run n of those in the log (from 0), the last gap never."""

    def __init__(self, issues: Iterable[Issue]) -> None:
        self.open: list[_Open] = []
        self._times: list[int] = []
        for issue in sorted(issues, key=lambda issue: (issue.created_seq, issue.issue_id)):
            if issue.is_logged:
                self._add(issue.logged_ms)
            elif issue.status in ("pending", "inflight"):
                self.open.append(_Open(len(self._times), issue, None))
            elif issue.status == "rejected" and not was_judged(issue.detail):
                self.open.append(_Open(len(self._times), issue, cause_of(issue.detail)))

    def _add(self, ts_ms: int | None) -> None:
        if ts_ms is not None and (not self._times or ts_ms >= self._times[-1]):
            self._times.append(ts_ms)

    def at(self, ts_ms: int) -> int:
        return bisect_right(self._times, ts_ms)

    def between(self, before_ms: int | None, after_ms: int | None) -> int | None:
        """The gap of a run that started between the two, if there is only one."""
        first = 0 if before_ms is None else self.at(before_ms)
        last = len(self._times) if after_ms is None else bisect_left(self._times, after_ms)
        return first if first == last else None

    def bounds(self, gap: int) -> tuple[int | None, int | None]:
        return self._times[gap - 1] if gap else None, self._times[gap] if gap < len(self._times) else None


# Patch by issue, patches that no issue can claim, and the number of those that several could.
def _claims(gaps: _Gaps, missing: Iterable[Tried]) -> tuple[dict[str, Tried], list[Tried], int]:
    claimants: dict[tuple[str, int], list[str]] = defaultdict(list)
    for run in gaps.open:
        if run.has_begun and run.cause in _WITH_PATCH:
            claimants[run.issue.blueprint_id, run.gap].append(run.issue.issue_id)
    found: dict[tuple[str, int], list[Tried]] = defaultdict(list)
    for patch in missing:
        found[patch.blueprint_id, gaps.at(patch.ts_ms)].append(patch)
    claimed: dict[str, Tried] = {}
    unclaimed: list[Tried] = []
    unassigned = 0
    for place, tried in found.items():
        issue_ids = claimants.get(place, [])
        if not issue_ids:
            unclaimed += tried
        elif len(issue_ids) == len(tried) == 1:
            claimed[issue_ids[0]] = tried[0]
        else:
            unassigned += len(tried)
    return claimed, unclaimed, unassigned


# The answers whose gap the patches ``beside`` them (``seq`` and ``ts_ms``, in order) tell.
def _placed(gaps: _Gaps, beside: Sequence[tuple[int, int]], answers: Iterable[Said]) -> list[tuple[int, Said]]:
    placed = []
    for answer in answers:
        at = bisect_left(beside, (answer.seq,))
        near = [ts_ms for _, ts_ms in beside[max(0, at - 2) : at + 2]]
        before = beside[at - 1][1] if at else None
        after = beside[at][1] if at < len(beside) else None
        gap = gaps.between(before, after)
        if gap is not None and near == sorted(near):  # else another output store began in between
            placed.append((gap, answer))
    return placed


# Position of the answer by issue.
def _answered(runs: Iterable[_Open], placed: Sequence[tuple[int, Said]]) -> dict[str, int]:
    open_runs: dict[tuple[int, Cause | None], list[str]] = defaultdict(list)
    for run in runs:
        if run.has_begun:
            open_runs[run.gap, run.cause].append(run.issue.issue_id)
    said: dict[tuple[int, Kind], int] = defaultdict(int)
    for gap, answer in placed:
        said[gap, answer.kind] += 1
    answered: dict[str, int] = {}
    for gap, answer in placed:
        fitting = [
            (cause, issue_id)
            for cause, kinds in _FITTING.items()
            if answer.kind in kinds
            for issue_id in open_runs.get((gap, cause), [])[:2]
        ]
        if len(fitting) == 1:
            ((cause, issue_id),) = fitting
            if sum(said.get((gap, kind), 0) for kind in _FITTING[cause]) == 1:
                answered[issue_id] = answer.position
    return answered


def _unfinished(gaps: _Gaps, run: _Open, patch: Tried | None, answer: int | None) -> Unfinished:
    gap, issue, cause = run
    common = (issue.issue_id, issue.blueprint_id, issue.intent, issue.detail if cause else "", cause)
    status: RunStatus = "died" if cause else "pending"
    if patch is not None:
        return Unfinished(*common, status, ts_ms=patch.ts_ms, patch=patch.position)
    before, after = gaps.bounds(gap)
    return Unfinished(*common, status, not_before_ms=before, not_after_ms=after, answer=answer)


# ``newest``: of the logged runs, by Blueprint.
def _never_logged(unclaimed: Iterable[Tried], newest: Mapping[str, int]) -> list[Unfinished]:
    # A patch newer than every logged run of its Blueprint may be under way; the log may also just not be imported.
    return [
        Unfinished(
            id_of_patch(patch.ts_ms, patch.digest),
            patch.blueprint_id,
            "",
            _NEVER_LOGGED,
            "other",
            "died",
            ts_ms=patch.ts_ms,
            patch=patch.position,
        )
        for patch in unclaimed
        if patch.ts_ms < newest.get(patch.blueprint_id, patch.ts_ms)
    ]
