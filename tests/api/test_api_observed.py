"""What hosts' stores say, over the API: patches, documents, unfinished runs."""

import gzip
import json
from typing import Any

import pytest
from blake3 import blake3
from django.test import Client
from msgspec import Raw
from pytest_django.fixtures import Settings

from enhancelog.domain.observed import Document, Version
from enhancelog.domain.origin import Origin
from enhancelog.domain.times import now_ms
from enhancelog.queries import document_versions
from enhancelog.store import host_derivation, observed, redacting_documents
from enhancelog.store.database import DatabaseEnhanceLogStore
from enhancelog.store.documents import Seen
from enhancelog.store.observed import Found
from tests.factories import HASHES, make_entry
from tests.host.observed import make_issue, make_patch, patch_of

pytestmark = pytest.mark.django_db

OPS = [{"op": "add", "path": "/a", "value": 1}]
YAML = "id: main\nname: é\n"
HASH = blake3(YAML.encode()).hexdigest()
OBSERVED = {"ops": OPS, "bump": "patch", "candidate_hash": HASHES[1], "prev_hash": HASHES[0], "source": "host"}


@pytest.fixture(autouse=True)
def public(settings: Settings) -> None:
    settings.PUBLIC_READ = True


def keep(found: Found, source: str = "host") -> None:
    observed.keep(source, found)
    host_derivation.settle()


def append(source: str = "host", **changes: Any) -> None:
    DatabaseEnhanceLogStore(Origin("command", "tests", source)).append_batch([make_entry(**changes)])


def get(path: str, answered: int = 200, /, **parameters: Any) -> Any:
    response = Client().get(f"/v1/enhance/{path}", parameters)
    assert response.status_code == answered
    return json.loads(response.content)


def test_an_entry_has_the_patch_it_was_sent_with_and_the_one_that_its_host_tells_of() -> None:
    append(ops=[{"op": "remove", "path": "/b"}], bump="minor")
    keep(Found(patches=[make_patch()]))
    found = get("patches/h-1")
    assert found == {
        "issue_id": "h-1",
        "recorded": {
            "ops": [{"op": "remove", "path": "/b"}],
            "bump": "minor",
            "candidate_hash": None,
            "prev_hash": HASHES[0],
            "source": "host",
        },
        "observed": OBSERVED,
    }
    assert get("entries/h-1")["observed"] == OBSERVED


def test_the_log_itself_never_shows_what_was_observed() -> None:
    append()
    before = [Client().get(path).content for path in ("/v1/enhance/log", "/v1/enhance/log/h-1")]
    keep(Found(patches=[make_patch()]))
    assert [Client().get(path).content for path in ("/v1/enhance/log", "/v1/enhance/log/h-1")] == before
    assert get("patches/h-1")["observed"] == OBSERVED


def test_an_entry_without_patches_says_so() -> None:
    append()
    assert get("patches/h-1") == {"issue_id": "h-1", "recorded": None, "observed": None}
    assert get("entries/h-1")["observed"] is None
    assert get("patches/h-2", 404)["status"] == 404


def test_the_patch_of_the_entrys_own_source_is_shown() -> None:
    append("b")
    keep(Found(patches=[make_patch()]), "b")
    keep(Found(patches=[make_patch(ops=Raw(b"[]"))]), "a")
    assert get("patches/h-1")["observed"]["source"] == "b"


def test_a_document_is_its_text_and_its_etag_is_its_hash() -> None:
    keep(Found(documents=[Seen("main", Document(hash=HASH, form="yaml", text=YAML))]))
    response = Client().get(f"/v1/enhance/documents/{HASH}")
    assert response.content.decode() == YAML
    assert response.headers["Content-Type"] == "application/yaml"
    assert response.headers["ETag"] == f'"{HASH}"'
    again = Client().get(f"/v1/enhance/documents/{HASH}", headers={"If-None-Match": f'"{HASH}"'})
    assert again.status_code == 304


@pytest.mark.parametrize("form", ["yaml", "json"])
def test_a_redacted_document_is_gone(form: Any) -> None:
    keep(Found(documents=[Seen("main", Document(hash=HASH, form=form, text=YAML))]))
    etag = Client().get(f"/v1/enhance/documents/{HASH}").headers["ETag"]
    redacting_documents.redact(HASH, "a key in clear", Origin("user", "ada", "page"))
    found = Client().get(f"/v1/enhance/documents/{HASH}", headers={"If-None-Match": etag})
    assert found.status_code == 410
    assert found.headers["Content-Type"] == "application/problem+json"
    assert found.headers["Cache-Control"] == "no-store"
    problem = json.loads(found.content)
    assert (problem["title"], problem["why"]) == ("Gone", "a key in clear")
    assert abs(problem["redacted_ms"] - now_ms()) < 60_000
    assert problem["detail"].startswith("The document has no text: it was redacted on ")


def test_a_long_document_is_compressed() -> None:
    text = "id: main\n" + "note: the same again\n" * 100
    hash = blake3(text.encode()).hexdigest()
    keep(Found(documents=[Seen("main", Document(hash=hash, form="yaml", text=text))]))
    response = Client().get(f"/v1/enhance/documents/{hash}", headers={"Accept-Encoding": "gzip"})
    assert (response.headers["Content-Encoding"], response.headers["ETag"]) == ("gzip", f'W/"{hash}"')
    assert gzip.decompress(response.content).decode() == text


