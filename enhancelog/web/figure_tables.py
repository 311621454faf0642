"""What the overview's charts have many of, the cells of the tables behind them and the places below their bars: written
out here, for the template engine takes many times as long. Every text is escaped where it is put in.
"""

from collections.abc import Sequence
from html import escape
from typing import Final, Protocol

from django.utils.safestring import SafeString, mark_safe

from enhancelog import links
from enhancelog.queries.charts import Bar
from enhancelog.queries.overview import Strip
from enhancelog.queries.patterns.ranking import PatternRow
from enhancelog.templatetags.charts import ChartBar, in_span, with_room
from enhancelog.templatetags.enhancelog import wording

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


def _cell(url: str, span: str, number: int, nothing: str = _NONE) -> str:
    return f'<td class="num"><a href="{url}{span}">{number:,}</a></td>' if number else nothing
