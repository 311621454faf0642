"""``/documents/<hash>``: a Blueprint's document, and ``/documents/?blueprint_id=…``: its versions."""

import re
from typing import Any, Final, NamedTuple

from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.views.decorators.http import require_safe

from enhancelog import links
from enhancelog.accounts.permissions import needs
from enhancelog.domain.errors import Damaged
from enhancelog.domain.telling_lines import shown_line
from enhancelog.projections import source_names
from enhancelog.queries import candidates, document_versions
from enhancelog.queries.candidates import Candidate
from enhancelog.queries.document_versions import KnownVersion, Newest
from enhancelog.queries.standing import standing
from enhancelog.store import documents
from enhancelog.store.documents import Gone, Stored
from enhancelog.web import htmx
from enhancelog.web.changed_places import places, read
from enhancelog.web.document_texts import Compared, compared, shown
from enhancelog.web.list_requests import without_empty_parameters
from enhancelog.web.pages.timeline import unknown_blueprint
from enhancelog.web.revalidation import revalidated

_BEFORE: Final = re.compile(r"(\d{1,18})-(\d{1,18})")


class VersionRow(NamedTuple):
    """``changes_url``: the difference from the version before, if both documents can be read."""

    version: KnownVersion
    rationale: str
    url: str
    changes_url: str


class MakingRun(NamedTuple):
    """``became``: the hash of the version that an applied run made instead."""

    status: str
    intent: str
    url: str
    became: str


class Origin(NamedTuple):
    versions: list[KnownVersion]
    runs: list[MakingRun]
    candidate: Candidate


@require_safe
@needs("log:read")
@revalidated()
@without_empty_parameters("blueprint_id")
def document_list(request: HttpRequest) -> HttpResponseBase:
    """``from`` and ``to``, of the form that compares two versions, redirect to their difference."""
    blueprint_id = request.GET.get("blueprint_id")
    if blueprint_id is None:
        return htmx.page(request, "documents/none.jinja", {"section": "blueprints", "tab": "Document"})
    if after := request.GET.get("to"):
        before = request.GET.get("from", "")
        return HttpResponseRedirect(links.document(after, before if before != after else ""))
    known = standing(blueprint_id)
    if known is None and not document_versions.has_any(blueprint_id):
        return unknown_blueprint(request, blueprint_id)
    page = document_versions.page(blueprint_id, _before(request))
    newest, damaged = _newest(blueprint_id) if "before" not in request.GET else (None, "")
    context: dict[str, Any] = {
        "section": "blueprints",
        "blueprint_id": blueprint_id,
        "has_timeline": known is not None,
        "rows": _rows(page.versions),
        "has_sources": len({version.source for version in page.versions}) > 1,
        "from_log": page.from_log,
        "newest": newest,
        "damaged": damaged,
        "shown": shown(newest.document) if newest else None,
        "first_url": links.documents(blueprint_id) if "before" in request.GET else "",
        "older_url": _older_url(blueprint_id, page.next),
    }
    return htmx.page(request, "documents/versions.jinja", context)


def _before(request: HttpRequest) -> tuple[int, int] | None:
    given = request.GET.get("before")
    if given is None:
        return None
    if (found := _BEFORE.fullmatch(given)) is None:
        raise BadRequest("before: must be the number and the position of a version, such as 12-340")
    return int(found[1]), int(found[2])


def _older_url(blueprint_id: str, before: tuple[int, int] | None) -> str:
    return links.documents(blueprint_id, [("before", "{}-{}".format(*before))]) if before else ""


def _rows(versions: list[KnownVersion]) -> list[VersionRow]:
    readable = {version.hash for version in versions if version.is_readable}
    return [
        VersionRow(
            version,
            shown_line(version.rationale),
            links.document(version.hash) if version.form else "",
            links.document(version.hash, earlier) if {version.hash, earlier} <= readable else "",
        )
        for version in versions
        for earlier in [_earlier(version, versions)]
    ]


def _earlier(version: KnownVersion, versions: list[KnownVersion]) -> str:
    # A version by hand has its own hash as ``prev_hash``.
    if version.prev_hash and version.prev_hash != version.hash:
        return version.prev_hash
    following = versions[versions.index(version) + 1 :]
    return next((each.hash for each in following if each.source == version.source), "")


# And what is wrong with it.
def _newest(blueprint_id: str) -> tuple[Newest | None, str]:
    try:
        return document_versions.newest_stored(blueprint_id), ""
    except Damaged as error:
        return None, str(error)


@require_safe
@needs("log:read")
@revalidated()
@without_empty_parameters()
def document_detail(request: HttpRequest, hash: str) -> HttpResponse:
    """``compare``: the hash of the document before."""
    found = documents.look(hash)
    if found is None:
        return htmx.page(request, "documents/unknown.jinja", {"hash": hash, "section": "blueprints"}, status=404)
    context: dict[str, Any] = {
        "section": "blueprints",
        "found": found,
        "blueprint_id": found.blueprint_id,
        "has_timeline": standing(found.blueprint_id) is not None,
        "origin": _origin(found),
        "raw_url": links.api_document(found.hash),
    }
    other_hash = request.GET.get("compare")
    if other_hash is None:
        context["shown"] = None if isinstance(found, Gone) else shown(found)
        context["source"] = source_names.current().shown(found.source)
        return htmx.page(request, "documents/document.jinja", context)
    other = documents.look(other_hash)
    if other is None:
        return htmx.page(request, "documents/unknown.jinja", {"hash": other_hash, "section": "blueprints"}, status=404)
    context |= {
        "other": other,
        "places": places(read(other), read(found)),
        "gone": list({each.hash: each for each in (other, found) if isinstance(each, Gone)}.values()),
        "compared": _compared(other, found),
        "other_origin": _origin(other),
        "swapped_url": links.document(other.hash, found.hash),
    }
    return htmx.page(request, "documents/comparison.jinja", context)


def _origin(document: Stored | Gone) -> Origin:
    found = candidates.candidate(document)
    runs = [
        MakingRun(
            run.status,
            shown_line(run.intent),
            links.unfinished_run(run.issue_id) if run.status == "unfinished" else links.entry(run.issue_id),
            run.new_hash if run.new_hash != document.hash else "",
        )
        for run in found.runs
    ]
    return Origin(document_versions.of_document(document.blueprint_id, document.hash), runs, found)


def _compared(before: Stored | Gone, after: Stored | Gone) -> Compared | None:
    if isinstance(before, Gone) or isinstance(after, Gone):
        return None
    before, after = _of_one_form(before, after)
    return compared(before, after) if before.form == after.form else None


# A head's JSON is compared with JSON, if the other is stored in that form, too.
def _of_one_form(before: Stored, after: Stored) -> tuple[Stored, Stored]:
    if before.form == after.form:
        return before, after
    return documents.find(before.hash, "json") or before, documents.find(after.hash, "json") or after
