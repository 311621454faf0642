"""What hosts' stores say is written once and found to be damaged; what moves keeps its history."""

from collections.abc import Callable

import pytest
from blake3 import blake3
from django.core.management import call_command
from django.db import IntegrityError, connection, transaction

from enhancelog.backends import write_once
from enhancelog.domain.observed import Answer, Document, Settings, Version
from enhancelog.models import HostIssue, Observation, UnfinishedRun, UnfinishedRunChange
from enhancelog.store import host_derivation, observed
from enhancelog.store.database import DatabaseEnhanceLogStore
from enhancelog.store.documents import Seen
from enhancelog.store.observed import Found
from enhancelog.store.verification import verify
from tests.conftest import entries_unprotected
from tests.factories import make_entry
from tests.host.observed import make_issue, make_patch, read_tables

pytestmark = pytest.mark.django_db

YAML = "id: main\n"
HASH = blake3(YAML.encode()).hexdigest()
TABLES = ["patch", "document", "version", "answer", "observation", "unfinishedrunchange"]


def everything() -> Found:
    return Found(
        patches=[make_patch()],
        answers=[Answer(seq=9, ok=False, text='{"raw":""}')],
        documents=[Seen("main", Document(hash=HASH, form="yaml", text=YAML))],
        versions=[Version(blueprint_id="main", hash=HASH, number=0, made_by="hand", rationale="first")],
        issues=[make_issue(1)],
        settings=[Settings(id="default", axes=("des", "noop"), ttl_s=3, spawner="stand-in")],
    )


@pytest.fixture
def kept() -> None:
    from enhancelog.domain.origin import Origin

    DatabaseEnhanceLogStore(Origin("command", "tests", "host")).append_batch([make_entry(issue_id="h-9")])
    observed.keep("host", everything())
    host_derivation.settle()


def execute(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize(
    "statement", ["UPDATE {0} SET {1} = {1}", "DELETE FROM {0}", "INSERT INTO {0} SELECT * FROM {0}"]
)
def test_what_a_host_said_is_written_once(kept: None, table: str, statement: str) -> None:
    key = write_once.registered()[f"enhancelog_{table}"].keys[0][0]
    with pytest.raises(IntegrityError), transaction.atomic():
        execute(statement.format(f"enhancelog_{table}", key))


def test_keeping_the_same_again_adds_nothing(kept: None) -> None:
    before = read_tables()
    assert observed.keep("host", everything()) == observed.Kept()
    assert before == read_tables()


def test_a_host_that_says_otherwise_of_an_issue_is_believed(kept: None) -> None:
    assert observed.keep("host", Found(issues=[make_issue(1, status="pending", detail="")])).changed == 1
    assert HostIssue.objects.get().status == "pending"
    host_derivation.settle()
    run = UnfinishedRun.objects.get()
    assert (run.status, run.cause) == ("pending", None)
    observed.keep("host", Found(issues=[make_issue(1, status="applied", detail="a" * 64)]))
    host_derivation.settle()
    states = UnfinishedRunChange.objects.order_by("id").values_list("status", flat=True)
    assert list(states) == ["died", "pending", "resolved"]


def test_a_setting_is_kept_each_time_it_changes(kept: None) -> None:
    before = Observation.objects.count()
    observed.keep("host", Found(settings=[Settings(id="default", axes=("des",), ttl_s=3, spawner="stand-in")]))
    assert Observation.objects.count() == before + 1
    observed.keep("host", everything())
    axes = Observation.objects.filter(kind="axes").order_by("id").values_list("value", flat=True)
    assert list(axes) == ['["des", "noop"]', '["des"]', '["des", "noop"]']


def test_nothing_is_half_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(*arguments: object) -> int:
        raise RuntimeError

    monkeypatch.setattr(observed, "_keep_issues", failing)
    with pytest.raises(RuntimeError):
        observed.keep("host", everything())
    assert all(rows == [] for rows in read_tables().values())


DAMAGES: dict[str, Callable[[], None]] = {
    "patch 1 does not match its digest": lambda: execute("UPDATE enhancelog_patch SET rationale = 'other'"),
    "patch 1 is joined to entry 7 instead of 1": lambda: execute("UPDATE enhancelog_entrypatch SET position = 7"),
    "patch 1 should not be ambiguous": lambda: execute("INSERT INTO enhancelog_ambiguouspatch (patch) VALUES (1)"),
    "should not contain patch 5": lambda: execute("INSERT INTO enhancelog_entrypatch (patch, position) VALUES (5, 1)"),
    "patch 3 where 1 was expected": lambda: execute("UPDATE enhancelog_patch SET position = 3"),
    "does not match its hash": lambda: execute("UPDATE enhancelog_document SET size = 1"),
    "the unfinished run h-1 of host": lambda: execute("UPDATE enhancelog_unfinishedrun SET reason = ''"),
}


@pytest.mark.parametrize("said", DAMAGES)
def test_damage_is_found(kept: None, said: str) -> None:
    assert list(verify()) == []
    with entries_unprotected():
        DAMAGES[said]()
    assert any(said in line for line in verify())


def test_a_rebuild_repairs_what_is_derived(kept: None) -> None:
    before = read_tables()
    execute("UPDATE enhancelog_entrypatch SET position = 7")
    execute("UPDATE enhancelog_unfinishedrun SET not_before_ms = 7")
    call_command("rebuild_projections")
    assert before == read_tables()


def test_what_is_not_derived_yet_is_not_wrong() -> None:
    from enhancelog.domain.origin import Origin

    observed.keep("host", everything())
    host_derivation.settle()
    DatabaseEnhanceLogStore(Origin("command", "tests", "host")).append_batch([make_entry(issue_id="h-1")])
    found = host_derivation.progress()
    assert found is not None
    assert not found.is_done
    assert list(verify()) == []
    host_derivation.settle()
    assert UnfinishedRun.objects.get().status == "resolved"
    assert len(read_tables()["joined"]) == 1
