"""Groups denials in prose by what they say."""

from typing import Final

from enhancelog.themes.prose import is_prose
from enhancelog.themes.themes import Move, Placed, Themes

__all__ = ["RULES_VERSION", "Move", "Placed", "Themes", "is_prose"]

# Increase this whenever ``is_prose`` or ``Themes`` returns something else, so that themes are derived again
RULES_VERSION: Final = 1
