"""Denials by Blueprint and axis, joint denials, what came next, and what if an axis had not judged. Bounded size."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import NamedTuple, TypeVar

from enhancelog.domain import records
from enhancelog.domain.filters import Order
from enhancelog.domain.intervals import FEW
from enhancelog.queries.blueprint_ids import EVERY, Named
from enhancelog.queries.charts import Window
from enhancelog.queries.judgements import Denials, Judged, Judgements, Key, judgements
from enhancelog.queries.runs import Totals

_Rejected = TypeVar("_Rejected", Judged, Denials)


class Sort(NamedTuple):
    """``by``: ``name``, ``any`` (rejection rate), ``axis:NAME`` (its deny rate); empty: highest lower bound of the
    rejection rate first."""

    by: str = ""
    order: Order = "desc"


class Part(NamedTuple):
    first: int
    size: int

    def of(self, names: Sequence[str]) -> Sequence[str]:
        return names[self.first : self.first + self.size]


@dataclass(frozen=True)
class ByBlueprint:
    """``cells``: by Blueprint and axis; absent if never judged."""

    axes: Mapping[str, Judged]
    axes_in_all: int
    blueprints: Mapping[str, Totals]
    blueprints_in_all: int
    cells: Mapping[Key, Judged]
    total: Totals


@dataclass(frozen=True)
class Together:
    """``both``: runs that the row's axis denied and the column's too."""

    rows: Sequence[str]
    columns: Sequence[str]
    axes_in_all: int
    denied: Mapping[str, Denials]
    both: Mapping[tuple[str, str], int]


@dataclass(frozen=True)
class WhatCameNext:
    axes: Mapping[str, Denials]
    judged: Mapping[str, Judged]
    axes_in_all: int


@dataclass(frozen=True)
class WhatIf:
    """``passed``: rejected runs that only the axes left out had denied, by Blueprint."""

    axes: Mapping[str, Denials]
    more_axes: int
    passed: Mapping[str, int]
    passed_in_all: int
    blueprints: Mapping[str, Totals]
    blueprints_in_all: int
    total: Totals


def by_blueprint_and_axis(
    window: Window, sort: Sort, rows: Part, columns: Part, blueprints: Named = EVERY
) -> ByBlueprint:
    judged = judgements(window, blueprints)
    totals = judged.runs_by_blueprint()
    axes = _axes(judged)
    shown_axes = columns.of(list(axes))
    names = _sorted(totals, sort, judged)
    shown = rows.of(names)
    cells = judged.sums("blueprint_id", "axis", blueprint_id=shown, axis=shown_axes)
    return ByBlueprint(
        axes={axis: axes[axis] for axis in shown_axes},
        axes_in_all=len(axes),
        blueprints={blueprint_id: totals[blueprint_id] for blueprint_id in shown},
        blueprints_in_all=len(totals),
        cells=cells,
        total=reduce(Totals.plus, totals.values(), Totals()),
    )


def axes_together(window: Window, rows: Part, columns: Part, blueprints: Named = EVERY) -> Together:
    judged = judgements(window, blueprints)
    found = _denied(judged)
    denied = list(found)
    shown_rows, shown_columns = rows.of(denied), columns.of(denied)
    both: Counter[tuple[str, str]] = Counter()
    for axes, runs in judged.together():
        here = set(axes)
        for axis in here.intersection(shown_rows):
            for other in here.intersection(shown_columns) - {axis}:
                both[axis, other] += runs
    return Together(
        rows=shown_rows,
        columns=shown_columns,
        axes_in_all=len(denied),
        denied={axis: found[axis] for axis in shown_rows},
        both=both,
    )


def what_came_next(window: Window, rows: Part, blueprints: Named = EVERY) -> WhatCameNext:
    judged = judgements(window, blueprints)
    found = _denied(judged)
    shown = rows.of(list(found))
    return WhatCameNext(
        axes={axis: found[axis] for axis in shown},
        judged={axis: here for (axis,), here in judged.sums("axis", axis=shown).items()},
        axes_in_all=len(found),
    )


def what_if(window: Window, without: Collection[str], rows: Part, axes: int, blueprints: Named = EVERY) -> WhatIf:
    """``axes``: how many, with the most denials, are offered beside those in ``without``."""
    judged = judgements(window, blueprints)
    found = _denied(judged)
    passed: Counter[str] = Counter()
    left_out = set(records.only_ids(without))
    for (blueprint_id,), here in judged.denials("blueprint_id", axis=left_out).items():
        passed[blueprint_id] += here.alone
    for blueprint_id, (together, runs) in judged.together_by_blueprint():
        if left_out.issuperset(together):
            passed[blueprint_id] += runs
    totals = {name: here for name, here in judged.runs_by_blueprint().items() if here.rejected}
    shown = rows.of(sorted(totals, key=lambda name: (-passed[name], -totals[name].rejected, name)))
    offered = list(dict.fromkeys([*list(found)[:axes], *without]))
    return WhatIf(
        axes={axis: found.get(axis, Denials()) for axis in offered},
        more_axes=len(found.keys() - set(offered)),
        passed={blueprint_id: passed[blueprint_id] for blueprint_id in shown},
        passed_in_all=passed.total(),
        blueprints={blueprint_id: totals[blueprint_id] for blueprint_id in shown},
        blueprints_in_all=len(totals),
        total=reduce(Totals.plus, totals.values(), Totals()),
    )


def _denied(judged: Judgements) -> dict[str, Denials]:
    """Most denials first."""
    return _most_first({axis: here for (axis,), here in judged.denials("axis").items() if here.rejected})


def _axes(judged: Judgements) -> dict[str, Judged]:
    return _most_first({axis: here for (axis,), here in judged.sums("axis").items()})


def _most_first(found: Mapping[str, _Rejected]) -> dict[str, _Rejected]:
    return {axis: found[axis] for axis in sorted(found, key=lambda axis: (-found[axis].rejected, axis))}


def _sorted(totals: Mapping[str, Totals], sort: Sort, judged: Judgements) -> list[str]:
    if sort.by == "name":
        return sorted(totals, reverse=sort.order == "desc")
    if not sort.by:
        return sorted(totals, key=lambda blueprint_id: (-totals[blueprint_id].rejection_rate.low, blueprint_id))
    rates = {blueprint_id: Judged(each.runs, each.rejected) for blueprint_id, each in totals.items()}
    if sort.by != "any":
        only = records.only_ids([sort.by.removeprefix("axis:")])
        rates = {blueprint_id: here for (blueprint_id,), here in judged.sums("blueprint_id", axis=only).items()}
    sign = -1 if sort.order == "desc" else 1

    def key(blueprint_id: str) -> tuple[int, float, str]:
        here = rates.get(blueprint_id, Judged())
        if not here.judged:
            return 2, 0.0, blueprint_id
        return int(here.judged < FEW), sign * here.rejected / here.judged, blueprint_id

    return sorted(totals, key=key)
