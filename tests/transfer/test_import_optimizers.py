"""``import_log --format``: logs that OpenEvolve and GEPA wrote, and what hostile ones can do."""

import json
import os
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from blake3 import blake3
from django.core.management import CommandError
from msgspec import UNSET, Raw
from pytest_django.fixtures import Settings

from enhancelog.domain.badges import badges
from enhancelog.domain.origin import OPTIMIZERS
from enhancelog.domain.records import Entry
from enhancelog.models import Entry as EntryModel
from enhancelog.store.verification import verify
from enhancelog.transfer.optimizers import FORMATS
from tests.transfer.test_import_log import ROOT, STORE, Ran

pytestmark = pytest.mark.django_db

SAMPLES = ROOT / "tests/samples/sources"
TRACE = SAMPLES / "openevolve/evolution_trace.jsonl"
CHECKPOINT = SAMPLES / "openevolve/checkpoint"
RUN = SAMPLES / "gepa"

OPENEVOLVE = ("--format", "openevolve", "--blueprint", "area")
GEPA = ("--format", "gepa", "--blueprint", "adder", "--started", "2026-11-29T16:00:00Z")
STARTED_MS = 1_795_968_000_000


@pytest.fixture(autouse=True)
def data_dir(settings: Settings, tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    settings.DATA_DIR = folder
    return folder


def hashed(text: str) -> str:
    return blake3(text.encode()).hexdigest()


def entries(blueprint_id: str) -> dict[str, Entry]:
    return {entry.issue_id: entry for entry in STORE.list_by_blueprint(blueprint_id)}


def traces() -> list[dict[str, Any]]:
    return [json.loads(line) for line in TRACE.read_text().splitlines()]


def iterations() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((RUN / "run_log.json").read_text())
    return found


def noted(entry: Entry) -> dict[str, Any]:
    assert isinstance(entry.meta, Raw)
    found: dict[str, Any] = json.loads(bytes(entry.meta))
    return found


def written(folder: Path, *lines: Any) -> Path:
    path = folder / "trace.jsonl"
    path.write_text("".join(f"{line if isinstance(line, str) else json.dumps(line)}\n" for line in lines))
    return path


def test_a_program_made_from_another_is_an_attempt() -> None:
    assert Ran(TRACE, *OPENEVOLVE).counts == (10, 10, 0, 0, 0)
    found = entries("area")
    assert len(found) == len(traces())
    for trace in traces():
        entry = found[f"openevolve-{trace['child_id']}"]
        old, new = trace["parent_metrics"]["combined_score"], trace["child_metrics"]["combined_score"]
        after = hashed(trace["child_code"])
        assert entry.status == ("applied" if new > old else "rejected")
        assert entry.prev_hash == hashed(trace["parent_code"])
        assert (entry.new_hash, entry.candidate_hash) == ((after, UNSET) if new > old else ("", after))
        assert entry.intent == f"Improve program {trace['parent_id']}"
        assert entry.rationale == trace["metadata"]["changes"]
        assert entry.ts_ms == round(trace["timestamp"] * 1000)
        assert [verdict.axis for verdict in entry.verdicts] == ["improvement"]
        assert (noted(entry)["iteration"], noted(entry)["score"]) == (trace["iteration"], new)
        assert badges(entry, entry.ts_ms, "import") == ()


def test_a_denial_quotes_what_the_evaluator_kept_of_the_error() -> None:
    Ran(TRACE, *OPENEVOLVE)
    reasons = [reason for entry in entries("area").values() for reason in entry.reasons]
    assert (
        "improvement: combined_score 0.75 → 0 is no improvement\nNameError(\"name 'wdth' is not defined\")" in reasons
    )


def test_a_threshold_is_an_axis() -> None:
    Ran(TRACE, *OPENEVOLVE, "--min", "runs=1", "--min", "speed=2")
    found = Counter((verdict.axis, verdict.status) for entry in entries("area").values() for verdict in entry.verdicts)
    failed = sum(trace["child_metrics"]["runs"] < 1 for trace in traces())
    assert failed
    assert found["runs", "deny"] == failed
    assert found["runs", "pass"] == len(traces()) - failed
    assert {axis for axis, _ in found} == {"improvement", "runs"}  # no program has a speed


def test_a_checkpoint_has_the_same_attempts() -> None:
    Ran(TRACE, *OPENEVOLVE)
    traced = entries("area")
    done = Ran(CHECKPOINT, *OPENEVOLVE)
    programs = [json.loads(path.read_text()) for path in (CHECKPOINT / "programs").iterdir()]
    children = [program for program in programs if program["parent_id"]]
    # The trace writes when it noted a program, the checkpoint when the program was made.
    assert done.counts == (len(children), 0, 0, len(children), 0)
    assert {f"openevolve-{child['id']}" for child in children} == set(traced)


def test_a_checkpoint_alone(tmp_path: Path) -> None:
    copied = tmp_path / "checkpoint"
    shutil.copytree(CHECKPOINT, copied)
    one = next(path for path in (copied / "programs").iterdir() if json.loads(path.read_text())["parent_id"])
    program = json.loads(one.read_text())
    migrant = {
        **program,
        "id": "copy",
        "parent_id": program["id"],
        "metadata": {**program["metadata"], "migrant": True},
    }
    (copied / "programs/copy.json").write_text(json.dumps(migrant))
    (copied / "programs/bad.json").write_text("{")
    os.mkfifo(copied / "programs/pipe.json")
    done = Ran(copied, *OPENEVOLVE)
    assert done.counts == (12, 10, 0, 0, 2)
    assert [line["where"] for line in done.kept] == ["bad.json", "pipe.json"]
    for trace in traces():
        entry = entries("area")[f"openevolve-{trace['child_id']}"]
        assert entry.prev_hash == hashed(trace["parent_code"])
    assert Ran(CHECKPOINT, *OPENEVOLVE).counts == (10, 0, 10, 0, 0)


def test_a_proposal_that_was_evaluated_is_an_attempt() -> None:
    assert Ran(RUN, *GEPA).counts == (6, 6, 0, 0, 0)
    texts = [candidate["instruction"] for candidate in json.loads((RUN / "candidates.json").read_text())]
    judged = [iteration for iteration in iterations() if "new_subsample_scores" in iteration]
    found = sorted(entries("adder").values(), key=lambda entry: entry.ts_ms)
    assert len(found) == len(judged)
    for entry, iteration in zip(found, judged, strict=True):
        accepted = iteration.get("new_program_idx")
        assert entry.prev_hash == hashed(texts[iteration["selected_program_candidate"]])
        assert entry.new_hash == ("" if accepted is None else hashed(texts[accepted]))
        assert entry.status == ("rejected" if accepted is None else "applied")
        assert entry.intent == f"Improve candidate {iteration['selected_program_candidate']}"
        assert entry.ts_ms == STARTED_MS + iteration["i"]
        assert [verdict.axis for verdict in entry.verdicts] == ["acceptance"]
        assert noted(entry)["score"] == sum(iteration["new_subsample_scores"])
        assert badges(entry, STARTED_MS, "import") == ()


def gepa_run(folder: Path, candidates: Any, *log: Any) -> Path:
    (folder / "candidates.json").write_text(json.dumps(candidates))
    (folder / "run_log.json").write_text(json.dumps(log))
    (folder / "gepa_state.bin").write_bytes(b"cos\nsystem\n(S'touch /tmp/opened'\ntR.")
    (folder / "gepa_state.bin").chmod(0)
    return folder


def test_a_merge_and_a_candidate_of_several_components(tmp_path: Path) -> None:
    candidates = [{"b": "1", "a": "2"}, {"b": "3", "a": "2"}, {"b": "1", "a": "4"}, {"b": "3", "a": "4"}]
    merge = {"i": 4, "merged_entities": [1, 2, 0], "id1_subsample_scores": [1, 0], "id2_subsample_scores": [0, 0]}
    merge |= {"new_program_subsample_scores": [1, 1], "new_program_idx": 3}
    rejected = {"i": 5, "selected_program_candidate": 0, "subsample_scores": [1, None]}
    rejected |= {"new_subsample_scores": [0.5, 0.5], "proposed_candidate": {"a": "5", "b": "6"}}
    assert Ran(gepa_run(tmp_path, candidates, merge, rejected), *GEPA).counts == (2, 2, 0, 0, 0)
    first, second = sorted(entries("adder").values(), key=lambda entry: entry.ts_ms)
    assert (first.intent, first.status) == ("Merge candidates 1 and 2", "applied")
    assert first.verdicts[0].detail == "2 examples, sum of scores 1 → 2"
    assert (first.prev_hash, first.new_hash) == (hashed('{"a":"2","b":"3"}'), hashed('{"a":"4","b":"3"}'))
    assert (second.status, second.candidate_hash) == ("rejected", hashed('{"a":"5","b":"6"}'))


def test_proposals_at_once_are_kept_where_none_was_accepted(tmp_path: Path) -> None:
    tasks = [{"parent_idx": 0, "subsample_scores": [1], "new_subsample_scores": [0]}] * 2
    run = gepa_run(
        tmp_path, [{"a": "x"}, {"a": "y"}], {"i": 0, "tasks": tasks}, {"i": 1, "tasks": tasks, "new_program_idx": 1}
    )
    done = Ran(run, *GEPA)
    assert done.counts == (3, 2, 0, 0, 1)
    assert [(line["where"], line["rule"]) for line in done.kept] == [("entry 2", "ambiguous")]
    assert sorted(issue_id.rpartition("-")[2] for issue_id in entries("adder")) == ["1", "1.2"]


@pytest.mark.parametrize(
    ("line", "rule"),
    [
        ("{", "json"),
        ("[1]", "type"),
        ("7", "type"),
        ({}, "missing"),
        ({"child_id": 1}, "type"),
        ({"child_metrics": []}, "type"),
        ({"timestamp": 1e300}, "value"),
        ({"child_id": "a\nb"}, "id"),
        ({"child_id": "x" * 600}, "id-length"),
        ({"child_changes_description": "nul \0"}, "nul"),
        ({"child_changes_description": "\ud800"}, "surrogate"),
        ({"child_changes_description": "x" * (1 << 20)}, "size"),
        ('{"child_metrics": {"combined_score": NaN}}', "number"),
        ('{"a": ' + "[" * 100_000, "depth"),
    ],
)
def test_a_bad_line_is_kept_and_does_not_hide_the_others(tmp_path: Path, line: Any, rule: str) -> None:
    first, second, *_ = traces()
    bad = {**first, **line} if isinstance(line, dict) and line else line
    done = Ran(written(tmp_path, first, bad, second), *OPENEVOLVE)
    assert (done.code, done.counts) == (1, (3, 2, 0, 0, 1))
    assert [(kept["where"], kept["rule"]) for kept in done.kept] == [("line 2", rule)]


@pytest.mark.parametrize(
    ("metrics", "status", "detail"),
    [
        ({}, "rejected", "the evaluator gave no score"),
        ({"error": "no"}, "rejected", "the evaluator gave no score"),
        ({"a": True}, "rejected", "the evaluator gave no score"),
        ({"a": 1, "b": 2.0, "note": "x"}, "applied", "mean of metrics 0.25 → 1.5"),
        ({"combined_score": 10**400}, "rejected", "the evaluator gave no score"),
        ({"combined_score": -5, "b": 9}, "rejected", "combined_score 0.25 → -5 is no improvement"),
    ],
)
def test_the_score_is_the_one_that_openevolve_takes(
    tmp_path: Path, metrics: dict[str, Any], status: str, detail: str
) -> None:
    trace = {**traces()[0], "child_metrics": metrics}
    Ran(written(tmp_path, trace), *OPENEVOLVE)
    [entry] = entries("area").values()
    assert (entry.status, entry.verdicts[0].detail) == (status, detail)


def test_without_texts_the_ids_stand_for_them_and_are_not_unusual(tmp_path: Path) -> None:
    trace = {key: value for key, value in traces()[0].items() if not key.endswith("_code")}
    Ran(written(tmp_path, trace), *OPENEVOLVE)
    [entry] = entries("area").values()
    assert (entry.prev_hash, entry.new_hash) == (trace["parent_id"], trace["child_id"])
    assert badges(entry, entry.ts_ms, "openevolve") == ()


@pytest.mark.parametrize(("arguments"), [(TRACE, *OPENEVOLVE), (RUN, *GEPA)])
def test_importing_again_adds_nothing(arguments: tuple[Any, ...]) -> None:
    first, again = Ran(*arguments), Ran(*arguments)
    assert (first.code, again.code) == (0, 0)
    read, added, *_ = first.counts
    assert read == added > 0
    assert again.counts == (read, 0, read, 0, 0)
    assert [*verify()] == []


@pytest.mark.parametrize("name", list(FORMATS))
def test_the_source_is_the_format_unless_given(name: str) -> None:
    arguments = {"openevolve": (TRACE, *OPENEVOLVE), "gepa": (RUN, *GEPA)}[name]
    Ran(*arguments)
    assert tuple(FORMATS) == OPTIMIZERS
    assert set(EntryModel.objects.values_list("source", flat=True)) == {name}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((TRACE, "--format", "openevolve"), "--blueprint: is missing; openevolve does not say what it evolves"),
        ((TRACE, *OPENEVOLVE, "--min", "runs"), '--min: must be METRIC=VALUE, not "runs"'),
        ((TRACE, *OPENEVOLVE, "--min", "runs=nan"), '--min: must be METRIC=VALUE, not "runs=nan"'),
        ((TRACE, "--blueprint", "area"), "--blueprint: belongs to --format openevolve or gepa"),
        ((RUN, *GEPA[:4]), "GEPA writes no times; say with --started when the run began"),
        ((RUN, *GEPA[:5], "soon"), '--started: "soon" is not a time'),
        ((TRACE, *OPENEVOLVE, "--started", "today"), "--started: belongs to --format gepa"),
        ((RUN, *GEPA, "--min", "a=1"), "--min: belongs to --format openevolve"),
        ((TRACE, *GEPA), "candidates.json: cannot be read: Not a directory"),
        (("-", *GEPA), "GEPA writes a folder; give it instead of standard input"),
        ((SAMPLES, *OPENEVOLVE), "holds no program; give a checkpoint's folder, or evolution_trace.jsonl"),
        (("/nowhere", *OPENEVOLVE), "/nowhere: cannot be read"),
    ],
)
def test_what_cannot_run_is_one_line(arguments: tuple[Any, ...], said: str, could_not_run: Callable[..., str]) -> None:
    assert said in could_not_run(*arguments)


@pytest.fixture
def could_not_run() -> Callable[..., str]:
    def run(*arguments: str | Path) -> str:
        with pytest.raises(CommandError) as error:
            Ran(*arguments)
        assert "\n" not in str(error.value)
        return str(error.value)

    return run
