"""Sets, edits and hides markers. Callers check permissions, and that a marker to hide exists."""

import secrets
from collections.abc import Callable

from enhancelog.backends import dialect, faults
from enhancelog.domain.errors import Invalid
from enhancelog.domain.markers import MarkerEdit, NewMarker
from enhancelog.domain.origin import Origin
from enhancelog.domain.times import now_ms
from enhancelog.models import HiddenMarker, Marker
from enhancelog.store import audit

_ID_BYTES = 8


def make(new: NewMarker, origin: Origin) -> str:
    """Returns its id."""
    marker = Marker(
        id=secrets.token_hex(_ID_BYTES),
        ts_ms=now_ms() if new.ts_ms is None else new.ts_ms,
        title=new.title,
        note=new.note,
        blueprint_id=new.blueprint_id,
        axis=new.axis,
        source=f"{origin.actor_kind} {origin.actor_name}",
    )
    with faults(), dialect().appending():
        marker.save(force_insert=True)
        audit.record("marker.make", origin, "marker", marker.pk, title=marker.title)
    return str(marker.pk)


def edit(marker_id: str, change: MarkerEdit, origin: Origin, check_blueprint: Callable[[str | None], None]) -> None:
    """All or nothing. ``check_blueprint`` raises if the origin may not write to a Blueprint (``None``: to all); it gets
    the one before, too. Raises ``Invalid`` if it was not set by hand."""
    texts = change.texts
    with faults(), dialect().appending():
        if texts:
            _write(marker_id, texts, origin, check_blueprint)
        if isinstance(change.hidden, bool):
            _hide(marker_id, change.hidden, origin)


def _write(
    marker_id: str, texts: dict[str, str | int | None], origin: Origin, check_blueprint: Callable[[str | None], None]
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
        audit.record("marker.edit", origin, "marker", marker_id, title=row.title, changed=list(changed))


def _hide(marker_id: str, hidden: bool, origin: Origin) -> None:
    rows = HiddenMarker.objects.filter(pk=marker_id)
    if rows.exists() == hidden:
        return
    if hidden:
        HiddenMarker.objects.create(marker_id=marker_id)
    else:
        rows.delete()
    audit.record("marker.hide" if hidden else "marker.show", origin, "marker", marker_id)
