"""Tools about the log as a whole, as in ``mcp_log_tools``."""

from collections.abc import Callable
from itertools import islice
from typing import Annotated, Any, Final, TypeVar, cast

import msgspec
from pydantic import Field

from enhancelog.agents.excerpts import fits
from enhancelog.agents.mcp_parameters import BlueprintId, Instant, OptionalText, WholeNumber
from enhancelog.agents.mcp_results import AxisDetail, AxisList, TriedBefore, WhatIfResult, Why
from enhancelog.client.connection import Connection
from enhancelog.client.log_store import HttpEnhanceLogStore
from enhancelog.domain.text import DATA_NOTICE

MOST: Final = 200  # axes, and Blueprints

OneBlueprint = Annotated[str, OptionalText, Field(description="Only runs of this Blueprint.")]
Since = Annotated[str, OptionalText, Field(description=f"From (inclusive), a whole UTC day: {Instant}.")]
Until = Annotated[str, OptionalText, Field(description="To (exclusive), likewise.")]
Built = TypeVar("Built")


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
        "similar_applied": runs whose intent shares at least half of its words with yours.
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

        return _fitted(built)

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
            shown = {name: _first(most, found[name]) for name in ("together", "blueprints")}
            left_out = sum(len(found[name]) - len(shown[name]) for name in shown)
            return cast(AxisDetail, {"notice": DATA_NOTICE, **found, **shown, "left_out": left_out})

        return _fitted(built)

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
            shown = _first(most, blueprints)
            return {
                "notice": DATA_NOTICE,
                "passed": msgspec.to_builtins(found.passed),
                "blueprints": shown,
                "left_out": len(blueprints) - len(shown),
            }

        return _fitted(built)


def _filters(blueprint_id: str, since: str, until: str) -> list[tuple[str, str]]:
    given = {"blueprint_id": blueprint_id, "since": since, "until": until}
    return [(name, value) for name, value in given.items() if value]


def _first(most: int, values: dict[str, Any]) -> dict[str, Any]:
    return dict(islice(values.items(), most))


# As many items as fit.
def _fitted(build: Callable[[int], Built]) -> Built:
    most = MOST
    while not fits(built := build(most)) and most:
        most = most * 3 // 4
    return built
