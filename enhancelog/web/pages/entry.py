"""One entry: what was wanted, what the axes said, what changed; and the way to its neighbours in a list."""

from typing import Any, Final, NamedTuple

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe
from msgspec import UNSET

from enhancelog import links
from enhancelog.accounts.permissions import needs
from enhancelog.domain import filter_box, records
from enhancelog.domain.badges import described_badges
from enhancelog.domain.errors import NotFound
from enhancelog.domain.text import first_line
from enhancelog.queries import entries
from enhancelog.queries.entries import Listed
from enhancelog.queries.patterns.of_entry import Alike, alike
from enhancelog.queries.threads import thread
from enhancelog.store.database import last_position
from enhancelog.store.followed import document
from enhancelog.web import entry_panels, markdown, questions, thread_panel
from enhancelog.web.htmx import is_fragment, page_or_fragment, private
from enhancelog.web.pages.comparison import comparison
from enhancelog.web.patches import patch
from enhancelog.web.questions import Place, Question
from enhancelog.web.revalidation import revalidated
from enhancelog.web.texts import Text, text

TITLE_CHARACTERS: Final = 200
SHOWN_VERDICTS: Final = 100
SHOWN_REASONS: Final = 100


class Said(NamedTuple):
    """One verdict as the page shows it."""

    axis: str
    status: str
    detail: Text
    alike: Alike | None


@require_safe
@needs("log:read")
@revalidated(also=entry_panels.version)
@questions.answers_questions
def entry_detail(request: HttpRequest, issue_id: str) -> HttpResponse:
    """The entry; for htmx the attempts before it alone, with ``compare`` beside another."""
    question = questions.read(request, Place(links.entry(issue_id), empty_id=True))
    try:
        listed = entries.get(issue_id)
    except NotFound:
        return private(render(request, "enhancelog/entry_unknown.html", {"issue_id": issue_id}, status=404))
    tried = thread_panel.attempts(thread(listed.position), listed, question.given)
    if is_fragment(request):
        return page_or_fragment(request, "enhancelog/entry_detail.html", {"tried": tried})
    if other := request.GET.get("compare"):
        return comparison(request, listed, other, tried)
    newest = last_position()
    context = {**_entry(listed), **_way(question, listed, newest), "last_position": newest, "tried": tried}
    context["panels"] = entry_panels.shown(request, issue_id)
    return page_or_fragment(request, "enhancelog/entry_detail.html", {**context, "section": "blueprints"})


def _entry(listed: Listed) -> dict[str, Any]:
    entry = listed.entry
    title = first_line(entry.intent, TITLE_CHARACTERS)
    badges = described_badges(entry, listed.recorded_ms)
    reasons = entry.reasons if "reasons differ" in [badge.name for badge in badges] else ()
    return {
        "entry": entry,
        "listed": listed,
        "title": title,
        "intent": text(entry.intent) if title != entry.intent.strip() else None,
        "badges": badges,
        "reasons": [text(reason) for reason in reasons[:SHOWN_REASONS]],
        "reasons_left_out": max(0, len(reasons) - SHOWN_REASONS),
        "verdicts": _denied_first(listed),
        "verdicts_left_out": max(0, len(entry.verdicts) - SHOWN_VERDICTS),
        "rationale": markdown.render(entry.rationale),
        "denied": list(records.denials(entry)),
        "judged": len(records.judged_axes(entry)),
        "patch": patch(entry, document(entry.blueprint_id, entry.prev_hash) if entry.ops is not UNSET else None),
        "raw": links.api_entry(entry.issue_id),
    }


def _denied_first(listed: Listed) -> list[Said]:
    """``SHOWN_VERDICTS`` of them. If an axis denied twice, its pattern is that of its first denial."""
    shown = sorted(listed.entry.verdicts, key=lambda verdict: verdict.status != "deny")[:SHOWN_VERDICTS]
    waiting = alike(listed.position, {verdict.axis for verdict in shown if verdict.status == "deny"})
    return [
        Said(
            verdict.axis,
            verdict.status,
            text(verdict.detail),
            waiting.pop(verdict.axis, None) if verdict.status == "deny" else None,
        )
        for verdict in shown
    ]


def _way(question: Question, listed: Listed, up_to: int) -> dict[str, Any]:
    """To the entries before and after in the list that the address describes, and to that list."""
    newer, older = entries.neighbours(question.wanted, listed, up_to)
    blueprint_id = question.wanted.one("blueprint_id")
    others = tuple(pair for pair in question.given if pair[0] != "blueprint_id")
    return {
        "newer": links.entry(newer, question.given) if newer is not None else "",
        "older": links.entry(older, question.given) if older is not None else "",
        "list_text": filter_box.render(question.given) if others else "",
        "list_url": links.runs(question.given) if blueprint_id is None else links.blueprint(blueprint_id, others),
    }
