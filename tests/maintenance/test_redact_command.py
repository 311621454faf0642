"""``redact`` as a command: what it refuses, says and leaves."""

import io
import json
import os
import re
import shutil
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.db import connection
from msgspec import Raw

from content.management.commands import redact
from content.store import open_store
from enhancelog.backends import dialect
from enhancelog.domain import records
from enhancelog.domain.backups import PRODUCT, Manifest
from enhancelog.domain.errors import Other
from enhancelog.domain.observed import Answer
from enhancelog.domain.origin import Origin
from enhancelog.maintenance import saved_copies
from enhancelog.models import Entry, Note, SavedView
from enhancelog.store import audit, host_derivation, observed
from enhancelog.store import redacting as store_redacting
from enhancelog.store.database import DatabaseEnhanceLogStore
from enhancelog.store.observed import Found
from tests.factories import make_rejected
from tests.host.observed import make_issue, patch_of

pytestmark = pytest.mark.django_db(transaction=True)

SECRET = "hunterzwei"
WHY = ("--why", "a key in clear")


@pytest.fixture(autouse=True)
def log(settings: Any, tmp_path: Path) -> None:
    settings.DATA_DIR = tmp_path
    batch = [
        make_rejected("leak", issue_id="s", intent=f"rotate {SECRET}", detail=f"found {SECRET}"),
        make_rejected("leak", issue_id="t", intent="another", detail=f"found {SECRET}"),
    ]
    DatabaseEnhanceLogStore(Origin("command", "tests", "tests")).append_batch(batch)


class Ran:
    def __init__(self, *arguments: str) -> None:
        out, err = io.StringIO(), io.StringIO()
        self.code = 0
        try:
            call_command("redact", *arguments, stdout=out, stderr=err)
        except SystemExit as ended:
            self.code = int(ended.code or 0)
        self.out, self.err = out.getvalue(), err.getvalue()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("nobody", "--field", "intent", *WHY), "there is no entry nobody"),
        (("s", *WHY), "--field: is missing; name at least one of intent"),
        (("s", "--field", "intent"), "--why: is empty"),
        (("s", "--field", "title", *WHY), "title: must be one of intent"),
        (("s", "--field", "reasons", *WHY), "reasons: only repeats the details"),
        (("s", "--field", "ops", *WHY), "ops: is not recorded"),
        (("s", "--field", "intent", "--version", "1", *WHY), "--version: belongs to --content"),
        (("--field", "intent", *WHY), "name one of an entry's ISSUE_ID, --content"),
        (("s", "--content", "S", "story", *WHY), "name one of an entry's ISSUE_ID, --content"),
        (("s", "--document", "0" * 64, *WHY), "name one of an entry's ISSUE_ID, --content"),
        (("--document", "0" * 64, *WHY), f"--document: {'0' * 64} is not stored"),
        (("--document", "0" * 64, "--field", "ops", *WHY), "--field: belongs to an entry"),
        (("--document", "0" * 64, "--version", "1", *WHY), "--version: belongs to --content"),
        (("--content", "S", "story", *WHY), "--version: is missing"),
        (("--content", "S", "story", "--version", "1", *WHY), "--version: 1 of story of S does not exist"),
        (("--content", "S", "nothing", "--version", "1", *WHY), "kind: must be one of story"),
    ],
)
def test_bad_input_is_one_line_and_changes_nothing(arguments: tuple[str, ...], said: str) -> None:
    with pytest.raises(CommandError) as refused:
        Ran(*arguments)
    assert refused.value.returncode == 2
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)
    assert not Entry.objects.filter(redacted__isnull=False).exists()


