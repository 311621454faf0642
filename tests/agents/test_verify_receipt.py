"""``enhancelog verify``: what it says, and how it ends."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from enhancelog.agents import cli
from enhancelog.domain import records
from enhancelog.domain.origin import Origin
from enhancelog.evidence import checkpoints, leaves, receipts
from enhancelog.evidence.keys import SigningKey
from tests.evidence.logs import KEY, NEXT_KEY, RECORDED_MS, WITNESS, Log, witnessed

LOG = Log(9)
PLAIN = str(KEY.verifier)
SAID = 'valid: entry "h-4" is at index 4 of the log log.example.org when it had 7 entries'
RECORDED = 'the log recorded it at 2026-11-18 11:06:40 UTC, by token "agent-7"'
OTHER = SigningKey("other.example", b"o" * 32)


class Done(NamedTuple):
    code: int
    out: str
    err: str


Verify = Callable[..., Done]


@pytest.fixture
def verify(tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch) -> Verify:
    """Verifies ``receipt``; no server can be reached."""
    monkeypatch.setenv("ENHANCELOG_URL", "not an address")
    monkeypatch.chdir(tmp_path)

    def verify(receipt: bytes, *arguments: str, name: str = "receipt") -> Done:
        Path("receipt").write_bytes(receipt)
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(receipt)))
        try:
            code = cli.main(["verify", name, *arguments])
        except SystemExit as end:
            code = int(end.code or 0)
        captured = capfdbinary.readouterr()
        return Done(code, captured.out.decode(), captured.err.decode())

    return verify


def test_a_valid_receipt_says_what_it_proves(verify: Verify) -> None:
    for name in ("receipt", "-"):
        done = verify(LOG.receipt(4, 7), "--key", PLAIN, name=name)
        assert done == (0, f"{SAID}; {RECORDED}\n", "")


def test_a_receipt_that_hides_its_entry_proves_a_place(verify: Verify) -> None:
    done = verify(LOG.receipt(4, 7, leaf=LOG.hidden(4)), "--key", PLAIN)
    said = SAID.replace('entry "h-4"', "an entry that the receipt does not show")
    assert done == (0, f"{said}\n", "")


def test_a_witness_says_when(verify: Verify) -> None:
    receipt = LOG.receipt(4, 7, note=witnessed(LOG.signed(7)))
    done = verify(receipt, "--key", PLAIN, "--witness", str(WITNESS))
    assert done == (0, f"{SAID}; {RECORDED}; witness.example/w1 witnessed it at 2026-11-18 11:07:40 UTC\n", "")
    far = LOG.receipt(4, 7, note=witnessed(LOG.signed(7), 2**63 - 1))
    assert "at 9223372036854775807000 ms after 1970" in verify(far, "--key", PLAIN, "--witness", str(WITNESS)).out
    done = verify(LOG.receipt(4, 7), "--key", PLAIN, "--witness", str(WITNESS))
    assert done.code == 1
    assert "there is none by the witness 'witness.example/w1'" in done.err


def test_keys_come_from_files_too_and_one_of_them_suffices(verify: Verify) -> None:
    Path("keys+").write_text(f"{OTHER.verifier}\n\n{KEY.verifier}\n")
    assert verify(LOG.receipt(4, 7), "--key", "keys+").code == 0
    rotated = LOG.receipt(4, 7, note=LOG.signed(7, KEY, NEXT_KEY))
    assert verify(rotated, "--key", str(NEXT_KEY.verifier)).code == 0
    assert verify(rotated, "--key", str(OTHER.verifier), "--key", PLAIN).code == 0


@pytest.mark.parametrize(
    ("receipt", "why"),
    [
        (b"", 'its first line must be "c2sp.org/tlog-proof@v1"'),
        (LOG.receipt(4, 7)[:-9], "note: must be a text"),
        (LOG.receipt(4, 7).replace(b"index 4", b"index 5"), "leads from the entry at index 5 to another root"),
        (LOG.receipt(4, 7, leaf=LOG.shown(5)), "leads from the entry at index 4 to another root"),
        (LOG.receipt(4, 7, note=LOG.signed(7, OTHER)), "there is none by the given keys, but by other.example"),
        (LOG.receipt(4, 7, note=LOG.signed(7).replace(b"\n7\n", b"\n8\n")), "did not sign this text"),
    ],
)
def test_what_is_not_valid_is_one_line(verify: Verify, receipt: bytes, why: str) -> None:
    done = verify(receipt, "--key", PLAIN)
    assert (done.code, done.out) == (1, "")
    assert done.err.startswith("enhancelog: not valid: receipt: ")
    assert why in done.err
    assert done.err.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ([], "the following arguments are required: --key"),
        (["--key", "a.example+00000000+AQ=="], "--key: key: has 0 bytes, an Ed25519 key has 32"),
        (["--key", ""], "--key: key: must be NAME+HASH+KEY"),
        (["--key", "nowhere"], "nowhere: cannot be read: No such file"),
        (["--key", "."], ".: cannot be read: Is a directory"),
        (["--key", "empty"], "--key empty: has no key"),
        (["--key", "receipt"], "--key receipt: key: must be NAME+HASH+KEY"),
        (["--key", str(WITNESS)], "--key: witness.example/w1 is a witness; use --witness"),
        (["--key", PLAIN, "--witness", PLAIN], "--witness: log.example.org is no witness; use --key"),
        (["--key", "x+" * 5_000], "--key: key: "),
    ],
)
def test_what_cannot_run_is_one_line(verify: Verify, arguments: list[str], why: str) -> None:
    Path("empty").touch()
    done = verify(LOG.receipt(4, 7), *arguments)
    assert (done.code, done.out) == (2, "")
    assert why in done.err
    assert done.err.count("\n") == 1
    assert len(done.err) < 500


def test_a_receipt_that_cannot_be_read(verify: Verify) -> None:
    done = verify(b"", "--key", PLAIN, name="nowhere")
    assert done == (2, "", "enhancelog: nowhere: cannot be read: No such file or directory\n")


def by(origin: Origin, signer: SigningKey) -> bytes:
    """A receipt from whoever runs a log, who can write anything into it."""
    log = Log(1)
    entry = log.entries[0]
    log.inners[0] = leaves.inner_of_record(log.salts[0], records.encode(entry), 1, RECORDED_MS, origin)
    leaf = receipts.shown(entry, log.salts[0], RECORDED_MS, origin)
    note = checkpoints.sign(log.checkpoint(1, signer.verifier.name), [signer])
    return log.receipt(0, 1, leaf=leaf, note=note)


def test_no_name_looks_like_another_part_of_the_sentence(verify: Verify) -> None:
    witness = "w.example witnessed it at 2026-01-01 00:00:00 UTC"
    for origin in (Origin(f'token "a"; {witness}', "a", "api"), Origin("token", f'a"; {witness}; "', "api")):
        said = verify(by(origin, OTHER), "--key", str(OTHER.verifier)).out
        assert f'"; {witness}' not in said.replace('\\"', "'")


def test_names_do_not_control_the_terminal(verify: Verify) -> None:
    signer = SigningKey("log\u202e.example", b"l" * 32)
    receipt = by(Origin("token", "a\x1b[2J\u202e\nvalid: all", "api"), signer)
    done = verify(receipt, "--key", str(signer.verifier))
    assert done.code == 0
    assert done.out.count("\n") == 1
    assert done.out.rstrip("\n").isprintable()
