"""What a restored log says of its evidence, and whether it can be signed further here."""

from collections.abc import Sequence
from typing import NamedTuple

from django.conf import settings

from enhancelog.domain.errors import Other
from enhancelog.evidence import checkpoints, signed_notes
from enhancelog.evidence.checkpoints import Checkpoint
from enhancelog.evidence.errors import Unproven
from enhancelog.maintenance import evidence_keys


class Signed(NamedTuple):
    checkpoint: Checkpoint | None  # nothing was signed
    no_key: str = ""  # why nothing more is signed here, with the fix
    wrong: Sequence[str] = ()  # findings


def look(note: str) -> Signed:
    # Whether the tree is that of the entries is for ``verify_log``.
    if not note:
        return Signed(None)
    content = note.encode(errors="surrogateescape")
    try:
        parsed = signed_notes.parse(content)
        checkpoint = checkpoints.parse_text(parsed.text)
    except Unproven as error:
        return Signed(None, wrong=[f"its last checkpoint is damaged: {error}"])
    try:
        keys = evidence_keys.verifiers()
    except Other as error:
        return Signed(checkpoint, str(error))
    signed_by = {(each.name, each.key_id) for each in parsed.signatures}
    if not any((key.name, key.id) in signed_by for key in keys):
        return Signed(checkpoint, _no_key(checkpoint.origin))
    try:
        checkpoints.open_signed(content, keys)
    except Unproven as error:
        return Signed(checkpoint, wrong=[f"its last checkpoint was not signed by the key that it names: {error}"])
    return Signed(checkpoint)


def _no_key(origin: str) -> str:
    return (
        f"the key of the log {origin} is not here; put it into {evidence_keys.path()} or {evidence_keys.SETTING}, or "
        f"run {settings.PROGRAM} evidence_key --replace if it is lost"
    )
