"""What nobody finds in the database alone is found with a checkpoint that was kept elsewhere."""

import io
import json
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings

from enhancelog.agents import cli
from enhancelog.evidence import checkpoints, growth_files, kept_checkpoints
from enhancelog.evidence.checkpoints import Checkpoint
from enhancelog.evidence.errors import Unproven
from enhancelog.evidence.keys import SigningKey
from enhancelog.maintenance import evidence_verification
from enhancelog.models import Checkpoint as CheckpointModel
from enhancelog.models import Entry
from enhancelog.models import Tile as TileModel
from enhancelog.queries import entries
from enhancelog.queries import evidence as read
from enhancelog.store import evidence, redacting
from enhancelog.store.database import DatabaseEnhanceLogStore
from enhancelog.store.evidence_walk import Walk
from enhancelog.store.verification import Progress
from tests.conftest import entries_unprotected
from tests.evidence.tampering import HOST, KEY, KINDS, Change, execute, settle, sign_anew, tamper
from tests.factories import make_rejected

pytestmark = pytest.mark.django_db

VERIFIER = KEY.verifier


@pytest.fixture(autouse=True)
def kept(tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The checkpoint of ten entries, a receipt and a growth file, kept elsewhere."""
    monkeypatch.chdir(tmp_path)
    settings.EVIDENCE_KEY = KEY.secret_text
    append(10)
    settle()
    Path("kept").write_bytes(note())
    return tmp_path


def append(count: int, first: int = 0) -> None:
    batch = [make_rejected(issue_id=f"h-{number}") for number in range(first, first + count)]
    DatabaseEnhanceLogStore(HOST).append_batch(batch)


def note() -> bytes:
    found = read.checkpoint()
    assert found is not None
    return found.note


def verify_log(*against: str) -> tuple[int, str]:
    out = io.StringIO()
    try:
        call_command("verify_log", *(f"--against={name}" for name in against), stdout=out, stderr=io.StringIO())
    except SystemExit as ended:
        return int(ended.code or 0), out.getvalue()
    return 0, out.getvalue()


def verify_export(*checkpoints: str) -> int:
    call_command("export_log", "--evidence", "--output=export", stdout=io.StringIO(), stderr=io.StringIO())
    named = [part for name in checkpoints for part in ("--checkpoint", name)]
    return cli.main(["verify", "export", "--checkpoint", "export.checkpoint", *named, "--key", str(VERIFIER)])


def grown(old: Checkpoint) -> None:
    """As a client does that remembers ``old``."""
    found = read.growth(min(old.size, checkpoints.open_signed(note(), [VERIFIER]).checkpoint.size), None)
    assert found is not None
    growth_files.verify(old, found, [VERIFIER])


@pytest.fixture(params=KINDS)
def change(request: pytest.FixtureRequest) -> Change:
    return KINDS[request.param]


def test_a_log_that_grew_is_what_was_signed() -> None:
    append(300, 10)
    settle()
    code, said = verify_log("kept")
    assert code == 0
    assert "kept: the first 10 entries are those that were signed\n" in said
    assert verify_export("kept") == 0


def test_whoever_leaves_the_tree_as_it_is_is_found_without_anything_else(change: Change) -> None:
    tamper(change)
    code, said = verify_log()
    assert code == 1
    assert "signed" in said


def test_whoever_signs_anew_is_found_with_a_checkpoint_alone(
    change: Change, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    old = checkpoints.open_signed(Path("kept").read_bytes(), [VERIFIER]).checkpoint
    tamper(change)
    sign_anew()
    assert verify_log()[0] == 0
    assert verify_export() == 0
    code, said = verify_log("kept")
    assert code == 1
    assert "the newest were removed" in said or "the first 10 entries have another root" in said
    assert verify_export("kept") == 1
    assert b"not valid: export: " in capfdbinary.readouterr().err
    with pytest.raises(Unproven):
        grown(old)


def test_whoever_signs_anew_and_lets_the_log_grow_is_found(change: Change) -> None:
    old = checkpoints.open_signed(Path("kept").read_bytes(), [VERIFIER]).checkpoint
    tamper(change)
    append(20, 100)
    sign_anew()
    assert verify_log()[0] == 0
    code, said = verify_log("kept")
    assert code == 1
    assert "kept: the first 10 entries have another root" in said
    assert verify_export("kept") == 1
    with pytest.raises(Unproven, match="does not lead from the tree of 10 entries"):
        grown(old)


def test_the_positions_are_named_while_the_tree_is_as_it_was() -> None:
    append(300, 10)
    settle()
    tamper(KINDS["one changed"])
    code, said = verify_log("kept")
    assert code == 1
    assert "these entries are missing, or are not those that were signed: 5\n" in said
    assert "the stored tree still has that root, and these differ: 5\n" in said


def test_an_old_receipt_is_a_checkpoint_too(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    receipt = read.receipt(entries.get("h-4"))
    growth = read.growth(3, None)
    assert receipt is not None
    assert growth is not None
    Path("receipt").write_bytes(receipt.content)
    Path("growth").write_bytes(growth)
    Path("copy.json").write_text(json.dumps({"product": "enhancelog", "checkpoint": note().decode()}))
    assert verify_log("receipt", "growth", "copy.json")[0] == 0
    assert verify_export("receipt", "growth", "copy.json") == 0
    tamper(KINDS["one changed"])
    sign_anew()
    code, said = verify_log("receipt", "growth", "copy.json")
    assert code == 1
    assert said.count("the first 10 entries have another root") == 3
    assert cli.main(["verify", "receipt", "--key", str(VERIFIER)]) == 0, "what it proves stays proven"


def test_two_checkpoints_say_between_which_positions_it_was() -> None:
    append(10, 10)
    settle()
    Path("later").write_bytes(note())
    tamper(lambda rows: rows[13].update(rationale="Nothing."))
    sign_anew()
    code, said = verify_log("later", "kept")
    assert code == 1
    assert "kept: the first 10 entries are those that were signed" in said
    assert "at one of the positions 11 to 20, because kept is right" in said


def test_a_redaction_is_told_apart() -> None:
    redacting.redact("h-4", ["details"], "a key in clear", HOST)
    assert "; 1 of them is redacted, which changes no root: that it was there" in verify_log("kept")[1]
    append(5, 10)
    redacting.redact("h-6", ["rationale"], "a name", HOST)
    settle()
    code, said = verify_log("kept")
    assert code == 0
    assert "10 entries are those that were signed; 2 of them are redacted, which changes no root: that they" in said
    assert verify_export("kept") == 0
    tamper(lambda rows: rows[2].update(rationale="Nothing."))
    code, said = verify_log("kept")
    assert code == 1
    assert "not those that were signed: 3\n" in said


def test_an_older_checkpoint_in_place_of_the_newer_one() -> None:
    old, old_tiles = CheckpointModel.objects.get(), list(TileModel.objects.all())
    append(5, 10)
    settle()
    Path("later").write_bytes(note())
    newer = checkpoints.open_signed(note(), [VERIFIER]).checkpoint
    TileModel.objects.all().delete()
    TileModel.objects.bulk_create(old_tiles)
    old.save()
    code, said = verify_log("later", "kept")
    assert code == 1
    assert "later: the checkpoint of 15 entries is newer than the stored one, that of 10 entries" in said
    with pytest.raises(Unproven, match="10 entries are fewer than the 15"):
        checkpoints.check_growth(newer, checkpoints.open_signed(note(), [VERIFIER]).checkpoint, [])


def test_a_checkpoint_that_is_gone() -> None:
    CheckpointModel.objects.all().delete()
    assert verify_log()[0] == 1
    assert "there are tiles, but no checkpoint\n" in verify_log()[1]
    TileModel.objects.all().delete()
    code, said = verify_log("kept")
    assert code == 1
    assert "is newer than the stored one, none" in said


def test_a_split_view() -> None:
    """Two checkpoints of one size by one key: each was shown to somebody."""
    other = checkpoints.sign(Checkpoint("log-1", 10, b"x" * 32), [KEY])
    Path("other").write_bytes(other)
    code, said = verify_log("kept", "other")
    assert code == 1
    assert "kept: the first 10 entries are those" in said
    assert "other: the first 10 entries have another root" in said
    assert verify_export("other") == 1
    mine = checkpoints.open_signed(Path("kept").read_bytes(), [VERIFIER]).checkpoint
    with pytest.raises(Unproven, match="have different roots"):
        checkpoints.check_growth(mine, checkpoints.open_signed(other, [VERIFIER]).checkpoint, [])


def test_what_is_no_checkpoint_of_this_log_cannot_run() -> None:
    stranger = SigningKey("log-2", b"s" * 32)
    Path("stranger").write_bytes(checkpoints.sign(Checkpoint("log-2", 3, b"x" * 32), [stranger]))
    Path("changed").write_bytes(note().replace(b"\n10\n", b"\n11\n"))
    Path("json").write_text('{"product": "enhancelog"}')
    before = Entry.objects.count()
    for arguments, why in [
        (["--against=stranger"], "none by the given keys, but by log-2+"),
        (["--against=stranger", f"--key={stranger.verifier}"], "is of the log log-2, but this one is log-1"),
        (["--against=changed"], "did not sign this text"),
        (["--against=json"], "this JSON has none"),
        (["--against=nowhere"], "nowhere: cannot be read"),
        (["--against=kept", "--key=x"], "x: cannot be read"),
        ([f"--key={stranger.verifier}"], "--key: is for --against"),
    ]:
        with pytest.raises(CommandError, match=why.replace("+", r"\+")) as error:
            call_command("verify_log", *arguments, stdout=io.StringIO(), stderr=io.StringIO())
        assert error.value.returncode == 2
        assert "\n" not in str(error.value)
    assert Entry.objects.count() == before


def test_a_key_that_was_replaced_is_given(settings: Settings) -> None:
    settings.EVIDENCE_KEY = SigningKey("log-1", b"n" * 32).secret_text
    with pytest.raises(CommandError, match="if the log had another key then, name it with --key"):
        verify_log("kept")
    out = io.StringIO()
    with pytest.raises(SystemExit):
        call_command("verify_log", "--against=kept", f"--key={VERIFIER}", stdout=out, stderr=io.StringIO())
    assert "kept: the first 10 entries are those that were signed" in out.getvalue()
    assert "the stored checkpoint is not known to be this server's" in out.getvalue()


def test_what_was_kept_is_read_as_what_it_is() -> None:
    assert kept_checkpoints.note_in(b"{origin\n1\n") == b"{origin\n1\n"


def test_damage_is_a_finding() -> None:
    append(300, 10)
    settle()
    for table, change, said in [
        ("enhancelog_entry", "salt = 'zz' WHERE position = 7", "not those that were signed: 7\n"),
        ("enhancelog_entry", f"salt = '{'0' * 32}' WHERE position = 8", "not those that were signed: 7 to 8\n"),
        ("enhancelog_tile", "hashes = (SELECT t.hashes FROM enhancelog_tile t WHERE t.level = 1) WHERE number = 1", ""),
        ("enhancelog_checkpoint", "size = 5", "the stored checkpoint has 310 entries, but its row says 5\n"),
        ("enhancelog_checkpoint", "note = 'x'", "the stored checkpoint is damaged"),
    ]:
        with entries_unprotected():
            execute(f"UPDATE {table} SET {change}")
        code, found = verify_log()
        assert code == 1
        assert said in found


def test_a_damaged_tile_is_not_the_log_and_can_be_built_again() -> None:
    append(300, 10)
    settle()
    right = list(TileModel.objects.order_by("level", "number").values_list("level", "number", "hashes"))
    for level, number, hashes in right:
        TileModel.objects.filter(level=level, number=number).update(hashes=b"x" + bytes(hashes)[1:])
        code, said = verify_log("kept")
        assert code == 1
        assert "not those that were signed" not in said
        assert "run rebuild_projections" in said
        TileModel.objects.filter(level=level, number=number).update(hashes=bytes(hashes)[:-1])
        assert f"tile/{level}/00{number}" in verify_log("kept")[1]
        evidence.rebuild()
        assert verify_log("kept")[0] == 0
    TileModel.objects.create(level=3, number=0, hashes=b"x" * 32)
    assert "there are tiles beyond the tree; run rebuild_projections\n" in verify_log()[1]
    call_command("rebuild_projections", stdout=io.StringIO(), stderr=io.StringIO())
    assert verify_log("kept")[0] == 0


def test_many_differences_are_bounded() -> None:
    append(300, 10)
    settle()
    tamper(lambda rows: [row.update(rationale="Nothing.") for row in rows[::2]])
    code, said = verify_log()
    assert code == 1
    assert "those that were signed: 1, 3, 5" in said
    assert "39 and 135 more\n" in said


def test_projections_are_rebuilt_although_the_tree_is_not() -> None:
    tamper(KINDS["one changed"])
    before = list(TileModel.objects.values_list("hashes"))
    out = io.StringIO()
    with pytest.raises(SystemExit) as ended:
        call_command("rebuild_projections", stdout=out, stderr=io.StringIO())
    assert ended.value.code == 1
    assert out.getvalue().startswith("rebuilt from 10 entries")
    assert "the log is not the one whose 10 entries were signed, so its tree stays as it is" in out.getvalue()
    assert list(TileModel.objects.values_list("hashes")) == before


def test_a_log_that_grows_while_it_is_verified_has_no_findings(monkeypatch: pytest.MonkeyPatch) -> None:
    run = Walk.run

    def meanwhile(walk: Walk, progress: Progress) -> None:
        append(600, 10)
        settle()
        redacting.redact("h-4", ["details"], "a key in clear", HOST)
        run(walk, progress)

    monkeypatch.setattr(Walk, "run", meanwhile)
    assert list(evidence_verification.PART.findings(lambda done: None)) == []


def test_numbers_that_somebody_wrote_cost_no_time() -> None:
    """A checkpoint, an entry and a tile of unlikely numbers."""
    many = 2**62
    CheckpointModel.objects.update(
        size=many, note=checkpoints.sign(Checkpoint("log-1", many, b"x" * 32), [KEY]).decode()
    )
    TileModel.objects.create(level=0, number=2**50, hashes=b"x" * 32)
    with entries_unprotected():
        execute("UPDATE enhancelog_entry SET position = 4611686018427387903 WHERE position = 10")
    findings = list(evidence_verification.PART.findings(lambda done: None))
    assert any("log and tree differ, and neither is what was signed: 10 to " in line for line in findings)


def test_what_no_checkpoint_has_yet_is_no_finding() -> None:
    append(2, 10)
    code, said = verify_log("kept")
    assert code == 0
    assert "the tree of the evidence has 10 of 12 entries, which is not an error" in said
    assert "and 10 signed entries" in said


def test_a_server_without_its_key_says_that_it_verified_no_signature(settings: Settings, tmp_path: Path) -> None:
    settings.EVIDENCE_KEY = ""
    settings.DATA_DIR = tmp_path
    code, said = verify_log()
    assert code == 0
    assert "the signature of the stored checkpoint was not verified: this server has no key" in said
    with pytest.raises(CommandError, match="this server has no key; name the key of the log with --key"):
        verify_log("kept")
    (tmp_path / "evidence_key").write_text("nonsense")
    code, said = verify_log()
    assert code == 1
    assert "the stored checkpoint is not known to be this server's: " in said
