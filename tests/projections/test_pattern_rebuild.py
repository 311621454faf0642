"""After the rules changed: old patterns are served until the new ones are complete, then the old ones go."""

import threading

import pytest
from django.db import connection

from enhancelog.domain import filters
from enhancelog.domain.errors import WrongSchema
from enhancelog.maintenance import pattern_worker
from enhancelog.models import DenialPattern, PatternRules, Template, TemplateTally
from enhancelog.projections.patterns import details
from enhancelog.queries.charts import Window
from enhancelog.queries.counts import count
from enhancelog.queries.patterns.ranking import ranked
from enhancelog.queries.patterns.served import rebuilding
from enhancelog.store import database, pattern_rebuild
from enhancelog.store.database import last_position
from enhancelog.store.pattern_groups import Step
from enhancelog.store.pattern_rebuild import step
from enhancelog.store.rebuilding import rebuild_projections
from enhancelog.store.verification import verify
from tests import pattern_rules
from tests.factories import make_entry, make_rejected
from tests.projections.test_projections import read_tables
from tests.recording import record_all
from tests.strategies import NOW_MS

pytestmark = pytest.mark.django_db

NEW = 1000


@pytest.fixture(autouse=True)
def small_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("enhancelog.store.database.ENTRIES_PER_READ", 4)
    monkeypatch.setattr("enhancelog.projections.patterns.replacing.DENIALS_PER_TRANSACTION", 2)


def record_some(start: int = 0, number: int = 10) -> None:
    said = ["tone a", "tone b", "tone c", "size 1", "size 2 of 3"]
    record_all(
        make_rejected("noop", issue_id=f"h-{at}", detail=said[at % len(said)], ts_ms=NOW_MS)
        for at in range(start, start + number)
    )


def shown() -> dict[str, tuple[str, int]]:
    """Template to id and rejections, as they are served."""
    return {row.template: (row.id, row.numbers.rejected) for row in ranked(Window(), NOW_MS, 99).rows}


def steps(until: Step = Step.DONE) -> int:
    done = 0
    while step() is not until:
        done += 1
        assert done < 100
    return done


def entries_of(key: str) -> int:
    return count(filters.from_pairs([("pattern", key)], NOW_MS), last_position()).number


def test_a_new_log_needs_no_rebuild() -> None:
    assert step() is Step.DONE
    record_all([make_entry(issue_id="1")])
    record_some()
    assert step() is Step.DONE
    assert rebuilding() is None


def test_old_patterns_are_served_until_the_new_ones_are_complete(monkeypatch: pytest.MonkeyPatch) -> None:
    record_some()
    old = shown()
    key = old["size ⟨n⟩"][0]
    pattern_rules.use(monkeypatch, version=NEW)
    assert step() is Step.WORKED
    assert rebuilding() == 0
    assert step() is Step.WORKED
    assert rebuilding() == 40
    assert (shown(), entries_of(key)) == (old, 2)
    record_some(start=10, number=1)
    assert (shown(), entries_of(key)) == (old, 2)
    assert list(verify()) == []
    while rebuilding() is not None:
        step()
    assert {template: number for template, (_, number) in shown().items()} == {
        "tone ⟨words⟩": 7,
        "size ⟨n⟩": 2,
        "size ⟨n⟩ of ⟨n⟩": 2,
    }
    assert shown()["size ⟨n⟩"][0] != key
    steps()
    assert list(verify()) == []


def test_a_rebuild_under_new_rules_leaves_what_those_make_of_the_log(monkeypatch: pytest.MonkeyPatch) -> None:
    record_some()
    pattern_rules.use(monkeypatch, version=NEW)
    steps()
    record_some(start=10)
    assert not DenialPattern.objects.exclude(template__rules=NEW).exists()
    assert not TemplateTally.objects.exclude(template__rules=NEW).exists()
    assert Template.objects.exclude(rules=NEW).exists()
    Template.objects.exclude(rules=NEW).delete()
    left = read_tables()
    rebuild_projections()
    assert read_tables() == left


def test_ids_from_before_lead_to_the_pattern_of_today(monkeypatch: pytest.MonkeyPatch) -> None:
    record_some()
    old = shown()
    for version in (NEW, NEW + 1):
        pattern_rules.use(monkeypatch, version=version)
        steps()
        assert entries_of(old["tone b"][0]) == 6
        assert entries_of(old["size ⟨n⟩"][0]) == 2
    assert entries_of("0" * 16) == 0


def test_rules_that_come_back_start_from_the_beginning(monkeypatch: pytest.MonkeyPatch) -> None:
    record_some()
    pattern_rules.use(monkeypatch, version=NEW)
    for _ in range(3):
        step()
    pattern_rules.use(monkeypatch, version=NEW + 1)
    step()
    pattern_rules.use(monkeypatch, version=NEW)
    steps()
    assert PatternRules.objects.get().served == NEW
    assert set(DenialPattern.objects.values_list("template__rules", flat=True)) == {NEW}
    assert list(verify()) == []


def test_a_log_from_before_there_were_patterns_gets_them() -> None:
    record_some()
    wanted = read_tables()
    for model in (DenialPattern, TemplateTally, Template, PatternRules):
        model.objects.all().delete()
    record_some(start=10, number=0)
    assert rebuilding() is None
    steps()
    assert read_tables() == wanted


def test_of_two_at_the_same_step_one_does_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    record_some()
    pattern_rules.use(monkeypatch, version=NEW)
    step()
    classify = details.classify

    def overtaken(entries):
        monkeypatch.setattr("enhancelog.store.pattern_rebuild.classify", classify)
        assert step() is Step.WORKED
        return classify(entries)

    monkeypatch.setattr(pattern_rebuild, "classify", overtaken)
    assert step() is Step.BUSY
    steps()
    assert list(verify()) == []


@pytest.mark.django_db(transaction=True)
def test_the_worker_goes_on_after_a_fault_and_ends_when_all_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    record_some()
    pattern_rules.use(monkeypatch, version=NEW)
    monkeypatch.setattr(pattern_worker, "PAUSE_AFTER_FAULT_S", 0)
    read = database.stored_after
    faults = iter([True])

    def failing(position):
        if next(faults, False):
            connection.cursor().execute("SELECT nothing FROM nowhere")
        return read(position)

    monkeypatch.setattr(pattern_rebuild, "stored_after", failing)
    worker = threading.Thread(target=pattern_worker.work_off, args=[threading.Event()])
    worker.start()
    worker.join(60)
    assert not worker.is_alive()
    assert rebuilding() is None
    assert step() is Step.DONE


def test_the_worker_ends_when_another_release_has_migrated_the_database(monkeypatch: pytest.MonkeyPatch) -> None:
    def step(rest: object) -> Step:
        raise WrongSchema("the database is from a newer release")

    monkeypatch.setattr(pattern_worker, "step", step)
    worker = pattern_worker.start()
    worker.join(timeout=30)
    assert not worker.is_alive()
