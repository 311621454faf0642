"""The command that shows and changes the keys of the evidence, and what the operator is told about them."""

import os
import sys
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client

from enhancelog.domain.errors import Other
from enhancelog.domain.installation import Derivation, Problem, Status
from enhancelog.domain.times import HOUR_MS, now_ms
from enhancelog.evidence import checkpoints
from enhancelog.evidence.keys import SigningKey, VerifierKey, parse_signing_keys, parse_verifier_key
from enhancelog.maintenance import evidence_keys, evidence_worker, problems, status
from enhancelog.models import AuditRecord
from enhancelog.models import Checkpoint as CheckpointModel
from enhancelog.models import Tile as TileModel
from enhancelog.settings import evidence_key
from enhancelog.store import evidence
from tests.conftest import entries_unprotected
from tests.factories import make_entry
from tests.pages import read
from tests.processes import manage
from tests.recording import record_all

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def own_data_folder(settings: Any, tmp_path: Path) -> None:
    settings.DATA_DIR, settings.EVIDENCE_KEY, settings.DEMO = tmp_path, "", False


def command(*arguments: str) -> str:
    output = StringIO()
    call_command("evidence_key", *arguments, stdout=output, stderr=output)
    return output.getvalue()


def refusal(*arguments: str) -> str:
    with pytest.raises(CommandError) as refused:
        command(*arguments)
    assert refused.value.returncode == 2
    assert "\n" not in str(refused.value)
    assert "PRIVATE" not in str(refused.value)
    return str(refused.value)


def append(*ids: str) -> None:
    record_all(make_entry(issue_id=each) for each in ids)


def sign() -> None:
    while evidence.step(evidence_keys.for_signing()):
        pass


def signed_by() -> list[VerifierKey]:
    found = evidence.stored()
    assert found is not None
    return [each.key for each in checkpoints.open_signed(found.note, evidence_keys.verifiers()).signed]


def public_keys(said: str) -> list[VerifierKey]:
    lines = [line.split()[2] for line in said.splitlines() if line.startswith("public key: ")]
    return [parse_verifier_key(line) for line in lines]


def acts() -> list[tuple[str, str]]:
    return list(AuditRecord.objects.order_by("position").values_list("act", "about_id"))


def test_it_shows_the_name_and_the_public_keys() -> None:
    append("h-1")
    sign()
    said = command()
    assert public_keys(said) == evidence_keys.verifiers()
    assert said.splitlines()[0] == f"log: {evidence_keys.verifiers()[0].name}"
    assert "last checkpoint: 1 entry, " in said
    assert "PRIVATE" not in said


def test_the_key_file_is_private(tmp_path: Path) -> None:
    sign()
    assert (tmp_path / "evidence_key").stat().st_mode & 0o777 == 0o600
    command("--rotate")
    assert (tmp_path / "evidence_key").stat().st_mode & 0o777 == 0o600
    assert {path.name for path in tmp_path.iterdir()} == {"evidence_key"}


def test_a_name_can_be_given_before_an_entry_is_signed() -> None:
    sign()  # as a new server does: the empty log
    command("--name", "log.example.org")
    append("h-1")
    sign()
    assert [key.name for key in signed_by()] == ["log.example.org"]
    assert "was signed up to position 1" in refusal("--name", "other.example.org")
    assert acts() == [("key.make", "log.example.org")]


@pytest.mark.parametrize("name", ["", "a b", "a+b", "x" * 201, "a\x1b[2J", "a\u202eb"])
def test_a_name_that_nobody_could_read_is_refused(name: str) -> None:
    assert "name" in refusal("--name", name)
    assert evidence_keys.present() == []


def test_a_rotation_signs_with_both_until_the_old_one_retires() -> None:
    append("h-1")
    sign()
    old = evidence_keys.verifiers()
    new = public_keys(command("--rotate"))
    assert new[:1] == old
    assert {key.name for key in new} == {old[0].name}
    assert "(has not signed yet)" in command()
    assert "signed no checkpoint yet" in refusal("--retire")
    sign()  # without a new entry
    assert signed_by() == new
    command("--retire")
    append("h-2")
    sign()
    assert signed_by() == new[1:]
    assert "one key only" in refusal("--retire")
    assert [act for act, _ in acts()] == ["key.rotate", "key.retire"]
    assert "PRIVATE" not in "".join(AuditRecord.objects.values_list("detail", flat=True))


def test_there_is_a_limit_of_keys() -> None:
    sign()
    for _ in range(3):
        command("--rotate")
    assert "4 keys, which is the limit" in refusal("--rotate")


def test_a_lost_key_is_replaced_and_the_log_goes_on(tmp_path: Path) -> None:
    append("h-1")
    sign()
    (old,) = evidence_keys.verifiers()
    assert "is not lost" in refusal("--replace")
    (tmp_path / "evidence_key").unlink()
    append("h-2")
    with pytest.raises(Other, match="signed with a key, and there is none here"):
        sign()
    said = command("--replace")
    assert "Tell everybody who verifies" in said
    sign()
    (new,) = signed_by()
    assert (new.name, new != old) == (old.name, True)
    assert CheckpointModel.objects.get(pk=1).size == 2
    assert acts() == [("key.replace", old.name)]


