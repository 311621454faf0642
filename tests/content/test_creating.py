"""The form that starts a work item."""

import pytest
from django.contrib.auth.models import User
from django.test import Client

from content.models import ContentItem
from tests.content.changing import write
from tests.pages import read

pytestmark = pytest.mark.django_db

NEW = "/content/new"


def test_a_valid_id_leads_to_the_editor_and_creates_nothing_yet(admin: Client):
    answer = admin.get(NEW, {"story_id": " ops/デ %", "kind": "gate_output"})
    assert (answer.status_code, answer["Location"]) == (302, "/content/edit/gate_output/ops%2F%E3%83%87%20%25")
    assert not ContentItem.objects.exists()


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"story_id": ""}, "Enter an id."),
        ({"story_id": "a:b"}, "must not contain"),
        ({"story_id": "é" * 300}, "600 bytes"),
        ({"story_id": ".."}, "The id must not be"),
        ({"story_id": "a\0b"}, "The id"),
        ({"story_id": "S-1", "kind": "stories"}, 'Unknown kind "stories".'),
    ],
)
def test_a_bad_id_comes_back_with_what_is_wrong(admin: Client, fields: dict[str, str], said: str):
    answer = admin.get(NEW, fields)
    assert answer.status_code == 422
    page = read(answer)
    assert [said in error.words for error in page.all("p", role="alert")] == [True]
    (field,) = page.all("input", name="story_id")
    assert field.attributes["aria-invalid"] == "true"


def test_an_id_that_exists_leads_to_its_page(admin: Client):
    write()
    page = read(admin.get(NEW, {"story_id": "S-1"}))
    assert [alert.words for alert in page.all("p", role="alert")] == ["S-1 already exists."]
    assert page.addresses("S-1") == ["/content/stories/S-1"]


def test_only_who_may_write_sees_the_form(client: Client, admin: Client):
    assert read(admin.get("/content/")).all("input", name="story_id")
    client.force_login(User.objects.create_user("bob", password="x"))
    assert read(client.get("/content/")).all("input", name="story_id") == []
    assert client.get(NEW).status_code == 403
    assert "sign-in" in Client().get(NEW)["Location"]
