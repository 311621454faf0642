"""Creates, changes and opens saved views. Callers check the URL. Raises ``Invalid`` with the field's name."""

import hashlib
import re
import secrets
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final

from django.contrib.auth.models import User
from django.db import IntegrityError
from django.db.models import QuerySet
from django.utils.crypto import constant_time_compare

from enhancelog.backends import dialect
from enhancelog.domain import names
from enhancelog.domain.audit import AuditAct
from enhancelog.domain.errors import Invalid
from enhancelog.domain.origin import Origin
from enhancelog.models import SavedView
from enhancelog.store import audit

# A key opens its view's feed only. It is "enf_", the view's id and 64 hex digits, shown once; only the SHA-256 is
# stored.

# Percent-encoded characters.
MAX_URL: Final = 4_000
MAX_OWNED: Final = 100
SHARED_SHOWN: Final = 200

_KEY = re.compile(r"enf_([1-9][0-9]{0,17})_[0-9a-f]{64}")


def make(owner: User, name: str, url: str, *, shared: bool = False) -> SavedView:
    names.check(name)
    if len(url) > MAX_URL:
        raise Invalid("url", "length", f"has {len(url):,} characters; a saved view may have at most {MAX_URL:,}")
    if owned(owner).count() >= MAX_OWNED:
        raise Invalid("", "count", f"You already have {MAX_OWNED} saved views, the maximum; delete some first")
    view = SavedView(user=owner, name=name, url=url, shared=shared)
    _save(view, "view.make", shared=shared)
    return view


def owned(user: User) -> "QuerySet[SavedView]":
    return SavedView.objects.filter(user=user).order_by("name")


def shared_with(user: User) -> "QuerySet[SavedView]":
    others = SavedView.objects.filter(shared=True, user__is_active=True).exclude(user=user)
    return others.select_related("user").order_by("name", "pk")[:SHARED_SHOWN]


def rename(view: SavedView, name: str) -> None:
    names.check(name)
    former, view.name = view.name, name
    _save(view, "view.change", ["name"], former_name=former)


def share(view: SavedView, shared: bool) -> None:
    """Its key stays valid."""
    with dialect().appending():
        if SavedView.objects.filter(pk=view.pk, shared=not shared).update(shared=shared):
            _record("view.change", view, shared=shared)


def delete(view: SavedView, deleted_by: str = "") -> None:
    """``deleted_by``: a user, if not its owner."""
    with dialect().appending():
        _record("view.delete", view, deleted_by)
        view.delete()


# Replaces an earlier key, which no longer opens the feed.
def make_key(view: SavedView) -> str:
    key = f"enf_{view.pk}_{secrets.token_hex(32)}"
    with dialect().appending():
        SavedView.objects.filter(pk=view.pk).update(key_digest=_digest(key), key_made=datetime.now(UTC))
        _record("feed.make", view)
    return key


def revoke_key(view: SavedView) -> None:
    """Idempotent."""
    with dialect().appending():
        if SavedView.objects.filter(pk=view.pk, key_digest__isnull=False).update(key_digest=None, key_made=None):
            _record("feed.revoke", view)


def opened_by(key: str) -> str | None:
    found = _KEY.fullmatch(key)
    if not found:
        return None
    views = SavedView.objects.filter(pk=int(found[1]), user__is_active=True)
    digest, url = views.values_list("key_digest", "url").first() or (None, None)
    return url if constant_time_compare(digest or "", _digest(key)) else None


def _digest(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


def _save(view: SavedView, act: AuditAct, fields: Sequence[str] | None = None, **detail: Any) -> None:
    try:
        with dialect().appending():
            view.save(update_fields=fields)
            _record(act, view, **detail)
    except IntegrityError:
        raise Invalid("name", "unique", f'is taken: you have a saved view named "{view.name}"') from None


def _record(act: AuditAct, view: SavedView, by: str = "", **detail: Any) -> None:
    owner = view.user.get_username()
    audit.record(act, Origin("user", by or owner, ""), "view", str(view.pk), name=view.name, owner=owner, **detail)
