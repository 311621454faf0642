"""Under which name a source is shown, as a form."""

from typing import Any

from django import forms

from enhancelog.domain import records, source_names
from enhancelog.domain.errors import Invalid
from enhancelog.web.form_errors import refuse


class WhyForm(forms.Form):
    why = forms.CharField(label="Why", max_length=source_names.LONGEST_WHY)
    merges = forms.BooleanField(label="Merge the two sources", required=False)

    def needs_merge(self, error: Invalid) -> None:
        """Ask for it."""
        self.fields["merges"].required = True
        refuse(self, Invalid("merges", error.rule, error.detail))


class RenameForm(WhyForm):
    new = forms.CharField(label="New name", max_length=records.MAX_ID_BYTES, strip=False)

    field_order = ("new", "why", "merges")

    def clean_new(self) -> str:
        new = str(self.cleaned_data["new"])
        try:
            source_names.check_name(new, "new")
        except Invalid as broken:
            raise forms.ValidationError(broken.detail[:1].upper() + broken.detail[1:]) from None
        return new

    @property
    def asked(self) -> dict[str, Any]:
        """Requires a valid form."""
        return {name: self.cleaned_data[name] for name in ("new", "why", "merges")}
