"""``import_log`` as a command: what it counts, keeps, prints and answers, and that it can be run again."""

import io
import json
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from pytest_django.fixtures import Settings

from enhancelog.domain import entry_texts, records, redactions
from enhancelog.domain.origin import Origin
from enhancelog.models import Entry as EntryModel
from enhancelog.store.database import DatabaseEnhanceLogStore
from enhancelog.store.verification import verify
from enhancelog.store.writing import ENTRIES_PER_TRANSACTION
from enhancelog.transfer.importer import BATCH_BYTES, VERDICT_WEIGHT, batches
from enhancelog.transfer.items import Found
from tests.factories import make_entry, make_fields, make_rejected

pytestmark = pytest.mark.django_db

FULL = 2  # of SQLite's levels of "synchronous"
ROOT = Path(__file__).resolve().parent.parent.parent
SYNTHETIC = ROOT / "tests/samples/synthetic.json"
RECORDED = ROOT / "enhancelog/demo/enhance_log.db"
STORE = DatabaseEnhanceLogStore(Origin("command", "tests", "tests"))


class Ran:
    """What one run printed and answered."""

    def __init__(self, *arguments: str | Path) -> None:
        out, err = io.StringIO(), io.StringIO()
        self.code = 0
        try:
            call_command("import_log", *map(str, arguments), stdout=out, stderr=err)
        except SystemExit as ended:
            self.code = int(ended.code or 0)
        self.out, self.err = out.getvalue(), err.getvalue()

    @property
    def counts(self) -> tuple[int, ...]:
        """read, added, same, conflict, quarantined"""
        words = self.out.splitlines()[0].replace(",", "").split()
        assert words[::2] == ["read", "added", "same", "conflict", "quarantined"]
        return tuple(map(int, words[1::2]))

    @property
    def kept(self) -> list[dict[str, str]]:
        """The lines of the file that it names."""
        path = Path(self.out.splitlines()[1].removeprefix("Entries that were not imported are in "))
        assert path.stat().st_mode & 0o077 == 0
        return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.fixture(autouse=True)
def data_dir(settings: Settings, tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    folder.mkdir()
    settings.DATA_DIR = folder
    return folder


@pytest.fixture
def ndjson(tmp_path: Path) -> Path:
    return tmp_path / "log.ndjson"


@pytest.mark.parametrize(
    ("path", "number"),
    [
        (RECORDED, 328),
        (SYNTHETIC, 200),
        (SYNTHETIC.with_suffix(".ndjson"), 200),
        (SYNTHETIC.with_suffix(".db"), 200),
    ],
)
def test_a_sample_is_added_once_and_the_same_the_second_time(path: Path, number: int) -> None:
    first, second = Ran(path), Ran(path)
    assert (first.code, first.counts) == (0, (number, number, 0, 0, 0))
    assert (second.code, second.counts) == (0, (number, 0, number, 0, 0))
    assert list(verify()) == []


def test_the_samples_of_one_log_in_three_forms_are_one_log() -> None:
    for suffix, expected in (
        (".db", (200, 200, 0, 0, 0)),
        (".json", (200, 0, 200, 0, 0)),
        (".ndjson", (200, 0, 200, 0, 0)),
    ):
        assert Ran(SYNTHETIC.with_suffix(suffix)).counts == expected


def test_upstream_rows_get_positions_in_the_order_of_their_times() -> None:
    Ran(RECORDED)
    times = list(EntryModel.objects.order_by("position").values_list("ts_ms", flat=True))
    assert times == sorted(times)


def test_rows_carry_the_name_of_their_source() -> None:
    Ran(SYNTHETIC, "--source", "host-2")
    assert set(EntryModel.objects.values_list("source", "actor_kind", "actor_name")) == {
        ("host-2", "command", "import_log")
    }
    Ran(RECORDED)
    assert set(EntryModel.objects.values_list("source", flat=True)) == {"host-2", "import"}


def test_standard_input_is_a_source(monkeypatch: pytest.MonkeyPatch) -> None:
    for data in (SYNTHETIC.read_bytes(), SYNTHETIC.with_suffix(".db").read_bytes()):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))
        assert Ran("-").counts[0] == 200


def test_an_empty_file_is_no_entries(ndjson: Path) -> None:
    ndjson.touch()
    ran = Ran(ndjson)
    assert (ran.code, ran.counts) == (0, (0, 0, 0, 0, 0))


