"""What the overview has many of: cells of its tables, and places below its bars. Written out here, for the template
engine takes many times as long. Every text is escaped where it is put in.
"""

from collections.abc import Sequence
from html import escape
from typing import Final, Protocol

from django.utils.safestring import SafeString, mark_safe

from enhancelog import links
from enhancelog.queries.charts import Bar, Window
from enhancelog.queries.overview import BlueprintRow, Strip
from enhancelog.queries.patterns.ranking import PatternRow
from enhancelog.templatetags.charts import ChartBar, in_span, ratio, with_room
from enhancelog.templatetags.enhancelog import percent, wording

_APPLIED: Final = with_room(links.runs([("status", "applied")]))
_REJECTIONS: Final = with_room(links.rejections())
_NONE: Final = '<td class="num"><span class="faint">0</span></td>'
_NOT_JUDGED: Final = '<td class="num"><span class="faint">not judged</span></td>'


def by_bar(bars: Sequence[ChartBar], strips: Sequence[Strip]) -> SafeString:
    """A row for each bar: what was applied, rejected, and rejected by each axis."""
    columns = [(with_room(links.rejections([("axis", strip.axis)])), strip.bars) for strip in strips]
    rows = []
    for at, bar in enumerate(bars):
        span, totals = in_span(bar.span), bar.totals
        none = _NOT_JUDGED if totals.runs else _NONE
        cells = [
            _cell(_APPLIED, span, totals.applied),
            _cell(_REJECTIONS, span, totals.rejected),
            *[_cell(url, span, judged[at].rejected, _NONE if judged[at].judged else none) for url, judged in columns],
        ]
        rows.append(f'<tr><th scope="row">{escape(bar.label)}</th>{"".join(cells)}</tr>\n')
    return mark_safe("".join(rows))  # noqa: S308


class LabelledBar(Protocol):
    @property
    def below(self) -> str: ...

    @property
    def sparse(self) -> bool: ...


def labels(bars: Sequence[LabelledBar]) -> SafeString:
    """A place below each bar, most of them empty."""
    return mark_safe("".join([f"<span>{_label(bar) if bar.below else ''}</span>" for bar in bars]))  # noqa: S308


def _label(bar: LabelledBar) -> str:
    sparse = ' class="sparse"' if bar.sparse else ""
    return f"<span{sparse}>{escape(bar.below)}</span>"


def by_day(patterns: Sequence[PatternRow], days: Sequence[Bar]) -> SafeString:
    """A row for each pattern: what it rejected on each of the days."""
    spans = list(map(in_span, days))
    rows = []
    for pattern in patterns:
        url = with_room(links.rejections([("pattern", pattern.id)]))
        cells = [_cell(url, span, number) for span, number in zip(spans, pattern.days, strict=True)]
        rows.append(
            f'<tr><th scope="row"><span class="mono">{escape(pattern.axis)}</span>: {wording(pattern.template)}</th>'
            f"{''.join(cells)}</tr>\n"
        )
    return mark_safe("".join(rows))  # noqa: S308


def by_trouble(rows: Sequence[BlueprintRow], window: Window) -> SafeString:
    """A row for each Blueprint: how much of it was rejected in the window, and by which axis mostly."""
    return mark_safe("".join([_trouble(row, links.between(window.since_ms, window.until_ms)) for row in rows]))  # noqa: S308


def _trouble(row: BlueprintRow, span: list[tuple[str, str]]) -> str:
    name, totals, of = escape(row.blueprint_id), row.totals, [("blueprint_id", row.blueprint_id)]
    timeline = escape(links.blueprint(row.blueprint_id, span))
    top = ""
    if row.top_axis:
        axis, url = escape(row.top_axis), escape(links.rejections([*of, ("axis", row.top_axis), *span]))
        top = f'<a class="id" title="{axis}" href="{url}">{axis}</a>'
    return (
        f'<tr data-row>\n<td><a class="mono id" title="{name}" href="{timeline}">{name or "(no name)"}</a></td>\n'
        f'<td class="num"><span class="share">{ratio(totals)}<span class="of">'
        f'<a href="{escape(links.rejections([*of, *span]))}">{totals.rejected:,}</a> '
        f'<span class="faint">/ <a href="{timeline}">{totals.runs:,}</a></span></span></span></td>\n'
        f'<td class="num">{escape(percent(totals.rejected, totals.runs))}</td>\n'
        f'<td class="wide soft">{top}</td>\n</tr>\n'
    )


def _cell(url: str, span: str, number: int, nothing: str = _NONE) -> str:
    return f'<td class="num"><a href="{url}{span}">{number:,}</a></td>' if number else nothing
