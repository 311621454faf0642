"""What an operator is told about the log's evidence."""

from msgspec.structs import replace

from enhancelog.backends import dialect
from enhancelog.domain.errors import DamagedEvidence, Other
from enhancelog.domain.installation import Evidence
from enhancelog.evidence.keys import SigningKey
from enhancelog.maintenance import evidence_keys
from enhancelog.store import evidence
from enhancelog.store.evidence import Stored


def look(last: int) -> Evidence:
    # Reads a few rows.
    try:
        keys, reason = evidence_keys.present(), ""
    except Other as error:
        keys, reason = [], str(error)
    status = Evidence(
        keys[0].verifier.name if keys else "",
        [str(key.verifier) for key in keys],
        evidence_keys.where(),
        evidence_keys.is_open_to_others(),
        no_key=reason,
    )
    with dialect().glance():
        try:
            found = evidence.stored()
        except DamagedEvidence as error:
            return replace(status, damage=str(error))
        if found is None:
            return status
        checkpoint = found.checkpoint
        return replace(
            status,
            name=checkpoint.origin,
            size=checkpoint.size,
            signed_ms=found.signed_ms,
            no_key=reason or _no_key(found, keys),
            damage=_damage(found, last),
        )


def _no_key(found: Stored, keys: list[SigningKey]) -> str:
    if found.is_signed_by_one_of(keys):
        return ""
    return "its key is another one" if keys else "it has no key"


def _damage(found: Stored, last: int) -> str:
    if found.checkpoint.size > last:
        return evidence.cut_off(found.checkpoint.size, last)
    try:
        evidence.check_tree(found)
    except DamagedEvidence as error:
        return str(error)
    return ""
