"""A worker that is killed at any step between an append and the answer of a receiver loses no event, and gives none a
second id."""

import json
import subprocess
import sys
from collections import Counter, defaultdict
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.alerts.receivers import Handler, answering, receiving
from tests.conftest import DATABASE
from tests.postgres import fresh_database
from tests.processes import ROOT, START_S, environment

pytestmark = [pytest.mark.database, pytest.mark.heavy]

EVENTS = 200

KILLED = """
import json, os, signal, sys, threading, time
import django
django.setup()
from django.core.management import call_command
from django.db import connection
from enhancelog.alerts import holding, outbox, sender
from enhancelog.maintenance.alert_worker import Worker
from enhancelog.models import AlertProgress, Delivery
from enhancelog.projections import waking
from enhancelog.store.database import last_position
from tests.factories import make_rejected
from tests.recording import DatabaseEnhanceLogStore, Origin
from tests.alerts.outboxes import make_alert, make_delivery, run_until_idle

url, events = sys.argv[1], int(sys.argv[2])
outbox.LEASE_MS = holding.HELD_FOR_MS = 10
outbox.BETWEEN_MESSAGES_MS = 0
outbox.WAITS_S = (0,) * 1_000
outbox.MOST_FOLDED = 3

def work_until_killed(step):
    left, lock = iter(range(step)), threading.Lock()
    def count():
        with lock:
            if next(left, None) is None:
                os.kill(os.getpid(), signal.SIGKILL)
    def counted(execute, *arguments):
        count()
        return execute(*arguments)
    send = sender.send
    def sent(leased):
        count()
        answer = send(leased)
        count()
        return answer
    sender.send = sent
    worker = Worker()
    while not is_done():
        waking.alerts_wait.clear()
        with connection.execute_wrapper(counted):
            wait_s = worker.round()
        waking.alerts_wait.wait(min(wait_s, 0.02))

def is_done():
    with_all = AlertProgress.objects.filter(log_position__gte=last_position()).exists()
    return with_all and not Delivery.objects.exclude(next_ms=None).exists()

def append(number):
    store.append(make_rejected(issue_id=f"h-{number}", detail=f"reason {number}"))

call_command("migrate", verbosity=0)
store = DatabaseEnhanceLogStore(Origin("command", "tests", "api"))
alerts = [make_alert(url, event="entry.rejected") for _ in range(2)]
make_delivery(alerts[0], "test", folds=0)
run_until_idle()  # what is imported and compiled for it, no life has to do again
lives, step, appended = 0, 0, 0
while appended < events // 2 or not is_done():
    for _ in range(min(4, events // 2 - appended)):
        append(appended)
        appended += 1
    connection.close()
    time.sleep(0.012)  # what the last one held and leased is free again
    lives, step = lives + 1, step % 60 + 1
    child = os.fork()
    if not child:
        work_until_killed(step)
        os._exit(0)
    os.waitpid(child, 0)
rows = Delivery.objects.values_list("id", "state", "folded_into", "alert", "data")
json.dump({"rows": list(rows), "lives": lives}, sys.stdout)
"""


def _every_third_fails(handler: Handler) -> None:
    answering(500 if len(handler.server.received) % 3 == 0 else 200)(handler)


def test_killed_at_every_step_each_event_arrives_and_under_one_id(tmp_path: Path) -> None:
    with ExitStack() as stack:
        receiver = stack.enter_context(receiving(_every_third_fails))
        database = f"sqlite:///{tmp_path}/log.sqlite3"
        if DATABASE == "postgresql":
            database = stack.enter_context(fresh_database())
        variables = environment(
            tmp_path,
            DATABASE_URL=database,
            DJANGO_SETTINGS_MODULE="enhancelog.settings",
            ENHANCELOG_WEBHOOK_ALLOW="127.0.0.1",
        )
        command = [sys.executable, "-c", KILLED, receiver.url, str(EVENTS)]
        done = subprocess.run(
            command, cwd=ROOT, env=variables, capture_output=True, text=True, timeout=2 * START_S, check=False
        )
        assert done.returncode == 0, done.stderr[-2000:]
        found = json.loads(done.stdout)
    assert found["lives"] > 60  # so a life ended at each step
    rows = [each for each in found["rows"] if each[0] != "test"]
    told = Counter((alert, json.loads(data)["issue_id"]) for *_, alert, data in rows)
    assert len(told) == EVENTS
    assert set(told.values()) == {1}  # none has a second id
    assert {state for _, state, *_ in rows} == {"delivered", "folded"}
    bodies = defaultdict(set)
    taken_along = defaultdict(set)
    for row, _, into, *_ in rows:
        if into:
            taken_along[into].add(row)
    for each in receiver.received:
        bodies[each.headers["webhook-id"]].add(each.body)
        more = each.json["data"].get("more", {}).get("count", 0)
        assert more == len(taken_along[each.headers["webhook-id"]])
    assert all(len(each) == 1 for each in bodies.values())
    folded = {row for rows in taken_along.values() for row in rows}
    assert not folded & set(bodies)
    assert folded | set(bodies) == {row for row, *_ in found["rows"]}
