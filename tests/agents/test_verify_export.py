"""``enhancelog verify`` of an export of the whole log."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import msgspec
import pytest

from enhancelog.agents import cli
from enhancelog.domain import envelopes, records
from enhancelog.evidence import checkpoints, exports, receipts
from enhancelog.evidence.checkpoints import Checkpoint
from enhancelog.evidence.exports import Line
from enhancelog.evidence.keys import SigningKey
from tests.evidence.logs import AUTHOR, KEY, ORIGIN, RECORDED_MS, WITNESS, Log, witnessed

LOG = Log(9)
PLAIN = str(KEY.verifier)
SAID = f"valid: all 9 entries of the log {ORIGIN}; "


class Done(NamedTuple):
    code: int
    out: str
    err: str


Verify = Callable[..., Done]


def line(index: int, log: Log = LOG, *, redacted: bool = False) -> bytes:
    entry, position, recorded_ms = log.entries[index], index + 1, RECORDED_MS + index
    inner = log.inners[index].hex()
    envelope = envelopes.of_entry(position, inner if redacted else records.digest(entry), recorded_ms, AUTHOR)
    made = Line(position, msgspec.Raw(records.encode(entry)), recorded_ms, *AUTHOR, envelope, inner)
    if redacted:
        changed = msgspec.structs.replace(entry, rationale="[redacted]")
        made = msgspec.structs.replace(
            made, entry=msgspec.Raw(records.encode(changed)), redacted=msgspec.Raw(b'[{"why":"a name"}]')
        )
    else:
        made = msgspec.structs.replace(made, salt=log.salts[index].hex())
    return exports.encode(made) + b"\n"


LINES = [line(index) for index in range(9)]


@pytest.fixture
def verify(tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch) -> Verify:
    """Verifies ``export`` with its checkpoint; no server can be reached."""
    monkeypatch.setenv("ENHANCELOG_URL", "not an address")
    monkeypatch.chdir(tmp_path)
    Path("checkpoint").write_bytes(LOG.signed(9))

    def verify(lines: list[bytes], *arguments: str, name: str = "export") -> Done:
        Path("export").write_bytes(b"".join(lines))
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"".join(lines))))
        try:
            code = cli.main(["verify", name, "--key", PLAIN, *(arguments or ["--checkpoint", "checkpoint"])])
        except SystemExit as end:
            code = int(end.code or 0)
        captured = capfdbinary.readouterr()
        return Done(code, captured.out.decode(), captured.err.decode())

    return verify


def test_a_valid_export_says_what_it_proves(verify: Verify) -> None:
    for name in ("export", "-"):
        done = verify(LINES, name=name)
        assert done == (0, f"{SAID}9 shown; 0 redacted\n", "")


def test_redacted_entries_are_counted(verify: Verify) -> None:
    lines = [*LINES[:3], line(3, redacted=True), *LINES[4:]]
    done = verify(lines)
    assert done == (0, f"{SAID}8 shown; 1 redacted: that it was there is proven, but what is left of it is not\n", "")


def test_older_checkpoints_and_receipts_fit_too(verify: Verify) -> None:
    Path("older").write_bytes(LOG.signed(4))
    Path("first").write_bytes(LOG.signed(0))
    Path("receipt").write_bytes(LOG.receipt(1, 6))
    named = [part for name in ("older", "checkpoint", "receipt", "first") for part in ("--checkpoint", name)]
    assert verify(LINES, *named) == (0, f"{SAID}9 shown; 0 redacted; 4 checkpoints fit\n", "")
    Path("older").write_bytes(Log(9, "other").signed(4))
    done = verify(LINES, *named)
    assert (done.code, done.out) == (1, "")
    assert "root: the first 4 entries have another than the checkpoint" in done.err


def test_two_checkpoints_of_one_size_are_a_split_view(verify: Verify) -> None:
    Path("other").write_bytes(checkpoints.sign(Checkpoint(ORIGIN, 9, b"x" * 32), [KEY]))
    done = verify(LINES, "--checkpoint", "checkpoint", "--checkpoint", "other")
    assert done.code == 1
    assert "the first 9 entries have another than the checkpoint" in done.err


def test_an_empty_log(verify: Verify) -> None:
    Path("checkpoint").write_bytes(LOG.signed(0))
    assert verify([]).out == f"valid: all 0 entries of the log {ORIGIN}; 0 shown; 0 redacted\n"
    assert verify(LINES[:1]).code == 1


def changed(index: int, old: bytes, new: bytes) -> list[bytes]:
    assert old in LINES[index]
    return [*LINES[:index], LINES[index].replace(old, new, 1), *LINES[index + 1 :]]


def consistent(index: int) -> bytes:
    """Another entry with all that follows from it."""
    return line(index, Log(9, "other"))


REFUSED: dict[str, tuple[list[bytes], str]] = {
    "nothing": ([], "ends after 0 of the 9 entries"),
    "the newest missing": (LINES[:-1], "ends after 8 of the 9 entries"),
    "one missing": (LINES[:4] + LINES[5:], "line 5: position is 6, not 5: a line is missing, doubled or moved"),
    "one doubled": (LINES[:5] + LINES[4:], "line 6: position is 5, not 6"),
    "two swapped": ([*LINES[:2], LINES[3], LINES[2], *LINES[4:]], "line 3: position is 4, not 3"),
    "too many": ([*LINES, LINES[-1]], "line 10: the checkpoint has 9 entries"),
    "cut short": ([*LINES[:-1], LINES[-1][:-1]], "line 9: is cut short, it has no newline"),
    "cut in between": ([*LINES[:-1], LINES[-1][:90]], "line 9: is cut short"),
    "an empty line": ([*LINES[:3], b"\n", *LINES[3:]], "line 4: is no entry of an export"),
    "of another log": ([line(index, Log(9, "other")) for index in range(9)], "root: the first 9 entries"),
    "one of another log": ([*LINES[:4], consistent(4), *LINES[5:]], "root: the first 9 entries have another"),
    "a changed entry": (changed(4, b"h-4", b"h-x"), "line 5: envelope: does not follow"),
    "a changed salt": (changed(4, LOG.salts[4].hex().encode(), b"0" * 32), "line 5: inner: does not follow"),
    "a changed time": (changed(4, str(RECORDED_MS + 4).encode(), b"17"), "line 5: envelope: does not follow"),
    "a changed author": (changed(4, b"agent-7", b"agent-8"), "line 5: envelope: does not follow"),
    "another inner hash": (changed(4, LOG.inners[4].hex().encode(), b"0" * 64), "line 5: inner: does not follow"),
    "a redaction without one": (
        [*LINES[:4], line(4).replace(f',"salt":"{LOG.salts[4].hex()}"'.encode(), b""), *LINES[5:]],
        "line 5: salt: is missing, although the entry is not redacted",
    ),
    "a redaction with its salt": (
        changed(4, b"}\n", b',"redacted":[]}\n'),
        "line 5: salt: is there, although the entry is redacted",
    ),
    "a redacted entry at another time": (
        [*LINES[:4], line(4, redacted=True).replace(str(RECORDED_MS + 4).encode(), b"17"), *LINES[5:]],
        "line 5: envelope: does not follow",
    ),
    "spaces": (changed(4, b'{"position":5', b'{"position": 5'), "line 5: is not in the canonical form"),
    "a member twice": (
        changed(4, b'{"position":5', b'{"entry":{},"position":5'),
        "line 5: is not in the canonical form",
    ),
    "an unknown member": (changed(4, b'{"position":5', b'{"x":1,"position":5'), "line 5: is no entry of an export"),
    "an entry with spaces": (changed(4, b'"entry":{', b'"entry":{ '), "line 5: entry: is not in the canonical form"),
    "nested too deep": ([b'{"position":1,"entry":' + b"[" * 9000 + b"]" * 9000 + b"}\n"], "line 1: is no entry"),
    "no text": ([b"\xff\n"], "line 1: is no entry of an export"),
    "a receipt": ([LOG.receipt(4, 7)], "it is a receipt; verify it without --checkpoint"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_is_not_valid_is_one_line(verify: Verify, kind: str) -> None:
    lines, why = REFUSED[kind]
    done = verify(lines)
    assert (done.code, done.out) == (1, "")
    assert done.err.startswith("enhancelog: not valid: export: ")
    assert why in done.err
    assert done.err.count("\n") == 1
    assert len(done.err) < 400


def test_a_line_has_a_limit(verify: Verify, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exports, "LONGEST_LINE", 100)
    done = verify(LINES)
    assert done.code == 1
    assert "line 1: is longer than any entry" in done.err


def test_a_checkpoint_by_others_proves_nothing(verify: Verify) -> None:
    other = SigningKey("other.example", b"o" * 32)
    Path("checkpoint").write_bytes(LOG.signed(9, other))
    done = verify(LINES)
    assert done.code == 1
    assert "there is none by the given keys, but by other.example" in done.err


def test_a_witness_must_have_signed(verify: Verify) -> None:
    wanted = ["--checkpoint", "checkpoint", "--witness", str(WITNESS)]
    assert "there is none by the witness" in verify(LINES, *wanted).err
    Path("checkpoint").write_bytes(witnessed(LOG.signed(9)))
    assert verify(LINES, *wanted).code == 0


def test_what_cannot_run_is_one_line(verify: Verify) -> None:
    Path("log-2").write_bytes(checkpoints.sign(Log(9).checkpoint(9, "log-2"), [SigningKey("log-2", b"2" * 32)]))
    second = str(SigningKey("log-2", b"2" * 32).verifier)
    two = ["--checkpoint", "checkpoint", "--checkpoint", "log-2", "--key", second]
    for arguments, name, why in [
        (
            ["--witness", str(WITNESS)],
            "export",
            "export: is an export of the log; name its checkpoint with --checkpoint",
        ),
        (["--checkpoint", "nowhere"], "export", "nowhere: cannot be read: No such file"),
        (["--checkpoint", "checkpoint"], "nowhere", "nowhere: cannot be read: No such file"),
        (["--checkpoint", "checkpoint"], ".", ".: cannot be read: Is a directory"),
        (two, "export", "--checkpoint: they are of two logs, "),
    ]:
        done = verify(LINES, *arguments, name=name)
        assert (done.code, done.out) == (2, "")
        assert why in done.err
        assert done.err.count("\n") == 1


def test_a_receipt_is_verified_as_before(verify: Verify) -> None:
    done = verify([LOG.receipt(4, 7)], "--witness", str(WITNESS))
    assert done.code == 1
    assert receipts.verify(LOG.receipt(4, 7), [KEY.verifier]).index == 4
