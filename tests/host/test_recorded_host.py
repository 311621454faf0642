"""The recorded stores of an engine host, read whole."""

from collections import Counter
from pathlib import Path

import pytest

from enhancelog.domain.observed import Answer, Document, Issue, Patch, Settings, Version
from enhancelog.host.git_versions import open_git
from enhancelog.host.host_settings import HostSettings
from enhancelog.host.issues import Issues
from enhancelog.host.outputs import Output, Outputs
from enhancelog.host.recognition import Store, recognize
from enhancelog.transfer.items import Found, Refused
from enhancelog.transfer.sources import open_source
from tests.processes import RECORDED_HOST


@pytest.fixture(scope="module")
def outputs() -> list[Output | Refused]:
    return list(Outputs(RECORDED_HOST / "output.db"))


@pytest.fixture(scope="module")
def entries() -> list[Found]:
    with open_source(str(RECORDED_HOST / "enhance_log.db"), 1 << 20) as source:
        return [item for item in source if isinstance(item, Found)]


@pytest.fixture(scope="module")
def versions() -> list[Version | Document | Refused]:
    with open_git(RECORDED_HOST / "git.tar.gz") as store:
        return list(store)


def test_each_patch_has_the_key_of_exactly_one_entry(outputs: list[Output | Refused], entries: list[Found]) -> None:
    patches = Counter((item.blueprint_id, item.prev_hash, item.ts_ms) for item in outputs if isinstance(item, Patch))
    logged = Counter((found.entry.blueprint_id, found.entry.prev_hash, found.entry.ts_ms) for found in entries)
    assert patches == logged
    assert len(patches) == 150


def test_all_documents_of_patches_are_proven(outputs: list[Output | Refused], entries: list[Found]) -> None:
    assert not [item for item in outputs if isinstance(item, Refused)]
    proven = [item.hash for item in outputs if isinstance(item, Document)]
    assert len(proven) == len(set(proven))
    hashes = {found.entry.prev_hash for found in entries}
    hashes |= {item.candidate_hash for item in outputs if isinstance(item, Patch)}
    assert set(proven) == hashes


def test_outputs_come_in_the_order_of_writing(outputs: list[Output | Refused]) -> None:
    numbers = [item.seq for item in outputs if isinstance(item, Patch | Answer)]
    assert numbers == sorted(numbers)


def test_answers_that_became_no_patch(outputs: list[Output | Refused]) -> None:
    answers = [item for item in outputs if isinstance(item, Answer)]
    assert Counter((answer.ok, answer.ops is not None) for answer in answers) == {(False, False): 6, (True, True): 4}
    assert [answer.seq for answer in answers if answer.rationale == "late"] == [761]
    assert all("model refused" in answer.text for answer in answers if not answer.ok)


def test_issues_and_why_they_were_never_logged() -> None:
    issues = [item for item in Issues(RECORDED_HOST / "issue.db") if isinstance(item, Issue)]
    assert len(issues) == 161
    assert [issue.created_seq for issue in issues] == list(range(1, 162))
    assert Counter(issue.status for issue in issues) == {"applied": 91, "rejected": 70}
    assert sum(issue.detail.startswith("dispatch failed:") for issue in issues) == 11


def test_settings_without_what_may_be_secret() -> None:
    axes = ("des", "canonical", "noop", "agent-ref", "prompt-budget", "secrets", "tone")
    assert list(HostSettings(RECORDED_HOST / "setting.db")) == [
        Settings(id="default", axes=axes, ttl_s=3, spawner="patch-spawner", flow="enhance-team")
    ]


def test_versions_of_each_blueprint_in_order(versions: list[Version | Document | Refused]) -> None:
    found = [item for item in versions if isinstance(item, Version)]
    numbers: dict[str, list[int]] = {}
    for version in found:
        numbers.setdefault(version.blueprint_id, []).append(version.number)
    assert {blueprint_id: len(listed) for blueprint_id, listed in numbers.items()} == {
        "code-review": 21,
        "docs-translate": 11,
        "enhance-team": 1,
        "main": 28,
        "nightly-eval": 5,
        "release-notes": 17,
        "triage": 17,
    }
    assert all(listed == list(range(len(listed))) for listed in numbers.values())
    assert Counter(version.made_by for version in found) == {"run": 91, "hand": 9}
    first, *later = (version.ts_ms or 0 for version in found if version.blueprint_id == "main")
    assert first > max(later)  # by parents, not by time


def test_versions_carry_what_the_log_says(versions: list[Version | Document | Refused], entries: list[Found]) -> None:
    runs = {
        (item.blueprint_id, item.prev_hash, item.hash, item.ts_ms, item.rationale)
        for item in versions
        if isinstance(item, Version) and item.made_by == "run"
    }
    applied = [found.entry for found in entries if found.entry.status == "applied"]
    assert runs == {(e.blueprint_id, e.prev_hash, e.new_hash, e.ts_ms, e.rationale) for e in applied}


def test_each_version_has_its_document(versions: list[Version | Document | Refused]) -> None:
    assert not [item for item in versions if isinstance(item, Refused)]
    hashes = [item.hash for item in versions if isinstance(item, Version)]
    assert [item.hash for item in versions if isinstance(item, Document)] == hashes


def test_a_folder_of_stores_is_recognized_by_content(tmp_path: Path) -> None:
    assert recognize(RECORDED_HOST) == [
        Store("log", RECORDED_HOST / "enhance_log.db"),
        Store("git", RECORDED_HOST / "git.tar.gz"),
        Store("issues", RECORDED_HOST / "issue.db"),
        Store("outputs", RECORDED_HOST / "output.db"),
        Store("settings", RECORDED_HOST / "setting.db"),
    ]
    odd = tmp_path / "no name says it.txt"
    odd.write_bytes((RECORDED_HOST / "output.db").read_bytes())
    assert recognize(odd) == [Store("outputs", odd)]
