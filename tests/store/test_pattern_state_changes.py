"""States of patterns through splits, merges, rules that join by themselves, new rules, and rebuilds."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.db import connection

from enhancelog.domain.errors import Conflict, Invalid
from enhancelog.domain.origin import Origin
from enhancelog.domain.pattern_states import PatternState, State, StateEdit
from enhancelog.domain.times import DAY_MS, now_ms
from enhancelog.models import PatternChange, StateChange, Template, TemplateState
from enhancelog.queries import pattern_states as queries
from enhancelog.queries.patterns.detail import known
from enhancelog.store import pattern_changes, pattern_states
from enhancelog.store.pattern_changes import StatesDiffer
from enhancelog.store.pattern_groups import Step
from enhancelog.store.pattern_rebuild import step
from enhancelog.store.rebuilding import rebuild_projections
from enhancelog.store.verification import verify
from tests import pattern_rules
from tests.audited import audited
from tests.factories import make_rejected
from tests.recording import record_all

pytestmark = pytest.mark.django_db

ADA = Origin("user", "ada", "page")
NEW_RULES = 1000


@pytest.fixture(autouse=True)
def plain_rules(monkeypatch: pytest.MonkeyPatch) -> None:
    pattern_rules.use(monkeypatch)


def record(*details: str, ts_ms: int | None = None) -> None:
    start = Template.objects.count() + now_ms() % 1_000_000 * 1_000
    record_all(
        make_rejected(
            "noop", issue_id=f"h-{start + at}", detail=detail, ts_ms=now_ms() - DAY_MS if ts_ms is None else ts_ms
        )
        for at, detail in enumerate(details)
    )


def key(text: str) -> str:
    return str(Template.objects.order_by("-rules").filter(text=text)[0].key)


def state(text: str) -> PatternState:
    pattern = known(key(text))
    assert pattern is not None
    return queries.states_of([pattern.pk])[pattern.pk]


def put(text: str, said: State, note: str = "") -> int:
    return pattern_states.change(key(text), StateEdit(state=said, note=note), ADA)


def acts() -> list[str]:
    return list(audited().values_list("act", flat=True))


def test_a_split_passes_the_state_and_its_history_to_both_parts() -> None:
    record("tone a", "tone b", "tone c")
    put("tone a", "acknowledged")
    put("tone a", "expected")
    record("tone d")  # joins by the rules, without a state of its own
    made = pattern_changes.split(key("tone a"), [key("tone d")], ADA)
    assert made == key("tone d")
    assert [state(text).state for text in ("tone a", "tone d")] == ["expected", "expected"]
    assert [len(queries.history(Template.objects.get(text=text).pk)) for text in ("tone a", "tone d")] == [2, 2]
    pattern_states.undo(key("tone d"), state("tone d").change, ADA)
    assert [state(text).state for text in ("tone a", "tone d")] == ["expected", "acknowledged"]
    assert acts() == ["pattern.state", "pattern.state", "pattern.split", "pattern.state"]
    pattern_changes.undo(PatternChange.objects.get().pk, ADA)
    assert (state("tone d").state, state("tone d").conflict) == ("expected", True)
    put("tone a", "fixed")
    assert (state("tone d").state, state("tone d").conflict) == ("fixed", False)


def test_a_merge_asks_which_state_to_keep_and_its_undo_gives_them_back() -> None:
    record("size 1", "rude")
    put("size ⟨n⟩", "fixed", "note of size")
    put("rude", "expected")
    with pytest.raises(StatesDiffer):
        pattern_changes.merge(key("rude"), key("size ⟨n⟩"), ADA)
    with pytest.raises(Invalid, match="keep"):
        pattern_changes.merge(key("rude"), key("size ⟨n⟩"), ADA, keep="0" * 16)
    assert not PatternChange.objects.exists()
    assert pattern_changes.merge(key("rude"), key("size ⟨n⟩"), ADA, keep=key("rude")) == key("size ⟨n⟩")
    merged = state("rude")
    assert (merged.state, merged.conflict, merged.changed_by) == ("expected", False, "ada")
    assert state("size ⟨n⟩") == merged
    assert len(queries.history(Template.objects.get(text="size ⟨n⟩").pk)) == 3
    pattern_changes.undo(PatternChange.objects.get().pk, ADA)
    assert (state("size ⟨n⟩").state, state("size ⟨n⟩").note) == ("fixed", "note of size")
    assert state("rude").state == "expected"
    assert acts()[2:] == ["pattern.state", "pattern.merge", "pattern.state", "pattern.state", "pattern.undo"]


def test_the_undo_of_a_merge_leaves_a_state_that_was_set_since() -> None:
    record("size 1", "rude")
    put("size ⟨n⟩", "fixed")
    pattern_changes.merge(key("rude"), key("size ⟨n⟩"), ADA, keep=key("rude"))
    assert state("rude").state == "new"
    put("rude", "acknowledged")
    pattern_changes.undo(PatternChange.objects.get().pk, ADA)
    assert [state(text).state for text in ("size ⟨n⟩", "rude")] == ["acknowledged", "acknowledged"]


def test_a_merge_of_equal_states_asks_nothing() -> None:
    record("size 1", "rude")
    pattern_changes.merge(key("rude"), key("size ⟨n⟩"), ADA)
    pattern_changes.undo(PatternChange.objects.get().pk, ADA)
    put("size ⟨n⟩", "fixed", "one")
    put("rude", "fixed", "two")
    pattern_changes.merge(key("rude"), key("size ⟨n⟩"), ADA)
    assert (state("rude").note, state("rude").conflict) == ("one", False)


def test_patterns_that_the_rules_join_keep_the_oldest_state_as_a_conflict_until_one_is_set() -> None:
    record("tone a", "tone b")
    put("tone b", "fixed")
    assert not state("tone b").conflict
    record("tone c")
    assert known(key("tone b")).id == key("tone a")
    assert (state("tone a").state, state("tone a").conflict) == ("new", True)
    put("tone a", "acknowledged")
    assert (state("tone c").state, state("tone c").conflict) == ("acknowledged", False)


def test_what_is_new_again_conflicts_with_nothing() -> None:
    record("tone a", "tone b")
    pattern_states.undo(key("tone b"), put("tone b", "fixed"), ADA)
    put("tone a", "expected")
    record("tone c")
    assert (state("tone b").state, state("tone b").conflict) == ("expected", False)


def test_a_rebuild_and_a_verification_leave_states_alone() -> None:
    record("tone a", "rude", "size 1")
    put("tone a", "expected", "why")
    put("rude", "fixed")
    before = [state(text) for text in ("tone a", "rude", "size ⟨n⟩")]
    rows = set(TemplateState.objects.values_list("template", "change"))
    rebuild_projections()
    assert list(verify()) == []
    assert [state(text) for text in ("tone a", "rude", "size ⟨n⟩")] == before
    assert set(TemplateState.objects.values_list("template", "change")) == rows


@pytest.mark.parametrize("by", ["steps", "rebuild"])
def test_states_outlive_the_rules(by: str, monkeypatch: pytest.MonkeyPatch) -> None:
    record("tone a", "tone b", "tone c", "rude", "plain")
    put("tone a", "acknowledged")
    latest = put("tone a", "expected", "by design")
    put("rude", "fixed")
    record("tone d")  # without a state of its own
    old = {text: key(text) for text in ("tone a", "tone d", "rude")}
    monkeypatch.setattr("tests.pattern_rules.ENOUGH", 99)  # the new rules join nothing
    pattern_rules.use(monkeypatch, version=NEW_RULES)
    if by == "rebuild":
        rebuild_projections()
    else:
        while step() is not Step.DONE:
            pass
    assert key("tone a") != old["tone a"]
    assert {text: state(text).state for text in ("tone a", "tone b", "tone d", "rude", "plain")} == {
        **dict.fromkeys(("tone a", "tone b", "tone d"), "expected"),
        "rude": "fixed",
        "plain": "new",
    }
    assert (state("tone a").change, state("tone d").note) == (latest, "by design")
    assert len(queries.history(Template.objects.get(text="tone d", rules=NEW_RULES).pk)) == 2
    pattern_states.undo(key("tone a"), latest, ADA)
    assert state("tone a").state == "acknowledged"
    assert TemplateState.objects.count() == 5
    assert list(verify()) == []


def test_the_state_of_all_other_wordings_stays_with_them(monkeypatch: pytest.MonkeyPatch) -> None:
    pattern_rules.use(monkeypatch, most_templates=1)
    record("rude", "odd")
    other = Template.objects.get(other=True)
    pattern_states.change(other.key, StateEdit(state="expected"), ADA)
    put("rude", "fixed")
    pattern_rules.use(monkeypatch, version=NEW_RULES, most_templates=0)
    while step() is not Step.DONE:
        pass
    present = Template.objects.get(other=True, rules=NEW_RULES)
    assert present.key != other.key
    assert queries.states_of([present.pk])[present.pk].state == "expected"


def test_new_rules_that_join_differing_states_leave_a_conflict(monkeypatch: pytest.MonkeyPatch) -> None:
    record("tone a", "tone b", "size 1", "size x")
    put("tone a", "expected")
    put("tone b", "fixed")
    monkeypatch.setattr("tests.pattern_rules.ENOUGH", 2)
    pattern_rules.use(monkeypatch, version=NEW_RULES)
    while step() is not Step.DONE:
        pass
    assert (state("tone b").state, state("tone b").conflict) == ("expected", True)
    put("tone b", "fixed")
    assert (state("tone a").state, state("tone a").conflict) == ("fixed", False)


def test_a_denial_that_was_there_before_does_not_return_a_pattern_whatever_its_clock_says() -> None:
    record("rude", ts_ms=now_ms() + DAY_MS // 2)
    put("rude", "fixed")
    assert state("rude").returned_ms is None
    record("rude", ts_ms=now_ms() - DAY_MS)  # an old run, imported late
    assert state("rude").returned_ms is None
    record("rude", ts_ms=now_ms() + 1_000)
    assert state("rude").returned_ms is not None


def test_what_an_undo_restores_holds_since_it_was_first_said() -> None:
    record("rude")
    put("rude", "fixed")
    record("rude", ts_ms=now_ms() + 1_000)
    returned = state("rude")
    assert returned.returned_by is not None
    pattern_states.undo(key("rude"), put("rude", "acknowledged"), ADA)
    again = state("rude")
    assert (again.state, again.returned_by, again.returned_ms) == ("fixed", returned.returned_by, returned.returned_ms)
    record("size 1")
    pattern_changes.merge(key("rude"), key("size ⟨n⟩"), ADA, keep=key("rude"))
    assert state("size ⟨n⟩").returned_by == returned.returned_by


def test_a_run_that_returns_patterns_of_two_axes() -> None:
    record_all([make_rejected("noop", "tone", issue_id="one", detail="rude", ts_ms=now_ms() - DAY_MS)])
    patterns = list(Template.objects.values_list("pk", "key"))
    for _, its_key in patterns:
        pattern_states.change(its_key, StateEdit(state="fixed"), ADA)
    record_all([make_rejected("noop", "tone", issue_id="two", detail="rude", ts_ms=now_ms() + 1_000)])
    found = queries.states_of(pk for pk, _ in patterns)
    assert [each.returned_by for each in found.values()] == ["two", "two"]


def test_the_beginning_cannot_be_undone() -> None:
    record("rude")
    pattern_states.undo(key("rude"), put("rude", "fixed"), ADA)
    with pytest.raises(Invalid, match="nothing left to undo"):
        pattern_states.undo(key("rude"), state("rude").change, ADA)
    with pytest.raises(Conflict):
        pattern_states.undo(key("rude"), 1_000, ADA)


def test_a_limit_a_day_needs_an_expected_pattern() -> None:
    record("rude")
    with pytest.raises(Invalid, match="most_a_day"):
        pattern_states.change(key("rude"), StateEdit(state="fixed", most_a_day=3), ADA)
    pattern_states.change(key("rude"), StateEdit(state="expected", most_a_day=3), ADA)
    put("rude", "fixed")
    assert state("rude").most_a_day is None


def test_the_number_of_statements_does_not_grow(django_assert_max_num_queries) -> None:
    record(*(f"{chr(97 + at)} is wrong" for at in range(20)))
    keys = list(Template.objects.order_by("pk").values_list("pk", "key"))
    for number, (_, its_key) in enumerate(keys):
        edit = StateEdit(state="fixed") if number % 2 else StateEdit(state="expected", most_a_day=1)
        pattern_states.change(its_key, edit, ADA)
    record(*(f"{chr(97 + at)} is wrong" for at in range(20)), ts_ms=now_ms() + 1_000)
    with django_assert_max_num_queries(4):
        found = queries.states_of(pk for pk, _ in keys)
    assert sum(each.returned_ms is not None for each in found.values()) == 10
    with django_assert_max_num_queries(2):
        assert len(queries.expected()) == 10


@pytest.mark.django_db(transaction=True)
def test_of_two_at_once_the_second_is_told() -> None:
    record("rude")
    barrier = Barrier(2)

    def change(said: State) -> str:
        try:
            barrier.wait(20)
            pattern_states.change(key("rude"), StateEdit(state=said), ADA, seen=0)
        except Conflict:
            return "told"
        finally:
            connection.close()
        return said

    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(change, ["fixed", "expected"])
    assert "told" in (first, second)
    assert state("rude").state == (second if first == "told" else first)
    assert StateChange.objects.count() == 1
