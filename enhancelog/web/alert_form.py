"""What a rule says, as a form."""

from typing import Any, Final

from django import forms
from msgspec import UNSET

from enhancelog.alerts import rules
from enhancelog.alerts.rules import Actor
from enhancelog.domain import alerts, names, strict_json
from enhancelog.domain.alerts import AlertEdit, NewAlert, checked_options, time_zones
from enhancelog.domain.errors import Invalid
from enhancelog.models import Alert
from enhancelog.web.form_errors import refuse

EVENT_NAMES: Final = {
    "pattern.new": "a new pattern",
    "pattern.returned": "a pattern that returned",
    "rate.high": "a high rate of rejections",
    "axis.silent": "an axis that stopped judging",
    "runs.silent": "no run for a long time",
    "run.unfinished": "a run that did not finish",
    "entry.rejected": "each rejected entry",
    "mention": "a note that mentions you",
    "digest": "a digest",
}
CHANNEL_NAMES: Final = {"email": "e-mail", "webhook": "webhook", "slack": "Slack"}
FIELDS_OF: Final = {
    "rate.high": ("runs", "percent", "twice"),
    "axis.silent": ("axis_runs", "axis"),
    "runs.silent": ("hours",),
    "digest": ("every", "weekday", "hour", "time_zone"),
}
# Of the options of other events nothing is read.
_OPTION_NAMES: Final = {"axis_runs": "runs"}
_NO_CHOICE: Final = ("", "choose…")


class AlertForm(forms.Form):
    """``alert``: the one to change, whose event and channel stay."""

    name = forms.CharField(label="Name", max_length=names.MAX_CHARACTERS)
    event = forms.ChoiceField(label="Tell me about", choices=list(EVENT_NAMES.items()))
    view = forms.ChoiceField(label="In", required=False)
    runs = forms.IntegerField(label="Number of last runs", required=False, initial=100)
    percent = forms.IntegerField(label="Rejected, more than (per cent)", required=False)
    twice = forms.BooleanField(label="Instead: more than twice the rate of the 28 days before", required=False)
    axis_runs = forms.IntegerField(label="Runs without it", required=False, initial=50)
    axis = forms.CharField(label="Only this axis", required=False)
    hours = forms.IntegerField(label="Hours without a run", required=False, initial=24)
    every = forms.ChoiceField(label="Every", required=False, choices=[("day", "day"), ("week", "week")])
    weekday = forms.ChoiceField(
        label="If every week, on", required=False, choices=[(day, day.capitalize()) for day in alerts.WEEKDAYS]
    )
    hour = forms.IntegerField(label="At (hour, 0 to 23)", required=False, initial=8)
    time_zone = forms.ChoiceField(label="Time zone", required=False, initial="UTC")
    channel = forms.ChoiceField(label="Send it by")
    url = forms.CharField(label="Address of the webhook", required=False)
    address = forms.ChoiceField(label="E-mail address", required=False)

    def __init__(self, *args: Any, actor: Actor, alert: Alert | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.alert = alert
        self._choose("view", [("", "everything"), *_views(alert.owner if alert else actor.user)])
        self._choose("time_zone", [(zone, zone) for zone in sorted(time_zones())])
        known = rules.addresses_for(actor)
        if alert and alert.channel == "email" and alert.address not in known:
            known = [alert.address, *known]
        self._choose("address", [_NO_CHOICE, *((each, each) for each in known)])
        channels = CHANNEL_NAMES if actor.is_staff else {"email": CHANNEL_NAMES["email"]}
        self._choose("channel", list(channels.items()))
        if alert:
            self._leave_out(alert)

    def _choose(self, name: str, choices: list[tuple[str, str]]) -> None:
        self.fields[name].choices = choices  # type: ignore[attr-defined]

    def _leave_out(self, alert: Alert) -> None:
        of_events = {name for fields in FIELDS_OF.values() for name in fields}
        gone = of_events - set(FIELDS_OF.get(alert.event, ())) | {"event", "channel"}
        gone.add("url" if alert.channel == "email" else "address")
        if alert.event == "mention":
            gone.add("view")
        for name in gone:
            del self.fields[name]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if not self.errors:
            try:
                names.check(cleaned["name"])
                checked_options(self._event, self._options)
            except Invalid as broken:
                self.refuse(broken)
        return cleaned

    def refuse(self, broken: Invalid) -> None:
        """Shows it at the field."""
        option = broken.field.removeprefix("options.")
        of_event = FIELDS_OF.get(self._event, ())
        field = next((name for name in of_event if _OPTION_NAMES.get(name, name) == option), broken.field)
        refuse(self, Invalid(field, broken.rule, broken.detail))

    @property
    def _event(self) -> str:
        return self.alert.event if self.alert else str(self.cleaned_data.get("event", ""))

    @property
    def _options(self) -> dict[str, Any]:
        given = {name: self.cleaned_data.get(name) for name in FIELDS_OF.get(self._event, ())}
        return {_OPTION_NAMES.get(name, name): value for name, value in given.items() if value not in (None, "")}

    @property
    def _view(self) -> int | None:
        return int(self.cleaned_data["view"]) if self.cleaned_data.get("view") else None

    @property
    def new(self) -> NewAlert:
        """Requires a valid form."""
        given = self.cleaned_data
        is_email = given["channel"] == "email"
        return NewAlert(
            name=given["name"],
            event=given["event"],
            channel=given["channel"],
            view=None if given["event"] == "mention" else self._view,
            url=None if is_email else given["url"],
            address=given["address"] if is_email else None,
            options=self._options,
        )

    @property
    def edit(self) -> AlertEdit:
        """Requires a valid form."""
        given = self.cleaned_data
        return AlertEdit(
            name=given["name"],
            view=self._view if "view" in self.fields else UNSET,
            url=given.get("url") or UNSET,
            address=given.get("address") or UNSET,
            options=self._options,
        )


def initial(alert: Alert) -> dict[str, Any]:
    options = strict_json.parse(alert.options)
    given = {name: options.get(_OPTION_NAMES.get(name, name)) for name in FIELDS_OF.get(alert.event, ())}
    where = "address" if alert.channel == "email" else "url"
    return {"name": alert.name, "view": str(alert.view_id or ""), where: alert.address, **given}


def _views(user: Any) -> list[tuple[str, str]]:
    return [(str(view.pk), view.name) for view in rules.views_for(user).select_related("user")[: rules.MOST]]
