"""Whom notes mention, and what these people have seen."""

from collections.abc import Sequence

from django.contrib.auth.models import User
from django.db import transaction

from enhancelog.backends import faults
from enhancelog.domain.origin import Origin
from enhancelog.domain.times import now_ms
from enhancelog.models import Mention, MentionReader, Note
from enhancelog.projections import waking


def add(note: Note, names: Sequence[str], origin: Origin) -> None:
    """Call in the transaction that writes the note. Who names themselves is not told; a token tells its owner."""
    others = [name for name in names if (origin.actor_kind, origin.actor_name) != ("user", name)]
    if not others:
        return
    now = now_ms()
    users = User.objects.filter(username__in=others, is_active=True).order_by("pk")
    rows = [Mention(user=user, note=note, made_ms=now, mail_ms=now) for user in users]
    Mention.objects.bulk_create(rows, ignore_conflicts=True)
    transaction.on_commit(waking.alerts_wait.set)


def mark_seen(user: User, up_to: int) -> None:
    """The mentions of this user up to this one. The mark never goes back."""
    with faults(), transaction.atomic():
        newest = Mention.objects.filter(user=user, pk__lte=up_to).order_by("-pk").values_list("pk", flat=True).first()
        if newest is not None:
            MentionReader.objects.get_or_create(user=user)
            MentionReader.objects.filter(user=user, seen__lt=newest).update(seen=newest)


def choose_mail(user: User, *, by_mail: bool) -> None:
    with faults():
        MentionReader.objects.update_or_create(user=user, defaults={"by_mail": by_mail})
