"""Alerts: rules, and where their messages go."""

from typing import Any, Final

import msgspec
from django.contrib.auth.models import User
from django.http import HttpResponse
from django.views.decorators.debug import sensitive_variables
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from enhancelog import links
from enhancelog.accounts import permissions
from enhancelog.accounts.permissions import allows, token_of
from enhancelog.alerts import rules, shown
from enhancelog.alerts.rules import Actor
from enhancelog.api.base import ApiView
from enhancelog.api.bodies import read_body, require_type
from enhancelog.api.errors import problem_response
from enhancelog.api.figures import answer
from enhancelog.api.negotiation import MEDIA_TYPES
from enhancelog.api.preconditions import expected
from enhancelog.backends import faults
from enhancelog.domain.alerts import MAX_BYTES, TestMessage, decode_edit, decode_new
from enhancelog.domain.errors import Conflict
from enhancelog.models import Alert

_JSON: Final = MEDIA_TYPES["json"]


class HasAlerts(BasePermission):
    """Users have alerts of their own; a token needs the scope."""

    message = "This needs a user (alerts:own), or a token with the scope triage:write."

    def has_permission(self, request: Request, view: Any) -> bool:
        token = token_of(request)
        return allows(request.user, "triage:write" if token else "alerts:own", token)


class AlertList(ApiView):
    """A bare array, the newest first."""

    permission_classes = (HasAlerts,)

    def get(self, request: Request) -> HttpResponse:
        with faults():
            return answer(request, [shown.shown(alert) for alert in rules.visible(_actor(request))])

    @sensitive_variables("made")
    def post(self, request: Request) -> HttpResponse:
        require_type(request._request, _JSON)
        made = rules.make(decode_new(read_body(request._request, MAX_BYTES)), _actor(request))
        return _written(made, 201)


class AlertByItsId(ApiView):
    permission_classes = (HasAlerts,)

    def get(self, request: Request, alert_id: str) -> HttpResponse:
        found = _found(request, alert_id)
        return answer(request, shown.shown(found)) if found else _no_such_alert(alert_id)

    @sensitive_variables("made")
    def patch(self, request: Request, alert_id: str) -> HttpResponse:
        require_type(request._request, _JSON)
        edit = decode_edit(read_body(request._request, MAX_BYTES))
        found = _found(request, alert_id)
        if found is None:
            return _no_such_alert(alert_id)
        try:
            made = rules.change(found, edit, _actor(request), expected(request._request))
        except Conflict as other:
            said = f"If-Match does not name the current version, which is {other.digest}; nothing was changed."
            return problem_response(412, said)
        return _written(made, 200)

    def delete(self, request: Request, alert_id: str) -> HttpResponse:
        found = _found(request, alert_id)
        if found is None:
            return _no_such_alert(alert_id)
        rules.delete(found, _actor(request))
        return HttpResponse(status=204)


class AlertTest(ApiView):
    permission_classes = (HasAlerts,)

    def post(self, request: Request, alert_id: str) -> HttpResponse:
        found = _found(request, alert_id)
        if found is None:
            return _no_such_alert(alert_id)
        body = TestMessage(shown.send_test(found))
        return HttpResponse(msgspec.json.encode(body), status=202, content_type=_JSON)


def _actor(request: Request) -> Actor:
    # A token acts with the rights of its scope, for its owner.
    is_staff = allows(request.user, "triage:write", token_of(request))
    user = request.user
    assert isinstance(user, User)  # noqa: S101  the permission saw to it
    return Actor(user, is_staff, permissions.origin(request, "api"))


def _found(request: Request, alert_id: str) -> Alert | None:
    with faults():
        return rules.visible(_actor(request)).filter(pk=alert_id).first() if "\0" not in alert_id else None


def _written(made: rules.Made, status: int) -> HttpResponse:
    headers = {"Location": links.api_alert(str(made.alert.pk))} if status == 201 else {}
    body = msgspec.json.encode(shown.with_secret(made))
    # It may hold a secret, which must be neither kept nor compressed.
    return HttpResponse(body, status=status, content_type=_JSON, headers={**headers, "Cache-Control": "no-store"})


def _no_such_alert(alert_id: str) -> HttpResponse:
    return problem_response(404, f"There is no alert {alert_id[:80]}.")
