"""Names of tokens and saved views."""

from typing import Final

from enhancelog.domain.errors import Invalid

MAX_CHARACTERS: Final = 80


def check(name: str) -> None:
    """Raises ``Invalid``."""
    if not 1 <= len(name) <= MAX_CHARACTERS or name != name.strip():
        detail = f"must have 1 to {MAX_CHARACTERS} characters and no space at either end"
        raise Invalid("name", "length", detail)
    if not name.isprintable():
        raise Invalid("name", "text", "must contain printable characters only")
