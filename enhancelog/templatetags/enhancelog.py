"""Template tags of the whole project: times, hashes, verdict marks, links that percent-encode."""

from datetime import datetime
from functools import lru_cache
from html import escape
from typing import Any, Final

from django import template
from django.urls import get_script_prefix, reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

from enhancelog import links, patterns
from enhancelog.domain.times import as_datetime

register = template.Library()

CHECK = mark_safe(
    '<svg viewBox="0 0 16 16" aria-hidden="true"><path d="M13.5 4.5 6.5 11.5 2.5 7.5" fill="none"'
    ' stroke="currentColor" stroke-width="2.2" stroke-linecap="round" stroke-linejoin="round"/></svg>'
)
CROSS = mark_safe(
    '<svg viewBox="0 0 16 16" aria-hidden="true"><path d="M4 4l8 8M12 4l-8 8" fill="none"'
    ' stroke="currentColor" stroke-width="2.2" stroke-linecap="round"/></svg>'
)

_STYLES: Final = {"short": "%d %b %H:%M", "full": "%d %b %Y %H:%M:%S UTC"}

register.filter("entry_link", links.entry)
register.filter("blueprint_link", links.blueprint)
register.filter("story_link", links.story)
register.filter("pattern_link", links.pattern)


@register.simple_tag
def page(name: str) -> str:
    """The address of a page without arguments. Every page names a dozen, and ``url`` looks each up anew."""
    return _page(name, get_script_prefix())


@lru_cache(maxsize=64)
def _page(name: str, prefix: str) -> str:
    return reverse(name)


@register.simple_tag
def icon(name: str) -> SafeString:
    """``applied`` and ``pass`` are a check, ``rejected`` and ``deny`` a cross."""
    return CHECK if name in ("applied", "pass") else CROSS


@register.simple_tag
@lru_cache(maxsize=16)
def status(value: str) -> SafeString:
    """applied or rejected, with its icon."""
    return format_html('<span class="st {}">{}{}</span>', value, icon(value), value)


@register.simple_tag
@lru_cache(maxsize=1024)
def axis(name: str, judgement: str = "deny") -> SafeString:
    """An axis with what it said; the word is there for who cannot see the icon."""
    return format_html(
        '<span class="ax {}">{}<bdi>{}</bdi><span class="sr"> {}</span></span>',
        judgement,
        icon(judgement),
        name,
        judgement,
    )


@register.simple_tag
@lru_cache(maxsize=512)
def wording(template: str) -> SafeString:
    """A deny pattern's template, its holes marked; what makes a hole is said where one points at it."""
    return format_html_join(
        "",
        "{}",
        (
            (format_html('<span class="hole" title="{}">{}</span>', part.rule, part.hole) if part.hole else part.text,)
            for part in patterns.parts(template)
        ),
    )


@register.simple_tag
def when(ts_ms: int, recorded_ms: int, style: str = "relative") -> SafeString:
    """A run's time: exact UTC in the HTML, relative by script; the raw number when it is not plausible.

    ``style``: relative, clock (16:29), short (04 Nov 10:48) or full (04 Nov 2026 10:53:40).
    """
    moment = as_datetime(ts_ms, recorded_ms)
    if moment is None:
        return format_html('<span class="mono" title="implausible time">{}</span>', ts_ms)
    return time_tag(moment, style)


@register.simple_tag(name="moment")
def time_tag(moment: datetime, style: str = "relative") -> SafeString:
    """``<time>`` for an aware UTC time."""
    seconds = moment.isoformat(" ", "seconds")[:19]
    exact = f"{seconds} UTC"
    if style == "clock":
        shown = seconds[11:16]
    elif style == "relative":
        shown = seconds[:16]
    else:
        shown = f"{moment:{_STYLES[style]}}"
    relative = " data-relative" if style == "relative" else ""
    return SafeString(f'<time datetime="{moment.isoformat()}" title="{exact}"{relative}>{shown}</time>')


@register.simple_tag
def hash_button(value: str) -> SafeString:
    """A hash, shortened; a click copies the whole."""
    whole, beginning = escape(value), escape(value[:10])
    return SafeString(
        f'<button type="button" class="hash" data-copy="{whole}" title="Copy {whole}">{beginning}</button>'
    )


@register.simple_tag
def percent(part: int, whole: int) -> str:
    """``38 %``; ``<1 %`` for what rounds to nothing and is not; a dash for nothing of nothing."""
    if not whole:
        return "–"
    rounded = round(100 * part / whole)
    return f"{rounded} %" if rounded or not part else "<1 %"


@register.filter
def thousands(number: Any) -> str:
    """``12,345``."""
    return f"{number:,}"
