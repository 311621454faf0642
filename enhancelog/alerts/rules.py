"""Makes, changes, switches and deletes rules. Raises ``Invalid`` with the field's name."""

import base64
import secrets
from collections.abc import Callable
from typing import Any, Final, NamedTuple, cast
from urllib.parse import urlsplit

import msgspec
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.db.models import Max, Q, QuerySet
from msgspec import UNSET

from enhancelog.alerts import addresses, verified_addresses, watched
from enhancelog.backends import dialect, faults
from enhancelog.domain import records, strict_json
from enhancelog.domain.alerts import (
    BY_PERSON,
    EVENTS,
    MAX_ADDRESS,
    AlertChannel,
    AlertEdit,
    AlertEvent,
    NewAlert,
    checked_options,
    event_of,
)
from enhancelog.domain.errors import Conflict, Invalid
from enhancelog.domain.origin import Origin
from enhancelog.domain.times import DAY_MS, now_ms
from enhancelog.models import Alert, SavedView, UnfinishedRunChange
from enhancelog.store import audit
from enhancelog.store.database import last_position

MOST_OWNED: Final = 100
MOST: Final = 500  # in all, which bounds a step of the evaluator
OVERLAP_MS: Final = DAY_MS  # for so long, the former secret signs too
LONGEST_SNOOZE_MS: Final = 365 * DAY_MS
_ID_BYTES: Final = 8
_SECRET_BYTES: Final = 32
Expected = Callable[[int], bool]

_SERVER: Final = Origin("server", "alerts", "server")


class Actor(NamedTuple):
    """Who changes a rule. ``is_staff``: may send anywhere, and change the rules of others."""

    user: User
    is_staff: bool
    origin: Origin


class Made(NamedTuple):
    """``secret``: new, to be shown once; empty without any."""

    alert: Alert
    secret: str


def visible(actor: Actor) -> QuerySet[Alert]:
    """Newest first."""
    rows = Alert.objects.select_related("view", "owner").order_by("-made_ms", "id")
    return rows if actor.is_staff else rows.filter(owner=actor.user)


def views_for(user: User) -> QuerySet[SavedView]:
    """Saved views that a rule of this user may watch."""
    return SavedView.objects.filter(Q(user=user) | Q(shared=True, user__is_active=True)).order_by("name", "pk")


def addresses_for(actor: Actor) -> list[str]:
    """Verified e-mail addresses that the actor may send to."""
    rows = verified_addresses.usable(actor.user, actor.is_staff)
    return list(rows.order_by("address").values_list("address", flat=True).distinct()[:MOST_OWNED])


def make(new: NewAlert, actor: Actor) -> Made:
    """Raises ``PermissionDenied`` too."""
    options = checked_options(new.event, new.options)
    view = _view(new.view, new.event, actor.user)
    address = _destination(new.channel, new.url, new.address, actor)
    secret = new_secret(new.channel)
    alert = Alert(
        id=secrets.token_hex(_ID_BYTES),
        owner=actor.user,
        name=new.name,
        event=new.event,
        has_view=view is not None,
        view=view,
        options=records.encode_part(options),
        channel=new.channel,
        address=address,
        secret=secret,
        former_secret="",
        made_ms=now_ms(),
        off_why="",
        version=1,
    )
    with faults(), dialect().appending():
        if Alert.objects.count() >= MOST or Alert.objects.filter(owner=actor.user).count() >= MOST_OWNED:
            raise Invalid("", "count", f"There are {MOST_OWNED} alerts of yours, or {MOST} in all; delete some first")
        _begin(alert)
        alert.save(force_insert=True)
        _record("alert.make", alert, actor.origin)
    return Made(alert, secret)


def change(alert: Alert, edit: AlertEdit, actor: Actor, expected: Expected | None = None) -> Made:
    """``expected`` says whether the caller knows the version that there is. Raises ``PermissionDenied`` and
    ``Conflict`` too."""
    event, channel = event_of(alert.event), cast(AlertChannel, alert.channel)
    values: dict[str, Any] = {}
    if isinstance(edit.name, str):
        values["name"] = edit.name
    if not isinstance(edit.options, msgspec.UnsetType):
        values["options"] = records.encode_part(checked_options(event, edit.options))
    if edit.view is not UNSET:
        values["view"] = _view(edit.view if isinstance(edit.view, int) else None, event, alert.owner)
        values["has_view"] = values["view"] is not None
    url, address = (value if isinstance(value, str) else None for value in (edit.url, edit.address))
    if url == shown_url(alert):  # an answer that came back; of Slack's, it has the host alone
        url = None
    if url is not None or address is not None:
        values["address"] = _destination(channel, url, address, actor)
    if edit.snoozed_until_ms is not UNSET:
        values["snoozed_until_ms"] = _snooze(edit.snoozed_until_ms)
    if edit.on is True:
        _check_whole(alert, values, actor)
    if edit.rotate_secret and channel != "webhook":
        raise Invalid("rotate_secret", "combination", "can be true for webhooks only; others have no secret")
    return _write(alert.pk, values, edit, actor, expected)


def delete(alert: Alert, actor: Actor) -> None:
    """With its deliveries."""
    with faults(), dialect().appending():
        _record("alert.delete", alert, actor.origin)
        Alert.objects.filter(pk=alert.pk).delete()


def switch_off(alert_id: str, why: str) -> bool:
    """By the server. Returns whether it was on. What it has waiting is dropped by and by."""
    with faults(), dialect().appending():
        was_on = Alert.objects.filter(pk=alert_id, off_ms=None).update(off_ms=now_ms(), off_why=why) == 1
        if was_on:
            audit.record("alert.off", _SERVER, "alert", alert_id, why=why)
    return was_on


