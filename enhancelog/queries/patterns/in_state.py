"""The parameter ``state`` of lists of patterns."""

from collections.abc import Callable, Iterable

from enhancelog.domain.errors import Invalid
from enhancelog.domain.pattern_states import STATE_FILTERS, PatternState
from enhancelog.queries.pattern_states import states_of


def checked(state: str) -> str:
    """Raises ``Invalid`` (state)."""
    if state not in STATE_FILTERS:
        raise Invalid("state", "choice", f'must be one of {", ".join(STATE_FILTERS)}, not "{state[:40]}"')
    return state


def in_state(patterns: Iterable[int], *states: str) -> Callable[[int], bool]:
    found = states_of(patterns)
    return lambda pattern: any(_is_in(found[pattern], state) for state in states)


def _is_in(known: PatternState, state: str) -> bool:
    match state:
        case "returned":
            return known.returned_ms is not None
        case "conflict":
            return known.conflict
    return known.state == state
