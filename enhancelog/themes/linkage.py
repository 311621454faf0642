"""Average linkage: the two groups that are most alike on average are joined, again and again."""

import heapq
from collections.abc import Callable, Mapping
from typing import NamedTuple

Alike = Mapping[int, Mapping[int, float]]  # how alike two are, both ways; 0 where absent


class Join(NamedTuple):
    into: int  # the smaller number
    taken: int


def joins(alike: Alike, weights: Mapping[int, int], least: float, rest: Callable[[], None]) -> list[Join]:
    """In order, while groups are ``least`` alike. Quadratic."""
    rows = {number: dict(row) for number, row in alike.items()}
    sizes = dict(weights)
    heap = [
        (-value, one, two) for one, row in rows.items() for two, value in row.items() if one < two and value >= least
    ]
    heapq.heapify(heap)
    found: list[Join] = []
    while heap:
        value, into, taken = heapq.heappop(heap)
        if into not in rows or taken not in rows or rows[into].get(taken) != -value:
            continue
        rest()
        found.append(Join(into, taken))
        _join(rows, sizes, into, taken)
        for other, now in rows[into].items():
            if now >= least:
                heapq.heappush(heap, (-now, min(into, other), max(into, other)))
    return found


def _join(rows: dict[int, dict[int, float]], sizes: dict[int, int], into: int, taken: int) -> None:
    one, two = rows.pop(into), rows.pop(taken)
    both = sizes[into] + sizes[taken]
    joined = {
        other: (sizes[into] * one.get(other, 0.0) + sizes[taken] * two.get(other, 0.0)) / both
        for other in sorted((one.keys() | two.keys()) - {into, taken})
    }
    for other, value in joined.items():
        rows[other].pop(taken, None)
        rows[other][into] = value
    rows[into] = joined
    sizes[into] = both