def test_what_is_refused_is_kept_and_the_rest_goes_on(ndjson: Path) -> None:
    good = [records.encode(make_entry(issue_id=issue_id)) for issue_id in "abc"]
    ndjson.write_bytes(b"\n".join([good[0], b'{"issue_id":7}', good[1], b"what?", good[2]]))
    ran = Ran(ndjson, "--source", "../odd name")
    assert (ran.code, ran.counts) == (1, (5, 3, 0, 0, 2))
    assert [(line["where"], line["field"], line["rule"], line["raw"]) for line in ran.kept] == [
        ("line 2", "issue_id", "type", '{"issue_id":7}'),
        ("line 4", "", "json", "what?"),
    ]
    assert "line 2: issue_id: expected" in ran.err


def test_a_conflict_is_reported_and_what_is_stored_stays(ndjson: Path) -> None:
    STORE.append(make_entry(issue_id="a"))
    changed = make_entry(issue_id="a", intent="other", ts_ms=1)
    ndjson.write_bytes(records.encode(changed))
    ran = Ran(ndjson)
    assert (ran.code, ran.counts) == (1, (1, 0, 0, 1, 0))
    assert "a is stored with different content; they differ in intent, ts_ms" in ran.err
    assert records.decode(ran.kept[0]["raw"].encode()) == changed
    assert STORE.list_all() == [make_entry(issue_id="a")]


def test_only_the_first_findings_are_printed_but_all_are_kept(ndjson: Path) -> None:
    ndjson.write_bytes(b"{}\n" * 50)
    ran = Ran(ndjson)
    assert ran.err.splitlines()[-1] == "… and 30 more"
    assert len(ran.err.splitlines()) == 21
    assert len(ran.kept) == 50


def test_what_cannot_be_written_out_is_kept_escaped(ndjson: Path) -> None:
    ndjson.write_bytes(b'{"a":"\xff"}\n{"a":"\\ud800"}\n')
    assert [line["raw"] for line in Ran(ndjson).kept] == ['{"a":"\\xff"}', '{"a":"\\ud800"}']


def test_two_runs_at_once_keep_their_findings_apart(ndjson: Path) -> None:
    ndjson.write_bytes(b"{}\n")
    paths = {Ran(ndjson).out.splitlines()[1] for _ in range(3)}
    assert len(paths) == 3


def test_an_entry_beyond_the_limit_in_settings_is_refused(ndjson: Path, settings: Settings) -> None:
    settings.MAX_ENTRY_BYTES = 2000
    ndjson.write_bytes(records.encode(make_entry(intent="x" * 2000)) + b"\n" + records.encode(make_entry()))
    ran = Ran(ndjson)
    assert ran.counts == (2, 1, 0, 0, 1)
    assert ran.kept[0]["rule"] == "size"


@pytest.mark.parametrize("content", [b"\x1f\x8b\x08", b"a,b\n", b"SQLite format 3\0"])
def test_what_is_no_log_could_not_run(ndjson: Path, content: bytes) -> None:
    ndjson.write_bytes(content)
    with pytest.raises(CommandError) as refusal:
        Ran(ndjson)
    assert refusal.value.returncode == 2
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("source", ["", "a\nb", ".", "x" * 513])
def test_a_source_name_obeys_the_rules_of_ids(source: str) -> None:
    with pytest.raises(CommandError, match="--source") as refusal:
        Ran(SYNTHETIC, "--source", source)
    assert refusal.value.returncode == 2


def test_more_than_one_batch_is_imported_whole(ndjson: Path) -> None:
    entries = [make_entry(issue_id=str(number), ts_ms=number) for number in range(2 * ENTRIES_PER_TRANSACTION + 1)]
    ndjson.write_bytes(b"\n".join(map(records.encode, entries)))
    assert Ran(ndjson).counts == (2 * ENTRIES_PER_TRANSACTION + 1, 2 * ENTRIES_PER_TRANSACTION + 1, 0, 0, 0)
    assert STORE.list_all() == entries


SECRET = "hunterzwei"
ORIGINAL: dict[str, Any] = {
    "intent": f"rotate {SECRET}",
    "detail": f"found {SECRET}",
    "ops": [{"op": "add", "path": "/key", "value": SECRET}],
    "meta": {"key": SECRET, "seed": 7},
}


