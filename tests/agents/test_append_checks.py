"""``append --junit --sarif`` against a live server, with reports that the real tools write."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from enhancelog.agents import cli
from enhancelog.domain import records
from enhancelog.domain.origin import Origin
from enhancelog.models import EntryBadge
from enhancelog.store import open_store
from tests.agents.test_cli import Done

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.once]

SAMPLES = Path(__file__).resolve().parent.parent / "samples/sources"
BASE, HEAD = "1" * 40, "2" * 40
COMMIT = ("--blueprint", "app", "--base", BASE, "--head", HEAD, "--intent", "Add a job")
STARTED_MS = 1_795_968_000_000

Append = Callable[..., Done]


@pytest.fixture
def append(live_api: str, capfdbinary: pytest.CaptureFixture[bytes]) -> Append:
    def append(*arguments: str | Path) -> Done:
        capfdbinary.readouterr()
        try:
            code = cli.main(["append", *map(str, arguments)])
        except SystemExit as end:
            code = int(end.code or 0)
        captured = capfdbinary.readouterr()
        return Done(code, captured.out.decode(), captured.err.decode())

    return append


@pytest.fixture
def passed(tmp_path: Path) -> Path:
    """A report that was written at STARTED_MS."""
    path = tmp_path / "passed.xml"
    path.write_text('<testsuite name="unit"><testcase name="a"/></testsuite>')
    os.utime(path, (STARTED_MS / 1000,) * 2)
    return path


def entry(issue_id: str = f"app@{HEAD}") -> dict[str, Any]:
    stored = open_store(Origin("command", "tests", "tests")).get(issue_id)
    found: dict[str, Any] = json.loads(records.encode(stored))
    return found


def unfinished(live_api: str, issue_id: str) -> dict[str, Any]:
    headers = {"Authorization": f"Bearer {os.environ['ENHANCELOG_TOKEN']}"}
    answer = httpx.get(f"{live_api}/v1/enhance/unfinished/{issue_id}", headers=headers)
    found: dict[str, Any] = answer.raise_for_status().json()
    return found


def test_a_commit_whose_checks_pass_is_applied(append: Append, passed: Path) -> None:
    done = append(
        *COMMIT, "--junit", passed, "--rationale", "A plain loop.", "--meta", "pull=17", "--meta", "agent=a b"
    )
    assert (done.code, done.err) == (0, "")
    [line] = done.lines
    assert (line["issue_id"], line["status"], line["result"]) == (f"app@{HEAD}", "applied", "created")
    assert entry() == {
        "issue_id": f"app@{HEAD}",
        "blueprint_id": "app",
        "prev_hash": BASE,
        "new_hash": HEAD,
        "intent": "Add a job",
        "rationale": "A plain loop.",
        "verdicts": [{"axis": "unit", "status": "pass", "detail": "1 tests passed"}],
        "status": "applied",
        "reasons": [],
        "ts_ms": STARTED_MS,
        "candidate_hash": HEAD,
        "meta": {"pull": "17", "agent": "a b"},
    }
    assert not EntryBadge.objects.exists()  # a SHA of git is not unusual here


def test_a_check_is_an_axis_and_a_failed_one_denies(append: Append, passed: Path) -> None:
    done = append(
        *COMMIT,
        *("--junit", passed, "--junit", f"tests={SAMPLES / 'pytest.xml'}"),
        *("--sarif", SAMPLES / "ruff.sarif", "--sarif", f"security={SAMPLES / 'bandit.sarif'}"),
    )
    assert done.code == 0
    stored = entry()
    assert [(verdict["axis"], verdict["status"]) for verdict in stored["verdicts"]] == [
        ("unit", "pass"),
        ("tests", "deny"),
        ("ruff", "deny"),
        ("security", "deny"),
    ]
    assert (stored["status"], stored["new_hash"], stored["candidate_hash"]) == ("rejected", "", HEAD)
    assert [reason.partition(":")[0] for reason in stored["reasons"]] == ["tests", "ruff", "security"]
    assert not EntryBadge.objects.exists()


def test_it_is_safe_to_repeat_and_another_result_is_a_finding(append: Append, passed: Path) -> None:
    first, again = (append(*COMMIT, "--junit", passed) for _ in range(2))
    assert [done.lines[0]["result"] for done in (first, again)] == ["created", "identical"]
    assert (first.code, again.code) == (0, 0)
    assert first.lines[0]["digest"] == again.lines[0]["digest"]
    other = append(*COMMIT, "--junit", SAMPLES / "pytest.xml", "--started", str(STARTED_MS))
    assert other.code == 1
    assert other.lines[0]["result"] == "conflict"
    assert "verdicts" in str(other.lines[0]["error"])
    assert append(*COMMIT, "--junit", passed, "--issue-id", "app/2").lines[0]["result"] == "created"


def test_shards_of_one_check_are_one_axis(append: Append, passed: Path) -> None:
    append(
        *COMMIT,
        "--junit",
        f"tests={passed}",
        "--junit",
        f"tests={SAMPLES / 'pytest.xml'}",
        "--junit",
        f"tests={passed}",
    )
    [verdict] = entry()["verdicts"]
    assert (verdict["axis"], verdict["status"]) == ("tests", "deny")
    assert "3 of 5 tests failed" in verdict["detail"]


def test_a_skipped_check_is_absent(append: Append, passed: Path, tmp_path: Path) -> None:
    skipped = tmp_path / "skipped.xml"
    skipped.write_text('<testsuite name="slow"><testcase name="a"><skipped/></testcase></testsuite>')
    append(*COMMIT, "--junit", passed, "--junit", skipped)
    assert [verdict["axis"] for verdict in entry()["verdicts"]] == ["unit"]
    done = append(*COMMIT, "--junit", skipped, "--issue-id", "none")
    assert (done.code, done.out) == (2, "")
    assert done.err == "enhancelog: every check was skipped, so there is nothing to judge by\n"


def test_a_cancelled_check_is_an_unfinished_run_until_it_is_repeated(
    append: Append, passed: Path, live_api: str
) -> None:
    stopped = (*COMMIT, "--issue-id", "run-1", "--cancelled", "stopped after 6 hours", "--cause", "time_limit")
    first, again = append(*stopped), append(*stopped)
    assert [(done.code, done.lines[0]["result"]) for done in (first, again)] == [(0, "created"), (0, "updated")]
    run = unfinished(live_api, "run-1")
    assert (run["blueprint_id"], run["cause"], run["reason"]) == ("app", "time_limit", "stopped after 6 hours")
    assert (run["status"], run["candidate_hash"]) == ("died", HEAD)
    assert append(*COMMIT, "--issue-id", "run-1", "--junit", passed).lines[0]["result"] == "created"
    late = append(*stopped)
    assert (late.code, late.lines[0]["result"]) == (1, "conflict")


def test_a_tool_that_did_not_finish_is_an_unfinished_run(append: Append, live_api: str, tmp_path: Path) -> None:
    log = {"tool": {"driver": {"name": "scan"}}, "results": [], "invocations": [{"executionSuccessful": False}]}
    (tmp_path / "scan.sarif").write_text(json.dumps({"version": "2.1.0", "runs": [log]}))
    assert append(*COMMIT, "--issue-id", "run-2", "--sarif", tmp_path / "scan.sarif").code == 0
    assert unfinished(live_api, "run-2")["reason"] == "scan did not finish"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (COMMIT, "--junit: is missing, and so are --sarif and --cancelled"),
        ((*COMMIT, "--cancelled", "not UTF-8: \udcff"), "--cancelled: contains a lone surrogate"),
        ((*COMMIT, "--cancelled", "", "--issue-id", "a\nb"), "--issue-id: must not be"),
    ],
)
def test_what_cannot_run_without_a_report(append: Append, arguments: tuple[str, ...], said: str) -> None:
    done = append(*arguments)
    assert (done.code, done.out, done.err.count("\n")) == (2, "", 1)
    assert said in done.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((*COMMIT, "--rationale", "\udcff"), "surrogates not allowed"),
        (COMMIT[2:], "--blueprint: is missing"),
        (COMMIT[:-2], "--intent: is missing"),
        ((*COMMIT, "--cause", "other"), "--cause: belongs to --cancelled"),
        ((*COMMIT, "--meta", "novalue"), '--meta: must be KEY=VALUE, not "novalue"'),
        ((*COMMIT, "--meta", "a b=1"), "meta: has the key"),
        ((*COMMIT, "--started", "soon"), '--started: "soon" is not a time'),
        ((*COMMIT, "--rationale-file", "/nowhere"), "/nowhere: cannot be read"),
        ((*COMMIT, "--issue-id", "x" * 513), "issue_id: has 513 bytes"),
        ((*COMMIT, "--junit", "/nowhere"), "/nowhere: cannot be read"),
        ((*COMMIT, "--junit", "/"), "/: cannot be read: Is a directory"),
        ((*COMMIT, "--spool", "spool"), "do not go with checks"),
        ((*COMMIT, "entries.json"), "do not go with checks"),
        ((*COMMIT, "--sarif", SAMPLES / "pytest.xml"), "pytest.xml: is not JSON"),
    ],
)
def test_what_cannot_run_is_one_line(append: Append, passed: Path, arguments: tuple[Any, ...], said: str) -> None:
    done = append(*arguments, "--junit", passed)
    assert (done.code, done.out, done.err.count("\n")) == (2, "", 1)
    assert said in done.err


def test_a_report_that_never_ends_is_not_waited_for(append: Append, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    done = append(*COMMIT, "--junit", tmp_path / "pipe")
    assert (done.code, done.err) == (2, f"enhancelog: {tmp_path / 'pipe'}: is not a regular file\n")


def test_what_pytest_and_ruff_write_today(append: Append, tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text("import os\n\n\ndef test_it():\n    assert 1 == 2\n")
    tools = {
        "pytest": [
            *("-c", os.devnull),
            "--rootdir=.",
            "-pno:cacheprovider",
            f"--junit-xml={tmp_path}/out.xml",
            "test_it.py",
        ],
        "ruff": ["check", "--isolated", "--no-cache", "--output-format=sarif", "--output-file=out.sarif", "test_it.py"],
    }
    environment = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    for tool, arguments in tools.items():
        command = [sys.executable, "-m", tool, *arguments]
        run = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, check=False)
        assert run.returncode == 1, run
    assert append(*COMMIT, "--junit", tmp_path / "out.xml", "--sarif", tmp_path / "out.sarif").code == 0
    tests, lint = entry()["verdicts"]
    assert (tests["axis"], tests["status"]) == ("pytest", "deny")
    assert tests["detail"] == "test_it.test_it: assert 1 == 2\n1 of 1 tests failed"
    assert (lint["axis"], lint["status"]) == ("ruff", "deny")
    assert lint["detail"].startswith("F401 ")
