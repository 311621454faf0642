"""The witnesses of the log, from ``ENHANCELOG_WITNESSES``."""

import re
from typing import Final

from django.core.exceptions import ImproperlyConfigured

from enhancelog.evidence.witnesses import Witness

NAME: Final = "ENHANCELOG_WITNESSES"
MOST: Final = 8

_SEPARATOR: Final = re.compile("[,\n]")  # neither is in a key
_EXAMPLE: Final = "witness.example/w1+5fd9e8c3+BG9… https://witness.example/prefix"


def named(text: str) -> list[Witness]:
    """Raises ``ImproperlyConfigured``."""
    found = [_witness(pair.strip()) for pair in _SEPARATOR.split(text) if pair.strip()]
    if len(found) > MOST:
        raise ImproperlyConfigured(f"{NAME}: has {len(found)} witnesses, the limit is {MOST}")
    if len({witness.key for witness in found}) < len(found):
        raise ImproperlyConfigured(f"{NAME}: has a key twice")
    return found


def _witness(pair: str) -> Witness:
    # Without a witness, none of this is imported.
    from enhancelog.alerts import addresses
    from enhancelog.evidence import keys
    from enhancelog.evidence.errors import Unproven

    parts = pair.split()
    if len(parts) != 2:
        raise ImproperlyConfigured(f'{NAME}: must be KEY URL pairs like "{_EXAMPLE}", not "{pair[:80]}"')
    try:
        key = keys.parse_verifier_key(parts[0])
    except Unproven as error:
        raise ImproperlyConfigured(f"{NAME}: {error}") from None
    if not key.is_witness:
        raise ImproperlyConfigured(f"{NAME}: {parts[0]} is a log's key; a witness has one of the signature type 0x04")
    address = addresses.of_operator(parts[1])
    if address is None or "?" in parts[1]:
        raise ImproperlyConfigured(
            f'{NAME}: must have an address like https://witness.example/prefix, not "{parts[1][:80]}"'
        )
    return Witness(key, parts[1].rstrip("/"))