@pytest.mark.parametrize(
    ("fields", "changed", "conflict"),
    [
        (["intent"], {}, None),
        (["intent", "details", "ops", "meta"], {}, None),
        (["details", "meta:key"], {}, None),
        (["ops"], {}, "ops"),  # no operations may always have been none
        (["intent", "meta:key"], {"rationale": "other"}, "rationale"),
    ],
)
def test_the_original_of_what_was_redacted_elsewhere_is_neither_compared_nor_kept(
    ndjson: Path, data_dir: Path, fields: list[str], changed: dict[str, str], conflict: str | None
) -> None:
    original = make_rejected("leak", issue_id="s", **ORIGINAL)
    STORE.append(redactions.without(original, fields))  # as an export has it
    offered = msgspec.structs.replace(original, **changed)
    ndjson.write_bytes(records.encode(offered))
    outcomes = [STORE.append_batch([offered])[0], STORE.append_batch([offered], whole=True)[0]]
    ran = Ran(ndjson)
    if conflict is None:
        assert ran.code == 0
        assert ran.out == "read 1, added 0, same 0, conflict 0, quarantined 0, redacted 1\n"
        assert [(outcome.result, outcome.differs) for outcome in outcomes] == [("redacted", ())] * 2
        assert not (data_dir / "quarantine").exists()
        return
    assert ran.code == 1
    assert [(outcome.result, outcome.differs) for outcome in outcomes] == [("conflict", (conflict,))] * 2
    (kept,) = ran.kept
    assert kept["field"] == conflict
    taken = [text for text in entry_texts.all_texts(original, redactions.without(original, fields)) if SECRET in text]
    assert taken
    assert not any(text in kept["raw"] for text in taken if text != SECRET)
    assert "ops" not in fields or '"ops":[]' in kept["raw"]


def test_a_duplicate_inside_the_file_is_the_same_or_a_conflict(ndjson: Path) -> None:
    lines = [make_entry(), make_entry(), make_entry(intent="other")]
    ndjson.write_bytes(b"\n".join(map(records.encode, lines)))
    assert Ran(ndjson).counts == (3, 1, 1, 1, 0)


ODD: list[tuple[dict[str, Any], str]] = [
    ({"meta": {"a": {"b": 1}}}, "meta.a"),
    ({"meta": [], "bump": "minor"}, "meta"),
    ({"meta": None}, "meta"),
    ({"meta": {"a": "x" * 9_000}}, "meta"),
    ({"candidate_hash": 7}, "candidate_hash"),
]


def test_fields_of_another_shape_are_dropped_with_a_finding_and_the_entries_kept(ndjson: Path) -> None:
    sent = [make_fields(issue_id=str(at), **odd) for at, (odd, _) in enumerate(ODD)]
    good = make_fields(issue_id="good", candidate_hash="c", meta={"model": "m", "seed": 1})
    both = make_fields(issue_id="both", candidate_hash=[], meta={"a b": 1})
    ndjson.write_text("\n".join(json.dumps(fields) for fields in [*sent, good, both]))
    for added, same in ((7, 0), (0, 7)):
        ran = Ran(ndjson)
        assert ran.out.splitlines()[0] == (
            f"read 7, added {added}, same {same}, conflict 0, quarantined 0, fields dropped 7"
        )
        assert (ran.code, len(ran.err.splitlines())) == (1, 7)
        assert "line 1: 0 is imported without meta: meta.a: must be a string, a number or a boolean" in ran.err
        kept = Path(ran.out.splitlines()[1].removeprefix("What was not imported is in ")).read_text().splitlines()
        findings = [json.loads(line) for line in kept]
        assert {line["rule"] for line in findings} == {"dropped"}
        assert [line["field"] for line in findings[:5]] == [field for _, field in ODD]
        assert {line["field"] for line in findings[5:]} == {"candidate_hash", "meta"}
        assert [json.loads(line["raw"]) for line in findings] == [*sent, both, both]
    assert STORE.get("1") == make_entry(issue_id="1", bump="minor")
    assert STORE.get("both") == make_entry(issue_id="both")
    assert STORE.get("good") == records.from_values(**good)


def test_what_else_is_wrong_with_an_entry_quarantines_it_whole(ndjson: Path) -> None:
    lines = [
        json.dumps(make_fields(meta=[], status="open")),
        records.encode(make_entry()).decode()[:-1] + ',"meta":{"a":1,"a":2}}',
    ]
    ndjson.write_text("\n".join(lines))
    assert Ran(ndjson).counts == (2, 0, 0, 0, 2)


def test_entries_of_very_many_verdicts_are_a_transaction_of_their_own() -> None:
    heavy = make_rejected(*(f"a{number}" for number in range(4_000)))
    enough = -(-BATCH_BYTES // (4_000 * VERDICT_WEIGHT))
    items = [Found("", heavy)] * enough + [Found("", make_entry())] * 2
    assert [len(batch) for batch in batches(items)] == [enough, 2]


@pytest.mark.skipif(connection.vendor != "sqlite", reason="a server has caches of its own")
def test_an_import_may_use_more_memory_and_is_as_durable(ndjson: Path) -> None:
    ndjson.write_bytes(records.encode(make_entry()))
    assert Ran(ndjson).counts == (1, 1, 0, 0, 0)
    with connection.cursor() as cursor:
        for pragma, value in (("cache_size", -65_536), ("wal_autocheckpoint", 8_000), ("synchronous", FULL)):
            cursor.execute(f"PRAGMA {pragma}")
            assert cursor.fetchone() == (value,)
