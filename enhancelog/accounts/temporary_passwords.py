"""Passwords that somebody else has set, and that must be changed at the first sign-in."""

from django.contrib.auth.models import AbstractBaseUser, User

from enhancelog.accounts import audited_users
from enhancelog.models import TemporaryPassword


def mark(user: User) -> None:
    """Call after the password was saved: a new password removes the mark."""
    TemporaryPassword.objects.get_or_create(user=user)
    audited_users.record_change(user, must_change_password=True)


def is_set(user: AbstractBaseUser) -> bool:
    return TemporaryPassword.objects.filter(user_id=user.pk).exists()


def forget(user: AbstractBaseUser) -> None:
    TemporaryPassword.objects.filter(user_id=user.pk).delete()
