"""Changes the states of patterns. Every change is a row that stays. Callers check permissions."""

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Final, NamedTuple

from django.contrib.auth.models import User
from django.db import connection
from django.db.models import Exists, F, Max, OuterRef, Q
from msgspec import UNSET

from enhancelog.backends import dialect, faults
from enhancelog.domain.errors import Conflict, Invalid, NotFound
from enhancelog.domain.origin import Origin
from enhancelog.domain.pattern_states import StateEdit, check
from enhancelog.models import ChangedTemplate, StateChange, Template, TemplateState
from enhancelog.projections.patterns import rules
from enhancelog.store.state_rows import AT_ONCE, New, Values, holding, holding_of_each, values_of, write, write_each

_TOGETHER: Final = 50  # patterns that are changed in a transaction
_MOST_INHERITED: Final = 100  # changes of a template, the newest


Refusal = Conflict | Invalid | NotFound


class Outcomes(NamedTuple):
    """By pattern: the change that was made, or why there is none."""

    made: dict[str, int]
    refused: dict[str, Refusal]


def change(pattern_id: str, edit: StateEdit, origin: Origin, seen: int | None = None) -> int:
    """Returns the id of the change. ``seen``: the latest change that the caller knows, 0 for none; ``None``: whichever.
    Raises ``NotFound``, ``Invalid``, or ``Conflict`` if somebody else was faster."""
    return _one(change_each({pattern_id: seen}, edit, origin))


def undo(pattern_id: str, change_id: int, origin: Origin) -> int:
    """Restores what held before the latest change, as a new change. Raises ``NotFound``, ``Invalid`` if nothing did, or
    ``Conflict`` if it is not the latest."""
    return _one(undo_each({pattern_id: change_id}, origin))


def change_each(seen: Mapping[str, int | None], edit: StateEdit, origin: Origin) -> Outcomes:
    """``seen``: patterns, each as in ``change``. Raises ``Invalid`` if ``edit`` is, or while patterns are rebuilt."""
    check(edit)
    is_user = edit.assignee in (UNSET, None) or User.objects.filter(username=edit.assignee, is_active=True).exists()

    def edited(members: Sequence[str], before: StateChange | None) -> New:
        values = _edited(before, edit)
        if not is_user:
            raise Invalid("assignee", "unknown", f'is no active user: "{edit.assignee}"')
        return New(members, values)

    return _each(seen, edited, origin)


def undo_each(made: Mapping[str, int], origin: Origin) -> Outcomes:
    """``made``: patterns, each with the change to undo."""

    def undone(members: Sequence[str], latest: StateChange | None) -> New:
        before = _before(latest, members[0])
        return New(members, values_of(before), undoes=latest, restores=before)

    return _each(made, undone, origin)


def spread(leader_key: str, keys: Collection[str]) -> None:
    # Templates without a state get that of their leader. Call under the append lock, before a split.
    if TemplateState.objects.filter(pk=leader_key).exists():
        known = set(TemplateState.objects.filter(pk__in=list(keys)).values_list("pk", flat=True))
        inherit([(leader_key, key) for key in keys if key not in known])


def keep(kept_key: str, keys: Sequence[str], origin: Origin) -> int | None:
    # All these templates get the state of one of them; returns the change, if any. Call under the append lock, with a
    # merge.
    held = holding(kept_key)
    if held is None and not TemplateState.objects.filter(pk__in=list(keys)).exists():
        return None
    return write(keys, values_of(held), origin, restores=_first_of(held))


def differ(one_key: str, other_key: str) -> bool:
    """Whether somebody has to choose between the states of two leading templates."""
    one, other = (values_of(holding(key)) for key in (one_key, other_key))
    return one._replace(note="") != other._replace(note="")


def give_back(change_id: int, origin: Origin) -> None:
    # Templates for which this change still holds get what held before. Call under the append lock.
    kept = StateChange.objects.get(pk=change_id)
    rows = Template.objects.filter(key__in=TemplateState.objects.filter(change=kept).values("pk"))
    keys = list(rows.order_by("first_position", "pk").values_list("key", flat=True))
    groups: defaultdict[StateChange | None, list[str]] = defaultdict(list)
    earlier = _earlier_of_each(keys, kept)
    for key in keys:
        groups[_in_force(earlier.get(key))].append(key)
    for restored, together in groups.items():
        write(together, values_of(restored), origin, undoes=kept, restores=restored)


def inherit(pairs: Sequence[tuple[str, str]]) -> None:
    # Of each pair, the second template gets the state and the history of the first, unless it has a state. Call under
    # the append lock.
    sources = sorted({source for source, _ in pairs})
    changes: defaultdict[str, list[int]] = defaultdict(list)
    held: dict[str, int] = {}
    for start in range(0, len(sources), AT_ONCE):
        part = sources[start : start + AT_ONCE]
        for key, change_id in ChangedTemplate.objects.filter(template__in=part).values_list("template", "change_id"):
            changes[key].append(change_id)
        held |= dict(TemplateState.objects.filter(pk__in=part).values_list("pk", "change_id"))
    ChangedTemplate.objects.bulk_create(
        [
            ChangedTemplate(template=key, change_id=change_id)
            for source, key in pairs
            for change_id in sorted(changes[source])[-_MOST_INHERITED:]
        ],
        AT_ONCE,
        ignore_conflicts=True,
    )
    TemplateState.objects.bulk_create(
        [TemplateState(template=key, change_id=held[source]) for source, key in pairs if source in held],
        AT_ONCE,
        ignore_conflicts=True,
    )


