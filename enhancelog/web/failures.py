"""Error pages; problem+json at the addresses that programs use."""

import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import timedelta
from http import HTTPStatus
from typing import Any, Final

from django.conf import settings
from django.core.exceptions import (
    BadRequest,
    DisallowedHost,
    DisallowedRedirect,
    PermissionDenied,
    RequestDataTooBig,
    TooManyFieldsSent,
)
from django.db import InterfaceError, OperationalError, connection
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, HttpResponseServerError
from django.template.loader import render_to_string
from django.urls import Resolver404, resolve, reverse

from enhancelog.accounts.permissions import SignInNeeded
from enhancelog.api.errors import fault_answer, fault_response, problem_response, too_many_parameters
from enhancelog.api.exchange import exchange_of
from enhancelog.api.retry_after import retry_after
from enhancelog.backends import reading, schema
from enhancelog.backends.disk import fault_of
from enhancelog.domain.errors import Busy, Other, WrongSchema
from enhancelog.observing.structured_logs import request_id
from enhancelog.web import theme, unsent
from enhancelog.web.htmx import page
from enhancelog.web.pages import resume
from enhancelog.web.pages import status as operators_page
from enhancelog.web.unsent import Unsent

SAFE_METHODS: Final = ("GET", "HEAD", "OPTIONS")
_FOR_PROGRAMS: Final = ("/v1/", "/health/", "/metrics/")


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    # Django's own reasons can quote the attack.
    if isinstance(exception, RequestDataTooBig):
        return _answer(request, 413, "Request too large", "The request is larger than the limit; nothing was changed.")
    title, detail = "Invalid request", "The address or the form contains something that cannot be read."
    if isinstance(exception, BadRequest) and exception.args:
        return _answer(request, 400, title, str(exception), typed=_typed(request))
    if isinstance(exception, TooManyFieldsSent):
        detail = too_many_parameters()
    if isinstance(exception, DisallowedHost):
        detail = "This server does not answer to that host name. ENHANCELOG_URL and ENHANCELOG_HOSTS set its names."
    return _answer(request, 400, title, detail)


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    if isinstance(exception, SignInNeeded) and (form := unsent.form_of(request)):
        return resume.sign_in_needed(request, form)
    detail = str(exception) if isinstance(exception, PermissionDenied) and exception.args else ""
    return _answer(
        request,
        403,
        "You are not allowed to do this",
        detail or "Your account does not have the permission.",
        typed=_typed(request),
    )


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    if request.method in ("GET", "HEAD") and _is_page(f"{request.path_info}/"):
        with suppress(DisallowedRedirect):  # Django redirects to no address beyond 16 kB
            return HttpResponseRedirect(request.get_full_path(force_append_slash=True))
    # Views say what is missing. The URL resolver raises with a dict, which does not help a reader.
    said = exception.args[0] if exception.args else ""
    detail = said if isinstance(said, str) and said else "There is no page at this address. Check it for typing errors."
    return _answer(request, 404, "Not found", detail, typed=_typed(request))


def server_error(request: HttpRequest) -> HttpResponse:
    # Middleware, such as that of sessions, can fail because of the database or the disk too.
    if fault := fault_of(sys.exception() or Exception()):
        return _unavailable(request, fault)
    if is_for_programs(request):
        return problem_response(500, "The server failed; its log says why.")
    try:
        return HttpResponseServerError(_server_error_page(request))
    except Exception:  # static files may be what failed
        return HttpResponseServerError("The server failed; its log says why.", content_type="text/plain; charset=utf-8")


class RefusalMiddleware:
    # The server refuses some requests itself, such as those with too many cookies.

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        exchange = exchange_of(request)
        if exchange is None or exchange.refusal is None:
            return self.get_response(request)
        refusal = exchange.refusal
        response = _answer(request, refusal.status, HTTPStatus(refusal.status).phrase, refusal.detail)
        response["Connection"] = "close"
        if refusal.retry_after_s is not None:
            response["Retry-After"] = retry_after(refusal.retry_after_s)
        return response


