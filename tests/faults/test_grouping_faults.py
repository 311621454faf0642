"""Grouping that is killed between two of its transactions leaves a log without a fault, and is done again."""

from pathlib import Path

import pytest

from tests.processes import run_on_sqlite

pytestmark = [pytest.mark.once, pytest.mark.slow]

KILLED = """
import os, signal
import django
django.setup()
from django.core.management import call_command
from django.db import connection
from enhancelog.models import Template
from enhancelog.projections.patterns import axes
from enhancelog.queries.horizon import grouped
from enhancelog.store import pattern_groups
from enhancelog.store.rebuilding import rebuild_projections
from enhancelog.store.verification import verify
from tests.projections.test_projections import read_tables
from tests.factories import make_rejected
from tests.recording import DatabaseEnhanceLogStore, Origin

NAMES = ("critic", "writer", "linter", "scribe", "planner", "referee")
pattern_groups.HOLD_S = 0  # an operation a transaction
advance = axes.advance

def settle_until_killed(steps):
    left = iter(range(steps))
    def dying(*arguments):
        if next(left, None) is None:
            os.kill(os.getpid(), signal.SIGKILL)
        return advance(*arguments)
    axes.advance = dying
    pattern_groups.settle()

call_command("migrate", verbosity=0)
store = DatabaseEnhanceLogStore(Origin("command", "tests", "api"))
for number, steps in enumerate((0, 2, 5, 9)):
    details = [f"the {what} {name} has no owner" for name in NAMES[: number + 3] for what in ("step", "agent")]
    store.append_batch([make_rejected(issue_id=f"{number}-{n}", detail=said) for n, said in enumerate(details)])
    connection.close()
    child = os.fork()
    if not child:
        settle_until_killed(steps)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status), f"{steps} steps were all"
    assert grouped().up_to < grouped().last
    assert list(verify()) == []
pattern_groups.settle()
assert list(verify()) == []
assert set(Template.objects.values_list("wording", flat=True)) == {
    "the step ⟨word⟩ has no owner", "the agent ⟨word⟩ has no owner"
}
left = read_tables()
rebuild_projections()
assert read_tables() == left
"""


def test_killed_between_any_two_steps_the_groups_come_out_as_a_rebuild_makes_them(tmp_path: Path) -> None:
    done = run_on_sqlite(KILLED, tmp_path)
    assert done.returncode == 0, done.stderr[-1000:]
