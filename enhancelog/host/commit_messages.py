"""What a host writes into a version's commit message."""

import re
from typing import Final, NamedTuple

from enhancelog.domain import strict_json
from enhancelog.domain.errors import Invalid
from enhancelog.domain.observed import MadeBy
from enhancelog.host.documents import check_hash

_BY_HAND: Final = "0" * 64
_EPOCH_MS: Final = re.compile(r"-?[0-9]{1,19}")
_RATIONALE: Final = "rationale"
_FIELDS: Final = (
    "blueprint_content_hash",
    "patch_content_hash",
    "epoch_blueprint_id",
    "epoch_start_version",
    "epoch_started_at_ms",
)


class Message(NamedTuple):
    content_hash: str
    made_by: MadeBy
    blueprint_id: str | None
    start_version: str
    ts_ms: int | None
    rationale: str


def parse(data: bytes) -> Message | None:
    """``None`` if it names no version. Raises ``Invalid``."""
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        raise Invalid("message", "utf-8", f"is not UTF-8 at byte {error.start}") from None
    strict_json.check_text(text, "message")
    fields = _fields(text)
    content_hash = fields.get("blueprint_content_hash")
    if content_hash is None:
        return None
    check_hash(content_hash, "blueprint_content_hash")
    return Message(
        content_hash=content_hash,
        made_by=_made_by(fields.get("patch_content_hash")),
        blueprint_id=fields.get("epoch_blueprint_id"),
        start_version=fields.get("epoch_start_version", ""),
        ts_ms=_epoch_ms(fields.get("epoch_started_at_ms")),
        rationale=fields.get(_RATIONALE, "").removesuffix("\n"),
    )


# The rationale comes last and may hold anything, lines that look like fields included.
def _fields(text: str) -> dict[str, str]:
    fields: dict[str, str] = {}
    lines = text.split("\n")
    for number, line in enumerate(lines, 1):
        key, colon, padded = line.partition(":")
        value = padded.lstrip(" ")
        if colon and key == _RATIONALE:
            fields[key] = "\n".join([value, *lines[number:]])
            break
        if colon and key in _FIELDS and fields.setdefault(key, value) != value:
            raise Invalid(key, "duplicate", "appears twice with different values")
    return fields


def _made_by(patch_hash: str | None) -> MadeBy:
    if patch_hash is None:
        return "unknown"
    return "hand" if patch_hash == _BY_HAND else "run"


def _epoch_ms(value: str | None) -> int | None:
    if value is None:
        return None
    if not _EPOCH_MS.fullmatch(value) or not -(2**63) <= int(value) < 2**63:
        raise Invalid("epoch_started_at_ms", "type", f"is {value[:40]!r}, not milliseconds since 1970")
    return int(value)
