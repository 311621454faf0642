"""A form that was sent and not accepted, so that it can be shown again. Nothing here acts on it."""

from typing import Any, Final, NamedTuple

from django.conf import settings
from django.http import HttpRequest, QueryDict
from django.urls import reverse

from enhancelog import links

# Prefix of its fields' names in a form that also signs in.
PREFIX: Final = "unsent."
_LABELS: Final = {
    "value": "Text",
    "text": "Note",
    "name": "Name",
    "url": "Address",
    "story_id": "Work item",
    "write_blueprints": "Appends only to these Blueprints",
    "write_kinds": "Changes only these kinds",
}
_SECRETS: Final = {
    "old_password": "Old password",
    "new_password1": "New password",
    "new_password2": "New password confirmation",
}
_LONG: Final = 60


class Field(NamedTuple):
    """Without a ``label``, it was chosen and not typed."""

    name: str
    value: str
    label: str = ""

    @property
    def is_long(self) -> bool:
        return self.name in ("value", "text") or len(self.value) > _LONG or "\n" in self.value


class Unsent(NamedTuple):
    """``secrets`` have no values: passwords are typed again. ``back``: the page of the form."""

    action: str
    back: str
    fields: list[Field]
    secrets: list[Field]

    @property
    def typed(self) -> list[Field]:
        return [field for field in self.fields if field.label]

    @property
    def chosen(self) -> list[Field]:
        return [field for field in self.fields if not field.label]


def form_of(request: HttpRequest) -> Unsent | None:
    """The form that ``request`` sent; ``None`` if it may come from another site."""
    if request.method != "POST" or not _is_from_here(request):
        return None
    if request.path == reverse("resume"):
        return getattr(request, "unsent", None) or inside_sign_in(request)
    return _form(request.get_full_path(), _referring_page(request), request.POST)


def inside_sign_in(request: HttpRequest) -> Unsent | None:
    """Taken out of ``request.POST``, so what reads the sign-in never sees it."""
    sign_in, sent = QueryDict(mutable=True), QueryDict(mutable=True)
    for name, values in request.POST.lists():
        if name.startswith(PREFIX):
            sent.setlist(name.removeprefix(PREFIX), values)
        else:
            sign_in.setlist(name, values)
    action, back = sign_in.get("sent_to", ""), sign_in.get("back", "")
    if not links.is_path_here(action):
        return None
    request.POST = sign_in  # type: ignore[assignment]
    unsent = _form(action, back if links.is_path_here(back) else links.at("/"), sent)
    request.unsent = unsent  # type: ignore[attr-defined]
    return unsent


def _form(action: str, back: str, sent: Any) -> Unsent:
    fields, secrets = [], []
    for name, values in sent.lists():
        if name in _SECRETS or "password" in name:
            secrets.append(Field(name, "", _SECRETS.get(name, name.capitalize())))
        elif name != "csrfmiddlewaretoken":
            fields += [Field(name, value, _label(name, value)) for value in values]
    return Unsent(action, back, fields, secrets)


def _label(name: str, value: str) -> str:
    if name in _LABELS:
        return _LABELS[name]
    is_typed = " " in value or "\n" in value or len(value) > _LONG
    return name.replace("_", " ").capitalize() if is_typed else ""


def _is_from_here(request: HttpRequest) -> bool:
    # Otherwise another site could fill in a form for the user to send. An older page of ours has a wrong token too, but
    # browsers say where a form comes from.
    if getattr(request, "csrf_processing_done", False):
        return True
    own = {f"{request.scheme}://{request.get_host()}", *settings.CSRF_TRUSTED_ORIGINS}
    return request.headers.get("Origin") in own


def _referring_page(request: HttpRequest) -> str:
    referrer = request.headers.get("Referer", "")
    start = f"{request.scheme}://{request.get_host()}"
    path = referrer.removeprefix(start)
    return path if path != referrer and links.is_path_here(path) else links.at("/")
