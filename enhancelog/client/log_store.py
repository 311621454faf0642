"""Log store over the REST API. Threads may share it."""

from collections.abc import Iterable, Iterator

from msgspec import Raw

from enhancelog.client.analysis_calls import AnalysisCalls
from enhancelog.client.connection import Connection
from enhancelog.client.log_calls import Cursor, Document, LogCalls, Page, Pairs, Result, Stored
from enhancelog.client.note_calls import NoteCalls, NotePage
from enhancelog.client.receipt_calls import ReceiptCalls
from enhancelog.client.review_calls import ReviewCalls
from enhancelog.domain import page_sizes, records
from enhancelog.domain.axis_figures import AxisDetail, AxisFigures, WhatIfResult
from enhancelog.domain.difference_figures import DifferenceResult
from enhancelog.domain.funnel_figures import FunnelResult
from enhancelog.domain.marker_figures import KnownMarker
from enhancelog.domain.markers import Marker, NewMarker
from enhancelog.domain.notes import NoteAbout, NoteState, NoteWithRevisions
from enhancelog.domain.pattern_states import PatternStateChange, StateEdit, StateOfPattern
from enhancelog.domain.records import Entry
from enhancelog.domain.reviews import NewReview, Review, ReviewQueue
from enhancelog.domain.steadiness_figures import SteadinessResult
from enhancelog.domain.theme_figures import AxisThemes
from enhancelog.domain.unfinished_reports import UnfinishedReport
from enhancelog.domain.why import TriedBefore


class HttpLogReads:
    def __init__(self, connection: Connection | None = None) -> None:
        self.connection = connection or Connection.from_environment()
        self._calls = LogCalls(self.connection)
        self._analysis = AnalysisCalls(self.connection)
        self._notes = NoteCalls(self.connection)
        self._reviews = ReviewCalls(self.connection)
        self._receipts = ReceiptCalls(self.connection)

    def get(self, issue_id: str) -> Entry:
        return self.connection.run(self._calls.get(issue_id))

    def known(self, issue_id: str) -> dict[str, Raw]:
        """With the server's members (``actor``, ``source``, ``position``), each as JSON."""
        return self.connection.run(self._calls.known(issue_id))

    def list_by_blueprint(self, blueprint_id: str) -> list[Entry]:
        if not records.is_id(blueprint_id, may_be_empty=True):
            return []
        return list(self.entries([("blueprint_id", blueprint_id)]))

    def list_all(self) -> list[Entry]:
        return list(self.entries())

    def entries(self, filters: Pairs = (), page_size: int = page_sizes.CLIENT) -> Iterator[Entry]:
        """``filters`` are the API's parameters, also ``order``; fetches pages on demand."""
        asked = tuple(filters)
        cursor: Cursor | None = ()
        while cursor is not None:
            found, cursor = self.page(asked, page_size, cursor)
            yield from found

    def page(self, filters: Pairs, page_size: int, cursor: Cursor = ()) -> Page:
        """Can be empty before the last one; ``cursor`` is the previous page's."""
        return self.connection.run(self._calls.page((*filters, ("page_size", str(page_size))), cursor))

    def why(self, blueprint_id: str, intent: str = "") -> bytes:
        """JSON of at most 16 kB."""
        return self.connection.run(self._analysis.why(blueprint_id, intent))

    def why_text(self, blueprint_id: str, intent: str = "", max_chars: int | None = None) -> str:
        """The same for a prompt. ``max_chars``: 200 to 20,000."""
        return self.connection.run(self._analysis.why_text(blueprint_id, intent, max_chars))

    def tried_before(self, prev_hash: str, blueprint_id: str | None = None, limit: int | None = None) -> TriedBefore:
        """``limit``: 1 to 20, 3 by default."""
        return self.connection.run(self._analysis.tried_before(prev_hash, blueprint_id, limit))

    def tried_before_text(
        self, prev_hash: str, blueprint_id: str | None = None, limit: int | None = None, max_chars: int | None = None
    ) -> str:
        """The same for a prompt."""
        return self.connection.run(self._analysis.tried_before_text(prev_hash, blueprint_id, limit, max_chars))

    def axes(self, filters: Pairs = ()) -> list[AxisFigures]:
        """``filters``: Blueprints and times."""
        return self.connection.run(self._analysis.axes(filters))

    def axis(self, axis: str, filters: Pairs = ()) -> AxisDetail:
        """Raises ``NotFound`` if it never judged."""
        return self.connection.run(self._analysis.axis(axis, filters))

    def themes(self, axis: str, filters: Pairs = ()) -> AxisThemes:
        """``filters``: times. Raises ``NotFound`` if the axis never judged."""
        return self.connection.run(self._analysis.themes(axis, filters))

    def what_if(self, without: Iterable[str], filters: Pairs = ()) -> WhatIfResult:
        return self.connection.run(self._analysis.what_if(without, filters))

    def funnel(self, filters: Pairs = ()) -> FunnelResult:
        return self.connection.run(self._analysis.funnel(filters))

    def steadiness(self, filters: Pairs = ()) -> SteadinessResult:
        """``filters``: times, and one axis."""
        return self.connection.run(self._analysis.steadiness(filters))

    def differences(self, filters: Pairs, against: Pairs | None = None) -> DifferenceResult:
        """With the entries of ``against``, or all others of the same times."""
        return self.connection.run(self._analysis.differences(filters, against))

    def markers(self, filters: Pairs = ()) -> list[Marker]:
        return self.connection.run(self._analysis.markers(filters))

    def marker(self, marker_id: str) -> KnownMarker:
        """Raises ``NotFound``."""
        return self.connection.run(self._analysis.marker(marker_id))

    def pattern_changes(self, pattern_id: str) -> list[PatternStateChange]:
        """Of its state, newest first. Raises ``NotFound``."""
        return self.connection.run(self._analysis.pattern_changes(pattern_id))

    def notes(self, about: NoteAbout, id: str, cursor: Cursor = ()) -> NotePage:
        """Newest first; ``cursor`` is the previous page's. Raises ``NotFound``."""
        return self.connection.run(self._notes.page(about, id, cursor))

    def note(self, note_id: str) -> NoteWithRevisions:
        """Raises ``NotFound``."""
        return self.connection.run(self._notes.note(note_id))

    def reviews(self, issue_id: str, axis: str | None = None) -> list[Review]:
        """Of a run's denials, oldest first. Raises ``NotFound``."""
        return self.connection.run(self._reviews.reviews(issue_id, axis))

    def review_queue(self, axis: str, seed: int | None = None) -> ReviewQueue:
        """Denials drawn at random; the same again with its seed."""
        return self.connection.run(self._reviews.queue(axis, seed))

    def document(self, hash: str) -> Document:
        """Raises ``NotFound``."""
        return self.connection.run(self._calls.document(hash))

    def receipt(self, issue_id: str) -> bytes:
        """Waits seconds for that of a new entry. Raises ``NotFound``."""
        return self.connection.run(self._receipts.receipt(issue_id))


