"""Tools about markers, as in ``mcp_log_tools``."""

from typing import Annotated, Any, Final, cast

import msgspec
from pydantic import Field

from enhancelog.agents.mcp_figures import KnownMarker, Marker, MarkerList
from enhancelog.agents.mcp_fitting import fitted, listed
from enhancelog.agents.mcp_parameters import Instant, OptionalText, given
from enhancelog.client.connection import Connection
from enhancelog.client.log_store import HttpEnhanceLogStore
from enhancelog.domain import periods
from enhancelog.domain.markers import MAX_NOTE, MAX_TITLE, MarkerKind, NewMarker
from enhancelog.domain.text import DATA_NOTICE, cut
from enhancelog.domain.times import now_ms

MOST: Final = 20
LONGEST_NOTE: Final = 300  # characters in lists

_PARTS: Final = ("axes", "blueprints", "gone", "new")


class MarkerTools:
    def __init__(self, connection: Connection) -> None:
        self._log = HttpEnhanceLogStore(connection)

    def list_markers(
        self,
        kind: MarkerKind | None = None,
        blueprint_id: Annotated[str, OptionalText, Field(description="Only markers of this Blueprint alone.")] = "",
        axis: Annotated[str, OptionalText, Field(description="Only markers of this axis alone.")] = "",
        since: Annotated[str, OptionalText, Field(description=f"From (inclusive): {Instant}.")] = "",
        until: Annotated[str, OptionalText, Field(description="To (exclusive), likewise.")] = "",
    ) -> MarkerList:
        """When something changed: axes, wording, settings, versions, or what somebody marked. The newest 20.

        Example: {"kind": "axis_started", "since": "30d"}
        """
        asked = given(kind=kind or "", blueprint_id=blueprint_id, axis=axis, since=since, until=until)
        found = [_builtins(each, LONGEST_NOTE) for each in self._log.markers(asked)]

        def built(most: int) -> MarkerList:
            shown = found[:most]
            return {"notice": DATA_NOTICE, "markers": shown, "left_out": len(found) - len(shown)}

        return fitted(built, MOST)

    def get_marker(self, id: Annotated[str, Field(description="From list_markers.")]) -> KnownMarker:
        """One marker with its whole note, and rates before and after it; at most 20 of each kind.

        Example: {"id": "14177383a777048f"}
        """
        marker = self._log.marker(id)
        compared: dict[str, Any] | None = msgspec.to_builtins(marker.comparison)

        def built(most: int) -> KnownMarker:
            shown, left_out = ({}, {}) if compared is None else listed(compared, _PARTS, most)
            # As many characters of the note as make an answer that fits, too.
            known = _builtins(marker, max(1, MAX_NOTE * most // MOST))
            comparison = None if compared is None else {**compared, **shown}
            return cast(KnownMarker, {"notice": DATA_NOTICE, **known, "comparison": comparison, "left_out": left_out})

        return fitted(built, MOST)

    def set_marker(
        self,
        title: Annotated[str, Field(description=f"What changed, one line of at most {MAX_TITLE} characters.")],
        note: Annotated[str, OptionalText, Field(description=f"At most {MAX_NOTE:,} characters.")] = "",
        at: Annotated[str, OptionalText, Field(description=f"When it changed: {Instant}. Default: now.")] = "",
        blueprint_id: Annotated[str, OptionalText, Field(description="The one Blueprint that it concerns.")] = "",
        axis: Annotated[str, OptionalText, Field(description="The one axis that it concerns.")] = "",
    ) -> Marker:
        """Say that something changed, such as a prompt, so that runs before and after it are compared.

        Not safe to repeat: each call sets another marker.
        Example: {"title": "prompt v12", "note": "Cites the file and line.", "blueprint_id": "main"}
        """
        new = NewMarker(
            title=title,
            note=note,
            ts_ms=periods.instant("at", at, now_ms()) if at else None,
            blueprint_id=blueprint_id or None,
            axis=axis or None,
        )
        return cast(Marker, msgspec.to_builtins(self._log.mark(new)))


def _builtins(marker: Any, longest_note: int) -> Marker:
    return cast(Marker, msgspec.to_builtins(marker) | {"note": cut(marker.note, longest_note)})