def test_it_names_other_places_that_have_the_text() -> None:
    Note.objects.create(
        id="0" * 16, about="entry", about_id="s", actor_kind="user", actor_name="ada", made_ms=1, version=1,
        text=f"why was it not caught: found {SECRET}", mentions="[]",
    )  # fmt: skip
    dry = Ran("s", "--field", "detail:leak", "--dry-run")
    assert dry.code == 1
    assert "s: would redact detail:leak" in dry.out
    assert "It would stay in:\n  entries: t\n  notes: 0000000000000000\n" in dry.out
    done = Ran("s", "--field", "detail:leak", "--field", "intent", *WHY)
    assert done.code == 1
    assert "It stays in:\n  entries: t\n  notes: 0000000000000000\ns: redacted detail:leak, intent\n" in done.out
    assert SECRET not in dry.out + dry.err + done.out + done.err
    again = Ran("s", "--field", "intent", *WHY)
    assert again.code == 1
    assert again.out.startswith("s: intent was redacted already\n")
    assert "s: intent: it was redacted before, so other places can no longer be searched for it" in again.out


def add(**texts: Any) -> None:
    DatabaseEnhanceLogStore(Origin("command", "tests", "tests")).append(make_rejected("leak", **texts))


def test_a_text_of_any_length_is_looked_for() -> None:
    text = f"{SECRET} {'x' * 60_000}"
    add(issue_id="long", intent=text)
    Note.objects.create(
        id="1" * 16, about="entry", about_id="s", actor_kind="user", actor_name="ada", made_ms=1, version=1,
        text=f"not {text}", mentions="[]",
    )  # fmt: skip
    done = Ran("long", "--field", "intent", *WHY)
    assert "  notes: 1111111111111111\n" in done.out
    assert done.code == 1


@pytest.mark.parametrize("field", ["ops", "meta", "meta:key"])
def test_values_in_operations_and_meta_are_looked_for(field: str) -> None:
    secret = 'sesam"öffne'
    ops = [{"op": "replace", "path": "/agents/0/prompt", "value": {"prompt": [secret]}}]
    add(issue_id="j", ops=ops, meta={"key": secret, "seed": 1234567})
    add(issue_id="k", ops=[{"op": "replace", "path": "/agents/0/prompt", "value": "other"}])
    add(issue_id="l", rationale="nothing", meta={"other": f"again {secret}"})
    done = Ran("j", "--field", field, *WHY)
    assert done.code == 1
    assert "  entries: l\n" in done.out
    assert "other fields of the same entry: j" in done.out


def test_what_the_redaction_itself_takes_out_is_not_named() -> None:
    text, rationale = '[{"op":"add","path":"/a","value":"hunterdrei"}]', "for hunterdrei"
    ops = Raw(text.encode())
    add(issue_id="p", ts_ms=1_795_000_000_700, intent="rotate hunterdrei", rationale=rationale, ops=json.loads(text))
    entry = DatabaseEnhanceLogStore(Origin("command", "tests", "tests")).get("p")
    issue = make_issue(1, issue_id="p", intent=entry.intent)
    answer = Answer(seq=1, ok=True, text=text, ops=ops, rationale=rationale)
    observed.keep(
        "tests", Found(patches=[patch_of(entry, ops=ops, rationale=rationale)], answers=[answer], issues=[issue])
    )
    host_derivation.settle()
    fields = [word for field in ("intent", "rationale", "ops") for word in ("--field", field)]
    dry = Ran("p", *fields, "--dry-run")
    assert (dry.code, dry.out) == (0, "p: would redact intent, rationale, ops\n")
    done = Ran("p", *fields, *WHY)
    assert (done.code, done.out) == (0, "p: redacted intent, rationale, ops\n")


def test_content_views_and_the_audit_are_looked_through() -> None:
    open_store(Origin("user", "ada", "page")).write("S-1", "story", f"it is: rotate {SECRET}")
    SavedView.objects.create(user=User.objects.create_user("ada"), name=f"rotate {SECRET}", url="/search/")
    audit.record("note.add", Origin("user", "ada", "page"), "entry", "s", text=f"rotate {SECRET}")
    done = Ran("s", "--field", "intent", *WHY)
    for said in ("  content of stories: S-1\n", "  saved views: ", "  records of the audit: "):
        assert said in done.out


TEXTS = (
    f"rotate {SECRET} now",
    f'pass"word11 of {SECRET}',
    f"https://u:{SECRET}@h/x",
    f"line1 {SECRET}\nline2",
    f"\u00f6ffne {SECRET}",
)


def otherwise(text: str) -> str:
    """A JSON string with more escapes than it needs."""
    return json.dumps(text).replace("/", "\\/").replace("z", "\\u007a")


