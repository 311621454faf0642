"""``log_store`` for asyncio."""

from collections.abc import AsyncIterator, Iterable

from msgspec import Raw

from enhancelog.client.analysis_calls import AnalysisCalls
from enhancelog.client.async_connection import AsyncConnection
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


class AsyncHttpEnhanceLogStore:
    name = "http"

    def __init__(self, connection: AsyncConnection | None = None) -> None:
        self.connection = connection or AsyncConnection.from_environment()
        self._calls = LogCalls(self.connection)
        self._analysis = AnalysisCalls(self.connection)
        self._notes = NoteCalls(self.connection)
        self._reviews = ReviewCalls(self.connection)
        self._receipts = ReceiptCalls(self.connection)

    async def append(self, entry: Entry) -> str:
        return await self.connection.run(self._calls.append(entry))

    async def put(self, entry: Entry) -> Stored:
        return await self.connection.run(self._calls.put(entry))

    async def review(self, issue_id: str, axis: str, new: NewReview, seed: int | None = None) -> Review:
        return await self.connection.run(self._reviews.review(issue_id, axis, new, seed))

    async def append_many(self, entries: Iterable[Entry]) -> list[Result]:
        return await self.connection.run(self._calls.append_many(entries))

    async def report_unfinished(self, report: UnfinishedReport) -> bool:
        """Whether it is new. Safe to repeat. Raises ``Conflict`` if the log has an entry of the run."""
        return await self.connection.run(self._calls.report_unfinished(report))

    async def get(self, issue_id: str) -> Entry:
        return await self.connection.run(self._calls.get(issue_id))

    async def known(self, issue_id: str) -> dict[str, Raw]:
        return await self.connection.run(self._calls.known(issue_id))

    async def list_by_blueprint(self, blueprint_id: str) -> list[Entry]:
        if not records.is_id(blueprint_id, may_be_empty=True):
            return []
        return [entry async for entry in self.entries([("blueprint_id", blueprint_id)])]

    async def list_all(self) -> list[Entry]:
        return [entry async for entry in self.entries()]

    async def entries(self, filters: Pairs = (), page_size: int = page_sizes.CLIENT) -> AsyncIterator[Entry]:
        asked = tuple(filters)
        cursor: Cursor | None = ()
        while cursor is not None:
            found, cursor = await self.page(asked, page_size, cursor)
            for entry in found:
                yield entry

    async def page(self, filters: Pairs, page_size: int, cursor: Cursor = ()) -> Page:
        return await self.connection.run(self._calls.page((*filters, ("page_size", str(page_size))), cursor))

    async def why(self, blueprint_id: str, intent: str = "") -> bytes:
        return await self.connection.run(self._analysis.why(blueprint_id, intent))

    async def why_text(self, blueprint_id: str, intent: str = "", max_chars: int | None = None) -> str:
        return await self.connection.run(self._analysis.why_text(blueprint_id, intent, max_chars))

    async def tried_before(
        self, prev_hash: str, blueprint_id: str | None = None, limit: int | None = None
    ) -> TriedBefore:
        return await self.connection.run(self._analysis.tried_before(prev_hash, blueprint_id, limit))

    async def tried_before_text(
        self, prev_hash: str, blueprint_id: str | None = None, limit: int | None = None, max_chars: int | None = None
    ) -> str:
        return await self.connection.run(self._analysis.tried_before_text(prev_hash, blueprint_id, limit, max_chars))

    async def axes(self, filters: Pairs = ()) -> list[AxisFigures]:
        return await self.connection.run(self._analysis.axes(filters))

    async def axis(self, axis: str, filters: Pairs = ()) -> AxisDetail:
        return await self.connection.run(self._analysis.axis(axis, filters))

    async def themes(self, axis: str, filters: Pairs = ()) -> AxisThemes:
        return await self.connection.run(self._analysis.themes(axis, filters))

    async def what_if(self, without: Iterable[str], filters: Pairs = ()) -> WhatIfResult:
        return await self.connection.run(self._analysis.what_if(without, filters))

    async def funnel(self, filters: Pairs = ()) -> FunnelResult:
        return await self.connection.run(self._analysis.funnel(filters))

    async def steadiness(self, filters: Pairs = ()) -> SteadinessResult:
        return await self.connection.run(self._analysis.steadiness(filters))

    async def differences(self, filters: Pairs, against: Pairs | None = None) -> DifferenceResult:
        return await self.connection.run(self._analysis.differences(filters, against))

    async def markers(self, filters: Pairs = ()) -> list[Marker]:
        return await self.connection.run(self._analysis.markers(filters))

    async def marker(self, marker_id: str) -> KnownMarker:
        return await self.connection.run(self._analysis.marker(marker_id))

    async def mark(self, new: NewMarker) -> Marker:
        return await self.connection.run(self._calls.mark(new))

    async def pattern_changes(self, pattern_id: str) -> list[PatternStateChange]:
        return await self.connection.run(self._analysis.pattern_changes(pattern_id))

    async def set_pattern_state(self, pattern_id: str, edit: StateEdit, seen: int | None = None) -> StateOfPattern:
        return await self.connection.run(self._calls.set_pattern_state(pattern_id, edit, seen))

    async def undo_pattern_state(self, pattern_id: str, change: int) -> StateOfPattern:
        return await self.connection.run(self._calls.undo_pattern_state(pattern_id, change))

    async def notes(self, about: NoteAbout, id: str, cursor: Cursor = ()) -> NotePage:
        return await self.connection.run(self._notes.page(about, id, cursor))

    async def note(self, note_id: str) -> NoteWithRevisions:
        return await self.connection.run(self._notes.note(note_id))

    async def add_note(self, about: NoteAbout, id: str, text: str) -> NoteState:
        return await self.connection.run(self._notes.add(about, id, text))

    async def edit_note(self, note_id: str, text: str, version: int | None = None) -> NoteState:
        return await self.connection.run(self._notes.edit(note_id, text, version))

    async def withdraw_note(self, note_id: str) -> None:
        await self.connection.run(self._notes.withdraw(note_id))

    async def reviews(self, issue_id: str, axis: str | None = None) -> list[Review]:
        return await self.connection.run(self._reviews.reviews(issue_id, axis))

    async def review_queue(self, axis: str, seed: int | None = None) -> ReviewQueue:
        return await self.connection.run(self._reviews.queue(axis, seed))

    async def document(self, hash: str) -> Document:
        return await self.connection.run(self._calls.document(hash))

    async def receipt(self, issue_id: str) -> bytes:
        return await self.connection.run(self._receipts.receipt(issue_id))