def test_the_json_of_a_head_gives_way_to_the_yaml() -> None:
    keep(Found(documents=[Seen("main", Document(hash=HASH, form="json", text='{"id": "main"}'))]))
    shown = Client().get(f"/v1/enhance/documents/{HASH}")
    assert shown.headers["Content-Type"] == "application/json"
    keep(Found(documents=[Seen("main", Document(hash=HASH, form="yaml", text=YAML))]))
    again = Client().get(f"/v1/enhance/documents/{HASH}", headers={"If-None-Match": shown.headers["ETag"]})
    assert (again.status_code, again.content.decode()) == (200, YAML)


@pytest.mark.parametrize("hash", ["0" * 64, "x", "%00", "a/b", "é" * 600])
def test_an_unknown_document_is_404(hash: str) -> None:
    assert get(f"documents/{hash}", 404)["status"] == 404


def dead(number: int, **changes: Any) -> Found:
    return Found(issues=[make_issue(number, **changes)])


def test_unfinished_runs_are_listed_the_newest_first() -> None:
    append(issue_id="h-1")
    keep(Found(issues=[make_issue(1, status="applied", detail=""), make_issue(2), make_issue(3, status="pending")]))
    newest, oldest = get("unfinished")
    assert (newest["issue_id"], newest["status"], newest["cause"]) == ("h-3", "pending", None)
    assert (oldest["issue_id"], oldest["status"], oldest["cause"]) == ("h-2", "died", "other")
    assert (oldest["ts_ms"], oldest["not_before_ms"], oldest["not_after_ms"]) == (None, 1_795_000_000_000, None)


def test_unfinished_runs_are_filtered() -> None:
    issues = [
        make_issue(1),
        make_issue(2, blueprint_id=""),
        make_issue(3, detail="dispatch failed: blueprint store: x"),
    ]
    keep(Found(issues=issues))
    keep(dead(4), "other")

    def ids(**parameters: Any) -> list[str]:
        return sorted(run["issue_id"] for run in get("unfinished", **parameters))

    assert ids() == ["h-1", "h-2", "h-3", "h-4"]
    assert ids(blueprint_id="") == ["h-2"]
    assert ids(blueprint_id=["", "main"], source="host") == ["h-1", "h-2", "h-3"]
    assert ids(cause="unknown_blueprint") == ["h-3"]
    assert ids(status="resolved") == ids(blueprint_id="\0") == ids(source="nobody") == []
    append(issue_id="h-1")
    host_derivation.settle()
    assert ids(status="resolved") == ["h-1"]
    assert ids() == ["h-2", "h-3", "h-4"]


@pytest.mark.parametrize("name", ["cause", "status", "cursor", "page_size"])
def test_a_bad_value_names_its_parameter(name: str) -> None:
    (error,) = get("unfinished", 400, **{name: "x"})["errors"]
    assert error["field"] == name


def test_pages_lead_on_to_the_next() -> None:
    keep(Found(issues=[make_issue(number) for number in range(1, 6)]))
    seen, path = [], "/v1/enhance/unfinished?page_size=2&cause=other"
    while path:
        response = Client().get(path)
        seen += [run["issue_id"] for run in json.loads(response.content)]
        path = response.headers.get("Link", "").partition(">")[0].removeprefix("<")
    assert seen == ["h-5", "h-4", "h-3", "h-2", "h-1"]


def test_an_unfinished_run_has_its_patch_and_its_history() -> None:
    append(issue_id="h-1")
    later = make_entry(issue_id="h-3", ts_ms=1_795_000_000_900)
    DatabaseEnhanceLogStore(Origin("command", "tests", "host")).append_batch([later])
    issues = [make_issue(number, status="applied", detail="") for number in (1, 3)]
    tried = patch_of(make_entry(ts_ms=1_795_000_000_500), seq=9)
    keep(Found(issues=[*issues, make_issue(2, status="inflight")], patches=[tried]))
    keep(dead(2))
    found = get("unfinished/h-2")
    assert (found["ts_ms"], found["ops"], found["candidate_hash"]) == (1_795_000_000_500, OPS, HASHES[1])
    assert [change["status"] for change in found["changes"]] == ["pending", "died"]
    assert get("unfinished/h-9", 404)["status"] == 404


def test_versions_are_listed_with_the_form_of_their_document() -> None:
    common: dict[str, Any] = {"blueprint_id": "main", "made_by": "run", "rationale": ""}
    versions = [Version(**common, hash=hash, number=number) for number, hash in enumerate([HASH, HASHES[3]])]
    keep(Found(versions=versions, documents=[Seen("main", Document(hash=HASH, form="yaml", text=YAML))]))
    newest, oldest = document_versions.page("main").versions
    assert (newest.number, newest.hash, newest.form) == (1, HASHES[3], None)
    assert (oldest.number, oldest.hash, oldest.form) == (0, HASH, "yaml")
    assert document_versions.page("main", (newest.number, newest.position)).versions == [oldest]
    assert document_versions.page("\0").versions == []
