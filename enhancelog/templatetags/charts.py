"""Charts as inline SVG with classes and attributes only, and links to exactly the rows that a figure counts.

A chart is hidden from screen readers and the tab key; the table behind it holds the same numbers and links. Bars are
stretched to their place, so they carry no text. Spans are anything with ``since_ms`` and ``until_ms``.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Protocol

from django import template
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from enhancelog import links

register = template.Library()

HEIGHT = 160
STRIP_HEIGHT = 18
STEP, GAP = 100, 14
"""A bar's place and the free part on each of its sides, in units of the drawing."""

HATCHES = 70
"""Lines that would hatch a whole strip."""


class Span(Protocol):
    @property
    def since_ms(self) -> int | None: ...

    @property
    def until_ms(self) -> int | None: ...


class Counted(Protocol):
    @property
    def applied(self) -> int: ...

    @property
    def rejected(self) -> int: ...

    @property
    def runs(self) -> int: ...


class Judged(Protocol):
    @property
    def judged(self) -> int: ...

    @property
    def rejected(self) -> int: ...


class ChartBar(Protocol):
    @property
    def span(self) -> Span: ...

    @property
    def label(self) -> str: ...

    @property
    def totals(self) -> Counted: ...


@register.simple_tag
def rejections_url(span: Span, **narrower: str) -> str:
    """The rejections of a span; ``narrower`` are further parameters."""
    return links.rejections([*narrower.items(), *links.between(span.since_ms, span.until_ms)])


@register.simple_tag
def runs_url(span: Span, **narrower: str) -> str:
    """The runs of a span, of any status unless ``narrower`` names one."""
    return links.runs([*narrower.items(), *links.between(span.since_ms, span.until_ms)])


@register.simple_tag
def timeline_url(span: Span, blueprint_id: str) -> str:
    """The runs of one Blueprint in a span."""
    return links.blueprint(blueprint_id, links.between(span.since_ms, span.until_ms))


@register.simple_tag
def change(now: int, before: int) -> str:
    """``+3``, ``−4`` or ``±0``."""
    return f"{now - before:+,}".replace("-", "−") if now != before else "±0"


@register.simple_tag
def stacked_bars(bars: Sequence[ChartBar], top: int) -> SafeString:
    """Rejected below, applied above; ``top`` is the number at the upper edge."""
    width = STEP * max(len(bars), 1)
    lines = format_html_join(
        "", '<line class="grid" x1="0" x2="{}" y1="{}" y2="{}"/>', ((width, y, y) for y in _lines(HEIGHT))
    )
    columns = format_html_join("", "{}", ((_column(number, bar, top),) for number, bar in enumerate(bars)))
    return _svg("chart stacked", width, HEIGHT, lines, columns)


@register.simple_tag
def strip(bars: Sequence[ChartBar], judged: Sequence[Judged], axis: str, top: int) -> SafeString:
    """One axis on the same bars; each of its numbers links to those rejections. Hatched: runs that it did not judge."""
    places = [(number, bar, here) for number, (bar, here) in enumerate(zip(bars, judged, strict=True))]
    base = format_html('<path class="bar-n" d="{}"/>', _path((number, 1) for number, _, here in places if here.judged))
    hatched = format_html_join(
        "",
        '<g><title>{}: not judged by {}</title><path class="bar-x" d="{}"/></g>',
        (
            (bar.label, axis, _hatching(number, len(bars)))
            for number, bar, here in places
            if bar.totals.runs and not here.judged
        ),
    )
    drawn = format_html_join(
        "",
        '<a href="{}" tabindex="-1"><title>{}: {} denied by {}</title><path class="bar-r" d="{}"/></a>',
        (
            (rejections_url(bar.span, axis=axis), bar.label, here.rejected, axis, _bar(number, here.rejected, top))
            for number, bar, here in places
            if here.rejected
        ),
    )
    return _svg("chart strip", STEP * max(len(bars), 1), STRIP_HEIGHT, base, hatched, drawn)


