"""What an append costs that brings new templates: the same, however many its axes have or the entry has axes."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from enhancelog import patterns
from enhancelog.models import DenialPattern, JointTally, Template, TemplateTally
from enhancelog.patterns import Group
from enhancelog.projections.patterns.details import MOST_AXES, OTHER
from enhancelog.store import pattern_groups
from enhancelog.store.database import rebuild_projections
from enhancelog.store.verification import verify
from tests import pattern_rules
from tests.enhancelog.test_pattern_groups import append, denial, on_axes
from tests.enhancelog.test_projections import read_tables
from tests.processes import ROOT, START_S, environment
from tests.recording import record_all

pytestmark = pytest.mark.django_db

APPEND = """
import random, resource, time
import django
django.setup()
from django.core.management import call_command
from enhancelog.origin import Origin
from enhancelog.records import Entry, Verdict
from enhancelog.store.database import DatabaseEnhanceLogStore

chance = random.Random(9)
words = ["".join(chance.choice("bcdfgklmnprstvz") + chance.choice("aeiou") for _ in range(3)) for _ in range(3000)]

def entry(number):
    details = [" ".join(chance.choice(words) if n == number % 20 else words[n] for n in range(30)) for _ in range(8)]
    verdicts = tuple(Verdict(axis=f"crowded-{n}", status="deny", detail=said) for n, said in enumerate(details))
    return Entry(issue_id=str(number), blueprint_id="", prev_hash="", new_hash="", intent="", rationale="",
                 verdicts=verdicts, status="rejected", reasons=(), ts_ms=0)

call_command("migrate", verbosity=0)
store = DatabaseEnhanceLogStore(Origin("command", "tests", "api"))
store.append_batch([entry(number) for number in range(600)])
new = entry(600)
allowed = int(time.process_time()) + 2
resource.setrlimit(resource.RLIMIT_CPU, (allowed, allowed))
store.append(new)
"""


@pytest.mark.once
def test_a_new_template_on_each_of_eight_crowded_axes_takes_less_than_two_seconds_of_cpu(tmp_path: Path) -> None:
    database = f"sqlite:///{tmp_path}/log.sqlite3"
    variables = environment(tmp_path, DATABASE_URL=database, DJANGO_SETTINGS_MODULE="enhancelog.settings")
    command = [sys.executable, "-c", APPEND]
    done = subprocess.run(
        command, cwd=ROOT, env=variables, capture_output=True, text=True, timeout=START_S, check=False
    )
    assert done.returncode == 0, f"ended by signal {-done.returncode}: {done.stderr[-300:]}"


def test_an_append_neither_groups_its_axis_nor_moves_a_row(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> list[Group]:
        raise AssertionError("an append grouped an axis")

    record_all([denial("tone a", 1), denial("tone b", 2)])
    before = list(DenialPattern.objects.values_list("entry_id", "pattern_id"))
    monkeypatch.setattr(patterns, "join", refuse)
    append([denial("tone c", 3)])
    assert [pattern == template for template, pattern in Template.objects.values_list("pk", "pattern")] == [True] * 3
    assert list(DenialPattern.objects.values_list("entry_id", "pattern_id"))[:2] == before


@pytest.mark.parametrize("crowd", [1, 60])
def test_an_append_of_new_templates_costs_the_same_statements_however_crowded_their_axes(
    crowd: int, monkeypatch: pytest.MonkeyPatch, django_assert_max_num_queries: Any
) -> None:
    pattern_rules.use(monkeypatch, most_templates=100)
    letters = [chr(ord("a") + number % 26) * (number // 26 + 1) for number in range(crowd + 1)]
    record_all(on_axes(8, f"tone {letter}", letter) for letter in letters[:-1])
    with django_assert_max_num_queries(24):
        append([on_axes(8, f"tone {letters[-1]}", "last")])


def test_ten_thousand_axes_of_one_entry_are_counted_whole_and_told_apart_up_to_the_limit() -> None:
    with CaptureQueriesContext(connection) as few:
        append([on_axes(MOST_AXES + 1, "tone a", "few")])
    with CaptureQueriesContext(connection) as queries:
        append([on_axes(10_000, "tone b", "many")])
    assert len(queries) < len(few) + 10_000 / 64 * 8, "statements of 64 rows, a few for each projection"
    assert DenialPattern.objects.filter(entry=2).count() == 10_000
    assert Template.objects.filter(other=False, text="tone b").count() == MOST_AXES
    assert Template.objects.filter(other=True).count() == 10_000 - MOST_AXES
    assert TemplateTally.objects.filter(template__text=OTHER, template__axis="axis-00064").get().denied == 2
    assert JointTally.objects.count() == 2
    pattern_groups.settle()
    assert list(verify()) == []


def test_what_is_beyond_the_axes_of_an_entry_is_other_after_a_rebuild_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("enhancelog.projections.patterns.details.MOST_AXES", 2)
    record_all([on_axes(3, "tone a", "1"), on_axes(1, "tone b", "2"), denial("size 1", 3, "axis-00002")])
    texts = list(Template.objects.filter(axis="axis-00002").order_by("first_position").values_list("text", flat=True))
    assert texts == [OTHER, "size ⟨n⟩"]
    left = read_tables()
    rebuild_projections()
    assert read_tables() == left
    assert list(verify()) == []
