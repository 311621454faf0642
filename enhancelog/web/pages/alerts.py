"""``/alerts/``: rules, and whether they are on; ``/alerts/<id>``: one, with its messages."""

from typing import Any, Final, NamedTuple

from django.contrib import messages
from django.core.exceptions import BadRequest, PermissionDenied
from django.db.models import OuterRef, Subquery
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.debug import sensitive_variables
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from enhancelog import links
from enhancelog.accounts.permissions import allows, needs, origin_of, user_of
from enhancelog.alerts import rules, shown, wording
from enhancelog.alerts.messages import is_test
from enhancelog.alerts.rules import Actor, Made
from enhancelog.domain import strict_json
from enhancelog.domain.alerts import AlertEdit
from enhancelog.domain.errors import Invalid
from enhancelog.domain.times import DAY_MS, HOUR_MS, now_ms
from enhancelog.models import Alert, Delivery
from enhancelog.web import htmx
from enhancelog.web.alert_form import CHANNEL_NAMES, EVENT_NAMES, FIELDS_OF, AlertForm, initial
from enhancelog.web.form_errors import sentence

MOST_DELIVERIES: Final = 20
SNOOZES: Final = {"hour": HOUR_MS, "day": DAY_MS, "week": 7 * DAY_MS}


class AlertRow(NamedTuple):
    """``off_why``: empty if it is on. ``last_ms``: of its latest message."""

    alert: Alert
    off_why: str
    is_snoozed: bool
    last_ms: int | None


class MessageRow(NamedTuple):
    id: str
    title: str
    state: str
    attempts: int
    made_ms: int


@require_safe
@needs("alerts:own")
def alert_list(request: HttpRequest) -> HttpResponse:
    latest = Delivery.objects.filter(alert=OuterRef("pk")).order_by("-made_ms", "-id").values("made_ms")[:1]
    found = rules.visible(_actor(request)).annotate(last_ms=Subquery(latest))
    now = now_ms()
    context = {
        "section": "alerts",
        "rows": [AlertRow(each, rules.why_off(each), rules.is_snoozed(each, now), each.last_ms) for each in found],
        "events": EVENT_NAMES,
        "channels": CHANNEL_NAMES,
        "is_of_all": allows(request.user, "triage:write"),
    }
    return htmx.page(request, "alerts/page.jinja", context)


@require_http_methods(["GET", "HEAD", "POST"])
@needs("alerts:own")
@sensitive_variables("made")
def new_alert(request: HttpRequest) -> HttpResponse:
    """The parameters ``event`` and ``view`` (an id) fill in the form."""
    actor = _actor(request)
    given = {name: request.GET[name] for name in ("event", "view") if name in request.GET}
    form = AlertForm(request.POST or None, actor=actor, initial=given)
    if request.method == "POST" and form.is_valid():
        try:
            made = rules.make(form.new, actor)
        except Invalid as broken:
            form.refuse(broken)
        except PermissionDenied as refused:
            form.add_error("channel", str(refused))
        else:
            messages.success(request, f"The alert {made.alert.name} is on.")
            return _shown_once(request, made) if made.secret else redirect(links.alert(str(made.alert.pk)))
    context = {"section": "alerts", "form": form, "fields_of": FIELDS_OF, "has_webhooks": actor.is_staff}
    return htmx.page(request, "alerts/new.jinja", context, status=400 if form.errors else 200)


