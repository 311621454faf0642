"""A list's position as opaque text for URLs."""

import base64
import binascii
from typing import Any, Final, TypeVar

import msgspec

from enhancelog.domain.errors import Invalid

INVALID: Final = "is not valid; start again without it"

_Position = TypeVar("_Position")


def written(position: Any) -> str:
    return base64.urlsafe_b64encode(msgspec.msgpack.encode(position)).decode().rstrip("=")


def read(text: str, decoder: msgspec.msgpack.Decoder[_Position]) -> _Position:
    """Raises ``Invalid``."""
    try:
        return decoder.decode(base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True))
    except (ValueError, binascii.Error, msgspec.MsgspecError):
        raise Invalid("cursor", "cursor", INVALID) from None
