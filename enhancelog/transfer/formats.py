"""The one table of list formats."""

from typing import Final, NamedTuple

from enhancelog.transfer import atom, exports
from enhancelog.transfer.exports import Export


class Format(NamedTuple):
    """``name`` is the value of ``?format=`` and the file extension. ``write`` is ``None`` for a feed."""

    name: str
    label: str
    content_type: str
    write: Export | None

    @property
    def media_type(self) -> str:
        return self.content_type.partition(";")[0]


FORMATS: Final = {
    one.name: one
    for one in (
        Format("json", "JSON", "application/json", exports.json_array),
        Format("ndjson", "NDJSON", "application/x-ndjson", exports.ndjson),
        Format("csv", "CSV", "text/csv; charset=utf-8", exports.csv),
        Format("atom", "Atom", atom.CONTENT_TYPE, None),
    )
}

# Name to writer of those that hold a whole list
EXPORTS: Final = {name: one.write for name, one in FORMATS.items() if one.write}
