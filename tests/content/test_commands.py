"""``import_content`` and ``export_content``, and the demo's content."""

import io
import json
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from pytest_django.fixtures import Settings

from content import demo, queries
from content.kinds import KINDS, Key
from content.models import ContentRevision
from content.store import open_store
from tests.content.conftest import AGENT
from tests.content.test_store import sample

pytestmark = pytest.mark.django_db


@pytest.fixture
def data_dir(settings: Settings, tmp_path: Path) -> Path:
    settings.DATA_DIR = tmp_path
    return tmp_path


def run(name: str, *arguments: str) -> tuple[int, str, str]:
    """Exit code, standard output, standard error."""
    out, err = io.StringIO(), io.StringIO()
    try:
        call_command(name, *arguments, stdout=out, stderr=err)
    except SystemExit as ended:
        return int(ended.code or 0), out.getvalue(), err.getvalue()
    except CommandError as error:
        return error.returncode, out.getvalue(), str(error)
    return 0, out.getvalue(), err.getvalue()


def test_export_and_import_are_inverse(data_dir: Path):
    values = {Key("S-1", kind): sample(kind) for kind in KINDS} | {Key("日本/ %", "story"): "# Überschrift\r\n"}
    open_store(AGENT).preload(values)
    assert run("export_content", "--output", str(data_dir / "map.json"))[0] == 0
    code, printed, _ = run("export_content")
    assert code == 0
    assert printed == (data_dir / "map.json").read_text()
    assert json.loads(printed)["日本/ %"] == "# Überschrift\r\n"
    for key in values:
        open_store(AGENT).delete(*key)
    code, said, _ = run("import_content", str(data_dir / "map.json"))
    assert (code, said.strip()) == (0, "15 created, 0 changed, 0 unchanged, 0 quarantined")
    assert run("export_content")[1] == printed
    assert ContentRevision.objects.filter(source="import", actor_name="import_content").count() == 15


def test_import_into_a_store_that_holds_something_needs_merge(data_dir: Path):
    open_store(AGENT).write("S-1", "story", "old")
    (data_dir / "map.json").write_text('{"S-1": "new", "S-2": "text"}')
    code, _, said = run("import_content", str(data_dir / "map.json"))
    assert code == 2
    assert "--merge" in said
    assert run("import_content", "--merge", str(data_dir / "map.json"))[1].startswith("1 created, 1 changed, 0 unch")
    assert run("import_content", "--merge", str(data_dir / "map.json"))[1].startswith("0 created, 0 changed, 2 unch")


def test_what_cannot_be_taken_is_quarantined_and_reported(data_dir: Path):
    (data_dir / "map.json").write_text('{"S-1": "fine", "a:b": "colon", "S-2:merge_report": "{", "S-3": [1]}')
    code, said, errors = run("import_content", str(data_dir / "map.json"))
    assert code == 1
    assert "1 created, 0 changed, 0 unchanged, 3 quarantined" in said
    assert "a:b" in errors
    (file,) = (data_dir / "quarantine").iterdir()
    assert str(file) in said
    assert [(line["where"], line["rule"], line["raw"]) for line in map(json.loads, file.read_text().splitlines())] == [
        ("a:b", "colon", "colon"),
        ("S-2:merge_report", "json", "{"),
        ("S-3", "type", "[1]"),
    ]


def test_a_very_long_number_and_terminal_codes_are_quarantined_too(data_dir: Path):
    (data_dir / "map.json").write_text('{"S-1": %s, "S-2:\\u001b[31m": "x"}' % ("7" * 5000))
    code, said, errors = run("import_content", str(data_dir / "map.json"))
    assert code == 1
    assert "2 quarantined" in said
    assert "\x1b" not in errors
    assert r"\x1b[31m" in errors
    (file,) = (data_dir / "quarantine").iterdir()
    assert "7" * 5000 in file.read_text()


@pytest.mark.parametrize("text", ["", "[1]", '{"S-1": ', "null"])
def test_what_is_no_raw_map_stops_the_import(data_dir: Path, text: str):
    (data_dir / "map.json").write_text(text)
    assert run("import_content", str(data_dir / "map.json"))[0] == 2
    assert queries.count_items() == 0


def test_a_file_that_is_not_there_is_one_line(data_dir: Path):
    code, _, said = run("import_content", str(data_dir / "absent.json"))
    assert code == 2
    assert "\n" not in said


def test_an_import_reads_standard_input(data_dir: Path, monkeypatch: pytest.MonkeyPatch):
    class Input:
        buffer = io.BytesIO(b'{"S-1": "text"}')

    monkeypatch.setattr("sys.stdin", Input)
    assert run("import_content", "-")[0] == 0
    assert queries.count_items() == 1


def test_an_interrupted_merge_keeps_what_was_committed(data_dir: Path, monkeypatch: pytest.MonkeyPatch):
    from content.management.commands import import_content

    (data_dir / "map.json").write_text(json.dumps({f"S-{n:04}": "text" for n in range(1200)}))
    written, batches = import_content._written, iter(range(2))

    def interrupted(*arguments: Any, **options: Any) -> Any:
        if next(batches, None) is None:
            raise KeyboardInterrupt
        return written(*arguments, **options)

    monkeypatch.setattr(import_content, "_written", interrupted)
    assert run("import_content", "--merge", str(data_dir / "map.json"))[0] == 130
    assert queries.count_items() == 1000
    monkeypatch.setattr(import_content, "_written", written)
    assert run("import_content", "--merge", str(data_dir / "map.json"))[1].startswith("200 created, 0 changed, 1,000")


def test_the_demo_shows_every_kind_and_loads_once():
    assert demo.load()
    counts = queries.counts_by_kind()
    assert min(counts.values()) > 0
    revisions = ContentRevision.objects.count()
    assert not demo.load()
    assert ContentRevision.objects.count() == revisions
    assert ContentRevision.objects.filter(value=None).exists()
    assert set(ContentRevision.objects.values_list("source", flat=True)) == {"demo"}
