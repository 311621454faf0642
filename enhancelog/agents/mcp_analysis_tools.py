"""Tools about the log as a whole, as in ``mcp_log_tools``."""

from typing import Annotated, Final, cast

import msgspec
from pydantic import Field

from enhancelog.agents.mcp_figures import (
    AxisDetail,
    AxisList,
    DifferenceResult,
    FunnelResult,
    SteadinessResult,
    WhatIfResult,
)
from enhancelog.agents.mcp_fitting import first, fitted, listed
from enhancelog.agents.mcp_parameters import BlueprintId, OneBlueprint, OptionalText, Since, Until, WholeNumber, given
from enhancelog.agents.mcp_results import TriedBefore, Why
from enhancelog.client.connection import Connection
from enhancelog.client.log_store import HttpEnhanceLogStore
from enhancelog.domain.text import DATA_NOTICE

MOST: Final = 200  # axes, and Blueprints
MOST_OF_LISTS: Final = 20

_FILTERS: Final = (
    "blueprint_id, status, axis, text, phrase, touches, source, attempt, word, hour, meta.KEY and others; not_ before "
    "a name excludes; since and until limit the times."
)


class AnalysisTools:
    def __init__(self, connection: Connection) -> None:
        self._log = HttpEnhanceLogStore(connection)

    def why_rejected(
        self,
        blueprint_id: BlueprintId,
        intent: Annotated[str, Field(description="What you are about to try; finds similar applied runs.")] = "",
    ) -> Why:
        """Why recent runs of a Blueprint were rejected, and similar intents that were applied.

        Ask before you write a patch. "denied" groups by axis and message template, most frequent first, with samples
        and issue ids for get_entry; "pointers" are those of the sample's patch that its reason names.
        "similar_applied": runs whose intent shares at least half of its words with yours. Do not give way to a denial
        that reviewers found wrong ("found_wrong"); say so instead.
        Example: {"blueprint_id": "main", "intent": "writer should cite the file and line"}
        """
        found: Why = msgspec.json.decode(self._log.why(blueprint_id, intent))
        return found

    def tried_before(
        self,
        prev_hash: Annotated[str, Field(description="Hash of the Blueprint's document that you are about to patch.")],
        blueprint_id: Annotated[str | None, Field(description="Only runs of this Blueprint.")] = None,
        limit: Annotated[WholeNumber, Field(ge=1, le=20, description="The newest attempts.")] = 3,
    ) -> TriedBefore:
        """The attempts made from one document: what they changed, who denied them why, and what came next.

        Ask before you write a patch, so that you do not repeat one that was denied. "next": the next attempt at the
        same intent within 7 days was applied, denied by the same axis again, by others only, or not made.
        Example: {"prev_hash": "efb306dfd0ec1f8e5a1c7b0a9d3f4e6c8b2a1d0f9e8c7b6a5d4f3e2c1b0a9d8e", "limit": 5}
        """
        found: TriedBefore = msgspec.to_builtins(self._log.tried_before(prev_hash, blueprint_id, limit))
        return found

    def list_axes(self, blueprint_id: OneBlueprint = "", since: Since = "", until: Until = "") -> AxisList:
        """How many runs each axis judged and denied, how often alone, and what came next; most denials first.

        Distrust rates of fewer than 20 runs.
        Example: {"blueprint_id": "main", "since": "30d"}
        """
        axes = self._log.axes(_filters(blueprint_id, since, until))

        def built(most: int) -> AxisList:
            shown = msgspec.to_builtins(axes[:most])
            return {"notice": DATA_NOTICE, "axes": shown, "left_out": len(axes) - len(shown)}

        return fitted(built, MOST)

    def get_axis(
        self,
        axis: Annotated[str, Field(description="The name of the axis.")],
        blueprint_id: OneBlueprint = "",
        since: Since = "",
        until: Until = "",
    ) -> AxisDetail:
        """One axis: what list_axes says of it, with which other axes it denied, and in which Blueprints.

        Example: {"axis": "agent-ref", "since": "7d"}
        """
        found = msgspec.to_builtins(self._log.axis(axis, _filters(blueprint_id, since, until)))

        def built(most: int) -> AxisDetail:
            shown = {name: first(most, found[name]) for name in ("together", "blueprints")}
            left_out = sum(len(found[name]) - len(shown[name]) for name in shown)
            return cast(AxisDetail, {"notice": DATA_NOTICE, **found, **shown, "left_out": left_out})

        return fitted(built, MOST)

    def what_if(
        self,
        without: Annotated[list[str], Field(min_length=1, description="The axes to leave out.")],
        blueprint_id: OneBlueprint = "",
        since: Since = "",
        until: Until = "",
    ) -> WhatIfResult:
        """How many rejected runs would have passed without some axes, as judged then.

        Example: {"without": ["noop", "tone"], "blueprint_id": "main"}
        """
        found = self._log.what_if(without, _filters(blueprint_id, since, until))
        blueprints = msgspec.to_builtins(found.blueprints)

        def built(most: int) -> WhatIfResult:
            shown = first(most, blueprints)
            return {
                "notice": DATA_NOTICE,
                "passed": msgspec.to_builtins(found.passed),
                "blueprints": shown,
                "left_out": len(blueprints) - len(shown),
            }

        return fitted(built, MOST)

    def funnel(self, blueprint_id: OneBlueprint = "", since: Since = "", until: Until = "") -> FunnelResult:
        """How many attempts an intent takes until it is applied or given up, in all, by Blueprint and over time.

        Example: {"blueprint_id": "main", "since": "30d"}
        """
        found = msgspec.to_builtins(self._log.funnel(_filters(blueprint_id, since, until)))
        found["over_time"].reverse()

        def built(most: int) -> FunnelResult:
            shown, left_out = listed(found, ("blueprints", "over_time"), most)
            shown["over_time"].reverse()
            return cast(FunnelResult, {"notice": DATA_NOTICE, **found, **shown, "left_out": left_out})

        return fitted(built, MOST_OF_LISTS)

    def steadiness(
        self,
        axis: Annotated[str, OptionalText, Field(description="Only this axis.")] = "",
        since: Since = "",
        until: Until = "",
    ) -> SteadinessResult:
        """How often each axis judged the same candidate differently, and denials that may have been wrong.

        "applied_later": what was denied passed unchanged in a later run. At most 20 of each list.
        Example: {"axis": "tone", "since": "30d"}
        """
        asked = given(axis=axis, since=since, until=until)
        found = msgspec.to_builtins(self._log.steadiness(asked))

        def built(most: int) -> SteadinessResult:
            shown, left_out = listed(found, ("axes", "flips", "applied_later", "made_by_hand"), most)
            return cast(SteadinessResult, {"notice": DATA_NOTICE, **found, **shown, "left_out": left_out})

        return fitted(built, MOST_OF_LISTS)

    def differences(
        self,
        filters: Annotated[dict[str, str], Field(min_length=1, description=f"The entries to explain. {_FILTERS}")],
        against: Annotated[
            dict[str, str] | None, Field(description="What to compare with; default: all other entries of these times.")
        ] = None,
    ) -> DifferenceResult:
        """Which features are more or less frequent among some entries than among others, strongest first; at most 20.

        A difference is no cause.
        Example: {"filters": {"status": "rejected", "blueprint_id": "main"}, "against": {"status": "applied"}}
        """
        other = None if against is None else list(against.items())
        found = msgspec.to_builtins(self._log.differences(list(filters.items()), other))
        found["not_compared"] = found.pop("left_out")

        def built(most: int) -> DifferenceResult:
            shown, left_out = listed(found, ("differences",), most)
            whole = {"notice": DATA_NOTICE, **found, **shown, "left_out": left_out.get("differences", 0)}
            return cast(DifferenceResult, whole)

        return fitted(built, MOST_OF_LISTS)


def _filters(blueprint_id: str, since: str, until: str) -> list[tuple[str, str]]:
    return given(blueprint_id=blueprint_id, since=since, until=until)
