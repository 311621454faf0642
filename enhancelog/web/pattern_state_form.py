"""The state of a pattern, or of several, as a form."""

from typing import Any, Final

from django import forms
from django.http import QueryDict
from msgspec import UNSET

from enhancelog.domain import pattern_states
from enhancelog.domain.errors import Invalid
from enhancelog.domain.pattern_states import CAUSES, STATES, PatternState, StateEdit
from enhancelog.web.form_errors import refuse

STATE_LABELS: Final = {
    "new": "New: nobody has decided",
    "acknowledged": "Acknowledged: somebody takes care of it",
    "expected": "Expected: the verifier is right, nobody needs to act",
    "fixed": "Fixed: it should not come back",
}
CAUSE_LABELS: Final = {
    "prompt": "Patch-writer’s prompt",
    "verifier": "Verifier too strict",
    "issue": "Wording of the issue",
    "infrastructure": "Infrastructure",
    "other": "Other",
}
MOST_AT_ONCE: Final = 1_000  # patterns
_UNCHANGED: Final = ("", "Leave as it is")


class _CommonFields(forms.Form):
    state = forms.ChoiceField(label="State", choices=[(state, STATE_LABELS[state]) for state in STATES])
    cause = forms.ChoiceField(
        label="What should change",
        required=False,
        choices=[("", "Not known"), *((cause, CAUSE_LABELS[cause]) for cause in CAUSES)],
    )
    assignee = forms.CharField(
        label="Who takes care of it",
        required=False,
        max_length=pattern_states.MAX_ASSIGNEE,
        widget=forms.TextInput({"list": "assignees", "autocomplete": "off"}),
    )
    note = forms.CharField(
        label="Note", required=False, max_length=pattern_states.MAX_NOTE, widget=forms.Textarea({"rows": 2})
    )
    most_a_day = forms.IntegerField(
        label="Return on a day with more denials than",
        required=False,
        min_value=1,
        max_value=pattern_states.MAX_A_DAY,
    )

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if not self.errors:
            try:
                pattern_states.check(self.edit)
            except Invalid as broken:
                refuse(self, broken)
        return cleaned

    @property
    def edit(self) -> StateEdit:
        """Requires a valid form."""
        given = self.cleaned_data
        return StateEdit(
            state=given["state"],
            cause=given["cause"] or None,
            assignee=given["assignee"] or None,
            note=given["note"].replace("\r\n", "\n"),
            most_a_day=given["most_a_day"] if given["state"] == "expected" else UNSET,
        )


class PatternStateForm(_CommonFields):
    """``seen``: the latest change that the sender knows."""

    seen = forms.IntegerField(min_value=0, max_value=pattern_states.MAX_CHANGE, widget=forms.HiddenInput)

    def show_latest(self, state: PatternState) -> None:
        """What was typed stays; sent again, it replaces the latest change."""
        self.data = {**self.data.dict(), "seen": str(state.change)} if isinstance(self.data, QueryDict) else self.data


class ManyStatesForm(_CommonFields):
    state = forms.ChoiceField(
        label="State", initial="acknowledged", choices=[(state, STATE_LABELS[state]) for state in STATES]
    )
    cause = forms.ChoiceField(
        label="What should change",
        required=False,
        choices=[_UNCHANGED, *((cause, CAUSE_LABELS[cause]) for cause in CAUSES)],
    )
    assignee = forms.CharField(label="Who takes care of them", required=False, max_length=pattern_states.MAX_ASSIGNEE)

    @property
    def edit(self) -> StateEdit:
        """Requires a valid form."""
        given = self.cleaned_data
        return StateEdit(
            state=given["state"],
            cause=given["cause"] or UNSET,
            assignee=given["assignee"] or UNSET,
            note=given["note"].replace("\r\n", "\n"),
            most_a_day=given["most_a_day"] if given["state"] == "expected" else UNSET,
        )


def initial(state: PatternState) -> dict[str, Any]:
    return {
        "state": state.state,
        "cause": state.cause or "",
        "assignee": state.assignee or "",
        "most_a_day": state.most_a_day,
        "seen": state.change,
    }
