"""``/metrics``: who may read it, what it counts, and that workers' numbers add up."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import InterfaceError, OperationalError, connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from prometheus_client.parser import text_string_to_metric_families
from pytest_django.fixtures import Settings

from content.store.database import DatabaseContentStore
from enhancelog.accounts import api_tokens
from enhancelog.domain import records
from enhancelog.domain.origin import Origin
from enhancelog.domain.unfinished import RunStatus
from enhancelog.domain.unfinished_reports import UnfinishedReport
from enhancelog.evidence.keys import SigningKey
from enhancelog.models import UnfinishedTotal
from enhancelog.observing import shared_series
from enhancelog.queries import gauges
from enhancelog.store import evidence, unfinished_reports
from enhancelog.store.database import DatabaseEnhanceLogStore
from enhancelog.store.rebuilding import rebuild_projections
from enhancelog.store.verification import verify
from tests.factories import make_entry, make_many, make_rejected
from tests.plans import plans

TESTER = Origin("user", "tester", "api")


@pytest.fixture
def reader(client: Client, settings: Settings) -> Client:
    settings.PUBLIC_READ = True
    return client


def read(client: Client) -> dict[str, float]:
    """Every sample as ``name{label="value"}``."""
    response = client.get("/metrics")
    assert response.status_code == 200
    families = text_string_to_metric_families(response.content.decode())
    return {shown(sample.name, sample.labels): sample.value for family in families for sample in family.samples}


def shown(name: str, labels: dict[str, str]) -> str:
    pairs = ",".join(f'{key}="{value}"' for key, value in sorted(labels.items()))
    return f"{name}{{{pairs}}}" if pairs else name


def grown(before: dict[str, float], after: dict[str, float], name: str) -> dict[str, float]:
    return {key: value - before.get(key, 0) for key, value in after.items() if key.startswith(name + "{")}


@pytest.mark.django_db
def test_reading_the_log_is_what_it_takes(client: Client) -> None:
    assert client.get("/metrics").status_code == 401
    owner = User.objects.create_user("ada")
    for name, scopes, status in (("a", ["log:read"], 200), ("b", ["content:read"], 403)):
        _, secret = api_tokens.make(api_tokens.Wanted(name, scopes), owner, made_by="tests")
        assert client.get("/metrics", headers={"Authorization": f"Bearer {secret}"}).status_code == status
    client.force_login(owner)
    assert client.get("/metrics").status_code == 200


@pytest.mark.django_db
def test_answer_is_in_prometheus_own_formats(reader: Client) -> None:
    assert reader.get("/metrics")["Content-Type"].startswith("text/plain; version=")
    openmetrics = reader.get("/metrics", headers={"Accept": "application/openmetrics-text; version=1.0.0"})
    assert openmetrics["Content-Type"].startswith("application/openmetrics-text")
    assert openmetrics.content.endswith(b"# EOF\n")


@pytest.mark.django_db
def test_requests_are_counted_by_route_and_never_by_id(reader: Client) -> None:
    before = read(reader)
    reader.get("/v1/enhance/log/h-very-special")
    reader.get("/nowhere/very-special")
    reader.generic("BREW", "/health/live")
    after = read(reader)
    assert not any("very-special" in key for key in after)
    counted = grown(before, after, "enhancelog_http_requests_total")
    assert (
        counted['enhancelog_http_requests_total{method="GET",route="v1/enhance/log/<id:issue_id>",status="404"}'] == 1
    )
    assert counted['enhancelog_http_requests_total{method="GET",route="none",status="404"}'] == 1
    assert counted['enhancelog_http_requests_total{method="OTHER",route="health/live",status="405"}'] == 1
    timed = grown(before, after, "enhancelog_http_request_duration_seconds_count")
    assert (
        timed['enhancelog_http_request_duration_seconds_count{method="GET",route="v1/enhance/log/<id:issue_id>"}'] == 1
    )


@pytest.mark.django_db
def test_appends_are_counted_by_result(reader: Client) -> None:
    before = read(reader)
    store = DatabaseEnhanceLogStore(TESTER)
    store.append_batch([make_entry(), make_entry(), make_entry(intent="other"), make_entry(issue_id="h-2")])
    after = read(reader)
    assert grown(before, after, "enhancelog_appends_total") == {
        'enhancelog_appends_total{result="created"}': 2,
        'enhancelog_appends_total{result="identical"}': 1,
        'enhancelog_appends_total{result="conflict"}': 1,
    } | {key: 0 for key in before if key.startswith("enhancelog_appends_total{") and "skipped" in key}
    waits = "enhancelog_append_wait_seconds_count"
    assert after[waits] - before[waits] == 1


@pytest.mark.django_db
def test_content_writes_are_counted_when_they_are_committed(
    reader: Client, django_capture_on_commit_callbacks: Any
) -> None:
    before = read(reader)
    with django_capture_on_commit_callbacks(execute=True):
        DatabaseContentStore(TESTER).write("s-1", "story", "text")
        DatabaseContentStore(TESTER).delete("s-1", "story")
    key = 'enhancelog_content_writes_total{kind="story"}'
    assert read(reader)[key] - before.get(key, 0) == 2


@pytest.mark.django_db
def test_log_is_told_as_it_stands(reader: Client) -> None:
    empty = read(reader)
    assert (empty["enhancelog_last_position"], empty["enhancelog_last_recorded_timestamp_seconds"]) == (0, 0)
    DatabaseEnhanceLogStore(TESTER).append(make_entry())
    DatabaseEnhanceLogStore(TESTER._replace(source="host:1")).append(make_rejected(issue_id="h-2"))
    full = read(reader)
    assert (full["enhancelog_last_position"], full["enhancelog_signed_position"]) == (2, 0)
    evidence.step([SigningKey("log", b"k" * 32)])
    assert read(reader)["enhancelog_signed_position"] == 2
    assert full["enhancelog_last_recorded_timestamp_seconds"] > 1_700_000_000
    assert {key: value for key, value in full.items() if key.startswith("enhancelog_entries{")} == {
        'enhancelog_entries{source="api",status="applied"}': 1,
        'enhancelog_entries{source="api",status="rejected"}': 0,
        'enhancelog_entries{source="host:1",status="applied"}': 0,
        'enhancelog_entries{source="host:1",status="rejected"}': 1,
    }
    assert full["enhancelog_database_up"] == 1


def appended(reader: Client, *entries: records.Entry) -> dict[str, float]:
    """What /metrics says of axes after these."""
    DatabaseEnhanceLogStore(TESTER).append_batch(entries)
    return {key: value for key, value in read(reader).items() if "{axis=" in key}


@pytest.mark.django_db
def test_axes_are_counted_over_the_whole_log(reader: Client) -> None:
    assert appended(reader, make_entry(), make_rejected("noop", issue_id="h-2"), make_rejected(issue_id="h-2")) == {
        'enhancelog_judged_total{axis="des"}': 2,
        'enhancelog_judged_total{axis="noop"}': 2,
        'enhancelog_denied_total{axis="des"}': 0,
        'enhancelog_denied_total{axis="noop"}': 1,
    }
    # As on /axes/: only rejected runs count as denied.
    inconsistent = make_rejected("noop", issue_id="h-3", status="applied")
    counted = appended(reader, inconsistent)
    assert (counted['enhancelog_judged_total{axis="noop"}'], counted['enhancelog_denied_total{axis="noop"}']) == (3, 1)


@pytest.mark.django_db
def test_axes_after_the_first_two_hundred_are_one_series_and_no_counter_goes_down(reader: Client) -> None:
    before: dict[str, float] = {}
    batches = [
        [f"z-{at:03}" for at in range(150)],
        ["other", *(f"m-{at:03}" for at in range(60))],
        ["a", "z-000"],
        ["b"],
    ]
    for number, axes in enumerate(batches):
        after = appended(reader, make_rejected(*axes, issue_id=f"h-{number}"))
        assert all(after[key] >= value for key, value in before.items())
        before = after
    names = {key.partition("{")[2] for key in before}
    assert len(names) == 201
    assert {'axis="z-149"}', 'axis="m-048"}', 'axis="other"}'} <= names
    # "des" passed each time and is among the first; "other", twelve, "a" and "b" are not.
    assert before['enhancelog_judged_total{axis="other"}'] == before['enhancelog_denied_total{axis="other"}'] == 14
    assert rebuild_projections() == 4
    assert {key: value for key, value in read(reader).items() if "{axis=" in key} == before


@pytest.mark.django_db
def test_runs_that_died_are_counted_once_whatever_becomes_of_them(reader: Client) -> None:
    def report(issue_id: str, status: RunStatus, source: str) -> dict[str, float]:
        unfinished_reports.keep_report(
            UnfinishedReport(issue_id=issue_id, blueprint_id="main", status=status, source=source), TESTER, print
        )
        return {key: value for key, value in read(reader).items() if key.startswith("enhancelog_unfinished_total")}

    assert report("h-1", "pending", "ci") == {}
    assert report("h-1", "died", "ci") == {'enhancelog_unfinished_total{source="ci"}': 1}
    report("h-1", "pending", "ci")
    report("h-1", "died", "elsewhere")
    both = report("h-2", "died", "other")
    assert both == {'enhancelog_unfinished_total{source="ci"}': 1, 'enhancelog_unfinished_total{source="other"}': 1}
    assert list(verify()) == []
    UnfinishedTotal.objects.filter(source="ci").update(died=5)
    assert ["runs died, but" in line for line in verify()] == [True]


@pytest.mark.django_db
def test_axes_are_read_in_order_up_to_the_limit_however_many_there_are(reader: Client) -> None:
    DatabaseEnhanceLogStore(TESTER).append_batch(make_many(20))
    with CaptureQueriesContext(connection) as asked:
        gauges.axes()
    ((_, plan),) = plans(asked).items()
    assert "axis_total_first" in plan
    assert "Sort" not in plan
    assert "TEMP B-TREE" not in plan


@pytest.mark.django_db
@pytest.mark.parametrize("fault", [OperationalError("gone"), InterfaceError("connection already closed")])
def test_database_that_is_down_is_told(reader: Client, monkeypatch: pytest.MonkeyPatch, fault: Exception) -> None:
    def fails() -> None:
        raise fault

    monkeypatch.setattr(gauges, "totals", fails)
    found = read(reader)
    assert found["enhancelog_database_up"] == 0
    assert "enhancelog_last_position" not in found


@pytest.mark.django_db
def test_reading_costs_seven_queries(reader: Client, django_assert_num_queries: Any) -> None:
    for number in range(5):
        DatabaseEnhanceLogStore(TESTER).append(records.from_values(**_fields(number)))
    with django_assert_num_queries(7):
        read(reader)


def _fields(number: int) -> dict[str, Any]:
    fields: dict[str, Any] = json.loads(records.encode(make_entry(issue_id=f"h-{number}", blueprint_id=f"b-{number}")))
    return fields


WORKER = """
from enhancelog.observing import metrics
metrics.request("GET", "health/live", 200, 0.1)
metrics.appends(["created"] * 3)
print("done", flush=True)
input()
"""

TELLER = """
from enhancelog.observing import metrics
from prometheus_client import generate_latest
metrics.appends(["created"])
print(generate_latest(metrics.registry()).decode())
"""


@pytest.fixture
def memory() -> Iterator[str]:
    path = shared_series.allocate(2)
    assert path is not None
    yield path
    os.close(int(Path(path).name))


def tell(memory: str) -> list[str]:
    """What another worker's /metrics says."""
    environment = {**os.environ, shared_series.MEMORY: memory}
    command = [sys.executable, "-c", TELLER]
    return subprocess.run(command, capture_output=True, text=True, env=environment, check=True).stdout.splitlines()


