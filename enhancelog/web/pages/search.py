"""Search in entries of any status. An issue id redirects to its entry."""

from typing import NamedTuple

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.views.decorators.http import require_safe

from enhancelog import links
from enhancelog.domain import filter_box, search_words
from enhancelog.domain.errors import Invalid
from enhancelog.queries import lookup
from enhancelog.queries import search as searches
from enhancelog.queries.counts import Count
from enhancelog.queries.entries import Page
from enhancelog.web import questions
from enhancelog.web.alternatives import instead_of_page
from enhancelog.web.feeds import reads_list
from enhancelog.web.highlights import SearchRow
from enhancelog.web.htmx import is_fragment, page_or_fragment
from enhancelog.web.lists import list_context, read_page, rows, total
from enhancelog.web.places import SEARCH
from enhancelog.web.questions import Question
from enhancelog.web.revalidation import revalidated


class Suggestion(NamedTuple):
    text: str
    url: str


@require_safe
@reads_list
@revalidated()
@questions.answers_questions
def search(request: HttpRequest) -> HttpResponse:
    try:
        question = questions.read(request, SEARCH)
    except questions.Refused:
        asked = request.GET.get("phrase", "")
        if not lookup.exists(asked):
            raise
        return HttpResponseRedirect(links.entry(asked))  # an id may have more words than a phrase
    if (other := instead_of_page(request, question)) is not None:
        return other
    searches_index = "phrase" in question.wanted.include
    page = _found(question) if searches_index else read_page(question)
    stopped = "The search was stopped after 0.2 seconds; narrow it." if searches_index and page.stopped else ""
    found = _rows(page, question)
    context = {
        **list_context(page, question, stopped),
        "section": "search",
        "rows": found,
        "searches_index": searches_index,
        "wordless": searches_index and not any(phrase.tokens for phrase in question.wanted.phrases),
        "suggestions": _suggestions(question) if searches_index and not found else (),
    }
    if not is_fragment(request):
        text = question.wanted.one("phrase") or question.wanted.one("text") or ""
        context |= {"search_text": text, "exact": text if lookup.exists(text) else ""}
        context["total"] = _found_total(page, question) if searches_index else total(page, question)
    return page_or_fragment(request, "search/page.jinja", context)


def _found(question: Question) -> Page:
    try:
        return searches.page(question.wanted, question.order, question.size, question.cursor)
    except Invalid as error:
        raise questions.Refused(error, question.place, question.text) from None


def _found_total(page: Page, question: Question) -> Count | None:
    # A search has 0.2 seconds, which a count of all matches could exceed. So the first page counts what it found, and
    # later pages show no total, because they do not know what came before.
    return None if question.cursor else Count(len(page.rows), capped=page.next is not None or page.stopped)


def _rows(page: Page, question: Question) -> list[SearchRow]:
    phrases = tuple(question.wanted.phrases)
    return [SearchRow(row, phrases) for row in rows(page, question)]


def _suggestions(question: Question) -> list[Suggestion]:
    value = question.wanted.one("phrase")
    if not value:
        return []
    words = value.removesuffix("*").split()
    others = [("phrase", word) for word in words] if len(words) > 1 else []
    pairs = [("phrase", f"{value}*"), *others, ("text", value)]
    rest = [pair for pair in question.given if pair[0] != "phrase"]
    return [Suggestion(filter_box.token(*pair), question.url((*rest, pair))) for pair in pairs if _makes_sense(*pair)]


def _makes_sense(name: str, value: str) -> bool:
    if name != "phrase":
        return True
    try:
        phrase = search_words.phrase(value)
    except Invalid:
        return False
    return phrase.is_open if value.endswith("*") else bool(phrase.tokens)
