"""Which markers a list asks for."""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from enhancelog.domain import filters, periods
from enhancelog.domain.errors import Invalid
from enhancelog.domain.markers import KINDS, Marker

HIDDEN: Final = ("true", "false")


class Wanted(NamedTuple):
    """Empty and ``None``: any. Times are epoch ms, half-open."""

    kind: Sequence[str] = ()
    blueprint_id: Sequence[str] = ()
    axis: Sequence[str] = ()
    since_ms: int | None = None
    until_ms: int | None = None
    hidden: bool = False

    def has(self, marker: Marker) -> bool:
        chosen = ((self.kind, marker.kind), (self.blueprint_id, marker.blueprint_id), (self.axis, marker.axis))
        return (
            marker.hidden == self.hidden
            and all(not values or value in values for values, value in chosen)
            and (self.since_ms is None or marker.ts_ms >= self.since_ms)
            and (self.until_ms is None or marker.ts_ms < self.until_ms)
        )


def parse(parameters: Mapping[str, Sequence[str]], now_ms: int) -> Wanted:
    """Raises ``Invalid``."""
    filters.check_single(parameters, "since", "until", "hidden")
    since_ms, until_ms = (
        periods.instant(name, parameters[name][0], now_ms) if name in parameters else None
        for name in ("since", "until")
    )
    return Wanted(
        kind=_chosen(parameters, "kind", KINDS),
        blueprint_id=parameters.get("blueprint_id", ()),
        axis=parameters.get("axis", ()),
        since_ms=since_ms,
        until_ms=until_ms,
        hidden="true" in _chosen(parameters, "hidden", HIDDEN),
    )


def _chosen(parameters: Mapping[str, Sequence[str]], name: str, choices: Sequence[str]) -> Sequence[str]:
    values = parameters.get(name, ())
    for value in values:
        if value not in choices:
            raise Invalid(name, "choice", f"must be one of {', '.join(choices)}, not {value[:80]!r}")
    return values