def test_the_key_of_another_log_is_not_overwritten(tmp_path: Path) -> None:
    append("h-1")
    sign()
    other = SigningKey.new("other.log").secret_text
    (tmp_path / "evidence_key").write_text(other)
    assert "move that file away first" in refusal("--replace")
    assert "another key" in refusal("--rotate")
    assert (tmp_path / "evidence_key").read_text() == other
    assert acts() == []


def test_nothing_changes_if_the_key_cannot_be_stored(monkeypatch: pytest.MonkeyPatch) -> None:
    append("h-1")
    sign()

    def full(keys: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(evidence_keys, "replace", full)
    assert "No space left" in refusal("--rotate")
    assert acts() == []
    assert len(evidence_keys.present()) == 1


def test_before_anything_is_signed_there_is_nothing_to_change() -> None:
    for option in ("--rotate", "--retire", "--replace"):
        assert "nothing was signed yet" in refusal(option)


def test_keys_in_the_setting_are_changed_by_whoever_set_it(settings: Any, tmp_path: Path) -> None:
    target = tmp_path / "new"
    settings.EVIDENCE_KEY = SigningKey.new("log.example.org").secret_text
    append("h-1")
    sign()
    assert "add --into FILE" in refusal("--rotate")
    said = command("--rotate", "--into", str(target))
    assert "PRIVATE" not in said
    assert target.stat().st_mode & 0o777 == 0o600
    written = parse_signing_keys(target.read_text())
    assert [key.verifier for key in written] == public_keys(said)
    assert len(written) == 2
    assert "exists" in refusal("--rotate", "--into", str(target))
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "nowhere")
    assert f"{link}: File exists" in refusal("--rotate", "--into", str(link))
    settings.EVIDENCE_KEY = target.read_text()
    sign()
    assert signed_by() == public_keys(said)
    assert not (tmp_path / "evidence_key").exists()


def test_a_first_key_for_the_setting_goes_where_it_is_asked_for() -> None:
    (key,) = parse_signing_keys(command("--name", "log.example.org", "--into", "-"))
    assert key.verifier.name == "log.example.org"
    assert evidence_keys.present() == []


