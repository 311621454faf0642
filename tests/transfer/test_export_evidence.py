"""``export_log --evidence``: the log with all that its leaves are made of, and its checkpoint."""

import hashlib
import io
import json
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from enhancelog.domain.origin import Origin
from enhancelog.evidence import checkpoints, exports
from enhancelog.evidence.keys import SigningKey
from enhancelog.models import Entry
from enhancelog.store import evidence, redacting
from enhancelog.store.database import DatabaseEnhanceLogStore
from tests.conftest import entries_unprotected
from tests.evidence.tampering import execute
from tests.factories import make_entry, make_rejected

pytestmark = pytest.mark.django_db

HOST = Origin("command", "tests", "tests")
KEY = SigningKey("log-1", b"k" * 32)
OPTIONAL: dict[str, Any] = {"ops": [], "bump": "minor", "candidate_hash": "c" * 64, "meta": {"size": "größer"}}


@pytest.fixture(autouse=True)
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of 302 entries, the last of which is in no checkpoint."""
    monkeypatch.chdir(tmp_path)
    append(*(make_rejected(issue_id=f"h-{number}", ts_ms=-number) for number in range(300)))
    append(make_entry(issue_id="of all fields", **OPTIONAL))
    evidence.step([KEY])
    append(make_rejected(issue_id="later"))


def append(*entries: Any) -> None:
    DatabaseEnhanceLogStore(HOST).append_batch(list(entries))


def export(*arguments: str) -> str:
    out = io.StringIO()
    call_command("export_log", "--evidence", "--output=export", *arguments, stdout=out, stderr=io.StringIO())
    return out.getvalue()


def lines() -> list[dict[str, Any]]:
    return [json.loads(line) for line in Path("export").read_bytes().splitlines()]


def verified() -> exports.Proven:
    opened = checkpoints.open_signed(Path("export.checkpoint").read_bytes(), [KEY.verifier])
    return exports.verify(Path("export").read_bytes().splitlines(keepends=True), [opened.checkpoint])


def test_every_signed_entry_is_there_in_the_order_of_positions() -> None:
    assert export() == "wrote 301 entries to export, and beside it .checkpoint with their checkpoint\n"
    found = lines()
    assert [line["position"] for line in found] == list(range(1, 302))
    assert verified() == exports.Proven(shown=301, redacted=0)
    stored = Entry.objects.get(position=301)
    line = found[-1]
    assert list(line) == [
        "position", "entry", "recorded_ms", "actor_kind", "actor_name", "source", "envelope", "inner", "salt",
    ]  # fmt: skip
    assert line["entry"]["meta"] == OPTIONAL["meta"]
    assert (line["envelope"], line["salt"], line["source"]) == (stored.envelope, stored.salt, "tests")
    record = json.dumps(line["entry"], ensure_ascii=False, separators=(",", ":")).encode()
    inner = hashlib.sha256(bytes.fromhex(line["salt"]) + record + bytes.fromhex(line["envelope"]))
    assert line["inner"] == inner.hexdigest()


def test_a_redacted_entry_has_no_salt_but_says_so() -> None:
    redacting.redact("h-4", ["details"], "a key in clear", HOST)
    export()
    line = lines()[4]
    assert "salt" not in line
    assert line["inner"] == Entry.objects.get(position=5).digest
    assert line["redacted"][0]["why"] == "a key in clear"
    assert verified() == exports.Proven(shown=300, redacted=1)


def test_an_empty_log_has_an_export() -> None:
    with entries_unprotected():
        execute("DELETE FROM enhancelog_entry")
    execute("DELETE FROM enhancelog_tile")
    execute("DELETE FROM enhancelog_checkpoint")
    with pytest.raises(CommandError, match="no checkpoint was signed yet"):
        export()
    evidence.step([KEY])
    export()
    assert verified() == exports.Proven(0, 0)


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["--format=csv"], "--format: cannot be used with --evidence"),
        (["--format=ndjson"], "--format: cannot be used with --evidence"),
        (["--order=asc"], "--order: cannot be used"),
        (["--blueprint-id=main"], "--blueprint-id: cannot be used"),
        (["--not-meta=a=b"], "--not-meta: cannot be used"),
        (["--output=/dev/null"], "--output: must be a regular file"),
    ],
)
def test_only_the_whole_log_is_evidence(arguments: list[str], why: str) -> None:
    with pytest.raises(CommandError, match=why) as error:
        export(*arguments)
    assert error.value.returncode == 2
    with pytest.raises(CommandError, match="--evidence: needs --output FILE"):
        call_command("export_log", "--evidence", stdout=io.StringIO(), stderr=io.StringIO())
    assert not list(Path().iterdir())


@pytest.mark.parametrize(
    ("statement", "why"),
    [
        (
            "UPDATE enhancelog_entry SET intent = 'x' WHERE position = 280",
            "is not the one whose 301 entries were signed",
        ),
        ("UPDATE enhancelog_entry SET salt = 'zz' WHERE position = 280", "the entry at position 280 is damaged"),
        ("DELETE FROM enhancelog_entry WHERE position = 280", "the entry at position 280 is missing"),
        ("DELETE FROM enhancelog_entry WHERE position > 256", "the entry at position 257 is missing"),
    ],
)
def test_what_proves_nothing_is_not_written(statement: str, why: str) -> None:
    Path("export").write_text("before")
    with entries_unprotected():
        execute(statement)
    with pytest.raises(CommandError, match=why) as error:
        export()
    assert error.value.returncode == 2
    assert [path.name for path in Path().iterdir()] == ["export"]
    assert Path("export").read_text() == "before"