class AdminFormsMiddleware:
    """Answers admin forms without a session like those of pages; the admin would lose them."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(self, request: HttpRequest, *view: Any) -> HttpResponse | None:
        match = request.resolver_match
        if request.method in SAFE_METHODS or match is None or match.app_name != "admin":
            return None
        if request.user.is_authenticated or match.url_name in ("login", "logout"):
            return None
        return forbidden(request, SignInNeeded())


class UnavailableMiddleware:
    """Answers 503 or 507."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(self, request: HttpRequest, *view: Any) -> HttpResponse | None:
        if request.method in SAFE_METHODS:
            return None
        if gone := reading.gone():
            return _unavailable(request, gone)
        # A form is refused if the database has another release's schema. The API's writes check this themselves.
        if is_for_programs(request):
            return None
        try:
            with connection.cursor() as cursor:
                schema.require(cursor)
        except (WrongSchema, OperationalError, InterfaceError) as error:
            return self.process_exception(request, error)
        return None

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        if isinstance(exception, Busy):
            response = _answer(request, 503, "The server is busy", str(exception))
            response["Retry-After"] = retry_after(exception.retry_after_s)
            return response
        fault = fault_of(exception)
        return _unavailable(request, fault) if fault else None


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    form = unsent.form_of(request)
    if form and request.user.is_authenticated and request.path == reverse("resume"):
        return resume.shown_again(request, form)  # signing in in another tab has changed the token
    response = _answer(
        request,
        403,
        "This form is out of date",
        "Somebody signed in or out while it was open, or the browser blocks cookies. Nothing was changed. "
        + ("Check it and send it again." if form else "Load the page again and fill in the form."),
        typed=form,
    )
    if form:
        response[resume.FORM_HEADER] = "unsent"
    return response


def locked_out(request: HttpRequest, credentials: Mapping[str, Any] | None = None) -> HttpResponse:
    wait: timedelta = settings.AXES_COOLOFF_TIME
    minutes = round(wait.total_seconds() / 60)
    detail = (
        "Too many sign-ins from your network failed, for this name or in total. "
        f"Try again in {minutes} minutes; existing sessions and tokens are not affected."
    )
    form: Unsent | None = getattr(request, "unsent", None)
    if form:
        response = resume.sign_in_needed(request, form, 429, detail)
    else:
        response = _answer(request, 429, "Too many failed sign-ins", detail)
    response["Retry-After"] = retry_after(wait.total_seconds())
    return response


def _answer(request: HttpRequest, status: int, title: str, detail: str, *, typed: Unsent | None = None) -> HttpResponse:
    if is_for_programs(request):
        return problem_response(status, detail)
    context = {"status": status, "title": title, "detail": detail, "unsent": typed}
    response = page(request, "failures/failure.jinja", context, status)
    if typed:
        response["Cache-Control"] = "no-store"
    return response


def _typed(request: HttpRequest) -> Unsent | None:
    form = None if is_for_programs(request) else unsent.form_of(request)
    return form if form and form.typed else None


def _unavailable(request: HttpRequest, fault: Other) -> HttpResponse:
    if is_for_programs(request):
        return fault_response(fault)
    if page_of_operator := operators_page.without_database(request, fault):
        return page_of_operator
    status, detail, retry_after_s = fault_answer(fault)
    response = HttpResponse(_server_error_page(request, status, detail), status=status)
    response["Retry-After"] = retry_after(retry_after_s)
    return response


def _server_error_page(request: HttpRequest, status: int = 500, detail: str = "") -> str:
    # No database, session or user, because any of them may be what failed.
    context = {"request_id": request_id.get(), "status": status, "detail": detail, **theme.in_templates(request)}
    return render_to_string("failures/server_error.jinja", context, using="jinja")


# An address with an id is left alone, because the id may end in a slash.
def _is_page(path: str) -> bool:
    try:
        return not resolve(path).kwargs
    except Resolver404:
        return False


def is_for_programs(request: HttpRequest) -> bool:
    # Also where a client joined an address and a path with two slashes, and OPTIONS of the whole server.
    return request.path_info == "*" or f"/{request.path_info.lstrip('/')}/".startswith(_FOR_PROGRAMS)
