"""``/redactions/entries/<id>``: staff take texts out of an entry."""

from typing import Any

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods

from enhancelog import links
from enhancelog.accounts.permissions import needs, origin_of
from enhancelog.domain import redactions
from enhancelog.domain.errors import Invalid, NotFound
from enhancelog.queries import entries
from enhancelog.store import redacting
from enhancelog.web import htmx
from enhancelog.web.form_errors import refuse


class RedactForm(forms.Form):
    """``possible``: the fields that have a text."""

    field = forms.MultipleChoiceField(label="What goes", widget=forms.CheckboxSelectMultiple)
    why = forms.CharField(label="Why", max_length=redactions.LONGEST_WHY)
    sure = forms.BooleanField(label="I know that nobody can undo this")

    def __init__(self, possible: list[str], *arguments: Any) -> None:
        super().__init__(*arguments)
        choices = self.fields["field"]
        assert isinstance(choices, forms.MultipleChoiceField)  # noqa: S101
        choices.choices = [(field, field) for field in possible]

    def clean_why(self) -> str:
        try:
            return redactions.checked_why(self.cleaned_data["why"])
        except Invalid as broken:
            raise forms.ValidationError(f"It {broken.detail}.") from None


@require_http_methods(["GET", "HEAD", "POST"])
@needs("entries:redact")
def redact_entry(request: HttpRequest, issue_id: str) -> HttpResponse:
    try:
        listed = entries.get(issue_id)
    except NotFound:
        raise Http404("There is no entry with this id.") from None
    sent = request.POST if request.method == "POST" else None
    form = RedactForm(redacting.possible(issue_id), sent)
    context = {"section": "blueprints", "listed": listed, "form": form, "issue_id": issue_id, "is_permitted": True}
    if not redacting.is_permitted():
        status = 403 if request.method == "POST" else 200
        return htmx.page(request, "entry/redact.jinja", context | {"is_permitted": False}, status=status)
    if request.method == "POST" and form.is_valid() and _is_redacted(request, issue_id, form):
        messages.success(request, "The entry was redacted.")
        return redirect(links.entry(issue_id))
    return htmx.page(request, "entry/redact.jinja", context, status=400 if form.errors else 200)


# False: another redaction came first, or ``why`` repeats the text.
def _is_redacted(request: HttpRequest, issue_id: str, form: RedactForm) -> bool:
    try:
        redacting.redact(issue_id, form.cleaned_data["field"], form.cleaned_data["why"], origin_of(request))
    except Invalid as broken:
        if broken.field == "why":
            refuse(form, Invalid("why", broken.rule, f"It {broken.detail}"))
        else:
            refuse(form, Invalid("field", broken.rule, f"{broken.field} {broken.detail}"))
        return False
    return True
