"""The one table of list formats."""

from typing import Final, NamedTuple

from enhancelog.transfer import atom, exports
from enhancelog.transfer.exports import Export
from enhancelog.transfer.spreadsheets import csv, spreadsheet

_CSV: Final = "text/csv; charset=utf-8"


class Format(NamedTuple):
    """``name`` is the value of ``?format=``, ``file_name`` what a browser saves. ``write`` is ``None`` for a feed."""

    name: str
    label: str
    content_type: str
    write: Export | None
    file_name: str = ""

    @property
    def media_type(self) -> str:
        return self.content_type.partition(";")[0]


FORMATS: Final = {
    one.name: one
    for one in (
        Format("json", "JSON", "application/json", exports.json_array, "enhance-log.json"),
        Format("ndjson", "NDJSON", "application/x-ndjson", exports.ndjson, "enhance-log.ndjson"),
        Format("csv", "CSV", _CSV, csv, "enhance-log.csv"),
        Format("spreadsheet", "Spreadsheet", _CSV, spreadsheet, "enhance-log-spreadsheet.csv"),
        Format("atom", "Atom", atom.CONTENT_TYPE, None),
    )
}

# Name to writer of those that hold a whole list
EXPORTS: Final = {name: one.write for name, one in FORMATS.items() if one.write}
