"""Random changes, undos, splits and merges end as in a model of plain Python."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from enhancelog.domain.errors import Invalid
from enhancelog.domain.origin import Origin
from enhancelog.domain.pattern_states import STATES, StateEdit
from enhancelog.models import PatternChange, StateChange, Template, TemplateState
from enhancelog.queries.pattern_states import states_of
from enhancelog.store import pattern_changes, pattern_states
from enhancelog.store.pattern_changes import StatesDiffer
from tests import pattern_rules
from tests.factories import make_rejected
from tests.recording import record_all
from tests.strategies import NOW_MS

pytestmark = pytest.mark.django_db

ADA = Origin("user", "ada", "page")
TEXTS = ("rude", "slow", "wide", "late", "odd")  # by first position; the rules join none

steps = st.lists(
    st.tuples(
        st.sampled_from(["change", "change", "undo", "split", "merge", "undo arrangement"]),
        st.integers(0, len(TEXTS) - 1),
        st.integers(0, len(TEXTS) - 1),
        st.sampled_from(STATES),
    ),
    max_size=14,
)


class Model:
    """Ids are the numbers of changes, from 1. A template's history holds those that were made for it."""

    def __init__(self, axis: str) -> None:
        self.axis = axis
        self.values: list[tuple[str, str]] = []  # state and note
        self.restores: dict[int, int | None] = {}  # of undos
        self.history: dict[str, list[int]] = {text: [] for text in TEXTS}
        self.holds: dict[str, int] = {}
        self.arrangements: list[dict[str, Any]] = []

    def members(self, text: str) -> list[str]:
        groups = {each: {each} for each in TEXTS}
        for arrangement in self.arrangements:
            if arrangement["undone"]:
                continue
            chosen = arrangement["texts"]
            if arrangement["kind"] == "split":
                for each in chosen:
                    groups[each].discard(each)
                together = set(chosen)
            else:
                together = {member for each in chosen for member in groups[each]}
            groups |= dict.fromkeys(together, together)
        return [each for each in TEXTS if each in groups[text]]

    def shown(self, text: str) -> tuple[str, str, bool]:
        members = self.members(text)
        state, note = self.value(self.holds.get(members[0]))
        others = {self.value(self.holds.get(each))[0] for each in members}
        return state, note, bool(others - {"new", state})

    def row(self, text: str) -> Template:
        return Template.objects.get(axis=self.axis, text=text)

    def key(self, text: str) -> str:
        return str(self.row(text).key)

    def stored(self, text: str) -> tuple[str, str, bool]:
        pattern = self.row(text).pattern_id
        found = states_of([pattern])[pattern]
        return found.state, found.note, found.conflict

    def value(self, change: int | None) -> tuple[str, str]:
        return ("new", "") if change is None else self.values[change - 1]

    def write(self, texts: list[str], value: tuple[str, str]) -> int:
        self.values.append(value)
        made = len(self.values)
        for text in texts:
            self.history[text].append(made)
            self.holds[text] = made
        return made

    def in_force(self, change: int | None) -> int | None:
        return change if change is None else self.restores.get(change, change)

    def before(self, text: str, change: int) -> int | None:
        return self.in_force(max((each for each in self.history[text] if each < change), default=None))

    def restore(self, texts: list[str], change: int | None) -> None:
        self.restores[self.write(texts, self.value(change))] = change

    def undo(self, text: str) -> bool:
        members = self.members(text)
        reached = self.in_force(self.holds.get(members[0]))
        if reached is not None:
            self.restore(members, self.before(members[0], reached))
        return reached is not None

    def spread(self, text: str) -> None:
        leader, *others = self.members(text)
        for each in others:
            if leader in self.holds and each not in self.holds:
                self.holds[each] = self.holds[leader]
                self.history[each] = sorted({*self.history[each], *self.history[leader]})

    def split(self, text: str) -> None:
        self.spread(text)
        self.arrangements.append({"kind": "split", "texts": [text], "undone": False, "kept": None})

    def merge(self, one: str, other: str, keep: str) -> None:
        leaders = sorted((self.members(one)[0], self.members(other)[0]), key=TEXTS.index)
        together = sorted([*self.members(one), *self.members(other)], key=TEXTS.index)
        kept = None
        arrangement = {"kind": "merge", "texts": leaders, "undone": False}
        if self.differ(*leaders):
            kept = self.write(together, self.value(self.holds.get(self.members(keep)[0])))
            self.arrangements.append(arrangement | {"kept": kept})
        else:
            self.arrangements.append(arrangement | {"kept": kept})
            self.spread(one)

    def differ(self, one: str, other: str) -> bool:
        return self.value(self.holds.get(one))[0] != self.value(self.holds.get(other))[0]

    def undo_arrangement(self, number: int) -> None:
        arrangement = self.arrangements[number]
        if arrangement["undone"]:
            return
        for text in arrangement["texts"]:
            self.spread(text)
        if (kept := arrangement["kept"]) is not None:
            groups: dict[int | None, list[str]] = {}
            for text in TEXTS:
                if self.holds.get(text) == kept:
                    groups.setdefault(self.before(text, kept), []).append(text)
            for change, texts in groups.items():
                self.restore(texts, change)
        arrangement["undone"] = True


def refused(act: Callable[..., object], *arguments: object) -> bool:
    try:
        act(*arguments)
    except Invalid:
        return True
    return False


def take(model: Model, act: str, text: str, other: str, said: Any, number: int) -> None:
    members = model.members(text)
    if act == "change":
        pattern_states.change(model.key(text), StateEdit(state=said, note=str(number)), ADA)
        model.write(members, (said, str(number)))
    elif act == "undo":
        latest = TemplateState.objects.filter(pk=model.key(members[0])).first()
        done = not refused(pattern_states.undo, model.key(text), latest.change_id if latest else 0, ADA)
        assert done == model.undo(text)
    elif act == "split" and len(members) > 1:
        pattern_changes.split(model.key(text), [model.key(text)], ADA)
        model.split(text)
    elif act == "merge" and other not in members:
        differ = model.differ(members[0], model.members(other)[0])
        try:
            pattern_changes.merge(model.key(text), model.key(other), ADA)
        except StatesDiffer:
            assert differ
            pattern_changes.merge(model.key(text), model.key(other), ADA, keep=model.key(other))
        else:
            assert not differ
        model.merge(text, other, other)
    elif act == "undo arrangement" and model.arrangements:
        at = number % len(model.arrangements)
        pattern_changes.undo(PatternChange.objects.filter(axis=model.axis).order_by("pk")[at].pk, ADA)
        model.undo_arrangement(at)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps)
def test_as_in_the_model(monkeypatch: pytest.MonkeyPatch, taken: list[tuple[str, int, int, str]]) -> None:
    pattern_rules.use(monkeypatch)
    axis = f"axis-{Template.objects.count()}"
    record_all(make_rejected(axis, issue_id=f"{axis} {text}", detail=text, ts_ms=NOW_MS) for text in TEXTS)
    model, made = Model(axis), StateChange.objects.count()
    for number, (act, text, other, said) in enumerate(taken):
        take(model, act, TEXTS[text], TEXTS[other], said, number)
        assert {each: model.stored(each) for each in TEXTS} == {each: model.shown(each) for each in TEXTS}
        assert {each: model.row(each).pattern.text for each in TEXTS} == {
            each: model.members(each)[0] for each in TEXTS
        }
    assert StateChange.objects.count() == made + len(model.values)
