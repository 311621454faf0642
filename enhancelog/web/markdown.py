"""Markdown as safe HTML at bounded cost. No other Python builds HTML, except for the admin and Atom."""

# Raw HTML is shown as text. Links lead to http, https, mailto or paths of this site.

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Final
from urllib.parse import unquote

import nh3
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from markdown_it.token import Token

from enhancelog.domain import mentions
from enhancelog.domain.markdown_parser import exceeds_a_limit, inline_parts, outside_links, parser
from enhancelog.domain.terminal import without_terminal_codes

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

_MENTION_CLASS: Final = "mention"


def markdown(text: str, mentioned: tuple[str, ...] = ()) -> SafeString:
    """Preformatted text if a limit of the parser is exceeded. ``mentioned``: users whose ``@name`` is marked."""
    text = without_terminal_codes(text)
    if exceeds_a_limit(text):
        return format_html("<pre>{}</pre>", text)
    return _cached(text, mentioned) if len(text) <= _CACHED_CHARS else _rendered(text, mentioned)


def _rendered(text: str, mentioned: tuple[str, ...]) -> SafeString:
    tokens = parser.parse(text)
    for token in tokens:
        if token.type in ("heading_open", "heading_close"):
            token.tag = f"h{min(6, int(token.tag[1:]) + 1)}"
    if mentioned:
        for parts in inline_parts(tokens):
            parts[:] = _with_mentions(parts, frozenset(mentioned))
    html = parser.renderer.render(tokens, parser.options, {})
    safe = nh3.clean(
        html,
        tags=TAGS | {"span"},
        attributes={"a": {"href", "title"}, "ol": {"start"}},
        allowed_classes={"span": {_MENTION_CLASS}},
        attribute_filter=_kept_attribute,
        url_schemes={"http", "https", "mailto"},
        link_rel="nofollow noopener noreferrer",
    )
    return mark_safe(safe)  # noqa: S308  nh3 made it safe


def _with_mentions(parts: list[Token], users: frozenset[str]) -> Iterator[Token]:
    for part, is_plain in outside_links(parts):
        if not is_plain:
            yield part
            continue
        for words, is_mention in mentions.split(part.content, users):
            if is_mention:
                yield Token("html_inline", "", 0, content=_mention(words))
            elif words:
                yield Token("text", "", 0, content=words)


def _mention(words: str) -> str:
    return format_html('<span class="{}">{}</span>', _MENTION_CLASS, words)


def _kept_attribute(tag: str, attribute: str, value: str) -> str | None:
    if attribute != "href" or value.lower().startswith(_SCHEMES):
        return value
    # Browsers ignore white space and control characters in an address.
    address = "".join(char for char in unquote(value) if char.isprintable() and not char.isspace())
    delimiter = _DELIMITER.search(address)
    has_scheme = delimiter is not None and delimiter[0] == ":"
    return None if has_scheme or _HOST.match(address) else value


_cached = lru_cache(maxsize=512)(_rendered)
