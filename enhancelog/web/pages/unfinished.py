"""``/unfinished/``: runs without an entry in the log, and ``/unfinished/<issue_id>``."""

from functools import partial
from typing import Any, Final, NamedTuple

from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.views.decorators.http import require_safe

from enhancelog import links
from enhancelog.accounts.permissions import needs
from enhancelog.domain import causes, filter_box, filters, page_sizes
from enhancelog.domain.errors import Invalid, NotFound
from enhancelog.domain.filter_box import Pair
from enhancelog.domain.telling_lines import shown_line
from enhancelog.domain.times import DAY_MS, is_plausible, now_ms
from enhancelog.queries import observed, unfinished, unfinished_attempts
from enhancelog.queries.blueprint_ids import PARAMETERS
from enhancelog.queries.standing import standing
from enhancelog.queries.time_limits import time_limits_ms
from enhancelog.queries.unfinished import Detail, UnfinishedRun
from enhancelog.web import changed_places, htmx, unfinished_groups
from enhancelog.web.folded_texts import text
from enhancelog.web.list_requests import Chip, without_empty_parameters
from enhancelog.web.pages.entry import TITLE_CHARACTERS
from enhancelog.web.patches import of_operations
from enhancelog.web.thread_panel import attempts_beside
from enhancelog.web.unfinished_groups import SHOWN_GROUPS

# These pages depend on the clock (which runs are stuck), so they are not ``revalidated``.

STATUSES: Final = (("", "Unfinished"), ("pending", "Pending"), ("died", "Died"), ("resolved", "Resolved"))
SHOWN_DAYS: Final = 14
MAY_STILL_WORK_MS: Final = DAY_MS

_FILTERS: Final = ("blueprint_id", "blueprint_prefix", "source", "cause", "status", "day", "since", "until")


class Row(NamedTuple):
    """``stuck_s``: the time limit that has passed, or ``None``. ``blueprint_url``: its unfinished runs."""

    run: UnfinishedRun
    url: str
    blueprint_url: str
    title: str
    reason: str
    stuck_s: int | None


@require_safe
@needs("log:read")
@without_empty_parameters("blueprint_id")
def unfinished_run_list(request: HttpRequest) -> HttpResponseBase:
    parameters = dict(request.GET.lists())
    try:
        filters.check_single(parameters, "cursor", "page_size")
        wanted = unfinished.parse(parameters)
        size = filters.page_size(parameters) or page_sizes.ENTRIES
        page = unfinished.page(wanted, size, request.GET.get("cursor"))
    except Invalid as error:
        raise BadRequest(str(error)) from None
    given = [(name, value) for name in _FILTERS for value in parameters.get(name, ())]
    url = partial(unfinished_groups.filter_url, given)
    counted = unfinished.newest(wanted)
    sources = unfinished_groups.by_name(counted, "source", url)
    limits = time_limits_ms()
    days = unfinished_groups.by_day(counted, url)
    blueprints = unfinished_groups.by_name(counted, "blueprint_id", url)
    context = {
        "section": "overview",
        "chips": [Chip(_chip(pair), links.unfinished([each for each in given if each != pair])) for pair in given],
        "statuses": _statuses(given),
        "status": wanted.status[0] if len(wanted.status) == 1 else "",
        "total": len(counted),
        "is_whole": len(counted) < unfinished.MOST_COUNTED,
        "causes": unfinished_groups.by_cause(counted, url),
        "blueprints": blueprints[:SHOWN_GROUPS],
        "blueprints_left_out": max(0, len(blueprints) - SHOWN_GROUPS),
        "sources": sources[:SHOWN_GROUPS],
        "days": days[:SHOWN_DAYS],
        "days_left_out": max(0, len(days) - SHOWN_DAYS),
        "meanings": causes.MEANINGS,
        "rows": [_row(run, limits) for run in page.runs],
        "is_later_page": "cursor" in request.GET,
        "first_url": links.unfinished(given),
        "next_url": url(cursor=page.next) if page.next else "",
    }
    return htmx.page(request, "unfinished/page.jinja", context)


def _chip(pair: Pair) -> str:
    name, value = pair
    return filter_box.token(name, value) if name in PARAMETERS else f"{name}:{value}"


def _statuses(given: list[Pair]) -> list[tuple[str, str, str]]:
    others = [pair for pair in given if pair[0] != "status"]
    return [
        (name, label, links.unfinished([*others, ("status", name)] if name else others)) for name, label in STATUSES
    ]


def _row(run: UnfinishedRun, limits: dict[str, int]) -> Row:
    title = shown_line(run.intent, TITLE_CHARACTERS)
    blueprint_url = links.unfinished([("blueprint_id", run.blueprint_id)])
    return Row(
        run,
        links.unfinished_run(run.issue_id),
        blueprint_url,
        title,
        shown_line(causes.failure(run.reason)),
        _stuck_s(run, limits),
    )


# It began before it was first seen.
def _stuck_s(run: UnfinishedRun, limits: dict[str, int]) -> int | None:
    limit_ms = limits.get(run.source)
    if run.status != "pending" or limit_ms is None:
        return None
    began_ms = run.recorded_ms if run.ts_ms is None else min(run.ts_ms, run.recorded_ms)
    return limit_ms // 1000 if now_ms() - began_ms > limit_ms else None


def _begun_by_ms(run: UnfinishedRun) -> int:
    known_ms = run.not_after_ms if run.ts_ms is None else run.ts_ms
    if known_ms is None or not is_plausible(known_ms, run.recorded_ms):
        return run.recorded_ms
    return min(known_ms, run.recorded_ms)


@require_safe
@needs("log:read")
def unfinished_run_detail(request: HttpRequest, issue_id: str) -> HttpResponse:
    has_entry = unfinished.has_entry(issue_id)
    try:
        found = unfinished.get(issue_id)
    except NotFound:
        context = {"issue_id": issue_id, "has_entry": has_entry, "section": "overview"}
        return htmx.page(request, "unfinished/unknown.jinja", context, status=404)
    return htmx.page(request, "unfinished/run.jinja", {**_detail(found), "has_entry": has_entry, "section": "overview"})


def _detail(found: Detail) -> dict[str, Any]:
    run = found.run
    hashes = [hash for hash in (found.prev_hash, found.candidate_hash) if hash]
    stored = observed.stored_forms(hashes)
    before = changed_places.read_at(found.prev_hash, stored)
    title = shown_line(run.intent, TITLE_CHARACTERS)
    thread = unfinished_attempts.thread_of(run)
    said = causes.failure(run.reason) or run.reason
    begun_by_ms = _begun_by_ms(run)
    return {
        "found": found,
        "has_timeline": standing(run.blueprint_id) is not None,
        "run": run,
        "title": title,
        "intent": text(run.intent) if title != run.intent.strip() else None,
        "reason": text(said),
        "whole_reason": text(run.reason) if said != run.reason else None,
        "begun_by_ms": begun_by_ms,
        "may_still_work": now_ms() - begun_by_ms < MAY_STILL_WORK_MS,
        "meaning": causes.MEANINGS[run.cause],
        "patch": None if found.ops is None else of_operations(found.ops, "", (), before.value),
        "stored": stored,
        "places": changed_places.places_at(before, found.candidate_hash, stored, ()),
        "changes": [
            (change, shown_line(causes.failure(change.reason)) if change.reason != run.reason else "")
            for change in reversed(found.changes)
        ],
        "stuck_s": _stuck_s(run, time_limits_ms()),
        "attempts": attempts_beside(thread, unfinished_attempts.near(thread), run) if thread else None,
        "raw_url": links.api_unfinished_run(run.issue_id),
    }
