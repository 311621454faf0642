"""A Blueprint's fields as rows of a table, with what patches did to them."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import accumulate
from typing import Any, Final, NamedTuple

import msgspec

from enhancelog import links
from enhancelog.domain import blueprint_fields, document_changes
from enhancelog.domain.blueprint_documents import tokens
from enhancelog.domain.blueprint_fields import Field, Fields, Group
from enhancelog.domain.filters import Order
from enhancelog.domain.telling_lines import shown_line
from enhancelog.domain.terminal import without_terminal_codes
from enhancelog.domain.text import cut, isolated
from enhancelog.queries import fields as log
from enhancelog.queries.charts import Window
from enhancelog.queries.fields import MOST_COUNTED, Counts, TouchedPlaces
from enhancelog.queries.horizon import PatchHorizon
from enhancelog.web.folded_texts import Text

MOST_OTHERS: Final = 100  # places that are no fields
PLACE_CHARACTERS: Final = 20_000  # of the fields, and as many of the other places; links have them several times
PROMPT_CHARACTERS: Final = 100_000  # of all prompts
FOLDED_CHARACTERS: Final = 300  # of a prompt
VALUE_CHARACTERS: Final = 200

SORTS: Final = ("rejected", "changes", "name")

NOTES: Final = {
    "": "",
    "removed": "not in the newest document",
    "end": "added at the end",
    "index": "by index: which item it was is not known",
    "all": "anything in it",
}


class Row(NamedTuple):
    """``note``: of ``NOTES``; of a field, empty. ``changed``: a line of the last change's intent."""

    place: str
    group: Group
    of: str
    label: str
    text: Text | None
    value: str
    note: str
    counts: Counts
    changed: str
    url: Callable[..., str]

    @property
    def about(self) -> str:
        return NOTES[self.note]


class Chosen(NamedTuple):
    """``left_out``: fields and other places beyond what a page shows. ``by_host``: those that the host sets itself.
    ``cut_at``: characters of each prompt, unless all are shown whole."""

    fields: list[Field]
    others: list[tuple[str, str]]
    left_out: int
    by_host: int
    cut_at: int


def choose(found: Fields, document: Any, touched: TouchedPlaces) -> Chosen:
    """Places with their notes, if patches touched more than the fields."""
    fields = [field for field in found.fields if field.place in touched.touched or not _is_by_host(field)]
    known = {field.place for field in found.fields}
    others = [place for place in touched.whole if place not in known]
    shown_others = _first(others, MOST_OTHERS)
    # What patches touched and what agents are told comes before the rest.
    ranked = sorted(fields, key=lambda field: (field.place not in touched.touched, not field.is_prompt))
    shown = set(_first([field.place for field in ranked], MOST_COUNTED - len(shown_others)))
    chosen = [field for field in fields if field.place in shown]
    cut_at = _cut_at([len(field.value) for field in chosen if field.is_prompt])
    return Chosen(
        [field._replace(value=cut(field.value, cut_at)) if cut_at and field.is_prompt else field for field in chosen],
        sorted((place, _note(place, found, document)) for place in shown_others),
        found.left_out + len(fields) - len(shown) + len(others) - len(shown_others),
        len(found.fields) - len(fields),
        cut_at,
    )


def _cut_at(lengths: list[int]) -> int:
    return PROMPT_CHARACTERS // len(lengths) if sum(lengths) > PROMPT_CHARACTERS else 0


def _first(places: Sequence[str], most: int) -> list[str]:
    ends = accumulate(len(place) for place in places[:most])
    return [place for place, end in zip(places, ends, strict=False) if end <= PLACE_CHARACTERS]


def _is_by_host(field: Field) -> bool:
    return document_changes.is_by_host(tuple(tokens(field.place)))


def rows(blueprint_id: str, chosen: Chosen, touched: TouchedPlaces, window: Window, seen: PatchHorizon) -> list[Row]:
    places = [field.place for field in chosen.fields] + [place for place, _ in chosen.others]
    counted = [place for place in places if touched.is_cut or place in touched.touched]
    counts = log.counts(blueprint_id, counted, window, seen)
    return [
        *(_row(blueprint_id, field, "", counts, window) for field in chosen.fields),
        *(_row(blueprint_id, _other(place), note, counts, window) for place, note in chosen.others if place in counts),
    ]


def in_order(found: Iterable[Row], sort: str, order: Order) -> list[Row]:
    """Equal ones as in the document."""
    sign = -1 if order == "desc" else 1
    if sort == "name":
        return sorted(found, key=lambda row: (row.of, row.label), reverse=order == "desc")
    if sort == "changes":
        return sorted(found, key=lambda row: (sign * row.counts.applied, not row.text))
    return sorted(found, key=lambda row: (sign * row.counts.rejected, sign * row.counts.tried, not row.text))


def _note(place: str, found: Fields, document: Any) -> str:
    if blueprint_fields.is_by_index(document, place):
        return "index"
    if place in found.places:
        return "all"
    return "end" if place.endswith("/-") else "removed" if found.places else ""


def _other(place: str) -> Field:
    path = tokens(place)
    group = blueprint_fields.group_of(place)
    if group == "agents" and len(path) > 1:
        return Field(place, group, path[1], "/".join(path[2:]), None)
    return Field(place, group, "", "/".join((path[1:] if group == "steps" else []) or path), None)


def _row(blueprint_id: str, field: Field, note: str, counts: Mapping[str, Counts], window: Window) -> Row:
    here = counts.get(field.place, log.NONE)

    def url(*status: str) -> str:
        pairs = [("touches", field.place), *(("status", each) for each in status)]
        return links.blueprint(blueprint_id, [*links.between(window.since_ms, window.until_ms), *pairs])

    return Row(
        place=field.place,
        group=field.group,
        of=field.of,
        label=field.label,
        text=_text(field.value) if field.is_prompt else None,
        value="" if field.is_prompt or field.value is None else _value(field.value),
        note=note,
        counts=here,
        changed=shown_line(here.last.intent) if here.last else "",
        url=url,
    )


def _text(prompt: str) -> Text:
    whole = without_terminal_codes(prompt)
    return Text(whole, shown_line(whole) if len(whole) > FOLDED_CHARACTERS else "")


def _value(value: Any) -> str:
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    return isolated(cut(without_terminal_codes(text[: 2 * VALUE_CHARACTERS]), VALUE_CHARACTERS))


def grouped(found: Sequence[Row]) -> list[tuple[Group, str, list[Row], list[Row]]]:
    """With each heading its rows that patches touched, and the others."""
    headings: tuple[tuple[Group, str], ...] = (("agents", "Agents"), ("steps", "Steps"), ("settings", "Settings"))
    groups = []
    for group, heading in headings:
        rows = [row for row in found if row.group == group]
        if rows:
            touched = [row for row in rows if row.counts.tried]
            groups.append((group, heading, touched, [row for row in rows if not row.counts.tried]))
    return groups
