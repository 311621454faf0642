"""``/account/resume``: signs in with a form that was sent without a session, and shows the form again."""

from typing import Any, Final

from django.conf import settings
from django.contrib.auth import login
from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponse, HttpResponseBase

from enhancelog.web import unsent
from enhancelog.web.htmx import page
from enhancelog.web.pages.account import SignIn, SignInForm, ways_to_sign_in
from enhancelog.web.unsent import Unsent

# Tells forms.js that a form which a script had sent must be sent again as a page.
FORM_HEADER: Final = "Enhancelog-Form"


class Resume(SignIn):
    """Never sends the form itself: the user checks it and sends it again."""

    http_method_names = ("post", "options")
    template_name = "resume/sign_in.jinja"
    redirect_authenticated_user = False

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if request.method == "POST":
            form = unsent.inside_sign_in(request)
            if form is None:
                raise BadRequest("sent_to: must be the path of a form")
            self.unsent: Unsent = form
            if request.user.is_authenticated:
                return shown_again(request, form)
            # The key Enter in the password field presses the first button, which is that for going on.
            is_going_on = "go_on" in request.POST and not request.POST.get("username")
            if is_going_on or not settings.LOCAL_SIGN_IN:
                return sign_in_needed(request, form, detail="You are not signed in yet.")
        return super().dispatch(request, *args, **kwargs)

    def form_valid(self, form: Any) -> HttpResponse:
        login(self.request, form.get_user())
        return shown_again(self.request, self.unsent)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(unsent=self.unsent, prefix=unsent.PREFIX, **kwargs)


def shown_again(request: HttpRequest, form: Unsent) -> HttpResponse:
    return _not_stored(page(request, "resume/page.jinja", {"unsent": form, "prefix": ""}))


def sign_in_needed(request: HttpRequest, form: Unsent, status: int = 401, detail: str = "") -> HttpResponse:
    context = {"form": SignInForm(request), "unsent": form, "prefix": unsent.PREFIX, "detail": detail}
    context |= ways_to_sign_in()
    response = _not_stored(page(request, "resume/sign_in.jinja", context, status))
    response[FORM_HEADER] = "unsent"
    if status == 401:
        response["WWW-Authenticate"] = "Session"
    return response


def _not_stored(response: HttpResponse) -> HttpResponse:
    response["Cache-Control"] = "no-store"
    return response
