"""Parameters that tools of the MCP server share."""

from typing import Annotated

from pydantic import BeforeValidator, Field

from enhancelog.client.kinds import KINDS

_KINDS = "; ".join(f"{kind.name}: {kind.meaning} ({kind.codec.name})" for kind in KINDS.values())

# Optional texts are "" where they are not given, because the SDK would read a text such as [1] or null as JSON.
OptionalText = BeforeValidator(lambda value: "" if value is None else value)
WholeNumber = Annotated[int, Field(strict=True)]
DocumentHash = Annotated[str, Field(description="prev_hash, new_hash or candidate_hash of a run.")]
Offset = Annotated[WholeNumber, Field(ge=0, description="Where to read on, from “continued at offset N”.")]
IssueId = Annotated[str, Field(description="Id of the run, 1-512 bytes; unique forever.")]
BlueprintId = Annotated[str, Field(description='Id of the Blueprint, often "main".')]
StoryId = Annotated[str, Field(description='Id of the work item; contains no ":".')]
Kind = Annotated[str, Field(description=f"The kind of value. {_KINDS}.", json_schema_extra={"enum": list(KINDS)})]
Instant = "epoch ms, RFC 3339, YYYY-MM-DD (UTC), or an age like 24h, 7d"
OneBlueprint = Annotated[str, OptionalText, Field(description="Only runs of this Blueprint.")]
Since = Annotated[str, OptionalText, Field(description=f"From (inclusive), a whole UTC day: {Instant}.")]
Until = Annotated[str, OptionalText, Field(description="To (exclusive), likewise.")]


def given(**parameters: str) -> list[tuple[str, str]]:
    return [(name, value) for name, value in parameters.items() if value]
