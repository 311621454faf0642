"""Sets, edits and hides markers. Callers check permissions, and that a marker to hide exists."""

import secrets
from collections.abc import Callable
from typing import Literal

from enhancelog.backends import dialect, faults
from enhancelog.domain.errors import Invalid
from enhancelog.domain.markers import MarkerEdit, NewMarker
from enhancelog.domain.origin import Origin
from enhancelog.domain.times import now_ms
from enhancelog.models import HiddenMarker, Marker, MarkerChange

_ID_BYTES = 8


def make(new: NewMarker, origin: Origin) -> str:
    """Returns its id."""
    by = _who(origin)
    marker = Marker(
        id=secrets.token_hex(_ID_BYTES),
        ts_ms=now_ms() if new.ts_ms is None else new.ts_ms,
        title=new.title,
        note=new.note,
        blueprint_id=new.blueprint_id,
        axis=new.axis,
        source=by,
    )
    with faults(), dialect().appending():
        marker.save(force_insert=True)
        _record(marker.pk, "made", by)
    return str(marker.pk)


def edit(marker_id: str, change: MarkerEdit, origin: Origin, check_blueprint: Callable[[str | None], None]) -> None:
    """All or nothing. ``check_blueprint`` raises if the origin may not write to a Blueprint (``None``: to all); it gets
    the one before, too. Raises ``Invalid`` if it was not set by hand."""
    by, texts = _who(origin), change.texts
    with faults(), dialect().appending():
        if texts:
            _write(marker_id, texts, by, check_blueprint)
        if isinstance(change.hidden, bool):
            _hide(marker_id, change.hidden, by)


def _who(origin: Origin) -> str:
    return f"{origin.actor_kind} {origin.actor_name}"


def _write(
    marker_id: str, texts: dict[str, str | int | None], by: str, check_blueprint: Callable[[str | None], None]
) -> None:
    row = Marker.objects.filter(pk=marker_id).first()
    if row is None:
        raise Invalid(next(iter(texts)), "derived", "can be changed of markers that were set by hand only")
    for blueprint_id in (row.blueprint_id, texts.get("blueprint_id", row.blueprint_id)):
        check_blueprint(blueprint_id)
    changed = {name: value for name, value in texts.items() if getattr(row, name) != value}
    if changed:
        for name, value in changed.items():
            setattr(row, name, value)
        row.save(update_fields=list(changed))
        _record(marker_id, "edited", by)


def _hide(marker_id: str, hidden: bool, by: str) -> None:
    rows = HiddenMarker.objects.filter(pk=marker_id)
    if rows.exists() == hidden:
        return
    if hidden:
        HiddenMarker.objects.create(marker_id=marker_id)
    else:
        rows.delete()
    _record(marker_id, "hidden" if hidden else "shown", by)


def _record(marker_id: str, act: Literal["made", "edited", "hidden", "shown"], by: str) -> None:
    MarkerChange.objects.create(marker_id=marker_id, act=act, made_by=by, made_ms=now_ms())
