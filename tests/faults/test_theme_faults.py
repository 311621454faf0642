"""Themes that are killed between two of their transactions, or in one, are derived to the end by the next process."""

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
from enhancelog.store import theme_derivation, theme_grouping, theme_rows
from enhancelog.store.verification import verify
from tests.store.test_themes import PROSE, after_rebuild, rows, say

theme_rows.ROWS_AT_ONCE = theme_grouping.DENIALS_AT_ONCE = 50
theme_rows.DENIALS_AT_ONCE = 90
write = theme_rows.write  # the last statement of each transaction

def settle_until_killed(steps):
    left = iter(range(steps))
    def dying(*arguments):
        write(*arguments)
        if next(left, None) is None:
            os.kill(os.getpid(), signal.SIGKILL)
    theme_rows.write = dying
    theme_derivation.settle()

def die_after(steps):
    connection.close()
    child = os.fork()
    if not child:
        settle_until_killed(steps)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status), f"{steps} steps were all"
    assert not theme_derivation.is_done()
    assert list(verify()) == []

call_command("migrate", verbosity=0)
for start, steps in ((0, 0), (70, 2), (140, 3), (210, 1)):
    say(PROSE[start : start + 70])
    die_after(steps)
theme_derivation.settle()
assert list(verify()) == []
left = rows()
with connection.cursor() as cursor:
    theme_derivation.rebuild(cursor)
for steps in (1, 4, 9):
    die_after(steps)
theme_derivation.settle()
assert rows() == left
assert after_rebuild() == left
assert len(left["DenialTheme"]) > 200
"""


def test_killed_between_any_two_steps_the_themes_come_out_as_a_rebuild_makes_them(tmp_path: Path) -> None:
    done = run_on_sqlite(KILLED, tmp_path)
    assert done.returncode == 0, done.stderr[-1000:]
