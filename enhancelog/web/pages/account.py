"""Sign-in, sign-out and password pages."""

from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import views
from django.contrib.auth.forms import AuthenticationForm, PasswordChangeForm
from django.core.exceptions import BadRequest
from django.core.validators import MaxLengthValidator
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.urls import reverse_lazy
from django.utils.decorators import method_decorator
from django.views.decorators.cache import never_cache

from enhancelog.accounts import api_tokens
from enhancelog.accounts.permissions import needs, user_of


class SignInForm(AuthenticationForm):
    error_messages = AuthenticationForm.error_messages | {
        "invalid_login": "Incorrect user name or password. Both are case-sensitive.",
    }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        username = self.fields["username"]
        username.label = "User name"
        username.validators.append(MaxLengthValidator(150))  # Django only sets the attribute of the input


class SignIn(views.LoginView):
    template_name = "account/sign_in.jinja"
    template_engine = "jinja"
    authentication_form = SignInForm
    redirect_authenticated_user = True

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        # axes records all that a failed attempt sent, and PostgreSQL cannot store U+0000.
        sent = [*request.GET.lists(), *request.POST.lists()]
        if any("\0" in text for name, values in sent for text in (name, *values)):
            raise BadRequest("The address or the form contains the character U+0000.")
        return super().dispatch(request, *args, **kwargs)

    def get_redirect_url(self) -> str:  # type: ignore[override]  # Django itself passes no request
        # A relative address would be one of this page. Django fails on an address that leads back here, and the page's
        # own link to sign-in is one.
        url: str = super().get_redirect_url()
        return url if url.startswith("/") and urlsplit(url).path != self.request.path else ""

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(demo=settings.DEMO, public_read=settings.PUBLIC_READ, **kwargs)


class SignOut(views.LogoutView):
    http_method_names = ("post", "options")  # a link must not sign anybody out


@method_decorator([needs("account:own"), never_cache], name="dispatch")
class Password(views.PasswordChangeView):
    """Ends the user's other sessions."""

    template_name = "account/password.jinja"
    template_engine = "jinja"
    success_url = reverse_lazy("overview")
    form_class = PasswordChangeForm

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        own_tokens = api_tokens.not_revoked(user_of(self.request)).count()
        return super().get_context_data(own_tokens=own_tokens, **kwargs)

    def form_valid(self, form: Any) -> HttpResponse:
        said = "Password changed. Your other sessions have ended; API tokens and feed addresses stay valid."
        messages.success(self.request, said)
        return super().form_valid(form)
