"""The texts of an entry, and which of them a redaction took out."""

from collections import Counter
from typing import Any, Final

import msgspec
from msgspec import UNSET

from enhancelog.domain.records import Entry

# A fraction is found as it is written, and as it is mostly written.
_values: Final = msgspec.json.Decoder(float_hook=lambda written: [written, repr(float(written))])


def texts(before: Entry, after: Entry) -> list[str]:
    """Those that a redaction took out."""
    found = [before.intent] * (before.intent != after.intent)
    found += [before.rationale] * (before.rationale != after.rationale)
    found += [old.detail for old, new in zip(before.verdicts, after.verdicts, strict=True) if old.detail != new.detail]
    found += [old for old, new in zip(before.reasons, after.reasons, strict=True) if old != new]
    return list(dict.fromkeys(found))


def all_texts(before: Entry, after: Entry) -> list[str]:
    """Also those in operations and in ``meta``."""
    return list(dict.fromkeys([*texts(before, after), *(Counter(strings(before)) - Counter(strings(after)))]))


def strings(entry: Entry) -> list[str]:
    """The values in operations, without their names and paths, and in ``meta``."""
    parts: list[Any] = [] if entry.meta is UNSET else [_values.decode(bytes(entry.meta))]
    return [*_strings(parts), *([] if entry.ops is UNSET else strings_of_ops(bytes(entry.ops)))]


def strings_of_ops(ops: bytes) -> list[str]:
    operations = _values.decode(ops)
    parts = [[value for name, value in each.items() if name not in ("op", "path", "from")] for each in operations]
    return _strings(parts)


def _strings(parts: list[Any]) -> list[str]:
    found = []
    while parts:
        part = parts.pop()
        if isinstance(part, dict | list):
            parts += part.values() if isinstance(part, dict) else part
        elif isinstance(part, str | int) and not isinstance(part, bool):
            found.append(str(part))
    return found
