"""Which run made a document, and which of several sources has the newest."""

from typing import Any

import pytest
from blake3 import blake3
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from enhancelog.domain.observed import Document, Version
from enhancelog.domain.times import DAY_MS
from enhancelog.store import host_derivation, observed
from enhancelog.store.documents import Seen
from enhancelog.store.observed import Found
from tests.factories import HASHES, make_entry, make_rejected
from tests.host.observed import make_issue, patch_of, report
from tests.pages import Page, read
from tests.plans import plans, whole_tables
from tests.recording import record

pytestmark = pytest.mark.django_db

NOON = 1_795_000_000_000
BEFORE, AFTER = (f"id: main\nprompt: {prompt}\n" for prompt in ("cite", "be brief"))


@pytest.fixture(autouse=True)
def public(settings: Any) -> None:
    settings.PUBLIC_READ = True


def hash_of(text: str) -> str:
    return blake3(text.encode()).hexdigest()


def seen(*texts: str) -> list[Seen]:
    return [Seen("main", Document(hash=hash_of(text), form="yaml", text=text)) for text in texts]


def version(number: int, text: str, **changes: Any) -> Version:
    fields: dict[str, Any] = {"made_by": "run", "rationale": "why", "ts_ms": NOON + number}
    return Version(blueprint_id="main", number=number, hash=hash_of(text), **fields | changes)


def keep(source: str = "host", **found: Any) -> None:
    observed.keep(source, Found(**found))
    host_derivation.settle()


def get(path: str) -> Page:
    response = Client().get(path)
    assert response.status_code == 200
    return read(response)


def pages_of_the_candidate() -> list[Page]:
    return [get(f"/documents/{hash_of(AFTER)}"), get(f"/documents/{hash_of(AFTER)}?compare={hash_of(BEFORE)}")]


def test_a_candidate_says_which_rejected_run_tried_it() -> None:
    rejected = make_rejected(prev_hash=hash_of(BEFORE), intent="be brief")
    record(rejected, source="host")
    keep(documents=seen(BEFORE, AFTER), patches=[patch_of(rejected, candidate_hash=hash_of(AFTER))])
    for page in pages_of_the_candidate():
        assert "would have become, by the rejected run be brief" in page.words
        assert page.addresses("be brief") == [f"/entries/{rejected.issue_id}"]
    assert "would have become" not in get(f"/documents/{hash_of(BEFORE)}").words


def test_a_candidate_says_which_unfinished_run_tried_it() -> None:
    record(*(make_entry(issue_id=f"h-{n}", ts_ms=NOON + n * 3_600_000) for n in (1, 3)), source="host")
    run = make_entry(prev_hash=hash_of(BEFORE), ts_ms=NOON + 2 * 3_600_000)
    done = [make_issue(number, status="applied", detail="") for number in (1, 3)]
    keep(
        documents=seen(BEFORE, AFTER),
        patches=[patch_of(run, candidate_hash=hash_of(AFTER))],
        issues=[*done, make_issue(2, intent="be brief")],
    )
    for page in pages_of_the_candidate():
        assert "would have become, by the unfinished run be brief" in page.words
        assert page.addresses("be brief") == ["/unfinished/h-2"]


def test_a_reported_run_has_a_candidate_too() -> None:
    keep(documents=seen(AFTER))
    report("r-1", intent="be brief", candidate_hash=hash_of(AFTER))
    assert get(f"/documents/{hash_of(AFTER)}").addresses("be brief") == ["/unfinished/r-1"]


def test_a_version_names_the_applied_run_that_made_it() -> None:
    applied = make_entry(prev_hash=hash_of(BEFORE), new_hash=hash_of(AFTER), intent="be brief")
    record(applied, source="host")
    keep(
        documents=seen(BEFORE, AFTER),
        patches=[patch_of(applied, candidate_hash=hash_of(AFTER))],
        versions=[version(1, AFTER)],
    )
    for page in pages_of_the_candidate():
        assert "version 1, by a run" in page.words
        assert "Made by the applied run be brief" in page.words
        assert "would have become" not in page.words


