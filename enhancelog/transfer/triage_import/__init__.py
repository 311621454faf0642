"""Imports triage, all of it or nothing. What is there already stays; importing twice changes nothing."""

from collections.abc import Iterable
from hashlib import sha256
from typing import Final

from django.contrib.auth.models import User
from msgspec import structs

from enhancelog.backends import dialect, faults
from enhancelog.domain.origin import Origin
from enhancelog.domain.triage_files import TriageCounts, TriageFile, TriageImported, TriageSkipped, decode
from enhancelog.models import Template
from enhancelog.store import audit
from enhancelog.transfer.triage_import import notes, reviews, rules, states
from enhancelog.transfer.triage_import.tally import MOST_SHOWN, Tally, chunks


def bring_in(data: bytes, origin: Origin) -> TriageImported:
    """Raises ``Invalid``."""
    file = decode(data)
    with faults(), dialect().appending():
        users = _users(file)
        tallies = {
            "states": states.bring_in(file.states),
            "notes": notes.bring_in(file.notes, users),
            "reviews": reviews.bring_in(file.reviews),
            "views": rules.bring_in_views(file.views, users),
            "alerts": rules.bring_in_alerts(file.alerts, users),
        }
        counts = {kind: tally.counts for kind, tally in tallies.items()}
        if any(each.made or each.changed for each in counts.values()):
            digest = sha256(data).hexdigest()
            said = {kind: structs.asdict(each) for kind, each in counts.items() if each != _NOTHING}
            audit.record("triage.import", origin, "file", digest[:16], **said)
        return TriageImported(
            **counts,
            skipped=_first(tallies.values()),
            unknown_templates=_unknown_templates(file),
            unknown_users=sorted(_named(file) - users.keys())[:MOST_SHOWN],
        )


_NOTHING: Final = TriageCounts()


def _first(tallies: Iterable[Tally]) -> list[TriageSkipped]:
    return [each for tally in tallies for each in tally.skipped][:MOST_SHOWN]


def _named(file: TriageFile) -> set[str]:
    found = {each.assignee for each in file.states} | {each.user for each in file.notes}
    found |= {each.owner for each in file.views} | {each.owner for each in file.alerts}
    return {name for name in found if name}


def _users(file: TriageFile) -> dict[str, User]:
    named = sorted(_named(file))
    return {user.username: user for part in chunks(named) for user in User.objects.filter(username__in=part)}


def _unknown_templates(file: TriageFile) -> int:
    keys = sorted({key for each in file.states for key in (*each.templates, *each.holds_for)})
    return len(keys) - sum(
        Template.objects.filter(key__in=part).values("key").distinct().count() for part in chunks(keys)
    )
