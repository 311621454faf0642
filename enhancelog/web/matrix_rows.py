"""The rows of the matrix, hundreds of cells: written out here, for the template engine takes several times as long.
Every text is escaped where it is put in.
"""

from collections.abc import Iterable
from html import escape
from typing import Final

from django.utils.safestring import SafeString

from enhancelog.templatetags.enhancelog import percent
from enhancelog.web.grids import Cell, Row

NEVER_JUDGED: Final = '<div class="n"><span aria-hidden="true">–</span><span class="sr">never judged</span></div>'
THE_ROW_ITSELF: Final = '<span class="faint" aria-hidden="true">–</span>'


def rows(shown: Iterable[Row], nothing: str) -> SafeString:
    """``nothing`` stands in cells without a number."""
    return SafeString("".join([f"{row(each, nothing)}\n" for each in shown]))


def row(shown: Row, nothing: str) -> SafeString:
    label = escape(shown.label)
    cells = "".join([f"<td>{nothing if cell is None else _cell(cell)}</td>" for cell in shown.cells])
    heading = f'<a class="id" title="{label}" href="{escape(shown.url)}">{label}</a>'
    return SafeString(f'<tr data-row><th scope="row">{heading}</th>{cells}</tr>')


def _cell(cell: Cell) -> str:
    few = " few" if cell.shade == "few" else ""
    return (
        f'<a class="{cell.shade}" href="{escape(cell.url)}"><b>{escape(percent(cell.part, cell.whole))}</b> '
        f'<span class="small">{cell.said}/{cell.whole:,}{few}</span></a>'
    )