@contextmanager
def working(memory: str) -> Iterator["subprocess.Popen[str]"]:
    environment = {**os.environ, shared_series.MEMORY: memory}
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True, "env": environment}
    with subprocess.Popen([sys.executable, "-c", WORKER], **pipes) as worker:
        assert worker.stdout is not None
        assert worker.stdout.readline() == "done\n"
        yield worker
        worker.kill()


@pytest.mark.once
def test_numbers_of_all_workers_add_up(memory: str) -> None:
    """Of the living and the dead; memory is that of the living."""
    with working(memory):
        with working(memory):
            pass  # killed by now
        lines = tell(memory)
    assert 'enhancelog_appends_total{result="created"} 7.0' in lines
    assert 'enhancelog_http_requests_total{method="GET",route="health/live",status="200"} 2.0' in lines
    assert 'enhancelog_http_request_duration_seconds_count{method="GET",route="health/live"} 2.0' in lines
    assert 'enhancelog_http_request_duration_seconds_bucket{le="0.05",method="GET",route="health/live"} 0.0' in lines
    assert 'enhancelog_http_request_duration_seconds_bucket{le="0.1",method="GET",route="health/live"} 2.0' in lines
    assert sum(line.startswith("process_resident_memory_bytes ") for line in lines) == 1


@pytest.mark.once
def test_numbers_grow_over_any_number_of_restarts(memory: str) -> None:
    """A new worker continues the numbers of one that was killed, in the same memory."""
    for _ in range(6):
        with working(memory):
            pass
    assert 'enhancelog_appends_total{result="created"} 19.0' in tell(memory)


@pytest.mark.once
def test_worker_without_a_free_slot_reports_what_all_and_itself_counted(memory: str) -> None:
    with ExitStack() as stack:
        for _ in range(4):
            stack.enter_context(working(memory))
        assert 'enhancelog_appends_total{result="created"} 13.0' in tell(memory)


@pytest.mark.once
def test_what_a_killed_worker_left_half_written_is_not_counted() -> None:
    memory = memoryview(bytearray(b"\xff" * shared_series.SLOT_BYTES))
    memory[:16] = bytes(16)
    series = shared_series.Slot(memory).series("a", 2)
    assert list(series) == [0, 0]
    assert [(key, list(values)) for key, values in shared_series.read(memory)] == [("a", [0, 0])]


@pytest.mark.once
def test_series_beyond_the_memory_are_left_out() -> None:
    slot = shared_series.Slot(memoryview(bytearray(shared_series.SLOT_BYTES)))
    for number in range(shared_series.SLOT_BYTES // 100):
        slot.series(f"{number:0100}", 1)[0] += 1
    assert slot.series(f"{0:0100}", 1)[0] == 1