@pytest.mark.parametrize("text", TEXTS)
def test_a_text_is_found_however_it_is_written(text: str) -> None:
    add(issue_id="x", intent=text)
    ops = f'[{{"op":"add","path":"/a","value":{otherwise(text)}}}]'
    for id, part in (("in-meta", f'"meta":{{"k":{otherwise(text)}}}'), ("in-ops", f'"ops":{ops}')):
        fields = records.encode_part(make_rejected("leak", issue_id=id))
        entry = records.decode(f"{fields[:-1]},{part}}}".encode())
        DatabaseEnhanceLogStore(Origin("command", "tests", "tests")).append(entry)
    store = open_store(Origin("user", "ada", "page"))
    store.write("S-1", "merge_report", json.dumps({"log": text}))
    store.write("S-2", "merge_report", f'{{"log":{otherwise(text)}}}')
    store.write("S-3", "merge_report", json.dumps({"log": text.replace("z", "s")}))
    url = f"/search/?{urlencode({'text': text})}"
    view = SavedView.objects.create(user=User.objects.create_user("ada"), name="v", url=url)
    patch = patch_of(make_rejected("leak", issue_id="other"), ops=Raw(ops.encode()))
    answer = Answer(seq=1, ok=True, text=f"said: {text}", ops=None, rationale="")
    observed.keep("tests", Found(patches=[patch], answers=[answer]))
    host_derivation.settle()
    dry = Ran("x", "--field", "intent", "--dry-run")
    for said in (
        "entries: in-meta, in-ops",
        "content of stories: S-1, S-2",
        f"saved views: {view.pk}",
        "patches of hosts: 1",
        "answers of hosts: 1",
    ):
        assert f"  {said}\n" in dry.out


def test_a_number_with_a_fraction_is_looked_for() -> None:
    add(issue_id="pin", meta={"pin": 1234567.5})
    add(issue_id="also", intent="the pin is 1234567.5")
    dry = Ran("pin", "--field", "meta:pin", "--dry-run")
    assert (dry.code, dry.out) == (1, "pin: would redact meta:pin\nIt would stay in:\n  entries: also\n")


def test_many_texts_are_looked_for_at_once() -> None:
    add(issue_id="many", meta={f"k{number}": f'{SECRET}"{number:02}/' for number in range(30)})
    add(issue_id="one", meta={"k": f'{SECRET}"19/'})
    dry = Ran("many", "--field", "meta", "--dry-run")
    assert "  entries: one\n" in dry.out
    assert "many: only the first 20 of 30 texts are looked for" in dry.out


def test_the_copies_that_a_server_makes_and_removes_meanwhile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "backups"
    folder.mkdir()
    for name in ("before.dump", "after.dump", "gone.dump", ".serve-of-x.lock", "unknown.dump"):
        (folder / name).write_bytes(b"" if name.endswith(".lock") else b"PGDMP")
    for name, log in (("before.dump", 0), ("after.dump", 2)):
        manifest = {"product": PRODUCT, "format": 1, "bytes": 5, "contains": [], "does_not_contain": {}}
        manifest |= dict.fromkeys(Manifest.__struct_fields__[2:10], "") | {"sha256": "", "made": ""}
        manifest |= {"made_ms": 1, "extent": {"log": log, "content": 0, "audit": 0}}
        (folder / f"{name}.json").write_text(json.dumps({**manifest, "format": 1}))
    seen = saved_copies._files

    def files(path: Path) -> Iterator[Path]:
        for each in seen(path):
            if each.name == "gone.dump":
                each.unlink()
            yield each

    monkeypatch.setattr(saved_copies, "_files", files)
    left = tmp_path / ".enhancelog-restore"
    left.mkdir()
    (left / "enhancelog.sqlite3").write_bytes(b"half")
    done = Ran("s", "--field", "intent", *WHY)
    assert done.code == 1
    assert [name for name in ("after.dump", "unknown.dump", "/enhancelog.sqlite3") if name not in done.out] == []
    assert [name for name in ("before.dump", "gone.dump", ".lock", ".json") if name in done.out] == []