@register.simple_tag
def spark(numbers: Sequence[int]) -> SafeString:
    """The same bars, small and without links."""
    top = max(numbers, default=0) or 1
    base = _path((number, 1) for number, count in enumerate(numbers) if not count)
    drawn = _path((number, _height(count, top)) for number, count in enumerate(numbers) if count)
    paths = format_html('<path class="bar-n" d="{}"/><path class="bar-r" d="{}"/>', base, drawn)
    return _svg("spark", STEP * max(len(numbers), 1), STRIP_HEIGHT, paths)


@register.simple_tag
def ratio(totals: Counted) -> SafeString:
    """Rejected and applied as parts of one bar."""
    runs = max(totals.runs, 1)
    red = round(100 * totals.rejected / runs, 1)
    gap = 2 if 0 < totals.rejected < totals.runs else 0
    rects = format_html(
        '<rect class="bar-r" width="{}" height="8"/><rect class="bar-a" x="{}" width="{}" height="8"/>',
        max(red - gap / 2, 0),
        red + gap / 2,
        max((100 - red if totals.applied else 0) - gap / 2, 0),
    )
    return _svg("ratio", 100, 8, rects)


def _svg(name: str, width: int, height: int, *parts: SafeString) -> SafeString:
    return format_html(
        '<svg class="{}" viewBox="0 0 {} {}" preserveAspectRatio="none" aria-hidden="true">{}</svg>',
        name,
        width,
        height,
        format_html_join("", "{}", ((part,) for part in parts)),
    )


def _column(number: int, bar: ChartBar, top: int) -> SafeString:
    if not bar.totals.runs:
        return SafeString("")
    rejected, applied = (round(HEIGHT * count / top, 1) for count in (bar.totals.rejected, bar.totals.applied))
    gap = 1.5 if rejected and applied > 3 else 0
    x, width = number * STEP, STEP - 2 * GAP
    parts: list[tuple[Any, ...]] = [(runs_url(bar.span), bar, "hit", x, STEP, 0, HEIGHT)]
    if rejected:
        parts.append((rejections_url(bar.span), bar, "bar-r", x + GAP, width, round(HEIGHT - rejected, 1), rejected))
    if applied:
        at, height = round(HEIGHT - rejected - applied, 1), round(applied - gap, 1)
        parts.append((runs_url(bar.span, status="applied"), bar, "bar-a", x + GAP, width, at, height))
    return format_html_join(
        "",
        '<a href="{}" tabindex="-1"><title>{}: {} applied, {} rejected</title>'
        '<rect class="{}" x="{}" width="{}" y="{}" height="{}"/></a>',
        ((url, bar.label, bar.totals.applied, bar.totals.rejected, *rest) for url, bar, *rest in parts),
    )


def _height(count: int, top: int) -> float:
    """No count is so small that it cannot be seen."""
    return max(round(STRIP_HEIGHT * count / top, 1), 1.5)


def _path(heights: Iterable[tuple[int, float]]) -> str:
    """Bars by number and height as one path."""
    width = STEP - 2 * GAP
    return "".join(
        f"M{number * STEP + GAP} {STRIP_HEIGHT}v-{height:g}h{width}v{height:g}z" for number, height in heights
    )


def _bar(number: int, count: int, top: int) -> str:
    return _path([(number, _height(count, top))])


def _hatching(number: int, bars: int) -> str:
    """Slanted lines over a bar's place: few where places are narrow, so that they are as far apart everywhere."""
    lines = max(HATCHES // bars, 1)
    step = (STEP - 2 * GAP) / lines
    starts = (number * STEP + GAP + step * line for line in range(lines))
    return "".join(f"M{round(start, 1):g} {STRIP_HEIGHT}l{round(step, 1):g} -{STRIP_HEIGHT}" for start in starts)


def _lines(height: int) -> Iterable[float]:
    return (height * part / 4 for part in range(5))