def _one(outcomes: Outcomes) -> int:
    for refusal in outcomes.refused.values():
        raise refusal
    return next(iter(outcomes.made.values()))


def _each(
    chosen: Mapping[str, int | None], new: Callable[[Sequence[str], StateChange | None], New], origin: Origin
) -> Outcomes:
    # Some in a transaction, because a commit for each takes longer, and one for all of them would block appends.
    outcomes = Outcomes({}, {})
    patterns = list(chosen)
    for start in range(0, len(patterns), _TOGETHER):
        part = {pattern: chosen[pattern] for pattern in patterns[start : start + _TOGETHER]}
        with faults(), dialect().appending():
            found, refused = _new_of_each(part, new)
            outcomes.refused.update(refused)
            outcomes.made.update(zip(found, write_each(list(found.values()), origin), strict=True))
    return outcomes


def _new_of_each(
    chosen: Mapping[str, int | None], new: Callable[[Sequence[str], StateChange | None], New]
) -> tuple[dict[str, New], dict[str, Refusal]]:
    found: dict[str, New] = {}
    refused: dict[str, Refusal] = {}
    members = _members_of_each(list(chosen))
    held = holding_of_each([keys[0] for keys in members.values()])
    taken = set()
    for pattern, seen in chosen.items():
        try:
            if pattern not in members:
                raise NotFound(pattern)
            leader = members[pattern][0]
            _require(held.get(leader), seen)
            if leader in taken:  # it was named by another template's id, too
                raise Conflict(pattern)
            found[pattern] = new(members[pattern], held.get(leader))
            taken.add(leader)
        except (Conflict, Invalid, NotFound) as refusal:
            refused[pattern] = refusal
    return found, refused


def _members_of_each(pattern_ids: Sequence[str]) -> dict[str, list[str]]:
    # The leader first. Also those of earlier rules that were left with another state, see ``state_carrying``.
    with connection.cursor() as cursor:
        if not rules.is_complete(cursor):
            raise Invalid("pattern", "rebuilding", "cannot be changed while the patterns are rebuilt; try again later")
    named = Template.objects.filter(key__in=pattern_ids).select_related("pattern__pattern")
    leaders = {template.key: template.pattern.pattern for template in named}
    has_state = Exists(TemplateState.objects.filter(pk=OuterRef("key")))
    rows = Template.objects.filter(
        Q(rules=F("pattern__pattern__rules")) | Q(has_state),
        pattern__pattern__in=set(leaders.values()),
    )
    members: defaultdict[int, list[str]] = defaultdict(list)
    for leader, key in rows.order_by("first_position", "pk").values_list("pattern__pattern", "key"):
        members[leader].append(key)
    return {
        pattern_id: [leader.key, *(key for key in members[leader.pk] if key != leader.key)]
        for pattern_id, leader in leaders.items()
    }


def _require(latest: StateChange | None, seen: int | None) -> None:
    if seen is not None and seen != (latest.pk if latest else 0):
        raise Conflict(str(latest.pk if latest else 0))


def _before(latest: StateChange | None, template_key: str) -> StateChange | None:
    # An undone change is passed together with its undo, so that a second undo goes one step further back.
    reached = _in_force(latest)
    if reached is None:
        raise Invalid("undo", "nothing", "has nothing left to undo: nobody had changed this pattern before")
    return _in_force(_earlier(reached, template_key))


def _first_of(change: StateChange | None) -> StateChange | None:
    # The change that these values are from: since then they hold, whatever restored them.
    while change is not None and change.restores is not None:
        change = change.restores
    return None if change is None or change.undoes_id else change


def _in_force(change: StateChange | None) -> StateChange | None:
    return change.restores if change and change.undoes_id else change


def _earlier(than: StateChange, template_key: str) -> StateChange | None:
    return StateChange.objects.filter(made_for__template=template_key, pk__lt=than.pk).order_by("-pk").first()


def _earlier_of_each(keys: Sequence[str], than: StateChange) -> dict[str, StateChange]:
    newest: dict[str, int] = {}
    for start in range(0, len(keys), AT_ONCE):
        rows = ChangedTemplate.objects.filter(template__in=keys[start : start + AT_ONCE], change__lt=than.pk)
        newest |= dict(rows.values("template").annotate(newest=Max("change_id")).values_list("template", "newest"))
    changes = StateChange.objects.select_related("restores").in_bulk(set(newest.values()))
    return {key: changes[change_id] for key, change_id in newest.items()}


def _edited(before: StateChange | None, edit: StateEdit) -> Values:
    values = values_of(before)._replace(note=edit.note)
    for name in ("state", "cause", "assignee", "most_a_day"):
        given = getattr(edit, name)
        if given is not UNSET:
            values = values._replace(**{name: given})
    if values.state == "expected":
        return values
    if isinstance(edit.most_a_day, int):
        raise Invalid("most_a_day", "combination", f"needs the state expected, not {values.state}")
    return values._replace(most_a_day=None)
