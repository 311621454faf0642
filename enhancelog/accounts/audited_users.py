"""Audits what is done to users and groups, wherever: in the admin, on pages, by commands."""

import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Final

from django.contrib.auth.models import Group, User
from django.db.models.signals import m2m_changed, post_delete, post_save, pre_save

from enhancelog.backends import dialect
from enhancelog.domain.audit import AuditAct, AuditSubject
from enhancelog.domain.origin import Origin
from enhancelog.store import audit

# Django changes users in many places, so these are signals. Outside a transaction (the commands createsuperuser and
# changepassword) the record is one of its own, right after the change.

SIGN_IN: Final = Origin("server", "sign-in", "")  # of users whom somebody else signs in, the provider or the proxy

_FLAGS: Final = ("is_active", "is_staff", "is_superuser")
_FIELDS: Final[Mapping[type, tuple[str, ...]]] = {
    User: ("username", "password", "email", "first_name", "last_name", *_FLAGS),
    Group: ("name",),
}
_NAMES: Final = frozenset(("username", "name"))
_MOST_NAMED: Final = 20
_COMMAND: Final = re.compile("[a-z_]{1,40}")

_acting: ContextVar[Origin | None] = ContextVar("acting", default=None)

Person = User | Group


def connect() -> None:
    for model in _FIELDS:
        pre_save.connect(_before, sender=model)
        post_save.connect(_saved, sender=model)
        post_delete.connect(_deleted, sender=model)
    for among in (User.groups, User.user_permissions, Group.permissions):
        m2m_changed.connect(_related, sender=among.through)


@contextmanager
def acting(username: str) -> Iterator[None]:
    """The user who does what is done inside; otherwise it is the running command."""
    with acting_as(Origin("user", username, "")):
        yield


@contextmanager
def acting_as(origin: Origin) -> Iterator[None]:
    token = _acting.set(origin)
    try:
        yield
    finally:
        _acting.reset(token)


def is_acting(user: User) -> bool:
    """Whether it is this user who does what is done now."""
    origin = _acting.get()
    return origin is not None and (origin.actor_kind, origin.actor_name) == ("user", user.get_username())


def record_change(user: User, **detail: Any) -> None:
    """Of what belongs to a user, beside the row."""
    _record("change", user, **detail)


def _origin() -> Origin:
    if origin := _acting.get():
        return origin
    command = sys.argv[1] if len(sys.argv) > 1 and _COMMAND.fullmatch(sys.argv[1]) else "python"
    return Origin("command", command, "")


def _before(sender: type[Person], instance: Person, update_fields: Any = None, **kwargs: Any) -> None:
    fields = [name for name in _FIELDS[sender] if update_fields is None or name in update_fields]
    rows = sender._default_manager.filter(pk=instance.pk).values(*fields)
    before = rows.first() if fields and instance.pk else None
    instance._before_save = before  # type: ignore[union-attr]


def _saved(sender: type[Person], instance: Person, created: bool, **kwargs: Any) -> None:
    before = getattr(instance, "_before_save", None) or {}
    if created:
        _record("make", instance, **_flags(instance, _FLAGS))
        return
    changed = [name for name, value in before.items() if getattr(instance, name) != value]
    if "password" in changed and getattr(instance, "_password", None) is None:
        changed.remove("password")  # only hashed anew, at a sign-in
    if changed:
        detail: dict[str, Any] = {"changed": changed, **_flags(instance, changed)}
        for name in _NAMES.intersection(changed):
            detail["former_name"] = before[name]
        _record("change", instance, **detail)


def _deleted(instance: Person, **kwargs: Any) -> None:
    _record("delete", instance)


def _related(sender: type, instance: Any, action: str, model: Any, pk_set: set[int] | None, **kwargs: Any) -> None:
    # Of a group's users, too: then ``instance`` is the group.
    if not action.startswith("post_") or not (pk_set or action == "post_clear"):
        return
    what = "permissions" if model.__name__ == "Permission" else f"{model.__name__.lower()}s"
    named = [str(each) for each in model.objects.filter(pk__in=pk_set or ()).order_by("pk")[:_MOST_NAMED]]
    _record("change", instance, changed=[what], **{action.removeprefix("post_"): named})


def _flags(instance: Person, names: Any) -> dict[str, bool]:
    return {name: getattr(instance, name) for name in names if name in _FLAGS and hasattr(instance, name)}


def _record(verb: str, instance: Person, **detail: Any) -> None:
    subject: AuditSubject = "user" if isinstance(instance, User) else "group"
    act: AuditAct = f"{subject}.{verb}"  # type: ignore[assignment]
    name = instance.username if isinstance(instance, User) else instance.name
    with dialect().appending():
        audit.record(act, _origin(), subject, name, **detail)
