"""Markdown as safe HTML at bounded cost. No other Python builds HTML, except for the admin and Atom.

Raw HTML is shown as text. Links lead to http, https, mailto or paths of this site.
"""

import re
from functools import lru_cache
from typing import Final
from urllib.parse import unquote

import nh3
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from markdown_it import MarkdownIt

from enhancelog.domain.terminal import without_terminal_codes

MAX_CHARS: Final = 30_000
MAX_BRACKETS: Final = 1_000  # the parser's time grows with the square of the brackets

MAX_CELLS: Final = 10_000  # every row of a table is filled up to as many cells as its header

MAX_NESTING: Final = 20

_CACHED_CHARS: Final = 10_000
TAGS: Final = {
    "p", "h2", "h3", "h4", "h5", "h6", "strong", "em", "s", "code", "pre", "blockquote", "hr", "br", "a",
    "ul", "ol", "li", "table", "thead", "tbody", "tr", "th", "td",
}  # fmt: skip
_SCHEMES: Final = ("http://", "https://", "mailto:")
# If the first of these is a colon, it ends the scheme; otherwise the address has none.
_DELIMITER: Final = re.compile(r"[:/?#\\]")
# The start of an address with a host but no scheme. Browsers read a backslash as a slash.
_HOST: Final = re.compile(r"[/\\]{2}")

_LINE_END: Final = re.compile(r"\r\n?|\n")
_parser = MarkdownIt("commonmark", {"html": False, "maxNesting": MAX_NESTING}).enable(["table", "strikethrough"])


def markdown(text: str) -> SafeString:
    """Preformatted text if a limit above is exceeded."""
    text = without_terminal_codes(text)
    if len(text) > MAX_CHARS or text.count("[") > MAX_BRACKETS or _cells(text) > MAX_CELLS:
        return format_html("<pre>{}</pre>", text)
    return _cached(text) if len(text) <= _CACHED_CHARS else _rendered(text)


def _cells(text: str) -> int:
    lines = _LINE_END.split(text)
    return len(lines) * max(line.count("|") for line in lines)


def _rendered(text: str) -> SafeString:
    tokens = _parser.parse(text)
    for token in tokens:
        if token.type in ("heading_open", "heading_close"):
            token.tag = f"h{min(6, int(token.tag[1:]) + 1)}"
    html = _parser.renderer.render(tokens, _parser.options, {})
    safe = nh3.clean(
        html,
        tags=TAGS,
        attributes={"a": {"href", "title"}, "ol": {"start"}},
        attribute_filter=_kept_attribute,
        url_schemes={"http", "https", "mailto"},
        link_rel="nofollow noopener noreferrer",
    )
    return mark_safe(safe)  # noqa: S308  nh3 made it safe


def _kept_attribute(tag: str, attribute: str, value: str) -> str | None:
    if attribute != "href" or value.lower().startswith(_SCHEMES):
        return value
    # Browsers ignore white space and control characters in an address.
    address = "".join(char for char in unquote(value) if char.isprintable() and not char.isspace())
    delimiter = _DELIMITER.search(address)
    has_scheme = delimiter is not None and delimiter[0] == ":"
    return None if has_scheme or _HOST.match(address) else value


_cached = lru_cache(maxsize=512)(_rendered)
