"""One small append cannot keep the others waiting, however many templates its axes have."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.processes import ROOT, START_S, environment

pytestmark = pytest.mark.once

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


def test_a_new_template_on_each_of_eight_crowded_axes_takes_less_than_two_seconds_of_cpu(tmp_path: Path) -> None:
    database = f"sqlite:///{tmp_path}/log.sqlite3"
    variables = environment(tmp_path, DATABASE_URL=database, DJANGO_SETTINGS_MODULE="enhancelog.settings")
    command = [sys.executable, "-c", APPEND]
    done = subprocess.run(
        command, cwd=ROOT, env=variables, capture_output=True, text=True, timeout=START_S, check=False
    )
    assert done.returncode == 0, f"ended by signal {-done.returncode}: {done.stderr[-300:]}"
