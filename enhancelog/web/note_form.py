from typing import Final

from django import forms

from enhancelog.domain import notes
from enhancelog.domain.errors import Invalid
from enhancelog.web.form_errors import sentence

_LAST_VERSION: Final = 2**31 - 1


class NoteForm(forms.Form):
    text = forms.CharField(
        label="Note",
        strip=False,
        widget=forms.Textarea({"rows": 5, "maxlength": notes.MAX_TEXT, "autocomplete": "off"}),
    )

    def clean_text(self) -> str:
        text: str = self.cleaned_data["text"].replace("\r\n", "\n")
        try:
            notes.check_text(text)
        except Invalid as broken:
            raise forms.ValidationError(sentence(broken)) from None
        return text


class EditForm(NoteForm):
    """``version``: the one that was edited."""

    version = forms.IntegerField(min_value=1, max_value=_LAST_VERSION, widget=forms.HiddenInput)

    def now_editing(self, version: int) -> None:
        """Sent again, it replaces this version."""
        self.data = {"text": self.data["text"], "version": str(version)}
