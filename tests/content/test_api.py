"""Keys over the content API: read, change, take, increment; and who may."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from pytest_django.fixtures import Settings

from content import links
from content.kinds import KINDS, is_story_id
from content.models import ContentItem, ContentRevision
from content.store import open_store
from tests.content.api_calls import body_of, post, put, rules
from tests.content.conftest import AGENT
from tests.content.test_store import sample

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("public_read")]


def test_put_creates_then_changes(agent: Client):
    created = put(agent, "S-1", "story", "# Title")
    assert created.status_code == 201
    assert created["ETag"] == '"1"'
    assert created["Location"] == "/v1/content/kinds/story/S-1"
    state = created.json()
    assert list(state) == ["story_id", "kind", "value", "version", "updated_ms", "actor"]
    assert state | {"updated_ms": 0} == {
        "story_id": "S-1",
        "kind": "story",
        "value": "# Title",
        "version": 1,
        "updated_ms": 0,
        "actor": {"kind": "user", "name": "ada"},
    }
    changed = put(agent, "S-1", "story", "other")
    assert (changed.status_code, changed["ETag"]) == (200, '"2"')
    assert agent.get("/v1/content/kinds/story/S-1").json() == changed.json()
    assert list(ContentRevision.objects.values_list("source", flat=True)) == ["api", "api"]


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_goes_there_and_back_as_a_string(agent: Client, kind: str):
    assert put(agent, "S-1", kind, sample(kind)).status_code == 201
    assert agent.get(links.api_key("S-1", kind)).json()["value"] == sample(kind)
    for other in KINDS:
        assert agent.get(links.api_key("S-1", other)).status_code == (200 if other == kind else 404)


@pytest.mark.parametrize(
    "story_id", ["ops/デプロイ-3 %", "a/../b", "%2F", "a?b#c&d;e", "語" * 170 + "xy", " x ", "a//b/", "x" * 512]
)
def test_an_id_of_any_characters_has_its_own_resource(agent: Client, story_id: str):
    assert put(agent, story_id, "story", "text").status_code == 201
    assert agent.get(links.api_key(story_id, "story")).json()["story_id"] == story_id
    assert agent.get(links.api_story(story_id)).json()["story_id"] == story_id
    assert body_of(agent.get("/v1/content")) == [{"story_id": story_id, "kinds": ["story"]}]
    assert agent.delete(links.api_key(story_id, "story")).status_code == 204


@hypothesis_settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(min_size=1, max_size=20), st.text(max_size=50))
def test_whatever_is_sent_is_stored_verbatim_or_refused_with_a_rule(agent: Client, story_id: str, value: str):
    agent.delete(links.api_key(story_id, "gate_output"))  # of an example before
    answer = put(agent, story_id, "gate_output", value)
    if is_story_id(story_id) and "\0" not in value:
        assert answer.status_code in (200, 201)
        assert agent.get(links.api_key(story_id, "gate_output")).json()["value"] == value
    else:
        assert answer.status_code in (400, 404)
        assert agent.get(links.api_key(story_id, "gate_output")).status_code == 404


@pytest.mark.parametrize(
    ("kind", "value", "field", "rule"),
    [
        ("abort_respawn_count", "-1", "value", "counter"),
        ("abort_respawn_count", "9223372036854775808", "value", "counter"),
        ("abort_respawn_count", 3, "value", "type"),
        ("abort_respawn_count", None, "value", "type"),
        ("commit_recovery_pending", "0", "value", "counter"),
        ("commit_recovery_read_set", "b\na", "value", "order"),
        ("commit_recovery_read_set", "a\na", "value", "duplicate-line"),
        ("commit_recovery_read_set", "a\n", "value", "blank-line"),
        ("merge_report", "{", "value", "json"),
        ("story", "a\0b", "value", "nul"),
        ("stories", "text", "kind", "kind"),
    ],
)
def test_bad_values_are_400_with_the_rule(agent: Client, kind: str, value: Any, field: str, rule: str):
    answer = put(agent, "S-1", kind, value)
    assert answer.status_code == 400
    assert rules(answer) == [(field, rule)]
    assert not ContentItem.objects.exists()
    assert not ContentRevision.objects.exists()


@pytest.mark.parametrize("story_id", ["a:b", "a:gate_output", ".", "..", "x" * 513, "a\x01b"])
def test_an_id_that_breaks_the_rule_is_400_to_changes_and_404_to_reads(agent: Client, story_id: str):
    assert put(agent, story_id, "story", "text").status_code == 400
    assert agent.delete(links.api_key(story_id, "story")).status_code == 400
    assert post(agent, "take", "story", story_id).status_code == 400
    assert post(agent, "increment", "abort_respawn_count", story_id).status_code == 400
    assert agent.get(links.api_key(story_id, "story")).status_code == 404
    assert agent.get(links.api_story(story_id)).status_code == 404
    assert not ContentItem.objects.exists()


@pytest.mark.parametrize("body", [b" ", b"[]", b"{", b'"text"', b'{"value": "a", "value": "b"}', b"\xff", b"{}"])
def test_a_body_that_is_no_value_is_400(agent: Client, body: bytes):
    headers = {"Content-Length": str(len(body))}
    answer = agent.put("/v1/content/kinds/story/S-1", body, content_type="application/json", headers=headers)
    assert answer.status_code == 400
    assert answer["Content-Type"] == "application/problem+json"


def test_a_value_over_the_limit_is_413(agent: Client):
    assert put(agent, "S-1", "story", "x" * (1 << 20)).status_code == 201
    assert put(agent, "S-1", "story", "\n" * (1 << 20)).status_code == 200
    assert put(agent, "S-1", "story", "x" * ((1 << 20) + 1)).status_code == 413
    assert put(agent, "S-1", "merge_success", "x" * 4097).status_code == 413
    assert put(agent, "S-1", "story", "x" * (7 << 20)).status_code == 413
    assert put(agent, "S-1", "story", "é" * (1 << 19)).status_code == 200


def test_if_match_guards_against_what_came_between(agent: Client):
    put(agent, "S-1", "story", "one")
    assert put(agent, "S-1", "story", "two", **{"If-Match": '"1"'}).status_code == 200
    refused = put(agent, "S-1", "story", "lost", **{"If-Match": '"1"'})
    assert (refused.status_code, refused["ETag"]) == (412, '"2"')
    assert refused["Content-Type"] == "application/problem+json"
    assert agent.get("/v1/content/kinds/story/S-1").json()["value"] == "two"


def test_an_old_if_match_never_overwrites_a_key_that_was_made_again(agent: Client):
    put(agent, "S-1", "story", "one")
    agent.delete("/v1/content/kinds/story/S-1")
    gone = put(agent, "S-1", "story", "lost", **{"If-Match": '"1"'})
    assert gone.status_code == 412
    assert "ETag" not in gone
    assert put(agent, "S-1", "story", "again").status_code == 201
    refused = put(agent, "S-1", "story", "lost", **{"If-Match": '"1"'})
    assert (refused.status_code, refused["ETag"]) == (412, '"3"')


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"If-Match": "*"}, 200),
        ({"If-Match": '"7", "1"'}, 200),
        ({"If-Match": 'W/"1"'}, 200),
        ({"If-Match": 'W/"2"'}, 412),
        ({"If-Match": '"2"'}, 412),
        ({"If-None-Match": "*"}, 412),
        ({"If-None-Match": 'W/"1"'}, 412),
        ({"If-None-Match": '"2"'}, 200),
        ({"If-Match": "1"}, 400),
        ({"If-None-Match": "nonsense"}, 400),
    ],
)
def test_preconditions_of_a_change(agent: Client, headers: dict[str, str], status: int):
    put(agent, "S-1", "abort_respawn_count", "1")
    for answer in (
        put(agent, "S-1", "abort_respawn_count", "2", **headers),
        post(agent, "increment", "abort_respawn_count", "S-2", **headers) if status == 400 else None,
    ):
        assert answer is None or answer.status_code == status


def test_if_none_match_any_creates_only(agent: Client):
    assert put(agent, "S-1", "story", "mine", **{"If-None-Match": "*"}).status_code == 201
    assert put(agent, "S-1", "story", "lost", **{"If-None-Match": "*"}).status_code == 412
    agent.delete("/v1/content/kinds/story/S-1")
    assert put(agent, "S-1", "story", "again", **{"If-None-Match": "*"}).status_code == 201
    assert put(agent, "S-2", "story", "text", **{"If-Match": "*"}).status_code == 412


def test_delete_is_idempotent_and_honours_if_match(agent: Client):
    put(agent, "S-1", "story", "text")
    path = "/v1/content/kinds/story/S-1"
    assert agent.delete(path, headers={"If-Match": '"9"'}).status_code == 412
    assert agent.delete(path, headers={"If-Match": '"1"'}).status_code == 204
    again = agent.delete(path)
    assert again.status_code == 204
    assert "Content-Type" not in again
    assert agent.delete(path, headers={"If-Match": '"1"'}).status_code == 412
    assert agent.get(path).status_code == 404


def test_take_gives_the_state_once(agent: Client):
    stored = put(agent, "S-1", "commit_recovery_forced_exit", "exit 1").json()
    assert post(agent, "take", "commit_recovery_forced_exit", "S-1", **{"If-Match": '"2"'}).status_code == 412
    taken = post(agent, "take", "commit_recovery_forced_exit", "S-1")
    assert (taken.status_code, taken.json()) == (200, stored)
    assert post(agent, "take", "commit_recovery_forced_exit", "S-1").status_code == 404
    assert ContentRevision.objects.count() == 2


def test_increment_answers_the_new_state(agent: Client):
    first = post(agent, "increment", "commit_recovery_pending", "S-1")
    assert (first.status_code, first.json()["value"], first["ETag"]) == (200, "1", '"1"')
    assert post(agent, "increment", "commit_recovery_pending", "S-1", {"by": 41}).json()["value"] == "42"
    assert post(agent, "increment", "commit_recovery_pending", "S-1", {"by": -2}).json()["value"] == "40"
    assert post(agent, "increment", "commit_recovery_pending", "S-1", {}).json()["version"] == 4


@pytest.mark.parametrize("by", [-1, -(2**63), 2**63 - 1])
def test_increment_out_of_range_is_409_and_changes_nothing(agent: Client, by: int):
    put(agent, "S-1", "commit_recovery_pending", "1")
    answer = post(agent, "increment", "commit_recovery_pending", "S-1", {"by": by})
    assert answer.status_code == 409
    assert rules(answer) == [("by", "range")]
    assert agent.get("/v1/content/kinds/commit_recovery_pending/S-1").json()["version"] == 1


@pytest.mark.parametrize("by", [0, 2**63, -(2**63) - 1, 1.0, "1", True, None, [1]])
def test_increment_by_what_is_no_step_is_400(agent: Client, by: Any):
    assert post(agent, "increment", "abort_respawn_count", "S-1", {"by": by}).status_code == 400
    assert not ContentItem.objects.exists()


def test_increment_of_a_kind_that_is_no_counter_is_400(agent: Client):
    assert rules(post(agent, "increment", "story", "S-1")) == [("kind", "counter")]


def test_reads_answer_304_to_a_known_etag(agent: Client):
    put(agent, "S-1", "story", "text")
    for path in ("/v1/content/kinds/story/S-1", "/v1/content/stories/S-1", "/v1/content?page_size=10"):
        tag = agent.get(path)["ETag"]
        assert agent.get(path, headers={"If-None-Match": tag}).status_code == 304
        assert agent.head(path, headers={"If-None-Match": f"W/{tag}"}).status_code == 304
    path, tag = "/v1/content/stories/S-1", agent.get("/v1/content/stories/S-1")["ETag"]
    put(agent, "S-1", "gate_output", "text")
    agent.delete("/v1/content/kinds/gate_output/S-1")
    assert agent.get(path, headers={"If-None-Match": tag}).status_code == 200


def test_head_is_a_get_without_its_body(agent: Client):
    put(agent, "S-1", "story", "text")
    for path in ("/v1/content/kinds/story/S-1", "/v1/content/stories/S-1", "/v1/content", "/v1/content/export"):
        answer = agent.head(path)
        assert (answer.status_code, body_of_head(answer)) == (200, b"")


def body_of_head(response: Any) -> bytes:
    return b"".join(response) if response.streaming else response.content


def test_answers_are_private_and_vary_by_reader(agent: Client):
    put(agent, "S-1", "story", "text")
    for path in ("/v1/content/kinds/story/S-1", "/v1/content", "/v1/content/kinds/story/S-2"):
        answer = agent.get(path)
        assert {"Authorization", "Accept"} <= {name.strip() for name in answer["Vary"].split(",")}
        assert answer["Cache-Control"] in ("private, no-cache", "no-store")


def test_who_may_read_and_write(settings: Settings):
    open_store(AGENT).write("S-1", "story", "text")
    settings.PUBLIC_READ = False
    anybody = Client()
    assert anybody.get("/v1/content/kinds/story/S-1").status_code == 401
    assert "WWW-Authenticate" in anybody.get("/v1/content")
    reader = Client()
    reader.force_login(User.objects.create_user("bob", password="x"))
    assert reader.get("/v1/content/kinds/story/S-1").status_code == 200
    refused = put(reader, "S-1", "story", "lost")
    assert refused.status_code == 403
    assert "content:write" in refused.json()["detail"]
    for act in ("take", "increment"):
        assert post(reader, act, "story", "S-1").status_code == 403
    assert reader.delete("/v1/content/kinds/story/S-1").status_code == 403
    assert reader.post("/v1/content/import", {}, content_type="application/json").status_code == 403


def test_methods_that_there_are_not_are_405(agent: Client):
    assert agent.post("/v1/content/kinds/story/S-1").status_code == 405
    assert agent.get("/v1/content/take/story/S-1").status_code == 405
    assert agent.put("/v1/content/import").status_code == 405