def is_snoozed(alert: Alert, now_ms: int) -> bool:
    return alert.snoozed_until_ms is not None and now_ms < alert.snoozed_until_ms


def why_off(alert: Alert) -> str:
    """Empty: it is on. A rule whose view was deleted is off even before the evaluator finds it so."""
    if alert.off_ms is not None:
        return str(alert.off_why)
    return NO_VIEW if alert.has_view and alert.view_id is None else ""


NO_VIEW: Final = "its saved view was deleted"


def shown_url(alert: Alert) -> str | None:
    """Of Slack, only the host: who knows the path may post."""
    if alert.channel == "email":
        return None
    if alert.channel == "slack":
        parts = urlsplit(alert.address)
        return f"{parts.scheme}://{parts.netloc}/…"
    return str(alert.address)


def _write(
    alert_id: str, values: dict[str, Any], edit: AlertEdit, actor: Actor, expected: Expected | None = None
) -> Made:
    secret = new_secret("webhook") if edit.rotate_secret else ""
    with faults(), dialect().appending():
        alert = Alert.objects.select_related("view", "owner").get(pk=alert_id)
        if expected is not None and not expected(alert.version):
            raise Conflict(alert_id, digest=str(alert.version))
        changed = sorted(name for name, value in values.items() if getattr(alert, name) != value)
        for name, value in values.items():
            setattr(alert, name, value)
        if edit.on is True and alert.off_ms is not None:
            alert.off_ms, alert.off_why, alert.failing_since_ms = None, "", None
            _begin(alert)
            changed.append("on")
        elif edit.on is False and alert.off_ms is None:
            alert.off_ms, alert.off_why = now_ms(), f"{BY_PERSON}{actor.origin.actor_name}"
            audit.record("alert.off", actor.origin, "alert", alert.pk, why=alert.off_why)
        if secret:
            alert.former_secret, alert.former_until_ms = alert.secret, now_ms() + OVERLAP_MS
            alert.secret = secret
            _record("alert.rotate", alert, actor.origin)
        if changed:
            _record("alert.change", alert, actor.origin, changed=changed)
        alert.version += 1
        alert.retry_ms = None  # what was changed may be what it was stuck at
        alert.save()
    return Made(alert, secret)


def _check_whole(alert: Alert, values: dict[str, Any], actor: Actor) -> None:
    # An imported rule is off, and was never checked; a view may have been deleted since.
    if alert.event not in EVENTS:
        raise Invalid("on", "event", f'cannot be true: there is no event "{alert.event[:40]}"')
    has_view, view = (values.get(name, getattr(alert, name)) for name in ("has_view", "view"))
    if has_view and view is None:
        raise Invalid("on", "view", f"cannot be true: {NO_VIEW}; give another view, or null for everything")
    if view is not None:
        watched.check(event_of(alert.event), view.url, now_ms())
    checked_options(alert.event, strict_json.parse(values.get("options", alert.options)))
    if "address" not in values:
        is_email = alert.channel == "email"
        url, address = ("", alert.address) if is_email else (alert.address, "")
        _destination(cast(AlertChannel, alert.channel), url, address, actor)


def _begin(alert: Alert) -> None:
    # Under the append lock, so that nothing lies between.
    alert.since_ms = now_ms()
    alert.stuck_since_ms, alert.stuck_why, alert.retry_ms, alert.own_position = None, "", None, None
    alert.log_position = last_position()
    alert.audit_position = audit.last_position()
    alert.run_position = UnfinishedRunChange.objects.aggregate(last=Max("pk"))["last"] or 0


def _view(view_id: int | None, event: AlertEvent, user: User) -> SavedView | None:
    if view_id is None:
        return None
    view = views_for(user).filter(pk=view_id).first() if -(2**63) <= view_id < 2**63 else None
    if view is None:
        raise Invalid("view", "unknown", f"must be the id of a saved view of yours or a shared one, not {view_id}")
    watched.check(event, view.url, now_ms())
    return view


def _destination(channel: AlertChannel, url: str | None, address: str | None, actor: Actor) -> str:
    given, other, field = (address, url, "address") if channel == "email" else (url, address, "url")
    if not given:
        raise Invalid(field, "missing", f"is missing, which {channel} needs")
    if other:
        raise Invalid("url" if field == "address" else "address", "combination", f"does not go with {channel}")
    if channel == "email":
        _check_verified(given, actor)
    else:
        if not actor.is_staff:
            raise PermissionDenied(f"Only staff may send alerts to a {channel}; send them to your verified address.")
        addresses.check(given)
    return given


def _check_verified(address: str, actor: Actor) -> None:
    rows = verified_addresses.usable(actor.user, actor.is_staff)
    if len(address) > MAX_ADDRESS or not rows.filter(address=address).exists():
        whose = "somebody's" if actor.is_staff else "your own"
        raise Invalid("address", "unverified", f"must be {whose} verified e-mail address; verify it first")


def _snooze(until_ms: object) -> int | None:
    if not isinstance(until_ms, int):
        return None
    now = now_ms()
    if until_ms > now + LONGEST_SNOOZE_MS:
        raise Invalid("snoozed_until_ms", "range", "must be at most a year from now, in epoch ms")
    return until_ms if until_ms > now else None


def new_secret(channel: str) -> str:
    """Empty unless it is a webhook."""
    if channel != "webhook":
        return ""
    return f"whsec_{base64.b64encode(secrets.token_bytes(_SECRET_BYTES)).decode()}"


def _record(act: Any, alert: Alert, origin: Origin, **detail: Any) -> None:
    audit.record(act, origin, "alert", alert.pk, name=alert.name, event=alert.event, channel=alert.channel, **detail)
