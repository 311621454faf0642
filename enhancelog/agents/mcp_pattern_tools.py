"""Tools about deny patterns, as in ``mcp_log_tools``."""

from typing import Annotated, cast

import msgspec
from msgspec import UNSET
from pydantic import Field

from enhancelog.agents.mcp_figures import PatternState
from enhancelog.agents.mcp_parameters import OptionalText, WholeNumber
from enhancelog.client.connection import Connection
from enhancelog.client.log_store import HttpEnhanceLogStore
from enhancelog.domain import pattern_states
from enhancelog.domain.pattern_states import MAX_A_DAY, MAX_NOTE, Cause, State, StateEdit
from enhancelog.domain.text import DATA_NOTICE

_SEEN = "The change that you know; refused if there is a later one. 0: nobody changed it yet. Default: replace any."


class PatternTools:
    def __init__(self, connection: Connection) -> None:
        self._log = HttpEnhanceLogStore(connection)

    def set_pattern_state(
        self,
        id: Annotated[str, Field(description="Of a deny pattern, from why_rejected or get_entry.")],
        state: Annotated[State, Field(description="expected: the verifier is right and nobody needs to act.")],
        cause: Annotated[Cause | None, Field(description="What should change. Default: as it is.")] = None,
        assignee: Annotated[str, OptionalText, Field(description="A user's name. Default: as it is.")] = "",
        note: Annotated[str, OptionalText, Field(description=f"Why, at most {MAX_NOTE:,} characters.")] = "",
        most_a_day: Annotated[
            WholeNumber | None,
            Field(ge=1, le=MAX_A_DAY, description="If expected: it returns on a day with more denials."),
        ] = None,
        seen: Annotated[WholeNumber | None, Field(ge=0, description=_SEEN)] = None,
    ) -> PatternState:
        """Say what a deny pattern is and what should change, for the team to see. Every change is kept.

        Example: {"id": "5f2b8c1d9e3a7046", "state": "fixed", "cause": "prompt", "note": "The prompt cites the budget."}
        """
        edit = StateEdit(
            state=state,
            cause=cause or UNSET,
            assignee=assignee or UNSET,
            note=note,
            most_a_day=most_a_day or UNSET,
        )
        pattern_states.check(edit)
        found = self._log.set_pattern_state(id, edit, seen)
        return cast(PatternState, {"notice": DATA_NOTICE, "id": found.id, **msgspec.to_builtins(found.state)})
