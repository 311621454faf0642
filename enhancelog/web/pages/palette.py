"""``/palette/``: go to a Blueprint, an axis, a pattern, a saved view or an entry by its name; and what completes the
filter box."""

from collections.abc import Sequence
from typing import Final, NamedTuple

from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from enhancelog import links
from enhancelog.accounts import saved_views
from enhancelog.accounts.permissions import needs
from enhancelog.domain.completions import Meta, completions
from enhancelog.queries import find, meta_values, touched_places
from enhancelog.web import htmx
from enhancelog.web.htmx import page_or_fragment
from enhancelog.web.list_requests import without_empty_parameters

LONGEST: Final = 512  # characters that are looked for

_VALUES: Final = {
    "blueprint_id": find.blueprints,
    "axis": find.axes,
    "only": find.axes,
    "source": find.sources,
    "touches": touched_places.places,
}
_META: Final = Meta(meta_values.keys, meta_values.values)


class Place(NamedTuple):
    """``note``: in a word, what else tells it apart. ``template``: a pattern's wording instead of a label."""

    url: str
    label: str
    note: str = ""
    template: str = ""


class Group(NamedTuple):
    title: str
    places: Sequence[Place]


@require_safe
@needs("log:read")
@without_empty_parameters()
def palette(request: HttpRequest) -> HttpResponse:
    text = request.GET.get("find", "").strip()
    groups = _groups(text[:LONGEST], request.user if isinstance(request.user, User) else None)
    context = {"section": "palette", "text": text, "groups": [group for group in groups if group.places]}
    return page_or_fragment(request, "palette/page.jinja", context)


@require_safe
@needs("log:read")
def filter_completions(request: HttpRequest) -> HttpResponse:
    """``?q=``: the box's content. Options of a ``<datalist>``."""
    text = request.GET.get("q", "")
    found = completions(text, _VALUES, _META) if len(text) <= LONGEST else []
    return htmx.page(request, "palette/completions.jinja", {"completions": found})


def _groups(text: str, user: User | None) -> list[Group]:
    blueprints = [Place(links.blueprint(name), name or "(no name)") for name in find.blueprints(text)]
    axes = [Place(links.rejections([("axis", axis)]), axis, "rejections") for axis in find.axes(text)]
    patterns = [Place(links.pattern(each.id), each.axis, template=each.template) for each in find.patterns(text)]
    entries = [Place(links.entry(each.issue_id), each.issue_id, each.status) for each in find.entries(text)]
    return [
        Group("Blueprints", blueprints),
        Group("Axes", axes),
        Group("Patterns", patterns),
        Group("Saved views", _views(text, user) if user else []),
        Group("Entries", entries),
    ]


def _views(text: str, user: User) -> list[Place]:
    views = [*saved_views.owned(user), *saved_views.shared_with(user)]
    part = text.lower()
    return [Place(links.at(view.url), view.name) for view in views if part in view.name.lower()][: find.MOST]
