"""What a host's store says of an entry's run, on the entry's page."""

from typing import Any

import pytest
from blake3 import blake3
from django.test import Client
from msgspec import Raw

from enhancelog.domain.observed import Document
from enhancelog.store import host_derivation, observed
from enhancelog.store.documents import Seen
from enhancelog.store.observed import Found
from tests.factories import HASHES, make_entry, make_rejected
from tests.host.observed import make_patch, patch_of
from tests.pages import Element, Page, read
from tests.recording import record

pytestmark = pytest.mark.django_db

OPS = [{"op": "add", "path": "/a", "value": 1}]
YAML = "id: main\nagents: []\n"
HASH = blake3(YAML.encode()).hexdigest()
DIFFER = "The patch that was recorded with the entry and the one in its host's store differ; both are shown."


@pytest.fixture(autouse=True)
def public(settings: Any) -> None:
    settings.PUBLIC_READ = True


def keep(found: Found) -> None:
    observed.keep("host", found)
    host_derivation.settle()


def page(issue_id: str = "h-1") -> Page:
    response = Client().get(f"/entries/{issue_id}")
    assert response.status_code == 200
    return read(response)


def patches(shown: Page) -> dict[str, str]:
    panels = [section for section in shown.all("section") if section.words.startswith("Patch")]
    return {panel.all("h2")[0].words: panel.words for panel in panels}


def test_without_operations_of_its_own_an_entry_shows_those_of_its_hosts_store() -> None:
    record(make_entry(), source="host")
    assert "Operations were not recorded." in page().words
    keep(Found(patches=[make_patch()]))
    (words,) = patches(page()).values()
    assert "/a" in words
    assert "from a host's store (source host)" in words
    assert page().addresses("JSON")[1] == "/v1/enhance/patches/h-1"


def test_its_own_operations_come_first_and_a_difference_is_told() -> None:
    record(make_entry(ops=[{"op": "remove", "path": "/own"}]), source="host")
    keep(Found(patches=[make_patch()]))
    shown = page()
    assert DIFFER in shown.words
    own, store = patches(shown).items()
    assert own[0] == "Patch as recorded"
    assert "/own" in own[1]
    assert store[0] == "Patch in the host's store"
    assert "/a" in store[1]


def test_the_same_operations_are_shown_once() -> None:
    record(make_entry(ops=OPS), source="host")
    keep(Found(patches=[make_patch(ops=Raw(b'[{"value":1,"path":"/a","op":"add"}]'))]))
    shown = page()
    assert list(patches(shown)) == ["Patch"]
    assert DIFFER not in shown.words
    assert "The host's store has the same." in shown.words


def test_the_candidate_of_a_denied_run_would_have_become() -> None:
    rejected = make_rejected(prev_hash=HASHES[0])
    record(rejected, source="host")
    seen = Seen("main", Document(hash=HASH, form="yaml", text=YAML))
    keep(Found(patches=[patch_of(rejected, candidate_hash=HASH)], documents=[seen]))
    shown = page()
    assert "Would have become" in shown.words
    assert shown.addresses("document") == [f"/documents/{HASH}"]


def test_a_hash_whose_document_is_unknown_is_no_link() -> None:
    record(make_rejected(candidate_hash=HASHES[7]), source="host")
    shown = page()
    assert shown.all("button", data_copy=HASHES[7])
    assert not shown.addresses("document")


def test_two_candidates_are_both_shown() -> None:
    rejected = make_rejected(candidate_hash=HASHES[7])
    record(rejected, source="host")
    keep(Found(patches=[patch_of(rejected, candidate_hash=HASHES[8])]))
    shown = page()
    assert all(shown.all("button", data_copy=hash) for hash in HASHES[7:9])
    assert "from a host's store (source host)" in shown.words


def test_the_reason_marks_the_observed_pointer() -> None:
    rejected = make_rejected("agent-ref", detail="unresolved: /agents/3/tools")
    record(rejected, source="host")
    ops = Raw(b'[{"op":"add","path":"/agents/3/tools","value":1},{"op":"add","path":"/b","value":1}]')
    keep(Found(patches=[patch_of(rejected, ops=ops)]))
    hit, other = [div for div in page().all("div") if div.attributes.get("class", "").split()[:1] == ["op"]]
    assert "agent-ref" in hit.words
    assert "agent-ref" not in other.words


