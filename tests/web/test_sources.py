"""The page of sources: counts that lead to their entries, and names that staff change."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from enhancelog import links
from enhancelog.models import AuditRecord, SourceChange
from enhancelog.store import host_derivation
from tests.factories import make_entry, make_rejected
from tests.host import observed as unfinished
from tests.recording import record

pytestmark = pytest.mark.django_db

Post = Callable[..., Any]

WHY = "mistyped in the unit file"


@pytest.fixture(autouse=True)
def is_public(settings: Any) -> None:
    settings.PUBLIC_READ = True


@pytest.fixture
def staff(client: Client) -> Client:
    client.force_login(User.objects.create_user("eva", is_staff=True))
    return client


@pytest.fixture(autouse=True)
def three_sources() -> None:
    record(make_entry(issue_id="h-1"), make_rejected(issue_id="h-2", ts_ms=1_795_000_000_001), source="host-a")
    record(make_rejected(issue_id="h-3", ts_ms=1_795_000_000_002), source="hots-a")
    record(make_rejected(issue_id="h-4", ts_ms=1_795_000_000_003), source="ci")


@pytest.fixture
def post(staff: Client, django_capture_on_commit_callbacks: Any) -> Post:
    def send(path: str, **fields: str) -> Any:
        with django_capture_on_commit_callbacks(execute=True):
            answer = staff.post(path, fields)
        host_derivation.settle()
        return answer

    return send


def text(client: Client, path: str = "/sources/", **parameters: str) -> str:
    return client.get(path, parameters).content.decode()


def listed(client: Client, **parameters: str) -> set[str]:
    answer = client.get("/v1/enhance/log", parameters)
    return {entry["issue_id"] for entry in answer.json()}


def test_a_renamed_source_is_shown_and_filtered_under_its_new_name(post: Post, staff: Client) -> None:
    answer = post(links.rename_source("ci"), new="checks", why=WHY)
    assert answer.status_code == 302
    assert "recorded as" in text(staff)
    assert WHY in text(staff)
    assert listed(staff, source="checks") == {"h-4"}
    assert listed(staff, not_source="checks") == {"h-1", "h-2", "h-3"}
    assert listed(staff, source="ci") == {"h-4"}, "an old link still works"
    shown = " ".join(text(staff, links.entry("h-4")).split())
    assert "checks" in shown
    assert "recorded as" in shown
    known = staff.get("/v1/enhance/entries/h-4").json()
    assert (known["source"], known["shown_as"]) == ("ci", "checks")
    (act,) = AuditRecord.objects.filter(about="source")
    assert (act.act, act.about, act.about_id, act.actor_name) == ("source.rename", "source", "ci", "eva")
    assert WHY in act.detail


def test_a_merge_has_to_be_confirmed(post: Post, staff: Client) -> None:
    refused = post(links.rename_source("hots-a"), new="host-a", why=WHY)
    assert refused.status_code == 400
    assert "name of another source" in refused.content.decode()
    assert 'name="merges"' in refused.content.decode()
    assert not SourceChange.objects.exists()
    assert post(links.rename_source("hots-a"), new="host-a", why=WHY, merges="on").status_code == 302
    assert listed(staff, source="host-a") == {"h-1", "h-2", "h-3"}
    assert listed(staff, source="hots-a") == {"h-3"}, "what was recorded under a name that no source has any more"
    assert {act.act for act in AuditRecord.objects.filter(about="source")} == {"source.merge"}
    assert post(links.restore_source("hots-a"), why="was right").status_code == 302
    assert listed(staff, source="host-a") == {"h-1", "h-2"}
    assert listed(staff, source="hots-a") == {"h-3"}


def test_what_comes_later_under_the_old_name_is_shown_under_the_new_one(post: Post, staff: Client) -> None:
    post(links.rename_source("hots-a"), new="host-b", why=WHY)
    record(make_rejected(issue_id="h-5", ts_ms=1_795_000_000_009), source="hots-a")
    assert listed(staff, source="host-b") == {"h-3", "h-5"}


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"new": "ci", "why": WHY}, "as before"),
        ({"new": "", "why": WHY}, "required"),
        ({"new": "x", "why": " "}, "required"),
        ({"new": "x" * 513, "why": WHY}, "512"),
        ({"new": "é" * 300, "why": WHY}, "512"),
        ({"new": "a\x07b", "why": WHY}, "control characters"),
        ({"new": " x", "why": WHY}, "white space"),
        ({"new": "..", "why": WHY}, "Must not be"),
        ({"new": "x", "why": "y" * 1001}, "1000"),
    ],
)
def test_bad_names_are_refused_beside_the_field(post: Post, fields: dict[str, str], said: str) -> None:
    refused = post(links.rename_source("ci"), **fields)
    assert refused.status_code == 400
    assert said in refused.content.decode()
    assert not SourceChange.objects.exists()


def test_what_is_not_shown_cannot_be_renamed(post: Post) -> None:
    assert post(links.rename_source("nobody"), new="x", why=WHY).status_code == 404
    assert post(links.restore_source("ci"), why=WHY).status_code == 404


def test_a_source_of_which_only_runs_are_reported_is_listed_and_can_be_renamed(post: Post, staff: Client) -> None:
    unfinished.report("u-1", source="agent-host")
    assert "agent-host" in text(staff)
    assert post(links.rename_source("agent-host"), new="agents", why=WHY).status_code == 302
    missing = post(links.restore_source("agent-host"), why="")
    assert missing.status_code == 400


def test_only_staff_may_rename(client: Client) -> None:
    client.force_login(User.objects.create_user("rob"))
    assert "Rename" not in text(client)
    assert client.get(links.rename_source("ci")).status_code == 403
    assert client.post(links.rename_source("ci"), {"new": "x", "why": WHY}).status_code == 403


def test_a_page_is_not_revalidated_across_a_change(post: Post, staff: Client) -> None:
    staff.get("/sources/")  # sets the cookie of forms
    for path in ("/sources/", links.entry("h-4"), "/blueprints/main"):
        etag = staff.get(path)["ETag"]
        assert staff.get(path, headers={"If-None-Match": etag}).status_code == 304
    before = {path: staff.get(path)["ETag"] for path in ("/sources/", links.entry("h-4"), "/blueprints/main")}
    post(links.rename_source("ci"), new="checks", why=WHY)
    for path, etag in before.items():
        answer = staff.get(path, headers={"If-None-Match": etag})
        assert answer.status_code == 200
        assert "checks" in answer.content.decode()
