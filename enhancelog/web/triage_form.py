"""A decision about a pattern, as a form."""

from typing import Any, Final

from django import forms

from enhancelog.domain import pattern_states
from enhancelog.domain.pattern_states import CAUSES, StateEdit

DECISIONS: Final = ("acknowledged", "expected", "fixed")


class DecisionForm(forms.Form):
    """``seen``: the change that the reader saw as the latest, 0 for none."""

    pattern = forms.CharField()
    seen = forms.IntegerField(min_value=0)
    skip = forms.IntegerField(min_value=0, required=False)
    state = forms.ChoiceField(choices=[(each, each) for each in DECISIONS])
    cause = forms.ChoiceField(choices=[("", "")] + [(each, each) for each in CAUSES], required=False)
    note = forms.CharField(
        label="Note",
        required=False,
        max_length=pattern_states.MAX_NOTE,
        widget=forms.Textarea({"rows": 2, "data-press": "n", "data-label": "write a note"}),
    )
    most_a_day = forms.IntegerField(
        label="Expected up to", required=False, min_value=1, max_value=pattern_states.MAX_A_DAY
    )

    @property
    def edit(self) -> StateEdit:
        """Requires a valid form."""
        given: dict[str, Any] = self.cleaned_data
        return StateEdit(
            state=given["state"],
            cause=given["cause"] or None,
            note=given["note"].replace("\r\n", "\n"),
            most_a_day=given["most_a_day"] if given["state"] == "expected" else None,
        )
