"""Numbers of repeated judgements, linked."""

from enhancelog import links
from enhancelog.links import Pairs
from enhancelog.queries.counts import Count
from enhancelog.queries.steadiness import Kind, Reading, Steadiness
from enhancelog.web.linked import Linked


def by_kind(row: Steadiness, scope: Pairs, found: Reading) -> dict[Kind, Linked]:
    numbers: dict[Kind, int] = {
        "judged": row.judged,
        "flips": row.flips,
        "to_deny": row.to_deny,
        "to_pass": row.to_pass,
    }
    return {kind: of_kind(kind, found.counted(number), scope) for kind, number in numbers.items()}


def of_kind(kind: Kind, shown: Count, scope: Pairs) -> Linked:
    return Linked(shown.number, shown, links.steadiness([*scope, ("kind", kind)]))
