"""One entry: what was wanted, what the axes said, what changed; and the way to its neighbours in a list."""

from typing import Any, Final, NamedTuple

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from content.linked import version_beside
from content.web import panel
from enhancelog import filter_text, links, records
from enhancelog.errors import NotFound
from enhancelog.permissions import allows, needs
from enhancelog.queries import entries
from enhancelog.queries.entries import Listed
from enhancelog.records import Entry, Verdict
from enhancelog.store.database import last_position
from enhancelog.web import forms, markdown
from enhancelog.web.forms import Place, Question
from enhancelog.web.fragments import described, first_line
from enhancelog.web.htmx import private
from enhancelog.web.patches import patch
from enhancelog.web.revalidation import revalidated

TITLE_CHARACTERS: Final = 200
FOLDED_CHARACTERS: Final = 1_500
"""Longer texts start folded."""


class Text(NamedTuple):
    """A text that may be long: ``start`` stands for it while it is folded."""

    whole: str
    start: str

    @property
    def folded(self) -> bool:
        return bool(self.start)


class Said(NamedTuple):
    """One verdict as the page shows it."""

    axis: str
    status: str
    detail: Text


@require_safe
@needs("log:read")
@revalidated(also=version_beside)
@forms.answers_questions
def entry_detail(request: HttpRequest, issue_id: str) -> HttpResponse:
    question = forms.read(request, Place(links.entry(issue_id), empty_id=True))
    try:
        listed = entries.get(issue_id)
    except NotFound:
        return private(render(request, "enhancelog/entry_unknown.html", {"issue_id": issue_id}, status=404))
    newest = last_position()
    context = {**_entry(listed), **_way(question, listed, newest), "last_position": newest, "section": "blueprints"}
    if allows(request.user, "content:read"):
        context |= panel(request, issue_id)
    return private(render(request, "enhancelog/entry_detail.html", context))


def _entry(listed: Listed) -> dict[str, Any]:
    entry = listed.entry
    title = first_line(entry.intent, TITLE_CHARACTERS)
    badges = described(entry, listed.recorded_ms)
    return {
        "entry": entry,
        "listed": listed,
        "title": title,
        "intent": text(entry.intent) if title != entry.intent.strip() else None,
        "badges": badges,
        "reasons": entry.reasons if "reasons differ" in [badge.name for badge in badges] else (),
        "verdicts": _denied_first(entry),
        "rationale": markdown.render(entry.rationale),
        "denied": list(records.denials(entry)),
        "judged": len(records.judged_axes(entry)),
        "patch": patch(entry),
        "raw": links.api_entry(entry.issue_id),
    }


def _denied_first(entry: Entry) -> list[Said]:
    ordered: list[Verdict] = sorted(entry.verdicts, key=lambda verdict: verdict.status != "deny")
    return [Said(verdict.axis, verdict.status, text(verdict.detail)) for verdict in ordered]


def text(whole: str) -> Text:
    """Folded when it is long."""
    return Text(whole, first_line(whole) if len(whole) > FOLDED_CHARACTERS else "")


def _way(question: Question, listed: Listed, up_to: int) -> dict[str, Any]:
    """To the entries before and after in the list that the address describes, and to that list."""
    newer, older = entries.neighbours(question.wanted, listed, up_to)
    blueprint_id = question.wanted.one("blueprint_id")
    others = tuple(pair for pair in question.given if pair[0] != "blueprint_id")
    return {
        "newer": links.entry(newer, question.given) if newer is not None else "",
        "older": links.entry(older, question.given) if older is not None else "",
        "list_text": filter_text.render(question.given) if others else "",
        "list_url": links.runs(question.given) if blueprint_id is None else links.blueprint(blueprint_id, others),
    }
