"""``verify_log`` sees every damage and says where; ``rebuild_projections`` repairs what can be derived."""

import io

import pytest
from django.core.management import call_command
from django.db import connection

from enhancelog.backends import SEARCH_TABLE, Document, dialect
from enhancelog.models import BlueprintSummary, Denial, Entry, StatusTally
from enhancelog.origin import Origin
from enhancelog.projections import search
from enhancelog.store import pattern_groups, verification
from enhancelog.store.database import DatabaseEnhanceLogStore, rebuild_projections, stored_batches
from enhancelog.store.verification import verify
from tests.conftest import entries_unprotected
from tests.factories import make_entry, make_rejected

pytestmark = pytest.mark.django_db

TABLE = Entry._meta.db_table


@pytest.fixture(autouse=True)
def log() -> None:
    batch = [
        make_entry(issue_id="a"),
        make_rejected("noop", issue_id="b"),
        make_rejected("des", "noop", issue_id="c", ts_ms=-1),
        make_entry(issue_id="d", blueprint_id="coding", ops=[], bump="minor"),
    ]
    DatabaseEnhanceLogStore(Origin("command", "tests", "tests")).append_batch(batch)
    pattern_groups.settle()


def damage(*statements: str) -> None:
    with entries_unprotected(), connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


def found() -> str:
    return "\n".join(verify())


@pytest.fixture(params=[1, 2, 1000])
def batch(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """However the log falls into batches."""
    monkeypatch.setattr(verification, "BATCH", request.param)


@pytest.mark.usefixtures("batch")
def test_a_log_as_it_should_be_has_no_findings() -> None:
    assert found() == ""


@pytest.mark.parametrize(
    "change", ["intent = 'x'", "ts_ms = 5", "ops = NULL", "bump = 'major'", "reasons = '[\"x\"]'", "digest = ''"]
)
def test_a_changed_entry_is_named(change: str) -> None:
    damage(f"UPDATE {TABLE} SET {change} WHERE position = 4")
    assert "the entry at position 4 (d) is not what its digest was made of" in found()


def test_an_entry_that_cannot_be_read_is_named_and_the_rest_is_verified() -> None:
    damage(
        f"UPDATE {TABLE} SET verdicts = '[' WHERE position = 1", f"UPDATE {TABLE} SET intent = '' WHERE position = 4"
    )
    lines = found().splitlines()
    assert any(line.startswith("the entry at position 1 ('a') cannot be read: ") for line in lines)
    assert "the entry at position 4 (d) is not what its digest was made of" in lines


@pytest.mark.usefixtures("batch")
def test_a_missing_position_is_named() -> None:
    damage(f"DELETE FROM {TABLE} WHERE position = 2")
    assert "position 3 where 2 was expected: positions are not dense" in found()
    assert "enhancelog_denial should not hold position 2" in found()


def test_a_missing_last_entry_shows_in_the_projections() -> None:
    damage(f"DELETE FROM {TABLE} WHERE position = 3")
    lines = found()
    assert "position 4 where 3 was expected" in lines
    assert "enhancelog_statustally should not hold day None, blueprint_id 'main', status 'rejected'" in lines


def test_missing_triggers_are_named() -> None:
    with entries_unprotected():
        assert found().count("is missing or altered; migrate puts it back") >= 2


@pytest.mark.usefixtures("batch")
@pytest.mark.parametrize(
    ("positions", "words", "said"),
    [
        ([2], None, ["lacks position 2"]),
        ([], {9: ["a"]}, ["should not hold position 9"]),
        ([1], {1: ["another"]}, ["position 1"]),
        ([4], {4: "WORDS_BACKWARDS"}, ["position 4"]),
    ],
)
def test_a_difference_in_the_search_index_is_named_and_a_rebuild_repairs_it(positions, words, said) -> None:
    stored = {one.position: one for batch in stored_batches() for one in batch}
    with connection.cursor() as cursor:
        search.drop(cursor, [stored[position] for position in positions])
        for position, spoken in (words or {}).items():
            if spoken == "WORDS_BACKWARDS":
                spoken = search.words(stored[position].entry)[::-1]
            dialect().search.add(cursor, [Document(position, spoken)])
    lines = found()
    assert all(f"{SEARCH_TABLE} " in line for line in lines.splitlines())
    assert all(one in lines for one in said)
    assert rebuild_projections() == 4
    assert found() == ""


@pytest.mark.usefixtures("batch")
@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("DELETE FROM enhancelog_denial WHERE position = 2", "enhancelog_denial lacks position 2, ts_ms "),
        ("UPDATE enhancelog_denial SET sole = NOT sole WHERE position = 2", "enhancelog_denial should not hold"),
        (
            "UPDATE enhancelog_denial SET position = 99 WHERE position = 2",
            "enhancelog_denial should not hold position 99",
        ),
        ("DELETE FROM enhancelog_entrybadge", "enhancelog_entrybadge lacks position 3, badge 'implausible time'"),
        (
            "INSERT INTO enhancelog_entrybadge (position, badge) VALUES (0, 'x')",
            "should not hold position 0, badge 'x'",
        ),
        ("DELETE FROM enhancelog_statustally WHERE day IS NULL", "enhancelog_statustally lacks day None"),
        ("UPDATE enhancelog_statustally SET runs = 7 WHERE blueprint_id = 'coding'", "says runs 7 instead of runs 1"),
        ("UPDATE enhancelog_axistally SET denied = 0 WHERE axis = 'noop'", "enhancelog_axistally at day"),
        (
            "UPDATE enhancelog_blueprintsummary SET newest_ts_ms = 1",
            "says applied 1, rejected 2, newest_ts_ms 1 instead",
        ),
        ("UPDATE enhancelog_blueprintsummary SET source = 'x'", "enhancelog_blueprintsummary lacks blueprint_id"),
    ],
)
def test_a_difference_in_a_projection_is_named_and_a_rebuild_repairs_it(statement: str, said: str) -> None:
    damage(statement)
    assert said in found()
    assert rebuild_projections() == 4
    assert found() == ""


def test_the_command_prints_the_findings_and_exits_1() -> None:
    out = io.StringIO()
    call_command("verify_log", stdout=out, stderr=io.StringIO())
    assert out.getvalue() == "verified 4 entries: all is well\n"
    Denial.objects.all().delete()
    StatusTally.objects.all().delete()
    with pytest.raises(SystemExit) as ended:
        call_command("verify_log", stdout=out, stderr=io.StringIO())
    assert ended.value.code == 1
    assert "verified 4 entries: 7 findings" in out.getvalue()


def test_the_rebuild_command_says_how_many() -> None:
    BlueprintSummary.objects.all().delete()
    out = io.StringIO()
    call_command("rebuild_projections", stdout=out, stderr=io.StringIO())
    assert out.getvalue() == "rebuilt from 4 entries\n"
    assert found() == ""
