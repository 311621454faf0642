"""Sign-in, sign-out and password pages."""

from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib import admin, messages
from django.contrib.auth import views
from django.contrib.auth.forms import AuthenticationForm, PasswordChangeForm
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import BadRequest, PermissionDenied
from django.core.validators import MaxLengthValidator
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.views.decorators.cache import never_cache

from enhancelog import links
from enhancelog.accounts import api_tokens, remote_users
from enhancelog.accounts.audited_users import acting
from enhancelog.accounts.permissions import needs, user_of
from enhancelog.accounts.session_store import MUST_CHANGE
from enhancelog.web import oidc_pages
from enhancelog.web.htmx import page
from enhancelog.web.pages import oidc


def ways_to_sign_in() -> dict[str, Any]:
    return {
        "oidc": settings.OIDC,
        "local_sign_in": settings.LOCAL_SIGN_IN,
        "by_proxy": bool(settings.REMOTE_USER_HEADER),
    }


class SignInForm(AuthenticationForm):
    error_messages = AuthenticationForm.error_messages | {
        "invalid_login": "Incorrect user name or password. Both are case-sensitive.",
    }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        username = self.fields["username"]
        username.label = "User name"
        if settings.OIDC or settings.REMOTE_USER_HEADER:  # the other way is the usual one, and phones open a keyboard
            username.widget.attrs.pop("autofocus", None)
        username.validators.append(MaxLengthValidator(150))  # Django only sets the attribute of the input


class PasswordForm(PasswordChangeForm):
    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        if cleaned.get("old_password") and cleaned.get("old_password") == cleaned.get("new_password1"):
            self.add_error("new_password1", "This is your current password. Choose another one.")
        return cleaned


class _LeadsOn(views.RedirectURLMixin):
    request: HttpRequest

    def get_redirect_url(self) -> str:  # type: ignore[override]  # Django itself passes no request
        # A relative address would be one of this page. Django fails on an address that leads back here, and the page's
        # own link to sign-in is one.
        url: str = super().get_redirect_url()
        return url if links.is_path_here(url) and urlsplit(url).path != self.request.path else ""


class SignIn(_LeadsOn, views.LoginView):
    template_name = "account/sign_in.jinja"
    template_engine = "jinja"
    authentication_form = SignInForm
    redirect_authenticated_user = True

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        # axes records all that a failed attempt sent, and PostgreSQL cannot store U+0000.
        sent = [*request.GET.lists(), *request.POST.lists()]
        if any("\0" in text for name, values in sent for text in (name, *values)):
            raise BadRequest("The address or the form contains the character U+0000.")
        if request.method == "POST" and not settings.LOCAL_SIGN_IN:
            raise PermissionDenied("Signing in with a password is switched off on this server.")
        return super().dispatch(request, *args, **kwargs)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        shown = {"demo": settings.DEMO, "public_read": settings.PUBLIC_READ, **ways_to_sign_in()}
        return super().get_context_data(**shown, **kwargs)


class SignOut(views.LogoutView):
    """Signs out at the OIDC provider too, for who signed in there."""

    http_method_names = ("post", "options")  # a link must not sign anybody out

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        elsewhere = oidc.sign_out_address(request)
        response = super().post(request, *args, **kwargs)
        if elsewhere:
            return oidc_pages.goes_on(request, elsewhere, "Signing out")
        if elsewhere is not None:
            host = oidc_pages.provider().host
            messages.warning(
                request, f"You are signed out here. You may still be signed in at {host}; sign out there too."
            )
        if name := remote_users.sent_with(request):  # the next page would sign in again without a word
            return page(request, "account/signed_out.jinja", {"remote_user": name, **ways_to_sign_in()})
        return response


@method_decorator([needs("account:own"), never_cache], name="dispatch")
class Password(_LeadsOn, views.PasswordChangeView):
    """Ends the user's other sessions."""

    template_name = "account/password.jinja"
    template_engine = "jinja"
    next_page = "overview"
    form_class = PasswordForm

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        own_tokens = api_tokens.not_revoked(user_of(self.request)).count()
        must_change = MUST_CHANGE in self.request.session
        return super().get_context_data(own_tokens=own_tokens, must_change=must_change, **kwargs)

    def form_valid(self, form: Any) -> HttpResponse:
        said = "Password changed. Your other sessions have ended; API tokens and feed addresses stay valid."
        messages.success(self.request, said)
        self.request.session.pop(MUST_CHANGE, None)
        with acting(user_of(self.request).get_username()), transaction.atomic():
            return super().form_valid(form)


def admin_sign_in(request: HttpRequest) -> HttpResponse:
    """The admin's own page has passwords only."""
    if settings.OIDC is None and settings.LOCAL_SIGN_IN:
        return admin.site.login(request)
    if request.user.is_authenticated:
        raise PermissionDenied("Only staff may use the admin.")
    return redirect_to_login(request.GET.get("next") or reverse("admin:index"))
