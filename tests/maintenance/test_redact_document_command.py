"""``redact --document`` as a command: what it says, names and leaves, and that a restore keeps it."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from blake3 import blake3
from django.db import connection

from enhancelog.domain.errors import RedactedDocument
from enhancelog.domain.observed import Document, Version
from enhancelog.domain.origin import Origin
from enhancelog.models import Document as Row
from enhancelog.models import DocumentRedaction
from enhancelog.store import documents, observed
from enhancelog.store.database import DatabaseEnhanceLogStore
from enhancelog.store.documents import Seen
from enhancelog.store.observed import Found
from tests.factories import make_entry
from tests.host.observed import patch_of
from tests.maintenance.places import empty_place, run, with_tools
from tests.maintenance.test_redact_command import SECRET, WHY, Ran

pytestmark = pytest.mark.django_db(transaction=True)

PROGRAM = "python3 manage.py"
FILLING = "\n".join(f"line {number} of the prompt" for number in range(30))
TEXTS = [f"version: {at}\nprompt: use {SECRET}\n{FILLING}\n" for at in range(3)]
HASHES = [blake3(text.encode()).hexdigest() for text in TEXTS]


@pytest.fixture(autouse=True)
def own_data_folder(settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.DATA_DIR = tmp_path
    with_tools(monkeypatch)


def keep(*numbers: int, blueprint_id: str = "main") -> None:
    seen = [Seen(blueprint_id, Document(hash=HASHES[at], form="yaml", text=TEXTS[at])) for at in numbers]
    observed.keep("host", Found(documents=seen))


def test_a_dry_run_says_what_would_go_and_changes_nothing() -> None:
    keep(0, 1, 2)
    version = Version(blueprint_id="main", hash=HASHES[0], number=0, made_by="hand", rationale=f"for {SECRET}")
    observed.keep("host", Found(versions=[version]))
    dry = Ran("--document", HASHES[0], "--dry-run")
    assert dry.code == 1
    assert f"document {HASHES[0]}: would redact its text (YAML) and the rationale of 1 version" in dry.out
    assert "2 documents based on it" in dry.out
    assert "2 other documents of main may have the same passages; they were not compared" in dry.out
    assert not DocumentRedaction.objects.exists()


def test_it_redacts_and_says_so_when_it_runs_again() -> None:
    keep(0)
    done = Ran("--document", HASHES[0], *WHY)
    assert (done.code, done.out) == (0, f"document {HASHES[0]}: redacted its text (YAML)\n")
    assert SECRET not in done.out + done.err
    again = Ran("--document", HASHES[0], *WHY)
    assert (again.code, again.out) == (0, f"document {HASHES[0]} was redacted already\n")


def test_a_text_of_many_lines_is_found_in_a_document_and_in_operations() -> None:
    prompt = f'Answer briefly.\n  Use {SECRET}.\n\nThen stop: "now"'
    text = yaml.dump({"agents": [{"name": "writer", "system_prompt": prompt}]}, Dumper=Blocks)
    assert "system_prompt: |-" in text
    hash = blake3(text.encode()).hexdigest()
    observed.keep("host", Found(documents=[Seen("main", Document(hash=hash, form="yaml", text=text))]))
    ops = [{"op": "replace", "path": "/agents/0/system_prompt", "value": prompt}]
    entry = make_entry(issue_id="made", new_hash=hash, ops=ops)
    DatabaseEnhanceLogStore(Origin("command", "tests", "host")).append(entry)
    assert f"  documents: {hash}: " in Ran("made", "--field", "ops", "--dry-run").out
    assert "  operations of entries: made\n" in Ran("--document", hash, "--dry-run").out


class Blocks(yaml.SafeDumper):
    """Writes texts of many lines as hosts do."""

    def represent_str(self, data: str) -> yaml.ScalarNode:
        return self.represent_scalar("tag:yaml.org,2002:str", data, style="|" if "\n" in data else None)


Blocks.add_representer(str, Blocks.represent_str)


def test_operations_that_hold_parts_of_it_are_named() -> None:
    keep(0)
    ops = [{"op": "replace", "path": "/prompt", "value": f"use {SECRET}"}]
    entries = [
        make_entry(issue_id="made", new_hash=HASHES[0], ops=ops),
        make_entry(issue_id="other", new_hash=HASHES[0], ops=[{"op": "add", "path": "/a", "value": "something else"}]),
    ]
    DatabaseEnhanceLogStore(Origin("command", "tests", "host")).append_batch(entries)
    observed.keep("host", Found(patches=[patch_of(entries[0], candidate_hash=HASHES[0])]))
    dry = Ran("--document", HASHES[0], "--dry-run")
    assert "It would stay in:\n  operations of entries: made\n" in dry.out
    assert dry.code == 1


def test_the_redaction_of_an_entry_names_documents_of_its_blueprint_with_the_command_line() -> None:
    keep(0, 1)
    keep(2, blueprint_id="another")
    version = Version(blueprint_id="main", hash=HASHES[1], number=0, made_by="hand", rationale=f"for {SECRET}")
    observed.keep("host", Found(versions=[version]))
    entry = make_entry(issue_id="e", intent=SECRET)
    DatabaseEnhanceLogStore(Origin("command", "tests", "host")).append(entry)
    done = Ran("e", "--field", "intent", *WHY)
    for what, hash in (("documents", HASHES[0]), ("documents", HASHES[1]), ("versions of documents", HASHES[1])):
        assert f"  {what}: {hash}: {PROGRAM} redact --document {hash} --why TEXT\n" in done.out
    assert HASHES[2] not in done.out
    for hash in HASHES[:2]:
        Ran("--document", hash, *WHY)
    DatabaseEnhanceLogStore(Origin("command", "tests", "host")).append(make_entry(issue_id="f", intent=SECRET))
    assert "documents" not in Ran("f", "--field", "intent", *WHY).out


def test_copies_that_have_it_are_named_and_a_restore_keeps_the_redaction(tmp_path: Path) -> None:
    keep(0, 1, 2)
    folder = tmp_path / "backups"
    folder.mkdir()
    ending = "sqlite3" if connection.vendor == "sqlite" else "dump"
    run("backup", str(folder / f"before.{ending}"))
    done = Ran("--document", HASHES[0], *WHY)
    assert done.code == 1
    assert f"before.{ending}" in done.out
    after = run("backup", str(folder / f"after.{ending}")).strip()
    if connection.vendor == "sqlite":
        assert "after.sqlite3" not in Ran("--document", HASHES[0], *WHY).out
    with empty_place(tmp_path):
        assert "no problems found" in run("restore", after)
        with pytest.raises(RedactedDocument, match="a key in clear"):
            documents.find(HASHES[0])
        keep(0)
        assert Row.objects.filter(hash=HASHES[0], compressed=None).count() == 1
        found = documents.find(HASHES[1])
        assert found is not None
        assert found.text == TEXTS[1]


def test_the_rationale_of_a_version_without_a_document_is_named_as_what_stays() -> None:
    version = Version(blueprint_id="main", hash=HASHES[0], number=0, made_by="hand", rationale=f"for {SECRET}")
    observed.keep("host", Found(versions=[version]))
    DatabaseEnhanceLogStore(Origin("command", "tests", "host")).append(make_entry(issue_id="e", intent=SECRET))
    said = f"versions of documents: {HASHES[0]}: its document is not stored, so its rationale cannot be redacted"
    assert said in Ran("e", "--field", "intent", *WHY).out