def test_the_pages_validator_follows_the_patch() -> None:
    record(make_entry(), source="host")
    tag = Client().get("/entries/h-1")["ETag"]
    keep(Found(patches=[make_patch()]))
    assert Client().get("/entries/h-1", headers={"If-None-Match": tag}).status_code == 200


def test_rejections_offer_what_patches_touch_and_say_what_has_no_names(settings: Any) -> None:
    settings.PUBLIC_READ = True
    record(*(make_rejected(issue_id=f"t-{at}", ops=[{"op": "remove", "path": f"/agents/{at}"}]) for at in range(2)))
    page = read(Client().get("/rejections/"))
    (facet,) = page.all("div", id="facet-touches")
    assert "What it touches" in facet.words
    assert "2 runs are found by index only, because the document before them is not stored" in facet.words
    (link,) = [each for each in facet.inside if each.attributes.get("href", "").endswith("touches=%2Fagents%2F1")]
    narrowed = read(Client().get(link.attributes["href"]))
    addresses = [each.attributes.get("href", "").partition("?")[0] for each in narrowed.all("a")]
    assert "/entries/t-1" in addresses
    assert "/entries/t-0" not in addresses
    assert "1 run is found by index only, because the document before it is not stored" in narrowed.words


def facet_of(address: str) -> tuple[Element, dict[str, str]]:
    (facet,) = read(Client().get(address)).all("div", id="facet-touches")
    return facet, {each.words: each.attributes["href"] for each in facet.all("a")}


def test_the_facet_says_of_how_many_runs_a_patch_is_known() -> None:
    record(make_rejected(issue_id="own", ops=OPS), make_rejected(issue_id="none"))
    rejected = make_rejected(issue_id="told", prev_hash=HASHES[3])
    record(rejected, source="host")
    keep(Found(patches=[patch_of(rejected)]))
    facet, links = facet_of("/rejections/")
    assert "of 2 runs whose patch is known" in facet.words
    assert links["2 runs whose patch is known"] == "/rejections/?has=patch"
    assert facet_of("/rejections/?has=patch")[1] == {"/a2": "/rejections/?has=patch&touches=%2Fa"}
    assert "of 1 run whose patch is known" in facet_of("/rejections/?has=ops")[0].words


def test_a_place_narrows_to_one_inside_it_and_to_no_other() -> None:
    text = "agents:\n- name: writer\n"
    hash = blake3(text.encode()).hexdigest()
    keep(Found(documents=[Seen("main", Document(hash=hash, form="yaml", text=text))]))
    ops = [{"op": "remove", "path": path} for path in ("/agents/0/prompt", "/agents/0/role", "/tags", "/agentsx")]
    record(*(make_rejected(issue_id=f"n-{n}", prev_hash=hash, ops=ops[:n]) for n in (1, 4)))
    assert facet_of("/rejections/?touches=/agents&touches=/tags")[1] == {
        "2 runs whose patch is known": "/rejections/?has=patch&touches=%2Fagents&touches=%2Ftags",
        "/agents ×, remove2": "/rejections/?touches=%2Ftags",
        "/tags ×, remove1": "/rejections/?touches=%2Fagents",
    }
    assert facet_of("/rejections/?touches=/agents")[1] == {
        "2 runs whose patch is known": "/rejections/?has=patch&touches=%2Fagents",
        "/agents ×, remove2": "/rejections/",
        "/agents/writer/prompt2": "/rejections/?touches=%2Fagents%2Fwriter%2Fprompt",
        "/agents/writer/role1": "/rejections/?touches=%2Fagents%2Fwriter%2Frole",
    }


def test_a_long_place_shows_its_beginning_and_its_end() -> None:
    place = f"/agents/writer/{'x' * 60}/system_prompt"
    record(make_rejected(ops=[{"op": "remove", "path": place}]))
    facet, _ = facet_of("/rejections/")
    (link,) = [each for each in facet.all("a") if "title" in each.attributes]
    assert link.attributes["title"] == place
    assert link.words == "/agents/writer/xxx…xxxxxxxxxxxx/system_prompt1"


def test_a_place_that_cannot_be_is_refused_on_pages_too(settings: Any) -> None:
    settings.PUBLIC_READ = True
    response = Client().get("/rejections/?touches=agents")
    assert response.status_code == 400
    assert "/agents/reviewer" in read(response).words