def test_a_copy_from_between_two_redactions_has_what_the_second_takes(tmp_path: Path) -> None:
    Ran("s", "--field", "intent", *WHY)
    path = tmp_path / "backups" / "between.sqlite3"
    path.parent.mkdir()
    with closing(sqlite3.connect(path)) as copy:
        copy.execute("CREATE TABLE enhancelog_entry (issue_id TEXT, redacted TEXT)")
        copy.execute("INSERT INTO enhancelog_entry VALUES ('s', ?)", [Entry.objects.get(issue_id="s").redacted])
        copy.commit()
    for arguments in (("--dry-run",), WHY):
        assert str(path) in Ran("s", "--field", "details", *arguments).out
    assert str(path) in Ran("s", "--field", "details", *WHY).out


@pytest.mark.parametrize("fails", ["carry_out", "erase", "copies"])
def test_where_the_text_stays_is_said_before_anything_can_fail(monkeypatch: pytest.MonkeyPatch, fails: str) -> None:
    def fail(*given: Any, **named: Any) -> Any:
        raise Other("the database failed")

    places = {"carry_out": (store_redacting, "redact"), "erase": (redact, "erase"), "copies": (saved_copies, "holding")}
    monkeypatch.setattr(*places[fails], fail)
    out = io.StringIO()
    with pytest.raises(CommandError, match="the database failed"):
        call_command("redact", "s", "--field", "detail:leak", *WHY, stdout=out)
    assert out.getvalue().startswith("It stays in:\n  entries: t\n")


def make_database(path: Path, intent: str, *statements: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(path)) as made:
        made.execute("CREATE TABLE enhancelog_entry (issue_id text, intent text, redacted text)")
        made.execute("INSERT INTO enhancelog_entry VALUES ('s', ?, NULL)", [intent])
        for statement in statements:
            made.execute(statement)
        made.commit()


def named(tmp_path: Path, ran: Ran) -> set[str]:
    lines = ran.out.partition("It is still in:\n")[2].splitlines()
    return {line.split(" (")[0].strip().removeprefix(f"{tmp_path}/") for line in lines if str(tmp_path) in line}


def test_copies_anywhere_in_the_data_folder_are_named_whatever_their_name(tmp_path: Path) -> None:
    elsewhere = tmp_path.parent / f"{tmp_path.name}-elsewhere"
    copies = ("broken/enhancelog.sqlite3", "backups/x.json", "notes.txt", "quarantine/deep/er/copy", "x.LOCK")
    for name in copies:
        make_database(tmp_path / name, SECRET)
    make_database(elsewhere / "mounted.sqlite3", SECRET)
    (tmp_path / "mnt").symlink_to(elsewhere)
    (elsewhere / "loop").symlink_to(tmp_path)
    make_database(tmp_path / "redacted.sqlite3", "", "DELETE FROM enhancelog_entry")
    make_database(tmp_path / "other.sqlite3", "", "ALTER TABLE enhancelog_entry RENAME TO songs")
    (tmp_path / "backups" / "copy.sqlite3.xz").write_bytes(b"\xfd7zXZ")
    (tmp_path / "main.ndjson").write_text("{}")
    ran = Ran("s", "--field", "intent", *WHY)
    assert ran.code == 1
    assert named(tmp_path, ran) == {*copies, "mnt/mounted.sqlite3", "backups/copy.sqlite3.xz"}


def test_a_log_of_writes_beside_a_copy_is_named(tmp_path: Path) -> None:
    make_database(tmp_path / "live.sqlite3", SECRET)
    with closing(sqlite3.connect(tmp_path / "live.sqlite3")) as live:
        live.execute("PRAGMA journal_mode = wal")
        live.execute("INSERT INTO enhancelog_entry VALUES ('z', 'z', NULL)")
        live.commit()
        (tmp_path / "broken").mkdir()
        for ending in ("", "-wal", "-shm"):
            shutil.copy(tmp_path / f"live.sqlite3{ending}", tmp_path / "broken")
    (tmp_path / "live.sqlite3").unlink()
    ran = Ran("s", "--field", "intent", *WHY)
    assert named(tmp_path, ran) == {"broken/live.sqlite3", "broken/live.sqlite3-wal"}


