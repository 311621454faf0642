"""The admin's forms that set somebody's password."""

from typing import TYPE_CHECKING, Any, Final

from django import forms
from django.contrib.auth.forms import AdminPasswordChangeForm, AdminUserCreationForm
from django.contrib.auth.models import User

from enhancelog.accounts import audited_users, sessions, temporary_passwords

if TYPE_CHECKING:  # the stubs' generics, which Django's own classes are not at run time
    _NewUserForm = AdminUserCreationForm[User]
    _SetPasswordForm = AdminPasswordChangeForm[User]
else:
    _NewUserForm, _SetPasswordForm = AdminUserCreationForm, AdminPasswordChangeForm

_LABEL: Final = "Must change it at the first sign-in"
_HELP: Final = "Everything else waits until the user has chosen another password. API tokens work meanwhile."


def _must_change_field() -> forms.BooleanField:
    return forms.BooleanField(label=_LABEL, required=False, initial=True, help_text=_HELP, label_suffix="")


class NewUserForm(_NewUserForm):
    must_change = _must_change_field()


class SetPasswordForm(_SetPasswordForm):
    must_change = _must_change_field()

    def __init__(self, user: User, *args: Any, **kwargs: Any) -> None:
        super().__init__(user, *args, **kwargs)
        if audited_users.is_acting(user):  # nobody else knows a password that one has chosen oneself
            del self.fields["must_change"]

    def save(self, commit: bool = True) -> User:
        user: User = super().save(commit)
        if not user.has_usable_password():  # Django tells nobody of that
            temporary_passwords.forget(user)
            sessions.forget_all(user)
        mark_if_chosen(self, user)
        return user


def mark_if_chosen(form: Any, user: User) -> None:
    if form.cleaned_data.get("must_change") and user.has_usable_password():
        temporary_passwords.mark(user)
