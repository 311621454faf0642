"""``/account/tokens``: own API tokens; for staff, everybody's."""

from datetime import UTC, datetime
from typing import Any, Final

from django import forms
from django.contrib import messages
from django.contrib.auth.models import User
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.debug import sensitive_variables
from django.views.decorators.http import require_http_methods, require_POST

from enhancelog.accounts import api_tokens, permissions
from enhancelog.accounts.api_tokens import Wanted
from enhancelog.accounts.permissions import needs
from enhancelog.domain import names
from enhancelog.domain.errors import Invalid
from enhancelog.models import Token
from enhancelog.web.form_errors import refuse
from enhancelog.web.htmx import page

REVOKED_SHOWN: Final = 20
MEANINGS: Final = {
    "log:read": "read the log",
    "log:append": "append to the log",
    "content:read": "read content",
    "content:write": "change content",
    "triage:write": "decide about patterns, write notes, set alerts",
}
LASTS: Final = [("30d", "in 30 days"), ("90d", "in 90 days"), ("365d", "in a year"), ("", "never")]


class Lines(forms.CharField):
    def clean(self, value: Any) -> list[str]:
        return [line.strip() for line in super().clean(value).splitlines() if line.strip()]


class TokenForm(forms.Form):
    """``grantable``: the scopes that the user may give."""

    name = forms.CharField(label="Name", max_length=names.MAX_CHARACTERS)
    scopes = forms.MultipleChoiceField(label="Scopes", widget=forms.CheckboxSelectMultiple)
    expiry = forms.ChoiceField(label="Expires", choices=LASTS, initial="90d", required=False)
    write_blueprints = Lines(
        label="Appends only to these Blueprints", required=False, widget=forms.Textarea({"rows": 2})
    )
    write_kinds = Lines(label="Changes only these kinds", required=False, widget=forms.Textarea({"rows": 2}))

    def __init__(self, *args: Any, grantable: tuple[str, ...] = api_tokens.SCOPES, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.grantable = grantable
        field = self.fields["scopes"]
        field.choices = [(scope, MEANINGS[scope]) for scope in grantable]  # type: ignore[attr-defined]
        if not set(api_tokens.WRITE_SCOPES) & set(grantable):
            del self.fields["write_blueprints"], self.fields["write_kinds"]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if not self.errors:
            try:
                api_tokens.check(self.wanted, datetime.now(UTC), self.grantable)
            except Invalid as broken:
                refuse(self, broken)
        return cleaned

    @property
    def wanted(self) -> Wanted:
        """Requires a valid form."""
        values = self.cleaned_data
        return Wanted(
            name=values["name"],
            scopes=values["scopes"],
            expiry=api_tokens.expiry_from(values["expiry"], datetime.now(UTC)),
            write_blueprints=values.get("write_blueprints", ()),
            write_kinds=values.get("write_kinds", ()),
        )


@require_http_methods(["GET", "HEAD", "POST"])
@needs("account:own")
@sensitive_variables("secret")
def token_list(request: HttpRequest) -> HttpResponse:
    user = permissions.user_of(request)
    grantable = permissions.grantable(user)
    form = TokenForm(request.POST or None, grantable=grantable)
    if request.method == "POST" and form.is_valid():
        try:
            made, secret = api_tokens.make(form.wanted, user, user.get_username(), grantable)
        except Invalid as broken:
            refuse(form, broken)
        else:
            return show_once(request, made, secret)
    status = 400 if form.errors else 200
    return page(request, "tokens/page.jinja", {"form": form, **_listed(user)}, status)


@require_POST
@needs("account:own")
def revoke_token(request: HttpRequest, token_id: int) -> HttpResponse:
    """404 for others' tokens, except for staff."""
    token = _visible(permissions.user_of(request)).filter(pk=token_id).first()
    if token is None:
        raise Http404("There is no token with this id.")
    api_tokens.revoke(token, permissions.user_of(request).get_username())
    messages.success(request, f"Token {token.name} revoked. Requests with it are refused from now on.")
    return redirect("tokens")


@require_POST
@needs("account:own")
def revoke_own_tokens(request: HttpRequest) -> HttpResponse:
    number = api_tokens.revoke_all(permissions.user_of(request))
    what = "1 of your tokens was" if number == 1 else f"{number:,} of your tokens were"
    messages.success(request, f"{what} revoked. Requests with them are refused from now on.")
    return redirect("tokens")


def show_once(request: HttpRequest, token: Token, secret: str) -> HttpResponse:
    can_read = "log:read" in token.scopes
    context = {"token": token, "secret": secret, "can_read": can_read}
    response = page(request, "tokens/made.jinja", context, status=201)
    response["Cache-Control"] = "no-store"
    return response


def _visible(user: User) -> "QuerySet[Token]":
    found: QuerySet[Token] = Token.objects.select_related("user")
    return found if user.is_staff else found.filter(user=user)


def _listed(user: User) -> dict[str, Any]:
    visible = _visible(user)
    now = datetime.now(UTC)
    live = [(token, api_tokens.state(token, now)) for token in visible.filter(revoked=None).order_by("name", "pk")]
    revoked = visible.exclude(revoked=None).order_by("-revoked", "-pk")[:REVOKED_SHOWN]
    own = sum(token.user_id == user.pk for token, _ in live)
    return {"live": live, "own_tokens": own, "revoked": list(revoked)}
