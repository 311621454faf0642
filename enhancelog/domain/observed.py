"""What an engine host's further stores say (CONTRACT section 7): ``host`` reads it, ``store`` keeps it."""

import json
from typing import Literal, NamedTuple, TypeVar

from msgspec import Raw, Struct, structs

from enhancelog.domain.records import Bump
from enhancelog.domain.times import DAY_MS

DocumentForm = Literal["yaml", "json"]
MadeBy = Literal["run", "hand", "unknown"]
IssueStatus = Literal["pending", "inflight", "applied", "rejected"]

_Record = TypeVar("_Record")


class Patch(Struct, frozen=True, kw_only=True):
    """An applier's row. ``blueprint_id``, ``prev_hash``, ``ts_ms`` identify the run; an entry of it has the same."""

    blueprint_id: str
    prev_hash: str
    ts_ms: int
    ops: Raw  # RFC 6902, without white space between tokens
    bump: Bump | None
    rationale: str
    candidate_hash: str  # of the document that the patch would have made
    seq: int  # order of writing in the output store


class Answer(Struct, frozen=True, kw_only=True):
    """A patch-spawner's row that became no applier's patch. ``text``: its JSON value, as written."""

    seq: int
    ok: bool
    text: str
    ops: Raw | None = None
    rationale: str = ""


class Document(Struct, frozen=True, kw_only=True):
    """A Blueprint's text. The hash of a YAML document is proven: BLAKE3 of its bytes, 64 hex digits."""

    hash: str
    form: DocumentForm
    text: str


class Version(Struct, frozen=True, kw_only=True):
    """``number``: 0 for the first; by parents where git says it, never by time."""

    blueprint_id: str
    hash: str
    number: int
    made_by: MadeBy
    rationale: str
    prev_hash: str = ""
    ts_ms: int | None = None


class Issue(Struct, frozen=True, kw_only=True):
    """``detail``: the new hash of an applied issue, the reason of a rejected one. The host keeps no time."""

    issue_id: str
    blueprint_id: str
    intent: str
    status: IssueStatus
    detail: str
    created_seq: int


class Settings(Struct, frozen=True, kw_only=True):
    """Never the spawner's ``spec``, which may hold secrets."""

    id: str
    axes: tuple[str, ...]
    ttl_s: int | None
    spawner: str
    flow: str = ""  # the Blueprint that is the verifiers' own; empty: not said


class Seen(NamedTuple):
    """What a host had at a time. ``kind``: axes, ttl_s, spawner (``name``: the settings' id), flow (its Blueprint) or
    host_version (empty)."""

    kind: str
    name: str
    value: str


def of_settings(settings: Settings) -> list[Seen]:
    ttl_s = "" if settings.ttl_s is None else str(settings.ttl_s)
    values = {"axes": json.dumps(settings.axes, ensure_ascii=False), "ttl_s": ttl_s, "spawner": settings.spawner}
    return [Seen(kind, settings.id, value) for kind, value in values.items()]


def later(record: _Record, days: int) -> _Record:
    """The same at another time, if it has one; entries of the log too."""
    ts_ms = getattr(record, "ts_ms", None)
    if not isinstance(record, Struct) or ts_ms is None:
        return record
    return structs.replace(record, ts_ms=ts_ms + days * DAY_MS)
