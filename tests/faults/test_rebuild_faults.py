"""A rebuild that is killed, between two steps or within one, leaves what readers had; the next one ends the work."""

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
from enhancelog.models import AxisTally, Denial, StatusTally, TemplateTally
from enhancelog.store.rebuilding import rebuild_projections, rows, search, steps, sums
from enhancelog.store.verification import verify
from tests.projections.test_projections import read_tables
from tests.factories import make_many
from tests.recording import record_all

def die():
    os.kill(os.getpid(), signal.SIGKILL)

def dying(call, steps):
    left = iter(range(steps))
    def counting(*arguments):
        return call(*arguments) if next(left, None) is not None else die()
    return counting

def rebuild_until_killed(number, is_within):
    if is_within:
        for module in (rows.RowsPerEntry, sums):
            name = "repair" if module is rows.RowsPerEntry else "_correct_next"
            setattr(module, name, dying(getattr(module, name), number))
    else:
        steps.time.sleep = dying(lambda seconds: None, number)
    rebuild_projections()

call_command("migrate", verbosity=0)
search.ENTRIES_AT_ONCE = rows.ENTRIES_AT_ONCE = 15
sums.KEYS_AT_ONCE = 25
record_all(make_many(60))
whole = read_tables()
damage = {Denial: {"sole": True}, StatusTally: {"runs": 7}, AxisTally: {"judged": 7}, TemplateTally: {"denied": 7}}
killed = 0
for number, is_within in ((0, False), (1, True), (6, False), (7, True), (14, False), (11, True)):
    for table, values in damage.items():
        table.objects.update(**values)
    wrong = read_tables()
    connection.close()
    child = os.fork()
    if not child:
        rebuild_until_killed(number, is_within)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    killed += os.WIFSIGNALED(status)
    for name, found in read_tables().items():
        assert len(found) == len(whole[name]), name
        assert all(row in whole[name] or row in wrong[name] for row in found), name
assert killed == 6, killed
record_all([make_many(61)[-1]])
rebuild_projections()
assert list(verify()) == []
assert len(read_tables()["enhancelog_denial"]) >= len(whole["enhancelog_denial"])
"""


def test_killed_at_any_step_it_leaves_rows_as_they_were_or_as_they_should_be(tmp_path: Path) -> None:
    done = run_on_sqlite(KILLED, tmp_path)
    assert done.returncode == 0, done.stderr[-1000:]
