"""The name of django-axes in the admin, where "Axes" would mean those of verdicts."""

from axes.apps import AppConfig


class SignInAttempts(AppConfig):  # type: ignore[misc]  # axes has no types
    verbose_name = "Sign-in attempts"
