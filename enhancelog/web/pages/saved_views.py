"""``/account/views``: own and shared views."""

from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth.models import User
from django.core.exceptions import BadRequest
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.debug import sensitive_variables
from django.views.decorators.http import require_http_methods, require_POST

from enhancelog import links
from enhancelog.accounts import saved_views
from enhancelog.accounts.permissions import needs, user_of
from enhancelog.domain import names
from enhancelog.domain.errors import Invalid
from enhancelog.models import SavedView
from enhancelog.web.form_errors import refuse, sentence
from enhancelog.web.htmx import is_fragment, page
from enhancelog.web.list_addresses import Address, address


class SavedViewForm(forms.Form):
    """Sets ``address`` if valid."""

    name = forms.CharField(label="Name", max_length=names.MAX_CHARACTERS)
    url = forms.CharField(label="Address", max_length=saved_views.MAX_URL)
    shared = forms.BooleanField(label="Share with everybody who is signed in", required=False)

    def clean_url(self) -> str:
        try:
            self.address: Address = address(self.cleaned_data["url"])
        except Invalid as broken:
            raise forms.ValidationError(sentence(broken)) from None
        return links.route_of(self.address.url)


@require_http_methods(["GET", "HEAD", "POST"])
@needs("views:own")
def saved_view_list(request: HttpRequest) -> HttpResponse:
    """``?url=`` fills in the form; htmx gets the menu."""
    user = user_of(request)
    if is_fragment(request):
        menu = {"own": saved_views.owned(user), "shared": saved_views.shared_with(user)}
        return page(request, "saved_views/menu.jinja", menu)
    form = SavedViewForm(request.POST or None, initial={"url": request.GET.get("url", "")})
    if request.method == "POST" and form.is_valid():
        try:
            view = saved_views.make(user, **form.cleaned_data)
        except Invalid as broken:
            refuse(form, broken)
        else:
            messages.success(request, f"List saved as {view.name}.")
            return redirect(links.at(view.url))
    status = 400 if form.errors else 200
    return page(request, "saved_views/page.jinja", {"form": form, **_listed(user)}, status)


@require_POST
@needs("views:own")
def change_saved_view(request: HttpRequest, view_id: int) -> HttpResponse:
    """404 for others' views. ``act``: rename, share, keep (make private), delete, key (create), revoke (the key)."""
    view = saved_views.owned(user_of(request)).filter(pk=view_id).first()
    if view is None:
        raise Http404("You have no such saved view.")
    act = request.POST.get("act", "")
    if act == "key":
        return _show_key(request, view)
    try:
        messages.success(request, _changed(view, act, request.POST.get("name", "").strip()))
    except Invalid as broken:
        messages.error(request, f"Not renamed: the name {broken.detail}.")
    return redirect("saved_view_list")


def _changed(view: SavedView, act: str, name: str) -> str:
    """Raises ``Invalid`` (name)."""
    match act:
        case "rename":
            saved_views.rename(view, name)
            return f"Renamed to {name}."
        case "share":
            saved_views.share(view, True)
            return f"{view.name} is shared with everybody who is signed in."
        case "keep":
            saved_views.share(view, False)
            return f"{view.name} is private."
        case "delete":
            saved_views.delete(view)
            return f"{view.name} was deleted."
        case "revoke":
            saved_views.revoke_key(view)
            return f"The feed address of {view.name} was revoked. Feed readers that use it are refused from now on."
    raise BadRequest(f'act: must be one of rename, share, keep, delete, key, revoke, not "{act[:40]}"')


@sensitive_variables("feed")
def _show_key(request: HttpRequest, view: SavedView) -> HttpResponse:
    shown = _address(view.url)
    if shown is None or not shown.feed:
        raise BadRequest("Only lists of entries have a feed.")
    feed = links.absolute(f"{shown.feed}&key={saved_views.make_key(view)}")
    response = page(request, "saved_views/key.jinja", {"view": view, "feed": feed}, status=201)
    response["Cache-Control"] = "no-store"
    return response


def _listed(user: User) -> dict[str, Any]:
    return {"own": _addressed(saved_views.owned(user)), "shared": _addressed(saved_views.shared_with(user))}


def _addressed(views: Any) -> list[tuple[SavedView, Address | None]]:
    # A view stays, to be deleted, when its list no longer exists.
    return [(view, _address(view.url)) for view in views]


def _address(url: str) -> Address | None:
    try:
        return address(url)
    except Invalid:
        return None
