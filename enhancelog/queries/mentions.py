"""Notes that mention somebody."""

from typing import Final, NamedTuple

from django.contrib.auth.models import User
from django.db.models import Subquery
from django.db.models.functions import Coalesce

from enhancelog.backends import faults
from enhancelog.models import Mention, MentionReader

PAGE: Final = 20
MOST_COUNTED: Final = 10


class MentionPage(NamedTuple):
    """Newest first, with their notes. ``older``: the id before which the next page begins; ``None``: there is none."""

    mentions: list[Mention]
    older: int | None


def page(user: User, before: int | None = None) -> MentionPage:
    rows = Mention.objects.filter(user=user).select_related("note").order_by("-pk")
    if before is not None:
        rows = rows.filter(pk__lt=before)
    with faults():
        found = list(rows[: PAGE + 1])
    return MentionPage(found[:PAGE], found[PAGE - 1].pk if len(found) > PAGE else None)


def unseen(user: User) -> int:
    """No more than ``MOST_COUNTED``."""
    seen = MentionReader.objects.filter(user=user).values("seen")
    with faults():
        return Mention.objects.filter(user=user, pk__gt=Coalesce(Subquery(seen), 0))[:MOST_COUNTED].count()


def reader(user: User) -> MentionReader:
    with faults():
        return MentionReader.objects.filter(user=user).first() or MentionReader(user=user)
