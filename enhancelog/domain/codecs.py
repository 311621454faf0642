"""How the text of a kind is validated, parsed and described."""

import json
import re
from collections.abc import Iterable
from itertools import pairwise
from typing import Any, ClassVar, Final

from enhancelog.domain import strict_json
from enhancelog.domain.errors import Invalid, TooLarge

MAX_VALUE_BYTES: Final = 1 << 20
MAX_FLAG_BYTES: Final = 4096
MAX_COUNT: Final = 2**63 - 1

_COUNT = re.compile(r"0|[1-9][0-9]{0,18}")


class Codec:
    """Any text. ``name`` selects how pages show and edit it."""

    name: ClassVar[str] = "text"
    max_bytes: ClassVar[int | None] = None  # A limit of the codec's own, below the general one

    def validate(self, text: str, max_bytes: int = MAX_VALUE_BYTES) -> None:
        """Raises ``TooLarge`` or ``Invalid``."""
        strict_json.check_text(text, "value")
        size, limit = len(text.encode()), min(max_bytes, self.max_bytes or max_bytes)
        if size > limit:
            raise TooLarge("value", size, limit)
        self.parse(text)

    def parse(self, text: str) -> Any:
        """Raises ``Invalid``."""
        return text

    def dump(self, value: Any) -> str:
        return str(value)

    def tidy(self, text: str) -> str:
        """Corrects what a person typed into a form."""
        return text

    def describe(self) -> str:
        return "Any text without U+0000."


class Text(Codec): ...


class Markdown(Codec):
    name = "markdown"

    def describe(self) -> str:
        return "Markdown: any text without U+0000."


class Flag(Codec):
    name = "flag"
    max_bytes = MAX_FLAG_BYTES

    def describe(self) -> str:
        return f"Set or not set; any text up to {MAX_FLAG_BYTES:,} bytes, possibly empty."


class Counter(Codec):
    """A whole number from ``minimum`` to 2^63 − 1, without sign or leading zero."""

    name = "counter"

    def __init__(self, minimum: int = 0) -> None:
        self.minimum = minimum

    def parse(self, text: str) -> int:
        if not _COUNT.fullmatch(text) or not self.minimum <= int(text) <= MAX_COUNT:
            raise Invalid("value", "counter", f"must be {self._range()}, without sign or leading zero")
        return int(text)

    def tidy(self, text: str) -> str:
        return text.strip()

    def describe(self) -> str:
        return f"{self._range().capitalize()}, without sign or leading zero."

    def _range(self) -> str:
        return f"a whole number from {self.minimum} to {MAX_COUNT:,}"


class Json(Codec):
    name = "json"

    def parse(self, text: str) -> Any:
        try:
            return strict_json.parse(text)
        except Invalid as error:
            place = f"at {error.field} " if error.field else ""
            raise Invalid("value", "json", f"{place}{error.detail}") from None

    def dump(self, value: Any) -> str:
        return json.dumps(value, ensure_ascii=False)

    def describe(self) -> str:
        return f"One JSON document, without duplicate keys, at most {strict_json.MAX_DEPTH} levels deep."


class LineSet(Codec):
    """Lines separated by one newline, ascending by UTF-8 bytes, unique, none blank."""

    name = "lines"

    def parse(self, text: str) -> tuple[str, ...]:
        lines = tuple(text.split("\n")) if text else ()
        if any(not line.strip() for line in lines):
            raise Invalid("value", "blank-line", "must not contain a blank line or end with a newline")
        for before, after in pairwise(lines):
            if before == after:
                raise Invalid("value", "duplicate-line", f'contains the line "{after[:80]}" twice')
            if before.encode() > after.encode():
                raise Invalid("value", "order", f'must be sorted by UTF-8 bytes: "{after[:80]}" comes too late')
        return lines

    def dump(self, value: Iterable[str]) -> str:
        return "\n".join(sorted(set(value), key=str.encode))

    def tidy(self, text: str) -> str:
        return self.dump(line for line in text.split("\n") if line.strip())

    def describe(self) -> str:
        return "Lines separated by newlines, sorted by UTF-8 bytes, without blank or duplicate lines; may be empty."