@require_http_methods(["GET", "HEAD", "POST"])
@needs("alerts:own")
def alert_detail(request: HttpRequest, alert_id: str) -> HttpResponse:
    actor = _actor(request)
    alert = _known(actor, alert_id)
    form = AlertForm(request.POST or None, actor=actor, alert=alert, initial=initial(alert))
    if request.method == "POST" and form.is_valid():
        try:
            rules.change(alert, form.edit, actor)
        except Invalid as broken:
            form.refuse(broken)
        except PermissionDenied as refused:
            form.add_error(None, str(refused))
        else:
            messages.success(request, "The alert was changed.")
            return redirect(links.alert(alert_id))
    now = now_ms()
    context = {
        "section": "alerts",
        "alert": alert,
        "form": form,
        "fields": FIELDS_OF.get(alert.event, ()),
        "event": EVENT_NAMES.get(alert.event, alert.event),
        "channel": CHANNEL_NAMES[alert.channel],
        "off_why": rules.why_off(alert),
        "is_snoozed": rules.is_snoozed(alert, now),
        "signs_twice_until_ms": alert.former_until_ms if (alert.former_until_ms or 0) > now else None,
        "snoozes": list(SNOOZES),
        "deliveries": [_message(row, alert) for row in _latest(alert)],
        "deliveries_url": links.deliveries([("alert", alert_id)]),
        "change_url": links.change_alert(alert_id),
        "raw_url": links.api_alert(alert_id),
    }
    return htmx.page(request, "alerts/alert.jinja", context, status=400 if form.errors else 200)


@require_POST
@needs("alerts:own")
@sensitive_variables("made")
def change_alert(request: HttpRequest, alert_id: str) -> HttpResponse:
    """``act``: on, off, wake, rotate, test, delete, or how long to snooze."""
    actor, act = _actor(request), request.POST.get("act", "")
    alert = _known(actor, alert_id)
    try:
        if act == "rotate":
            return _shown_once(request, rules.change(alert, AlertEdit(rotate_secret=True), actor), rotated=True)
        messages.success(request, _changed(alert, act, actor))
    except Invalid as broken:
        messages.error(request, f"{sentence(broken)}.")
    return redirect("alert_list" if act == "delete" else links.alert(alert_id))


def _changed(alert: Alert, act: str, actor: Actor) -> str:
    # Raises ``Invalid``.
    if act in SNOOZES:
        rules.change(alert, AlertEdit(snoozed_until_ms=now_ms() + SNOOZES[act]), actor)
        return f"Snoozed for {'an' if act == 'hour' else 'a'} {act}. What happens until then is not reported."
    match act:
        case "wake":
            rules.change(alert, AlertEdit(snoozed_until_ms=None), actor)
            return "The alert is no longer snoozed."
        case "on":
            rules.change(alert, AlertEdit(on=True), actor)
            return "The alert is on. It reports what happens from now on."
        case "off":
            rules.change(alert, AlertEdit(on=False), actor)
            return "The alert is off."
        case "test":
            shown.send_test(alert)
            return "A test message with made-up data is on its way."
        case "delete":
            rules.delete(alert, actor)
            return f"The alert {alert.name} was deleted."
    choices = ", ".join((*SNOOZES, "wake", "on", "off", "rotate", "test", "delete"))
    raise BadRequest(f'act: must be one of {choices}, not "{act[:40]}"')


def _actor(request: HttpRequest) -> Actor:
    user = user_of(request)
    return Actor(user, allows(user, "triage:write"), origin_of(request))


def _known(actor: Actor, alert_id: str) -> Alert:
    alert = rules.visible(actor).filter(pk=alert_id).first() if strict_json.is_clean(alert_id) else None
    if alert is None:
        raise Http404("There is no alert with this id.")
    return alert


def _latest(alert: Alert) -> list[Delivery]:
    return list(Delivery.objects.filter(alert=alert).order_by("-made_ms", "-id")[:MOST_DELIVERIES])


def _message(row: Delivery, alert: Alert) -> MessageRow:
    data: dict[str, Any] = strict_json.parse(row.data)
    title = wording.message(row.event, data).title.text
    return MessageRow(
        str(row.pk), f"Test: {title}" if is_test(row, alert) else title, row.state, row.attempts, row.made_ms
    )


def _shown_once(request: HttpRequest, made: Made, *, rotated: bool = False) -> HttpResponse:
    context = {"section": "alerts", "alert": made.alert, "secret": made.secret, "rotated": rotated}
    response = htmx.page(request, "alerts/made.jinja", context, status=201)
    response["Cache-Control"] = "no-store"
    return response
