"""Markdown that somebody else wrote, as HTML that is safe to show and bounded in what it costs.

Raw HTML is text; images, scripts, styles and ``hx-*`` never get through. Links lead to http, https and mailto
addresses or to paths of this site, and pass nothing on. Headings are one level lower, below the page's own. Beyond
``MAX_CHARS``, ``MAX_BRACKETS`` or ``MAX_CELLS`` the text is shown as it is.
"""

import re
from functools import lru_cache
from typing import Final
from urllib.parse import unquote

import nh3
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from markdown_it import MarkdownIt

MAX_CHARS: Final = 30_000
MAX_BRACKETS: Final = 1_000
"""The parser looks for the end of every link it may be in: its time grows with their square."""

MAX_CELLS: Final = 10_000
"""A table's rows get as many cells as its head has: lines times the most ``|`` of one."""

MAX_NESTING: Final = 20

_CACHED_CHARS: Final = 10_000
TAGS: Final = {
    "p", "h2", "h3", "h4", "h5", "h6", "strong", "em", "s", "code", "pre", "blockquote", "hr", "br", "a",
    "ul", "ol", "li", "table", "thead", "tbody", "tr", "th", "td",
}  # fmt: skip
_SCHEMES: Final = ("http://", "https://", "mailto:")
_DELIMITER: Final = re.compile(r"[:/?#\\]")
"""What ends the first part of an address, which is its scheme where that is a colon."""
_HOST: Final = re.compile(r"[/\\]{2}")
"""How an address of another host starts that names no scheme. Browsers read a backslash as a slash."""

_LINE_END: Final = re.compile(r"\r\n?|\n")
_parser = MarkdownIt("commonmark", {"html": False, "maxNesting": MAX_NESTING}).enable(["table", "strikethrough"])


def render(text: str) -> SafeString:
    """``text`` as HTML."""
    if len(text) > MAX_CHARS or text.count("[") > MAX_BRACKETS or _cells(text) > MAX_CELLS:
        return format_html("<pre>{}</pre>", text)
    return _cached(text) if len(text) <= _CACHED_CHARS else _rendered(text)


def _cells(text: str) -> int:
    """As many as a table in it can have at most, roughly."""
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
    """No ``href`` with another scheme or to another host, however it is spelled: browsers drop some characters."""
    if attribute != "href" or value.lower().startswith(_SCHEMES):
        return value
    address = "".join(char for char in unquote(value) if char.isprintable() and not char.isspace())
    delimiter = _DELIMITER.search(address)
    has_scheme = delimiter is not None and delimiter[0] == ":"
    return None if has_scheme or _HOST.match(address) else value


_cached = lru_cache(maxsize=512)(_rendered)
