"""Saved views, and the rules of alerts over them. Both need an owner who is known here."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

from django.contrib.auth.models import User

from enhancelog.accounts import saved_views
from enhancelog.alerts import rules
from enhancelog.domain import records
from enhancelog.domain.times import now_ms
from enhancelog.domain.triage_files import TriageAlert, TriageView
from enhancelog.models import Alert, SavedView
from enhancelog.queries import triage_files
from enhancelog.store import audit
from enhancelog.store.database import last_position
from enhancelog.transfer.triage_import.tally import Tally, chunks

OFF: Final = "imported; check it, then switch it on"


def bring_in_views(views: Sequence[TriageView], users: Mapping[str, User]) -> Tally:
    tally = Tally("views")
    for part in chunks(list(enumerate(views))):
        owners = {users[each.owner].pk for _, each in part if each.owner in users}
        there = {(row.user_id, row.name): row for row in SavedView.objects.filter(user__in=owners)}
        owned = Counter(owner for owner, _ in there)
        for index, each in part:
            owner = users.get(each.owner)
            before = there.get((owner.pk, each.name)) if owner else None
            if owner is None:
                tally.skip(index, f"there is no user {each.owner}")
            elif before is not None and (before.url, before.shared) == (each.url, each.shared):
                tally.unchanged()
            elif before is not None:
                tally.skip(index, f"{each.owner} has another view named {each.name}")
            elif owned[owner.pk] >= saved_views.MAX_OWNED:
                tally.skip(index, f"{each.owner} has {saved_views.MAX_OWNED} views, the most")
            else:
                SavedView.objects.create(user=owner, name=each.name, url=each.url, shared=each.shared)
                owned[owner.pk] += 1
                tally.made()
    return tally


def bring_in_alerts(alerts: Sequence[TriageAlert], users: Mapping[str, User]) -> Tally:
    """They are off, with new secrets: their owners switch them on."""
    tally = Tally("alerts")
    number = Alert.objects.count()
    for part in chunks(list(enumerate(alerts))):
        rows = Alert.objects.filter(pk__in=[each.id for _, each in part]).select_related("owner", "view__user")
        there = {row.pk: triage_files.alert(row) for row in rows}
        for index, each in part:
            owner = users.get(each.owner)
            if owner is None:
                tally.skip(index, f"there is no user {each.owner}")
            elif there.get(each.id) == each:
                tally.unchanged()
            elif each.id in there:
                tally.skip(index, f"the alert {each.id} is another one here")
            elif number >= rules.MOST:
                tally.skip(index, f"there are {rules.MOST} alerts, the most")
            else:
                _make(each, owner)
                number += 1
                tally.made()
    return tally


def _make(new: TriageAlert, owner: User) -> None:
    now = now_ms()
    view = new.view and SavedView.objects.filter(user__username=new.view.owner, name=new.view.name).first()
    Alert.objects.create(
        id=new.id,
        owner=owner,
        name=new.name,
        event=new.event,
        has_view=new.has_view,
        view=view or None,
        options=records.encode_part(new.options),
        channel=new.channel,
        address=new.address,
        secret=rules.new_secret(new.channel),
        former_secret="",
        made_ms=new.made_ms,
        log_position=last_position(),
        audit_position=audit.last_position(),
        off_ms=now,
        off_why=OFF,
        version=1,
        since_ms=now,
        run_position=0,  # of these and the other positions, it gets new ones when it is switched on
    )
