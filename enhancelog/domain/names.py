"""Names that people give to what is theirs: tokens, saved views."""

from typing import Final

from enhancelog.domain.errors import Invalid

MAX_CHARACTERS: Final = 80


def check(name: str) -> None:
    """Raises ``Invalid`` (name)."""
    if not 1 <= len(name) <= MAX_CHARACTERS or name != name.strip():
        detail = f"must have 1 to {MAX_CHARACTERS} characters, none of them a space at either end"
        raise Invalid("name", "length", detail)
    if not name.isprintable():
        raise Invalid("name", "text", "must hold printable characters only")
