"""What a SARIF file says of a commit."""

import json
from pathlib import Path
from typing import Any

import pytest

from enhancelog.agents.checks import Check
from enhancelog.agents.sarif import checks
from enhancelog.domain.errors import Invalid
from enhancelog.domain.strict_json import MAX_DEPTH

SAMPLES = Path(__file__).resolve().parent.parent / "samples/sources"


def log(*results: dict[str, Any], **run: Any) -> bytes:
    tool = {"driver": {"name": "lint", "rules": [{"id": "R1", "defaultConfiguration": {"level": "note"}}]}}
    return json.dumps({"version": "2.1.0", "runs": [{"tool": tool, "results": results, **run}]}).encode()


def test_what_ruff_wrote() -> None:
    [check] = checks((SAMPLES / "ruff.sarif").read_bytes())
    assert (check.axis, check.outcome) == ("ruff", "deny")
    unused, asserts, *others, total = check.detail.splitlines()
    assert unused == "F401 /home/runner/work/app/app/src/job.py:1: `os` imported but unused"
    assert asserts == "S101 /home/runner/work/app/app/src/job.py:7: Use of `assert` detected"
    assert [line.split()[0] for line in others] == ["S602", "S301"]
    assert total == "results at level error: 4"


def test_another_checkout_has_the_same_findings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    details = set()
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        monkeypatch.chdir(tmp_path / name)
        place = {"artifactLocation": {"uri": f"file://{tmp_path / name}/src/job.py"}, "region": {"startLine": 3}}
        result = {"ruleId": "R9", "level": "error", "locations": [{"physicalLocation": place}]}
        [check] = checks(log({**result, "message": {"text": "no"}}))
        details.add(check.detail)
    assert details == {"R9 src/job.py:3: no\nresults at level error: 1"}


@pytest.mark.parametrize(("level", "count"), [("error", 1), ("warning", 2), ("note", 5)])
def test_what_bandit_wrote_counts_from_a_level_on(level: str, count: int) -> None:
    [check] = checks((SAMPLES / "bandit.sarif").read_bytes(), "security", level)
    assert (check.axis, check.outcome) == ("security", "deny")
    assert check.detail.endswith(f": {count}")


@pytest.mark.parametrize(
    ("result", "outcome"),
    [
        ({"level": "error"}, "deny"),
        ({"level": "warning"}, "deny"),
        ({"level": "note"}, "pass"),
        ({"level": "none"}, "pass"),
        ({}, "deny"),  # warning, by SARIF
        ({"ruleId": "R1"}, "pass"),  # the rule's own level
        ({"level": "error", "kind": "pass"}, "pass"),
        ({"level": "error", "baselineState": "absent"}, "pass"),
        ({"level": "error", "suppressions": [{"kind": "inSource"}]}, "pass"),
        ({"level": "error", "suppressions": [{"kind": "inSource", "status": "rejected"}]}, "deny"),
        ({"level": "error", "suppressions": []}, "deny"),
    ],
)
def test_a_result_denies_from_the_level_on(result: dict[str, Any], outcome: str) -> None:
    [check] = checks(log(result), level="warning")
    assert check.outcome == outcome


def test_a_tool_that_did_not_finish_is_cancelled_and_one_that_did_not_look_is_skipped() -> None:
    assert checks(log(invocations=[{"executionSuccessful": False}])) == [
        Check("lint", "cancelled", "lint did not finish")
    ]
    [check] = checks(b'{"version": "2.1.0", "runs": [{"tool": {"driver": {"name": "lint"}}}]}')
    assert check.outcome == "skipped"


@pytest.mark.parametrize(
    ("data", "rule"),
    [
        (b"", "json"),
        (b"{", "json"),
        (b"[]", "type"),
        (b'{"version": "2.1.0"}', "missing"),
        (b'{"version": "2.1.0", "runs": [{"tool": {}}]}', "missing"),
        (b'{"version": "2.1.0", "runs": [{"tool": {"driver": {"name": 1}}}]}', "type"),
        (b'{"version": "2.1.0", "runs": ' + b"[" * 100_000, "depth"),
        (log({"properties": {"deep": json.loads("[" * MAX_DEPTH + "]" * MAX_DEPTH)}}), "depth"),
        (b'{"version": "2.1.0", "runs": [], "runs": []}', "duplicate"),
        (b"\xff", "utf-8"),
    ],
)
def test_a_hostile_file_is_refused(data: bytes, rule: str) -> None:
    with pytest.raises(Invalid) as refused:
        checks(data)
    assert refused.value.rule == rule


def test_the_detail_is_bounded() -> None:
    [check] = checks(log(*[{"level": "error", "message": {"text": "x" * 10_000}}] * 100))
    assert check.detail.endswith("results at level error: 100")
    assert len(check.detail) < 3000