def test_what_is_no_file_is_not_waited_for(tmp_path: Path) -> None:
    for name in ("backups", "quarantine"):
        (tmp_path / name).mkdir()
        for ending in ("", ".sqlite3", ".dump", ".json"):
            os.mkfifo(tmp_path / name / f"pipe{ending}")
        (tmp_path / name / "device.sqlite3").symlink_to("/dev/zero")
        os.mknod(tmp_path / name / "socket", stat.S_IFSOCK | 0o600)  # a path to bind to must be short
    (tmp_path / "backups" / "gone.sqlite3").symlink_to("nowhere")
    ran = Ran("s", "--field", "intent", *WHY)
    assert (ran.code, ran.out) == (0, "s: redacted intent\n")


def test_a_data_folder_with_too_many_files_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(saved_copies, "MOST_FILES", 10)
    make_database(tmp_path / "backups" / "a.sqlite3", SECRET)
    for number in range(20):
        (tmp_path / f"{number}").write_text("")
    ran = Ran("s", "--field", "intent", *WHY)
    assert "a.sqlite3" in ran.out
    assert "it has more than 10 files; the others were not looked at" in ran.out


@pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL's files are on its server")
def test_the_database_itself_is_no_copy(tmp_path: Path) -> None:
    for path in dialect().copies.files():
        (tmp_path / path.name).symlink_to(path.absolute())
    assert Ran("s", "--field", "intent", "--no-erase", *WHY).out.count("It is still in") == 0


def test_a_question_to_a_copy_has_an_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(saved_copies, "LONGEST_S", 0.2)
    endless = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT 's' AS issue_id, i AS redacted"
    make_database(
        tmp_path / "trap.sqlite3", "", "ALTER TABLE enhancelog_entry RENAME TO t",
        f"CREATE VIEW enhancelog_entry AS {endless} FROM n WHERE i < 0",
    )  # fmt: skip
    assert named(tmp_path, Ran("s", "--field", "intent", *WHY)) == {"trap.sqlite3"}


@pytest.mark.parametrize("manifest", [b'{"product":"enh\xff"}', b'{"x":' + b"[" * 100_000, b"", b"[1e999]"])
def test_a_copy_with_a_damaged_manifest_is_named(tmp_path: Path, manifest: bytes) -> None:
    folder = tmp_path / "backups"
    folder.mkdir()
    (folder / "x.dump").write_bytes(b"PGDMP")
    (folder / "x.dump.json").write_bytes(manifest)
    done = Ran("s", "--field", "intent", *WHY)
    assert done.code == 1
    assert re.search(r"^  .*/x\.dump \(.* UTC\): it may hold it", done.out, re.MULTILINE)


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite's readers keep the WAL instead")
def test_a_transaction_that_still_sees_the_text_keeps_it(monkeypatch: pytest.MonkeyPatch) -> None:
    from enhancelog.backends.postgresql import snapshots

    monkeypatch.setattr(snapshots, "LONGEST_S", 0.3)
    reader = connection.copy()
    try:
        with reader.cursor() as cursor:
            cursor.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
            cursor.execute("SELECT COUNT(*) FROM enhancelog_entry")
            kept = Ran("s", "--field", "intent", *WHY)
            assert "A reader that had begun before keeps it" in kept.out
            assert kept.code == 1
            cursor.execute("COMMIT")
        gone = Ran("t", "--field", "intent", *WHY)
        assert (gone.code, gone.out) == (0, "t: redacted intent\n")
    finally:
        reader.close()


def test_without_erasing_it_says_what_is_left() -> None:
    ran = Ran("s", "--field", "intent", "--no-erase", *WHY)
    assert ran.code == 1
    assert "may still have it" in ran.out
    assert "VACUUM" not in ran.err


def test_a_file_with_nothing_but_the_ending_of_a_manifest_is_one_that_is_not_known(tmp_path: Path) -> None:
    (tmp_path / "backups").mkdir()
    (tmp_path / "backups" / ".json").write_text("{}")
    ran = Ran("s", "--field", "intent", *WHY)
    assert named(tmp_path, ran) == {"backups/.json"}
