"""How far the replica of ENHANCELOG_READ_URL is."""

from typing import Final

from django.conf import settings
from django.db import Error

from enhancelog import backends
from enhancelog.backends import reading
from enhancelog.domain.errors import StoreError
from enhancelog.domain.installation import Positions, Replica
from enhancelog.queries import status as queried

# A replica that is only slow is not called a broken one.
ANSWER_S: Final = 2.0


def look(primary: Positions | None) -> Replica | None:
    """``None`` without such a setting. Asks both servers, and waits a few seconds at most."""
    if not reading.is_configured():
        return None
    state = reading.look()
    address = backends.address_of({"ENGINE": "enhancelog.backends.postgresql", **(settings.READ_DATABASE or {})})
    is_alone = bool(state.primary_problem)
    # A command has seen nothing before, but servers may have.
    is_news = state.replica_problem == reading.NEVER_SEEN and not reading.is_watching()
    if state.replica_problem and not is_news:
        return Replica(address, state.replica_problem, is_alone=is_alone)
    try:
        with reading.on_replica(ANSWER_S):
            position = queried.positions().log
    except (Error, StoreError):
        return Replica(address, "its tables cannot be read", is_alone=is_alone)
    behind = None if primary is None else max(0, primary.log - position)
    return Replica(address, "", position, behind, state.behind_s if behind else 0.0, is_alone)
