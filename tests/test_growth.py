"""A log that the benchmark grows by SQL is what the product would have derived from as many entries."""

from pathlib import Path

import psycopg
import pytest

from benchmarks.children import module, perform, product_environment
from tests.conftest import DATABASE
from tests.postgres import fresh_database
from tests.processes import manage

pytestmark = [
    pytest.mark.database,
    pytest.mark.heavy,
    pytest.mark.skipif(DATABASE != "postgresql", reason="only PostgreSQL is grown"),
]

SIZE, TIMES = 300, 3


def test_only_digests_and_envelopes_are_still_those_of_the_original(tmp_path: Path) -> None:
    with fresh_database() as url:
        environment = product_environment(tmp_path, url)
        perform(module("benchmarks.inside", "fill", "log", SIZE, 1), environment, tmp_path / "log")
        with psycopg.connect(url) as connection:
            newest = connection.execute("SELECT issue_id, ts_ms FROM enhancelog_entry ORDER BY position").fetchall()
        perform(module("benchmarks.growing", TIMES), environment, tmp_path / "log")
        with psycopg.connect(url) as connection:
            entries = connection.execute("SELECT issue_id, ts_ms FROM enhancelog_entry ORDER BY position").fetchall()
            triggers = connection.execute("SELECT tgenabled FROM pg_trigger WHERE NOT tgisinternal").fetchall()
        verified = manage("verify_log", data_dir=tmp_path, DATABASE_URL=url)
    assert len({issue_id for issue_id, _ in entries}) == SIZE * TIMES
    assert entries == sorted(entries, key=lambda entry: entry[1])
    assert entries[-SIZE:] == newest
    assert set(triggers) == {("A",)}
    no_findings = "the tree of the evidence", "themes are derived to"
    findings = [line for line in verified.stdout.splitlines() if not line.startswith(no_findings)]
    assert findings.pop() == f"verified {SIZE * TIMES} entries: {len(findings):,} findings"
    others = [line for line in findings if "does not match its digest" not in line]
    assert [line for line in others if "does not match its envelope" not in line] == []
