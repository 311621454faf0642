"""Signing in and out, and changing one's own password."""

from django.contrib.auth import views


class SignIn(views.LoginView):
    template_name = "account/sign_in.html"
    redirect_authenticated_user = True


class SignOut(views.LogoutView):
    """POST only: a link must not sign anybody out."""


class Password(views.PasswordChangeView):
    template_name = "account/password.html"
