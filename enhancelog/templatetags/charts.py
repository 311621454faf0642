"""Charts as inline SVG with classes and attributes only, and links to exactly the rows that a figure counts.

A chart is hidden from screen readers and the tab key; the table behind it holds the same numbers and links. Bars are
stretched to their place, so they carry no text. Spans are anything with ``since_ms`` and ``until_ms``. Written with
format strings, for a page has hundreds of bars; every text is escaped where it is put in.
"""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from html import escape
from typing import Any, Final, Protocol

from django import template
from django.utils.safestring import SafeString, mark_safe

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


class BoundedSpan(Protocol):
    @property
    def since_ms(self) -> int: ...

    @property
    def until_ms(self) -> int: ...


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
    def span(self) -> BoundedSpan: ...

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
def change(now: int, before: int) -> str:
    """``+3``, ``−4`` or ``±0``."""
    return f"{now - before:+,}".replace("-", "−") if now != before else "±0"


@register.simple_tag
def stacked_bars(bars: Sequence[ChartBar], top: int) -> SafeString:
    """Rejected below, applied above; ``top`` is the number at the upper edge."""
    width = STEP * max(len(bars), 1)
    lines = "".join([f'<line class="grid" x1="0" x2="{width}" y1="{y}" y2="{y}"/>' for y in _lines(HEIGHT)])
    columns = "".join([_column(number, bar, top) for number, bar in enumerate(bars)])
    return _svg("chart stacked", width, HEIGHT, lines, columns)


@register.simple_tag
def strip(bars: Sequence[ChartBar], judged: Sequence[Judged], axis: str, top: int) -> SafeString:
    """One axis on the same bars; each of its numbers links to those rejections. Hatched: runs that it did not judge."""
    places = [(number, bar, here) for number, (bar, here) in enumerate(zip(bars, judged, strict=True))]
    name, url = escape(axis), with_room(links.rejections([("axis", axis)]))
    base = _path((number, 1) for number, _, here in places if here.judged)
    hatched = [
        f"<g><title>{escape(bar.label)}: not judged by {name}</title>"
        f'<path class="bar-x" d="{_hatching(number, len(bars))}"/></g>'
        for number, bar, here in places
        if bar.totals.runs and not here.judged
    ]
    drawn = [
        f'<a href="{url}{in_span(bar.span)}" tabindex="-1">'
        f"<title>{escape(bar.label)}: {here.rejected} denied by {name}</title>"
        f'<path class="bar-r" d="{_bar(number, here.rejected, top)}"/></a>'
        for number, bar, here in places
        if here.rejected
    ]
    return _svg(
        "chart strip",
        STEP * max(len(bars), 1),
        STRIP_HEIGHT,
        f'<path class="bar-n" d="{base}"/>',
        *hatched,
        *drawn,
    )


@register.simple_tag
def spark(numbers: Sequence[int]) -> SafeString:
    """The same bars, small and without links."""
    return _spark(tuple(numbers))


@lru_cache(maxsize=512)
def _spark(numbers: tuple[int, ...]) -> SafeString:
    top = max(numbers, default=0) or 1
    base = _path((number, 1) for number, count in enumerate(numbers) if not count)
    drawn = _path((number, _height(count, top)) for number, count in enumerate(numbers) if count)
    paths = f'<path class="bar-n" d="{base}"/><path class="bar-r" d="{drawn}"/>'
    return _svg("spark", STEP * max(len(numbers), 1), STRIP_HEIGHT, paths)


@register.simple_tag
def ratio(totals: Counted) -> SafeString:
    """Rejected and applied as parts of one bar."""
    runs = max(totals.runs, 1)
    red = round(100 * totals.rejected / runs, 1)
    gap = 2 if 0 < totals.rejected < totals.runs else 0
    left, right = max(red - gap / 2, 0), max((100 - red if totals.applied else 0) - gap / 2, 0)
    rects = (
        f'<rect class="bar-r" width="{left}" height="8"/>'
        f'<rect class="bar-a" x="{red + gap / 2}" width="{right}" height="8"/>'
    )
    return _svg("ratio", 100, 8, rects)


@lru_cache(maxsize=2048)
def _between(since_ms: int, until_ms: int) -> str:
    return escape(links.with_query("", links.between(since_ms, until_ms)).removeprefix("?"))


def in_span(span: BoundedSpan) -> str:
    """The part of an address that narrows it to a span, as it stands in an attribute."""
    return _between(span.since_ms, span.until_ms)


def with_room(url: str) -> str:
    """An address that ``in_span`` may follow, as it stands in an attribute."""
    return escape(f"{url}&" if "?" in url else f"{url}?")


def _svg(name: str, width: int, height: int, *parts: str) -> SafeString:
    return mark_safe(  # noqa: S308  every text is escaped where it is put in
        f'<svg class="{name}" viewBox="0 0 {width} {height}" preserveAspectRatio="none" aria-hidden="true">'
        f"{''.join(parts)}</svg>"
    )


_RUNS: Final = with_room(links.runs())
_APPLIED: Final = with_room(links.runs([("status", "applied")]))
_REJECTIONS: Final = with_room(links.rejections())


def _column(number: int, bar: ChartBar, top: int) -> str:
    if not bar.totals.runs:
        return ""
    rejected, applied = (round(HEIGHT * count / top, 1) for count in (bar.totals.rejected, bar.totals.applied))
    gap = 1.5 if rejected and applied > 3 else 0
    x, width = number * STEP, STEP - 2 * GAP
    parts: list[tuple[Any, ...]] = [(_RUNS, "hit", x, STEP, 0, HEIGHT)]
    if rejected:
        parts.append((_REJECTIONS, "bar-r", x + GAP, width, round(HEIGHT - rejected, 1), rejected))
    if applied:
        at, height = round(HEIGHT - rejected - applied, 1), round(applied - gap, 1)
        parts.append((_APPLIED, "bar-a", x + GAP, width, at, height))
    span = in_span(bar.span)
    title = f"{escape(bar.label)}: {bar.totals.applied} applied, {bar.totals.rejected} rejected"
    return "".join(
        [
            f'<a href="{url}{span}" tabindex="-1"><title>{title}</title>'
            f'<rect class="{name}" x="{x}" width="{width}" y="{y}" height="{height}"/></a>'
            for url, name, x, width, y, height in parts
        ]
    )


def _height(count: int, top: int) -> float:
    """No count is so small that it cannot be seen."""
    return max(round(STRIP_HEIGHT * count / top, 1), 1.5)


def _path(heights: Iterable[tuple[int, float]]) -> str:
    """Bars by number and height as one path."""
    return "".join([_drawn(number, height) for number, height in heights])


def _bar(number: int, count: int, top: int) -> str:
    return _drawn(number, _height(count, top))


@lru_cache(maxsize=4096)
def _drawn(number: int, height: float) -> str:
    return f"M{number * STEP + GAP} {STRIP_HEIGHT}v-{height:g}h{STEP - 2 * GAP}v{height:g}z"


@lru_cache(maxsize=2048)
def _hatching(number: int, bars: int) -> str:
    """Slanted lines over a bar's place: few where places are narrow, so that they are as far apart everywhere."""
    lines = max(HATCHES // bars, 1)
    step = (STEP - 2 * GAP) / lines
    starts = (number * STEP + GAP + step * line for line in range(lines))
    return "".join(f"M{round(start, 1):g} {STRIP_HEIGHT}l{round(step, 1):g} -{STRIP_HEIGHT}" for start in starts)


def _lines(height: int) -> Iterable[float]:
    return (height * part / 4 for part in range(5))