class HttpEnhanceLogStore(HttpLogReads):
    """``append`` also raises ``Invalid`` if the server refuses the entry."""

    name = "http"

    def append(self, entry: Entry) -> str:
        return self.connection.run(self._calls.append(entry))

    def put(self, entry: Entry) -> Stored:
        """Safe to repeat. Raises ``Conflict`` if a different entry has the id."""
        return self.connection.run(self._calls.put(entry))

    def mark(self, new: NewMarker) -> Marker:
        """Not safe to repeat. Raises ``Invalid`` if the server refuses it."""
        return self.connection.run(self._calls.mark(new))

    def set_pattern_state(self, pattern_id: str, edit: StateEdit, seen: int | None = None) -> StateOfPattern:
        """Raises ``NotFound``, ``Invalid``, or ``Conflict`` if the latest change is not ``seen``."""
        return self.connection.run(self._calls.set_pattern_state(pattern_id, edit, seen))

    def undo_pattern_state(self, pattern_id: str, change: int) -> StateOfPattern:
        """Raises ``NotFound``, ``Invalid``, or ``Conflict`` if ``change`` is not the latest."""
        return self.connection.run(self._calls.undo_pattern_state(pattern_id, change))

    def add_note(self, about: NoteAbout, id: str, text: str) -> NoteState:
        """Not safe to repeat. Raises ``NotFound``, or ``Invalid`` if the server refuses it."""
        return self.connection.run(self._notes.add(about, id, text))

    def edit_note(self, note_id: str, text: str, version: int | None = None) -> NoteState:
        """``version``: the one to replace; ``Conflict`` if there is another. Raises ``NotFound`` or ``Invalid``."""
        return self.connection.run(self._notes.edit(note_id, text, version))

    def withdraw_note(self, note_id: str) -> None:
        """Safe to repeat. Raises ``NotFound``."""
        self.connection.run(self._notes.withdraw(note_id))

    def review(self, issue_id: str, axis: str, new: NewReview, seed: int | None = None) -> Review:
        """Safe to repeat. ``seed``: of the queue that drew the denial. Raises ``NotFound`` or ``Invalid``."""
        return self.connection.run(self._reviews.review(issue_id, axis, new, seed))

    def append_many(self, entries: Iterable[Entry]) -> list[Result]:
        """In bulk, in order. Safe to repeat. Raises ``Other``; what was sent before stays."""
        return self.connection.run(self._calls.append_many(entries))

    def report_unfinished(self, report: UnfinishedReport) -> bool:
        """Whether it is new. Safe to repeat. Raises ``Conflict`` if the log has an entry of the run."""
        return self.connection.run(self._calls.report_unfinished(report))
