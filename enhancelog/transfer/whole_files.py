"""Files of another tool that are read as a whole, up to a size."""

import os
import stat
from pathlib import Path
from typing import TypeVar

import msgspec

from enhancelog.domain import records, strict_json
from enhancelog.domain.errors import Invalid, TooLarge
from enhancelog.domain.strict_json import BOM

T = TypeVar("T")


def content(path: Path, max_bytes: int) -> bytes:
    """Of a regular file. Raises ``Invalid``."""
    try:
        # Without waiting: a named pipe would have no end.
        with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise Invalid("", "file", "is not a regular file")
            data = file.read(max_bytes + 1)
    except OSError as error:
        raise Invalid("", "file", f"cannot be read: {error.strerror}") from None
    if len(data) > max_bytes:
        raise TooLarge("", len(data), max_bytes)
    return data.removeprefix(BOM)


def decoded(decoder: msgspec.json.Decoder[T], data: bytes) -> T:
    """From strict JSON. Raises ``Invalid``."""
    strict_json.loads(data)
    try:
        return decoder.decode(data)
    except msgspec.ValidationError as error:
        raise records.as_invalid(error) from None