def test_a_terminal_gets_no_secret(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    with pytest.raises(CommandError, match="is a terminal"):
        call_command("evidence_key", "--into", "-")
    assert "PRIVATE" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("hunter2", "must begin with PRIVATE[+]KEY[+]"),
        ("PRIVATE+KEY+a+00000000+hunter2", "is not a signing key"),
        (SigningKey.new("a").secret_text + "\n" + SigningKey.new("b").secret_text, "different names"),
        ("\n".join(SigningKey.new("a").secret_text for _ in range(5)), "are 5, the limit is 4"),
    ],
)
def test_a_malformed_setting_is_one_line_without_the_secret(
    text: str, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(evidence_key.NAME, text)
    with pytest.raises(ImproperlyConfigured, match=f"^ENHANCELOG_EVIDENCE_KEY: .*{reason}") as refused:
        evidence_key.given()
    assert "hunter2" not in str(refused.value)
    assert all(part not in str(refused.value) for part in text.split() if part.startswith("PRIVATE"))


@pytest.mark.once
@pytest.mark.slow
def test_the_setting_is_read_from_a_file_and_never_shown(tmp_path: Path) -> None:
    file, key = tmp_path / "key", SigningKey.new("log.example.org")
    file.write_text(f"{key.secret_text}\n")
    given = {"ENHANCELOG_EVIDENCE_KEY_FILE": str(file)}
    data = tmp_path / "data"
    assert manage("migrate", data_dir=data, **given).returncode == 0
    said = manage("evidence_key", data_dir=data, **given)
    assert f"public key: {key.verifier}" in said.stdout
    checked = manage("check", "--format", "json", data_dir=data, **given)
    assert '"ENHANCELOG_EVIDENCE_KEY","value":"set","origin":"file"' in checked.stdout
    assert key.secret_text not in said.stdout + checked.stdout
    file.write_text("hunter2")
    refused = manage("evidence_key", data_dir=data, **given)
    assert (refused.returncode, len(refused.stderr.splitlines())) == (2, 1)
    assert "hunter2" not in refused.stderr


def test_the_demo_has_a_key_of_its_own(settings: Any, tmp_path: Path) -> None:
    settings.DEMO, settings.EVIDENCE_KEY = True, SigningKey.new("log.example.org").secret_text
    sign()
    assert [path.name for path in tmp_path.iterdir()] == ["demo_evidence_key"]
    assert signed_by()[0].name != "log.example.org"


# What the operator is told


def found() -> dict[str, Problem]:
    return {each.code: each for each in problems.found_in(status.look()) if each.see == "evidence.md#keys"}


def test_a_log_that_is_signed_has_no_problem() -> None:
    assert found() == {}
    append("h-1")
    assert found() == {}
    sign()
    assert found() == {}
    said = status.look().evidence
    assert said is not None
    assert (said.size, said.name, said.keys) == (1, evidence_keys.verifiers()[0].name, [str(signed_by()[0])])


def test_who_has_no_key_or_another_one_is_told(tmp_path: Path) -> None:
    append("h-1")
    sign()
    key = tmp_path / "evidence_key"
    kept = key.read_text()
    key.unlink()
    assert "it has no key" in found()["evidence-key"].text
    key.write_text(SigningKey.new(evidence_keys.new_name()).secret_text)
    assert "its key is another one" in found()["evidence-key"].text
    key.write_text("nonsense")
    assert "must begin with" in found()["evidence-key"].text
    key.unlink()
    os.mkfifo(key)
    assert "not a regular file" in found()["evidence-key"].text
    key.unlink()
    key.write_text(kept)
    key.chmod(0o640)
    assert found().keys() == {"open-key"}
    key.chmod(0o600)
    assert found() == {}


def test_a_tree_that_does_not_fit_is_an_error() -> None:
    append("h-1", "h-2")
    sign()
    TileModel.objects.update(hashes=b"x" * 64)
    problem = found()["evidence"]
    assert problem.severity == "error"
    assert problem.fix == "Run rebuild_projections."


def test_a_log_that_was_cut_is_an_error_and_no_checkpoint_of_it_is_signed() -> None:
    append("h-1", "h-2")
    sign()
    with entries_unprotected(), connection.cursor() as cursor:
        cursor.execute("DELETE FROM enhancelog_entry WHERE position = 2")
    said = "No checkpoint can be signed: the log ends at position 1, but was signed up to position 2."
    assert found()["evidence"].text == said
    with pytest.raises(Other, match="run verify_log"):
        sign()


def test_a_checkpoint_that_cannot_be_read_is_an_error() -> None:
    sign()
    CheckpointModel.objects.update(note="nonsense")
    assert "is damaged" in found()["evidence"].text


def late(behind_ms: int, signed_ms: int) -> Status:
    now = now_ms()
    known = status.look()
    assert known.evidence is not None
    evidence_of = type(known.evidence)("log", [], "here", open_to_others=False, size=1, signed_ms=now - signed_ms)
    waits = Derivation("evidence", "entries", 1, 9, 8, since_ms=now - behind_ms)
    return type(known)(
        **{name: getattr(known, name) for name in known.__struct_fields__}
        | {"evidence": evidence_of, "derivations": [waits], "checked_ms": now}
    )


@pytest.mark.parametrize(
    ("behind_ms", "signed_ms", "codes"),
    [(HOUR_MS, HOUR_MS, {"evidence-behind"}), (HOUR_MS, 1_000, set()), (1_000, HOUR_MS, set())],
)
def test_entries_that_wait_long_for_a_checkpoint_are_a_problem(behind_ms: int, signed_ms: int, codes: set[str]) -> None:
    said = {each.code for each in problems.found_in(late(behind_ms, signed_ms))}
    assert said & {"behind", "evidence-behind"} == codes


def test_the_page_shows_the_public_key(admin_client: Client) -> None:
    append("h-1")
    sign()
    answer = admin_client.get("/admin/status/")
    assert str(evidence_keys.verifiers()[0]) in [each.words for each in read(answer).all("dd")]
    assert evidence_keys.present()[0].secret_text not in answer.content.decode()


# The worker


def test_nothing_is_written_while_there_is_nothing_to_add(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    append("h-1")
    said = evidence_worker._Said()
    assert evidence_worker._attempt(said) is False
    before = CheckpointModel.objects.get()
    (tmp_path / evidence_keys.LOCK).unlink()
    assert evidence_worker._attempt(said) is False
    after = CheckpointModel.objects.get()
    assert (after.note, after.signed_ms) == (before.note, before.signed_ms)
    assert not (tmp_path / evidence_keys.LOCK).exists()


def test_one_process_of_a_server_builds_at_a_time() -> None:
    append("h-1")
    with evidence_keys.alone() as is_alone:
        assert is_alone
        assert evidence_worker._attempt(evidence_worker._Said()) is False
    assert evidence.stored() is None
    assert evidence_worker._attempt(evidence_worker._Said()) is False
    assert CheckpointModel.objects.get().size == 1


def test_appends_of_some_time_share_a_checkpoint_whoever_signed_the_last_one() -> None:
    append("h-1")
    sign()
    append("h-2")
    said = evidence_worker._Said()
    assert evidence_worker._attempt(said, HOUR_MS / 1000) is False
    assert CheckpointModel.objects.get().size == 1
    CheckpointModel.objects.update(signed_ms=now_ms() + HOUR_MS)  # by a server with another clock
    assert evidence_worker._attempt(said, HOUR_MS / 1000) is False
    assert CheckpointModel.objects.get().size == 2


def test_what_stays_wrong_is_said_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    append("h-1")
    sign()
    (tmp_path / "evidence_key").unlink()
    append("h-2")
    said = evidence_worker._Said()
    for _ in range(3):
        assert evidence_worker._attempt(said) is None
    assert len([line for line in caplog.messages if "cannot sign a checkpoint" in line]) == 1
