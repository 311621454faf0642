"""``export_log``: what goes in comes out, in every format; CSV that a spreadsheet does not run."""

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from enhancelog.domain import records
from enhancelog.domain.origin import Origin
from enhancelog.domain.records import Entry
from enhancelog.domain.times import EARLIEST_MS
from enhancelog.models import Entry as EntryModel
from enhancelog.store.database import DatabaseEnhanceLogStore
from enhancelog.store.rows import COLUMNS
from enhancelog.transfer import exports, formats
from enhancelog.transfer.items import Found
from enhancelog.transfer.sources import open_source
from tests.factories import make_entry, make_rejected

pytestmark = pytest.mark.django_db

ROOT = Path(__file__).resolve().parent.parent.parent
STORE = DatabaseEnhanceLogStore(Origin("command", "tests", "tests"))


def export(*arguments: str) -> str:
    out = io.StringIO()
    call_command("export_log", *arguments, stdout=out, stderr=io.StringIO())
    return out.getvalue()


def read(path: Path) -> list[Entry]:
    with open_source(str(path), 1 << 20) as source:
        return [item.entry for item in source if isinstance(item, Found)]


def cells(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


def ids(*arguments: str) -> list[str]:
    return [json.loads(line)["issue_id"] for line in export(*arguments).splitlines()]


@pytest.mark.parametrize("sample", [ROOT / "enhancelog/demo/enhance_log.db", ROOT / "tests/samples/synthetic.db"])
@pytest.mark.parametrize("format_", ["ndjson", "json"])
def test_what_was_imported_from_upstream_comes_out_equal(sample: Path, format_: str, tmp_path: Path) -> None:
    exported = tmp_path / "exported"
    call_command("import_log", str(sample), stdout=io.StringIO(), stderr=io.StringIO())
    export("--format", format_, "--output", str(exported))
    expected = read(sample)
    assert len(expected) in (200, 328)
    assert list(map(records.encode, read(exported))) == list(map(records.encode, expected))
    again = io.StringIO()
    call_command("import_log", str(exported), stdout=again, stderr=io.StringIO())
    assert f"added 0, same {len(expected)}, conflict 0, quarantined 0" in again.getvalue()


def test_csv_holds_every_field_of_every_entry() -> None:
    call_command("import_log", str(ROOT / "tests/samples/synthetic.db"), stdout=io.StringIO(), stderr=io.StringIO())
    rows = cells(export("--format", "csv"))
    for row, entry in zip(rows, STORE.list_all(), strict=True):
        assert tuple(row) == (*records.FIELDS, "redacted", "time_utc")
        assert row["issue_id"].removeprefix("'") == entry.issue_id
        assert json.loads(row["verdicts"]) == json.loads(records.encode_part(entry.verdicts))
        assert json.loads(row["reasons"]) == list(entry.reasons)
        assert row["ts_ms"] == str(entry.ts_ms)


@pytest.mark.parametrize("start", [*"=+-@＝＋－＠", "\t", "\r", "\n"])
def test_csv_defuses_formulas(start: str) -> None:
    formula = start + 'cmd|" /C calc"!A0, "x"\n;'
    STORE.append(make_entry(issue_id="=1+1", intent=formula, rationale=formula, prev_hash=formula, ts_ms=-5))
    (row,) = cells(export("--format", "csv"))
    assert row["intent"] == row["rationale"] == row["prev_hash"] == "'" + formula
    assert row["issue_id"] == "'=1+1"
    assert row["ts_ms"] == "-5"


def test_csv_leaves_other_text_as_it_is() -> None:
    text = " =1\n'quoted', \"double\"; é 🦊"
    STORE.append(make_entry(intent=text, ops=[], bump="minor"))
    (row,) = cells(export("--format", "csv"))
    assert (row["intent"], row["ops"], row["bump"]) == (text, "[]", "minor")


@pytest.mark.parametrize(
    ("ts_ms", "time_utc"),
    [
        (1_795_902_816_908, "2026-11-28T21:53:36.908Z"),
        (1_795_902_816_000, "2026-11-28T21:53:36.000Z"),
        (EARLIEST_MS - 1, ""),
        (2**62, ""),
    ],
)
def test_csv_ends_with_the_time_if_it_is_plausible(ts_ms: int, time_utc: str) -> None:
    STORE.append(make_entry(ts_ms=ts_ms))
    (row,) = cells(export("--format", "csv"))
    assert (row["ts_ms"], row["time_utc"]) == (str(ts_ms), time_utc)


def test_an_empty_log_is_an_empty_document() -> None:
    assert export("--format", "ndjson") == ""
    assert export("--format", "json") == "[]"
    assert export("--format", "csv") == ",".join((*records.FIELDS, "redacted", "time_utc")) + "\r\n"


def test_filters_are_those_of_the_api_and_repeat() -> None:
    STORE.append_batch(
        [
            make_entry(issue_id="a", blueprint_id="main", ts_ms=EARLIEST_MS + 1),
            make_rejected("noop", issue_id="b", blueprint_id="coding", ts_ms=EARLIEST_MS + 2),
            make_rejected("des", "noop", issue_id="c", blueprint_id="", ts_ms=EARLIEST_MS + 3),
        ]
    )
    assert ids() == ["a", "b", "c"]
    assert ids("--order", "desc") == ["c", "b", "a"]
    assert ids("--blueprint-id", "main", "--blueprint-id", "coding") == ["a", "b"]
    assert ids("--blueprint-id", "") == ["c"]
    assert ids("--not-status", "applied", "--axis", "noop", "--axis", "des") == ["c"]
    assert ids("--only", "noop") == ["b"]
    assert ids("--since", str(EARLIEST_MS + 2), "--until", str(EARLIEST_MS + 3)) == ["b"]
    assert ids("--blueprint-id", "a\nb") == []


@pytest.mark.parametrize("arguments", [("--since", "soon"), ("--status", "open"), ("--output", "/nowhere/at/all")])
def test_what_cannot_run_says_so_in_one_line(arguments: tuple[str, str]) -> None:
    with pytest.raises(CommandError) as refusal:
        export(*arguments)
    assert refusal.value.returncode == 2
    assert "\n" not in str(refusal.value)


def test_an_export_that_fails_leaves_the_file_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    output = tmp_path / "log.json"
    output.write_text("before")
    STORE.append(make_entry())
    monkeypatch.setitem(formats.EXPORTS, "json", broken)
    with pytest.raises(CommandError, match="No space left"):
        export("--format", "json", "--output", str(output))
    assert output.read_text() == "before"
    assert list(tmp_path.iterdir()) == [output]


def broken(chunks: Any) -> Any:
    yield b"["
    raise OSError(28, "No space left on device")


def test_an_export_replaces_the_file_whole(tmp_path: Path) -> None:
    output = tmp_path / "log.json"
    output.write_text("before" * 1000)
    export("--format", "json", "--output", str(output))
    assert output.read_text() == "[]"
    assert list(tmp_path.iterdir()) == [output]


def test_chunks_are_whole_entries_whatever_their_number() -> None:
    entries = [make_entry(issue_id=f"é{number}") for number in range(5)]
    STORE.append_batch(entries)
    rows = list(EntryModel.objects.order_by("position").values_list(*COLUMNS))
    for chunks in ([rows], [rows[:2], [], rows[2:]], [[row] for row in rows]):
        parts = list(exports.json_array(chunks))
        assert json.loads(b"".join(parts)) == [json.loads(records.encode(entry)) for entry in entries]
        assert b"".join(exports.ndjson(chunks)) == b"".join(records.encode(entry) + b"\n" for entry in entries)
        assert all(part.decode() for part in parts)


def test_csv_has_a_column_for_the_candidate_and_for_meta() -> None:
    STORE.append(make_entry(issue_id="a", candidate_hash="=c", meta={"b": "x,y\n", "a": 1.5}))
    STORE.append(make_entry(issue_id="b"))
    for format_ in ("csv", "spreadsheet"):
        first, second = cells(export("--format", format_).removeprefix("\ufeff"))
        assert (first["candidate_hash"], first["meta"]) == ("'=c", '{"b":"x,y\\n","a":1.5}')
        assert (second["candidate_hash"], second["meta"]) == ("", "")


@pytest.mark.parametrize("format_", ["json", "ndjson"])
def test_what_was_exported_is_imported_the_same(format_: str, tmp_path: Path) -> None:
    entry = records.decode(records.encode(make_entry(candidate_hash="c"))[:-1] + b',"meta":{"b":1.50,"a":"\\u0079"}}')
    STORE.append(entry)
    exported = tmp_path / "log"
    exported.write_text(export("--format", format_))
    with open_source(str(exported), 1 << 20, imported=True) as source:
        (item,) = source
    assert records.encode(item.entry) == records.encode(entry)


def test_meta_is_filtered_by_key_and_value() -> None:
    STORE.append_batch([make_entry(issue_id=str(at), ts_ms=at, meta={"seed": at, "k": "a=b"}) for at in range(3)])
    assert ids("--meta", "seed=1", "--meta", "seed=2.0") == ["1", "2"]
    assert ids("--not-meta", "seed=1", "--meta", "k=a=b") == ["0", "2"]
    for option in ("seed", "=1", "a b=1"):
        with pytest.raises(CommandError) as refusal:
            export("--meta", option)
        assert (refusal.value.returncode, str(refusal.value).count("\n")) == (2, 0)
