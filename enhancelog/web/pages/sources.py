"""``/sources/``: where entries come from, and under which name that is shown."""

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods, require_safe

from enhancelog import links
from enhancelog.accounts.permissions import allows, needs, origin_of
from enhancelog.domain.errors import Invalid
from enhancelog.queries import sources as queries
from enhancelog.queries.sources import Shown
from enhancelog.store import sources as store
from enhancelog.store.sources import MergeNeeded, Rename
from enhancelog.web import htmx
from enhancelog.web.form_errors import refuse
from enhancelog.web.revalidation import revalidated
from enhancelog.web.source_form import RenameForm, WhyForm


@require_safe
@needs("log:read")
@revalidated()
def source_list(request: HttpRequest) -> HttpResponse:
    found = queries.listing()
    context = {
        "section": "blueprints",
        "names": found.names,
        "left_out": found.left_out,
        "changes": queries.changes(),
        "most_changes": queries.MOST_CHANGES,
        "may_rename": allows(request.user, "sources:rename"),
    }
    return htmx.page(request, "sources/page.jinja", context)


@require_http_methods(["GET", "HEAD", "POST"])
@needs("sources:rename")
def rename_source(request: HttpRequest, source: str) -> HttpResponse:
    """``new``, ``why``, and ``merges`` if the new name is that of another source."""
    shown = next((each for each in queries.listing().names if each.name == source), None)
    if shown is None:
        raise Http404("No source is shown under this name.")
    form = RenameForm(request.POST or None)

    def rename() -> None:
        given = form.asked
        store.rename(Rename(source, given["new"], given["why"], given["merges"]), origin_of(request))

    return _change(request, form, rename, shown)


@require_http_methods(["GET", "HEAD", "POST"])
@needs("sources:rename")
def restore_source(request: HttpRequest, recorded: str) -> HttpResponse:
    """``why``, and ``merges`` if its recorded name is now that of another source."""
    names = queries.listing().names
    shown = next((each for each in names if recorded in [one.source for one in each.recorded]), None)
    if shown is None or shown.name == recorded:
        raise Http404("This source is not shown under another name.")
    form = WhyForm(request.POST or None)

    def restore() -> None:
        given = form.cleaned_data
        store.restore(recorded, given["why"], origin_of(request), merges=given["merges"])

    return _change(request, form, restore, shown, restored=recorded)


def _change(
    request: HttpRequest, form: WhyForm, change: Callable[[], None], shown: Shown, restored: str = ""
) -> HttpResponse:
    if request.method == "POST" and form.is_valid():
        try:
            change()
        except MergeNeeded as error:
            form.needs_merge(error)
        except Invalid as error:
            refuse(form, error)
        else:
            messages.success(request, "The name was changed. What depends on it follows within moments.")
            return redirect(links.sources())
    context: dict[str, Any] = {"section": "blueprints", "form": form, "shown": shown, "restored": restored}
    return htmx.page(request, "sources/form.jinja", context, status=400 if form.errors else 200)
