"""Tools of the content store, as in ``mcp_log_tools``."""

from typing import Annotated

from pydantic import Field

from enhancelog.agents.excerpts import Excerpt, Shape, fitted
from enhancelog.agents.mcp_parameters import Kind, Offset, StoryId, WholeNumber
from enhancelog.agents.mcp_results import ContentValue, WrittenContent
from enhancelog.client.connection import Connection
from enhancelog.client.content_store import HttpContentStore
from enhancelog.domain.content import version
from enhancelog.domain.text import DATA_NOTICE


class ContentTools:
    def __init__(self, connection: Connection) -> None:
        self._content = HttpContentStore(connection)

    def read_content(self, story_id: StoryId, kind: Kind, offset: Offset = 0) -> ContentValue:
        """The value of one kind of a work item, with its version; value null and version 0 if there is none.

        A long value ends in “… [continued at offset N of value]”: ask again with that offset until "continued" is
        empty, before you write it back; if the version changes meanwhile, begin again.
        Example: {"story_id": "1089_story", "kind": "story"}
        """
        item = self._content.read(story_id, kind)
        value, number = (item.value, item.version) if item else (None, 0)

        def built(shape: Shape) -> ContentValue:
            excerpt = Excerpt(shape, offset)
            shown = excerpt.of({"value": value})
            return {
                "notice": DATA_NOTICE,
                "story_id": story_id,
                "kind": kind,
                "value": shown["value"],
                "version": number,
                "continued": excerpt.continued,
            }

        return fitted(built)

    def write_content(
        self,
        story_id: StoryId,
        kind: Kind,
        value: Annotated[str, Field(description="The whole new value, always text.")],
        expected_version: Annotated[
            WholeNumber | None,
            Field(
                description="Write only if this is the current version (0: no value). Without it, overwrite.",
                ge=0,
            ),
        ] = None,
    ) -> WrittenContent:
        """Write a value of one kind of a work item as a new version; older versions are kept as history.

        Example: {"story_id": "1089_story", "kind": "story", "value": "# Title", "expected_version": 3}
        """
        expected = None if expected_version is None else version(expected_version)
        written = self._content.write(story_id, kind, value, expected=expected)
        return {"story_id": story_id, "kind": kind, "version": written.item.version, "created": written.created}
