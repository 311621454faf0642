"""What a new password does. Django tells password validators of every change."""

from django.contrib.auth.models import AbstractBaseUser

from enhancelog.accounts import events, sessions, temporary_passwords


class PasswordChanges:
    """A validator that refuses nothing."""

    def validate(self, password: str, user: AbstractBaseUser | None = None) -> None: ...

    def password_changed(self, password: str, user: AbstractBaseUser | None = None) -> None:
        events.password_changed(user)
        if user is not None:
            temporary_passwords.forget(user)
            sessions.forget_all(user)  # their hashes are of the former password

    def get_help_text(self) -> str:
        return "A new password ends other sessions. API tokens and feed addresses stay valid until they are revoked."
