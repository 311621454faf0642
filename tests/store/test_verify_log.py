"""``verify_log`` sees every damage and says where; ``rebuild_projections`` repairs what can be derived."""

import io
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection, transaction

from content.store import open_store
from enhancelog.backends import SEARCH_TABLE, Document, dialect
from enhancelog.domain import records
from enhancelog.domain.origin import Origin
from enhancelog.domain.times import DAY_MS
from enhancelog.models import BlueprintSummary, Denial, Entry, IntentTally, StatusTally
from enhancelog.projections import search_index
from enhancelog.store import host_derivation, pattern_groups, theme_derivation, verification
from enhancelog.store.database import DatabaseEnhanceLogStore, stored_batches
from enhancelog.store.rebuilding import rebuild_projections
from enhancelog.store.verification import verify
from tests.conftest import entries_unprotected
from tests.factories import make_entry, make_rejected

pytestmark = pytest.mark.django_db

TABLE = Entry._meta.db_table
NOON_MS = 1_735_732_800_000
OPTIONAL: dict[str, Any] = {
    "ops": [],
    "bump": "minor",
    "candidate_hash": "c" * 64,
    "meta": {"model": "m", "seed": 7},
}


@pytest.fixture(autouse=True)
def log() -> None:
    batch = [
        make_entry(issue_id="a"),
        make_rejected("noop", issue_id="b"),
        make_rejected("des", "noop", issue_id="c", ts_ms=-1),
        make_entry(issue_id="d", blueprint_id="coding", **OPTIONAL),
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
    monkeypatch.setattr(verification, "ENTRIES_PER_READ", request.param)


@pytest.mark.usefixtures("batch")
def test_a_log_as_it_should_be_has_no_findings() -> None:
    assert found() == ""


@pytest.mark.usefixtures("batch")
def test_an_attempt_between_two_others_is_no_finding_although_its_day_counts_nothing() -> None:
    store = DatabaseEnhanceLogStore(Origin("command", "tests", "tests"))
    for day in range(3):
        tried = make_rejected(
            "noop", issue_id=f"try-{day}", blueprint_id="tried", intent="once more", ts_ms=NOON_MS + day * DAY_MS
        )
        store.append(tried)
    pattern_groups.settle()
    counted = IntentTally.objects.filter(blueprint_id="tried").order_by("day").values_list("day", flat=True)
    assert list(counted) == [NOON_MS // DAY_MS, NOON_MS // DAY_MS + 2]
    assert found() == ""


OF_THE_RECORD = {
    "issue_id": "'e'",
    "blueprint_id": "'main'",
    "prev_hash": "'x'",
    "new_hash": "'x'",
    "intent": "'x'",
    "rationale": "rationale || ' '",
    "verdicts": "'[]'",
    "status": "'rejected'",
    "reasons": "'[\"x\"]'",
    "ts_ms": "ts_ms + 1",
    "ops": "NULL",
    "bump": "'major'",
    "candidate_hash": "'x'",
    "meta": """'{"model":"m","seed":8}'""",
}
BESIDE_THE_RECORD = {
    "position": "position + 1",
    "recorded_ms": "recorded_ms - 1",
    "actor_kind": "'user'",
    "actor_name": "'ada'",
    "source": "'api'",
}
DIGESTS = {"digest": f"'{'0' * 64}'", "envelope": f"'{'0' * 64}'"}


UNCHECKED = [
    name for name in (*OF_THE_RECORD, *BESIDE_THE_RECORD, *DIGESTS) if name not in ("position", "status", "bump")
]
"""The columns whose values the database does not check."""


def change(column: str, value: str, *, rebuild: bool) -> None:
    """Who tampers with care derives the projections anew."""
    damage(f"UPDATE {TABLE} SET {column} = {value} WHERE position = 4")
    if rebuild:
        rebuild_projections()


@pytest.mark.parametrize("rebuild", [False, True])
@pytest.mark.parametrize("column", OF_THE_RECORD)
def test_a_changed_field_of_the_record_does_not_match_the_digest(column: str, rebuild: bool) -> None:
    change(column, OF_THE_RECORD[column], rebuild=rebuild)
    assert "the entry at position 4 (" in found()
    assert "does not match its digest" in found()


@pytest.mark.parametrize("rebuild", [False, True])
@pytest.mark.parametrize("column", BESIDE_THE_RECORD)
def test_a_change_beside_the_record_does_not_match_the_envelope(column: str, rebuild: bool) -> None:
    change(column, BESIDE_THE_RECORD[column], rebuild=rebuild)
    lines = found()
    assert "(d) does not match its envelope (position, digest, recorded_ms, actor, source)" in lines
    assert "does not match its digest" not in lines


@pytest.mark.parametrize("column", DIGESTS)
def test_a_changed_digest_is_named(column: str) -> None:
    change(column, DIGESTS[column], rebuild=True)
    assert f"the entry at position 4 (d) does not match its {column}" in found()


def test_no_column_can_be_changed_unnoticed() -> None:
    """The tests above try every column that there is."""
    columns = [str(field.column) for field in Entry._meta.concrete_fields]
    elsewhere = ["redacted", "salt"]  # tests/store/test_redacting.py, tests/evidence/test_verify_log.py
    assert sorted(columns) == sorted([*OF_THE_RECORD, *BESIDE_THE_RECORD, *DIGESTS, *elsewhere])


def test_a_digest_that_follows_a_changed_record_does_not_match_the_envelope() -> None:
    forged = records.digest(make_entry(issue_id="d", blueprint_id="coding", intent="x", **OPTIONAL))
    change("digest", f"'{forged}', intent = 'x'", rebuild=True)
    assert found().startswith("the entry at position 4 (d) does not match its envelope ")
    assert len(found().splitlines()) == 1


def test_entries_that_changed_places_do_not_match_their_envelopes() -> None:
    damage(*(f"UPDATE {TABLE} SET position = {new} WHERE position = {old}" for old, new in [(1, 9), (4, 1), (9, 4)]))
    rebuild_projections()
    lines = found()
    assert "the entry at position 1 (d) does not match its envelope" in lines
    assert "the entry at position 4 (a) does not match its envelope" in lines


@pytest.mark.parametrize(
    "respelled",
    ["replace(verdicts, ',', ', ')", 'replace(verdicts, \'"status"\', \'"more":1,"status"\')'],
)
def test_json_that_is_spelled_in_another_way_does_not_match_the_digest(respelled: str) -> None:
    """The filters look into the text."""
    change("verdicts", respelled, rebuild=True)
    assert found() == "the entry at position 4 (d) does not match its digest"


@pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL's columns have a type")
@pytest.mark.parametrize(
    ("column", "value"),
    [
        *((name, "'soon'") for name in ("ts_ms", "recorded_ms")),
        *((name, "x'00ff'") for name in UNCHECKED),
        *((name, "CAST(x'6fff6f' AS TEXT)") for name in UNCHECKED),
    ],
)
def test_a_value_that_the_column_cannot_hold_is_named_and_the_rest_is_verified(column: str, value: str) -> None:
    """Another type, or text that is not UTF-8."""
    damage(f"UPDATE {TABLE} SET {column} = {value} WHERE position = 1", f"DELETE FROM {TABLE} WHERE position = 3")
    out = io.StringIO()
    with pytest.raises(SystemExit):
        call_command("verify_log", stdout=out, stderr=io.StringIO())
    assert "the entry at position 1 (" in out.getvalue()
    assert "position 4 where 3 was expected" in out.getvalue()
    out.getvalue().encode()


def test_an_entry_that_cannot_be_read_is_named_and_the_rest_is_verified() -> None:
    damage(
        f"UPDATE {TABLE} SET verdicts = '[' WHERE position = 1", f"UPDATE {TABLE} SET intent = '' WHERE position = 4"
    )
    lines = found().splitlines()
    assert any(line.startswith("the entry at position 1 ('a') cannot be read: ") for line in lines)
    assert "the entry at position 4 (d) does not match its digest" in lines


@pytest.mark.usefixtures("batch")
def test_a_missing_position_is_named() -> None:
    damage(f"DELETE FROM {TABLE} WHERE position = 2")
    assert "position 3 where 2 was expected: positions are not dense" in found()
    assert "enhancelog_denial should not contain position 2" in found()


def test_a_missing_last_entry_shows_in_the_projections() -> None:
    damage(f"DELETE FROM {TABLE} WHERE position = 3")
    lines = found()
    assert "position 4 where 3 was expected" in lines
    assert "enhancelog_statustally should not contain day None, blueprint_id 'main', status 'rejected'" in lines


def test_missing_triggers_are_named() -> None:
    with entries_unprotected():
        assert found().count("is missing or altered; run migrate --skip-checks to restore it") >= 2


FOREIGN = {
    "sqlite": {
        "trigger odd on enhancelog_entry": f"CREATE TRIGGER odd AFTER INSERT ON {TABLE} BEGIN SELECT 1; END",
        "trigger odd_one on auth_user": "CREATE TRIGGER odd_one AFTER DELETE ON auth_user BEGIN SELECT 1; END",
        "view odd": f"CREATE VIEW odd AS SELECT * FROM {TABLE}",
        "virtual table odd": "create virtual table odd USING fts5(words)",
    },
    "postgresql": {
        "trigger odd on enhancelog_entry": f"CREATE TRIGGER odd BEFORE INSERT ON {TABLE} FOR EACH ROW"
        " EXECUTE FUNCTION suppress_redundant_updates_trigger()",
        "trigger enhancelog_entry_no_change on auth_user": "CREATE TRIGGER enhancelog_entry_no_change"
        " BEFORE DELETE ON auth_user FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()",
        "view odd": f"CREATE VIEW odd AS SELECT * FROM {TABLE}",
        "materialized view odd": f"CREATE MATERIALIZED VIEW odd AS SELECT * FROM {TABLE}",
        "rule odd on enhancelog_entry": f"CREATE RULE odd AS ON INSERT TO {TABLE} DO ALSO NOTHING",
    },
}


@pytest.mark.parametrize("number", range(5))
def test_what_acts_on_the_tables_and_is_none_of_ours_is_named(number: int) -> None:
    statements = list(FOREIGN[connection.vendor].items())
    name, statement = statements[number % len(statements)]
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(statement)
        assert f"the {name} is none of Enhancelog's" in found()
        transaction.set_rollback(True)
    assert found() == ""


@pytest.mark.usefixtures("batch")
@pytest.mark.parametrize(
    ("positions", "words", "said"),
    [
        ([2], None, ["lacks position 2"]),
        ([], {9: ["a"]}, ["should not contain position 9"]),
        ([1], {1: ["another"]}, ["position 1"]),
        ([4], {4: "WORDS_BACKWARDS"}, ["position 4"]),
    ],
)
def test_a_difference_in_the_search_index_is_named_and_a_rebuild_repairs_it(positions, words, said) -> None:
    stored = {one.position: one for batch in stored_batches() for one in batch}
    with connection.cursor() as cursor:
        search_index.drop(cursor, [stored[position] for position in positions])
        for position, spoken in (words or {}).items():
            if spoken == "WORDS_BACKWARDS":
                spoken = search_index.words(stored[position].entry).split()[::-1]
            dialect().search.add(cursor, [Document(position, " ".join(spoken))])
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
        ("UPDATE enhancelog_denial SET sole = NOT sole WHERE position = 2", "enhancelog_denial should not contain"),
        (
            "UPDATE enhancelog_denial SET position = 99 WHERE position = 2",
            "enhancelog_denial should not contain position 99",
        ),
        ("DELETE FROM enhancelog_metavalue WHERE key = 'seed'", "enhancelog_metavalue lacks position 4, key 'seed'"),
        ("UPDATE enhancelog_metavalue SET value = 'x' WHERE key = 'seed'", "enhancelog_metavalue should not contain"),
        ("DELETE FROM enhancelog_entrybadge", "enhancelog_entrybadge lacks position 3, badge 'implausible time'"),
        (
            "INSERT INTO enhancelog_entrybadge (position, badge) VALUES (0, 'x')",
            "should not contain position 0, badge 'x'",
        ),
        ("DELETE FROM enhancelog_statustally WHERE day IS NULL", "enhancelog_statustally lacks day None"),
        ("UPDATE enhancelog_statustally SET runs = 7 WHERE blueprint_id = 'coding'", "has runs 7 instead of runs 1"),
        ("UPDATE enhancelog_template SET other = NOT other", "enhancelog_template should not contain"),
        ("UPDATE enhancelog_axistally SET denied = 0 WHERE axis = 'noop'", "enhancelog_axistally at day"),
        (
            "UPDATE enhancelog_blueprintsummary SET newest_ts_ms = 1",
            "has applied 1, rejected 2, newest_ts_ms 1 instead",
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
    host_derivation.settle()
    theme_derivation.settle()
    out = io.StringIO()
    call_command("verify_log", stdout=out, stderr=io.StringIO())
    assert out.getvalue() == (
        "the tree of the evidence has 0 of 4 entries, which is not an error: a running server adds the rest\n"
        "verified 4 entries and 2 repeated judgements: no problems found\n"
    )
    open_store(Origin("command", "tests", "tests")).write("S-1", "story", "text")
    call_command("verify_log", stdout=out, stderr=io.StringIO())
    assert out.getvalue().endswith("verified 4 entries, 2 repeated judgements and 2 content rows: no problems found\n")
    Denial.objects.all().delete()
    StatusTally.objects.all().delete()
    with pytest.raises(SystemExit) as ended:
        call_command("verify_log", stdout=out, stderr=io.StringIO())
    assert ended.value.code == 1
    assert "verified 4 entries, 2 repeated judgements and 2 content rows: 9 findings" in out.getvalue()


def test_the_rebuild_command_says_how_many() -> None:
    BlueprintSummary.objects.all().delete()
    out = io.StringIO()
    call_command("rebuild_projections", stdout=out, stderr=io.StringIO())
    assert out.getvalue() == "rebuilt from 4 entries\n"
    assert found() == ""
