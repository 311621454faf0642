"""Tools that read entries and append one. Each public method is one, and its docstring is what the model reads."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal, cast

from pydantic import Field

from enhancelog.agents.excerpts import (
    KNOWN_FIELDS,
    LISTED,
    SMALLEST,
    Excerpt,
    ListedField,
    Shape,
    fits,
    fitted,
    known_values,
    listed_values,
)
from enhancelog.agents.mcp_parameters import (
    BlueprintId,
    DocumentHash,
    Instant,
    IssueId,
    Offset,
    OptionalText,
    WholeNumber,
)
from enhancelog.agents.mcp_results import Appended, DocumentText, EntryPage, KnownEntry, ListedEntry, Verdict
from enhancelog.client.connection import Connection
from enhancelog.client.log_calls import Cursor, Page
from enhancelog.client.log_store import HttpEnhanceLogStore
from enhancelog.domain import records
from enhancelog.domain.errors import Invalid
from enhancelog.domain.records import Entry
from enhancelog.domain.text import DATA_NOTICE

MOST_LISTED = 100
MOST_EMPTY_PAGES = 20  # read before the model is asked to continue

BRIEF: tuple[ListedField, ...] = ("issue_id", "blueprint_id", "ts_ms", "status", "intent", "denied")


class LogTools:
    def __init__(self, connection: Connection) -> None:
        self._log = HttpEnhanceLogStore(connection)

    def list_entries(
        self,
        blueprint_id: Annotated[str, OptionalText, Field(description="Only this Blueprint.")] = "",
        status: Literal["applied", "rejected"] | None = None,
        axis: Annotated[str, OptionalText, Field(description="Only runs that this axis denied.")] = "",
        text: Annotated[str, OptionalText, Field(description="Only entries that contain this text.")] = "",
        phrase: Annotated[
            str, OptionalText, Field(description="Only entries with these consecutive words; the last may end in *.")
        ] = "",
        touches: Annotated[
            str, OptionalText, Field(description="Only runs whose patch touches this place, such as /agents/reviewer.")
        ] = "",
        since: Annotated[str, OptionalText, Field(description=f"From (inclusive): {Instant}.")] = "",
        until: Annotated[str, OptionalText, Field(description="To (exclusive), likewise.")] = "",
        meta: Annotated[
            dict[str, str] | None, Field(description='Only runs that noted these values, such as {"model": "…"}.')
        ] = None,
        order: Annotated[Literal["desc", "asc"], Field(description="desc: newest first.")] = "desc",
        limit: Annotated[WholeNumber, Field(ge=1, le=MOST_LISTED)] = 20,
        fields: Annotated[
            list[ListedField] | None, Field(description=f"Default: {', '.join(BRIEF)}. denied: axis to reason.")
        ] = None,
        cursor: Annotated[
            str, OptionalText, Field(description="next_cursor of the last answer, with the same filters and order.")
        ] = "",
    ) -> EntryPage:
        """Entries of the enhance log in brief, newest first. get_entry has the whole texts.

        If next_cursor is not null, there are more. An answer has at most 25 kB; if necessary it shows less of each
        entry, or fewer entries.
        Example: {"blueprint_id": "main", "status": "rejected", "axis": "noop", "since": "7d", "limit": 10}
        """
        given = {
            "blueprint_id": blueprint_id,
            "status": status,
            "axis": axis,
            "text": text,
            "phrase": phrase,
            "touches": touches,
            "since": since,
            "until": until,
        }
        noted = [(f"meta.{key}", value) for key, value in (meta or {}).items()]
        filters = [*((name, value) for name, value in given.items() if value), *noted, ("order", order)]
        chosen = ("issue_id", *(fields or BRIEF))
        begin: Cursor = (("cursor", cursor),) if cursor else ()
        page = self._log.page(filters, limit, begin)
        for _ in range(MOST_EMPTY_PAGES):
            if page.entries or page.cursor is None:
                break
            begin = page.cursor
            page = self._log.page(filters, limit, begin)
        while not fits(shown := _fitted_page(page, chosen)) and len(page.entries) > 1:
            # A shorter page, because only the server can say where the next one begins.
            page = self._log.page(filters, _most_that_fit(page.entries, chosen), begin)
        return shown

    def get_entry(
        self,
        issue_id: IssueId,
        fields: Annotated[
            list[str] | None,
            Field(
                description=f'Only these fields: {", ".join(KNOWN_FIELDS)}; or one item, such as "verdicts[3].detail", '
                '"reasons[0]", "ops[2]" or "observed.ops[2]".'
            ),
        ] = None,
        offset: Offset = 0,
    ) -> KnownEntry:
        """One entry of the enhance log: intent, rationale, verdicts, hashes, the patch (ops), who recorded it.

        "observed" is the patch by the store of the run's host; null: not known. An answer has at most 25 kB. A long
        text ends in “… [continued at offset N of FIELD]”, and "continued" lists all fields that were cut: to read on,
        ask for that one field at that offset. The offset of a list counts its items.
        Examples: {"issue_id": "h-42"}; {"issue_id": "h-42", "fields": ["rationale"], "offset": 20000}
        """
        if offset and len(fields or ()) != 1:
            raise Invalid("offset", "fields", 'needs exactly one field, for example fields=["rationale"]')
        values = known_values(self._log.known(issue_id), fields or ())

        def built(shape: Shape) -> KnownEntry:
            excerpt = Excerpt(shape, offset)
            shown = {"notice": DATA_NOTICE, "issue_id": issue_id, **excerpt.of(values)}
            return cast(KnownEntry, shown | {"continued": excerpt.continued})

        return fitted(built)

    def get_document(self, hash: DocumentHash, offset: Offset = 0) -> DocumentText:
        """The text of a Blueprint's document (YAML or, as "form" says, JSON), if a host's store was imported with it.

        A long text ends in “… [continued at offset N of text]”, and "left_out" counts the characters that follow: ask
        again with that offset.
        Example: {"hash": "efb306dfd0ec1f8e5a1c7b0a9d3f4e6c8b2a1d0f9e8c7b6a5d4f3e2c1b0a9d8e"}
        """
        found = self._log.document(hash)

        def built(shape: Shape) -> DocumentText:
            excerpt = Excerpt(shape, offset)
            shown = excerpt.of({"text": found.text})
            return {
                "notice": DATA_NOTICE,
                "hash": hash,
                "form": found.form,
                "text": shown["text"],
                "left_out": sum(cut["length"] - cut["offset"] for cut in excerpt.continued),
                "continued": excerpt.continued,
            }

        return fitted(built)

    def append_entry(
        self,
        issue_id: IssueId,
        blueprint_id: BlueprintId,
        prev_hash: Annotated[str, Field(description="Hash of the Blueprint before the run.")],
        new_hash: Annotated[str, Field(description="Hash after it; empty when rejected.")],
        intent: Annotated[str, Field(description="What was asked for.")],
        rationale: Annotated[str, Field(description="Why the patch does that; Markdown.")],
        verdicts: Annotated[list[Verdict], Field(description="In axis order; may be empty.")],
        status: Literal["applied", "rejected"],
        reasons: Annotated[list[str], Field(description='Rejected: "axis: reason", one per deny. Applied: empty.')],
        ts_ms: Annotated[WholeNumber, Field(description="When the run started, epoch milliseconds.")],
        ops: Annotated[list[dict[str, Any]] | None, Field(description="The patch, RFC 6902.")] = None,
        bump: Annotated[Literal["major", "minor", "patch"] | None, Field(description="Version bump.")] = None,
        candidate_hash: Annotated[
            str, OptionalText, Field(description="Hash of the document that the patch would have made.")
        ] = "",
        meta: Annotated[
            dict[str, str | int | float | bool] | None,
            Field(description='What else to note, such as {"model": "…", "seed": 7}: at most 64 keys, 8 kB.'),
        ] = None,
    ) -> Appended:
        """Store the outcome of one finished run in the enhance log, permanently.

        Safe to repeat: if an identical entry is already stored, the result is "identical". A different entry with the
        same issue_id is an error and changes nothing.
        Example: {"issue_id": "h-42", "blueprint_id": "main", "prev_hash": "9f2c", "new_hash": "", "intent": "cite the
        file", "rationale": "Adds a sentence.", "verdicts": [{"axis": "noop", "status": "deny", "detail": "no change"}],
        "status": "rejected", "reasons": ["noop: no change"], "ts_ms": 1795000000000}
        """
        given = {**locals(), "candidate_hash": candidate_hash or None}
        recorded = {name: given[name] for name in records.FIELDS if given[name] is not None}
        stored = self._log.put(records.from_values(**recorded))
        return {"issue_id": issue_id, "result": "created" if stored.created else "identical", "digest": stored.digest}


def _fitted_page(page: Page, fields: Sequence[str]) -> EntryPage:
    cursor = page.cursor[0][1] if page.cursor else None
    return fitted(lambda shape: _listed(page.entries, cursor, fields, shape), LISTED)


def _listed(entries: Sequence[Entry], cursor: str | None, fields: Sequence[str], shape: Shape) -> EntryPage:
    return {"notice": DATA_NOTICE, "entries": [_brief(one, fields, shape) for one in entries], "next_cursor": cursor}


def _brief(entry: Entry, fields: Sequence[str], shape: Shape) -> ListedEntry:
    values = listed_values(entry, fields)
    excerpt = Excerpt(shape)
    shown = excerpt.of(values)
    left_out = {
        cut["field"]: cut["length"] - cut["offset"]
        for cut in excerpt.continued
        if cut["field"] in values and not isinstance(values[cut["field"]], str)
    }
    return cast(ListedEntry, shown | ({"left_out": left_out} if left_out else {}))


def _most_that_fit(entries: Sequence[Entry], fields: Sequence[str]) -> int:
    """How many of the first entries fit in their shortest form; at least one always does."""
    too_many = (n for n in range(1, len(entries)) if not fits(_listed(entries[: n + 1], "x" * 200, fields, SMALLEST)))
    return next(too_many, len(entries))