def test_the_candidate_of_an_applied_run_names_the_version_it_became() -> None:
    applied = make_entry(prev_hash=HASHES[0], new_hash=hash_of(AFTER), intent="be brief")
    record(applied, source="host")
    keep(documents=seen(BEFORE, AFTER), patches=[patch_of(applied, candidate_hash=hash_of(BEFORE))])
    page = get(f"/documents/{hash_of(BEFORE)}")
    assert "Candidate of the applied run be brief, which became" in page.words
    assert f"/documents/{hash_of(AFTER)}" in page.addresses("document")


def test_a_patch_that_changes_nothing_makes_no_candidate() -> None:
    rejected = make_rejected(prev_hash=hash_of(BEFORE))
    record(rejected, source="host")
    keep(
        documents=seen(BEFORE),
        versions=[version(1, BEFORE)],
        patches=[patch_of(rejected, candidate_hash=hash_of(BEFORE))],
    )
    assert "would have become" not in get(f"/documents/{hash_of(BEFORE)}").words


def test_a_candidate_of_many_runs_names_some_and_says_so() -> None:
    runs = [
        make_rejected(issue_id=f"h-{n}", prev_hash=hash_of(BEFORE), intent=f"try {n}", ts_ms=NOON + n) for n in range(9)
    ]
    record(*runs, source="host")
    keep(
        documents=seen(AFTER),
        patches=[patch_of(run, candidate_hash=hash_of(AFTER), seq=n) for n, run in enumerate(runs)],
    )
    page = get(f"/documents/{hash_of(AFTER)}")
    assert page.words.count("by the rejected run") == 5
    assert "More runs made the same." in page.words


def test_a_candidate_whose_run_is_not_known_is_called_one() -> None:
    keep(documents=seen(AFTER), patches=[patch_of(make_entry(), candidate_hash=hash_of(AFTER))])
    said = "The candidate of a run whose entry is not known."
    assert said in get(f"/documents/{hash_of(AFTER)}").words


def newest(path: str = "/documents/") -> str:
    page = get(f"{path}?blueprint_id=main")
    (section,) = [each for each in page.all("section") if each.words.startswith("Newest document")]
    return section.words


def test_of_two_sources_the_later_version_is_the_newest_whatever_its_number() -> None:
    keep("a", documents=seen(BEFORE), versions=[version(27, BEFORE)])
    keep("b", documents=seen(AFTER), versions=[version(3, AFTER, ts_ms=NOON + DAY_MS)])
    assert "prompt: be brief" in newest()
    assert "version 3, by a run, 19 Nov 11:06, from b." in newest()
    assert "version 3" in get("/fields/?blueprint_id=main").words


def test_within_a_source_the_number_says_which_is_the_newest() -> None:
    record(make_entry(new_hash=hash_of(BEFORE), ts_ms=NOON + 1), source="host")
    versions = [version(1, BEFORE), version(2, AFTER, made_by="hand", ts_ms=None)]
    keep(documents=seen(BEFORE, AFTER), versions=versions)
    assert "version 2, by hand." in newest()
    assert "is not stored" not in newest()


def test_a_later_version_without_a_document_is_named() -> None:
    keep(documents=seen(BEFORE), versions=[version(1, BEFORE)])
    record(make_entry(new_hash=HASHES[5], ts_ms=NOON + DAY_MS), source="recorded")
    record(make_entry(issue_id="far", new_hash=HASHES[6], ts_ms=2**62), source="recorded")
    for page in (get("/documents/?blueprint_id=main"), get("/fields/?blueprint_id=main")):
        assert "It is version 1, by a run, 18 Nov 11:06, from host." in page.words
        assert "(by a run, 19 Nov 11:06, from recorded); its document is not stored." in page.words
        assert page.all("button", data_copy=HASHES[5])
        assert not page.all("button", data_copy=HASHES[6])


def test_no_table_is_read_from_end_to_end() -> None:
    keep(documents=seen(BEFORE, AFTER), versions=[version(1, BEFORE)], patches=[patch_of(make_entry())])
    with CaptureQueriesContext(connection) as captured:
        get(f"/documents/{hash_of(AFTER)}")
        get("/documents/?blueprint_id=main")
    assert whole_tables(captured) == set()
    assert any("patch_candidate" in plan for plan in plans(captured).values())
