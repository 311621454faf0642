"""What a marker says, as a form."""

from datetime import UTC, datetime
from typing import Any

from django import forms

from enhancelog.domain import markers, periods
from enhancelog.domain.errors import Invalid
from enhancelog.domain.markers import Marker, MarkerEdit, NewMarker
from enhancelog.domain.times import now_ms
from enhancelog.web.form_errors import refuse, sentence


class MarkerForm(forms.Form):
    title = forms.CharField(label="What changed", max_length=markers.MAX_TITLE)
    note = forms.CharField(
        label="Note", required=False, max_length=markers.MAX_NOTE, widget=forms.Textarea({"rows": 3})
    )
    at = forms.CharField(label="When (UTC)", required=False)
    blueprint_id = forms.CharField(label="Only this Blueprint", required=False)
    axis = forms.CharField(label="Only this axis", required=False)

    def clean_at(self) -> int | None:
        value = self.cleaned_data["at"]
        try:
            return periods.instant("at", value, now_ms()) if value else None
        except Invalid as broken:
            raise forms.ValidationError(sentence(broken)) from None

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if not self.errors:
            try:
                markers.check(now_ms(), **self._fields)
            except Invalid as broken:
                refuse(self, Invalid("at" if broken.field == "ts_ms" else broken.field, broken.rule, broken.detail))
        return cleaned

    @property
    def _fields(self) -> dict[str, Any]:
        given = self.cleaned_data
        return {
            "title": given["title"],
            "note": given["note"].replace("\r\n", "\n"),
            "ts_ms": given["at"],
            "blueprint_id": given["blueprint_id"] or None,
            "axis": given["axis"] or None,
        }

    @property
    def new(self) -> NewMarker:
        """Requires a valid form."""
        return NewMarker(**self._fields)

    @property
    def change(self) -> MarkerEdit:
        """Requires a valid form. An empty time leaves the marker where it is."""
        fields = self._fields
        if fields["ts_ms"] is None:
            del fields["ts_ms"]
        return MarkerEdit(**fields)


def initial(marker: Marker) -> dict[str, str]:
    moment = datetime.fromtimestamp(marker.ts_ms // 1000, UTC)
    return {
        "title": marker.title,
        "note": marker.note,
        "at": f"{moment:%Y-%m-%dT%H:%M:%S}.{marker.ts_ms % 1000:03}Z",
        "blueprint_id": marker.blueprint_id or "",
        "axis": marker.axis or "",
    }
