"""What a page of fields shows, and the documents and patches behind it."""

from typing import Any

from blake3 import blake3
from django.test import Client

from enhancelog.domain.observed import Document, Version
from enhancelog.models import Entry
from enhancelog.store import host_derivation, observed
from enhancelog.store.documents import Seen
from enhancelog.store.observed import Found
from tests.factories import HASHES, make_entry, make_rejected
from tests.pages import Element, Page, read
from tests.recording import record_all

NOON = 1_795_000_000_000
YAML = """id: main
flow:
  kind: seq
  children:
  - {kind: step, ref: writer}
  - {kind: par, children: [{kind: step, ref: reviewer}]}
agents:
- name: writer
  profile: {model: opus, effort: null, tools: [], system_prompt: Cite the line.}
- name: reviewer
  profile: {system_prompt: Be brief.}
metadata: {tags: [a, b]}
"""
PROMPTS = [f"/agents/{number}/profile/system_prompt" for number in (0, 1)]


def keep_document(text: str = YAML, form: Any = "yaml", blueprint_id: str = "main", hash: str = "") -> str:
    hash = hash or (blake3(text.encode()).hexdigest() if form == "yaml" else HASHES[7])
    version = Version(blueprint_id=blueprint_id, hash=hash, number=3, made_by="run", rationale="why", ts_ms=NOON)
    seen = Seen(blueprint_id, Document(hash=hash, form=form, text=text))
    observed.keep("host", Found(documents=[seen], versions=[version]))
    host_derivation.settle()
    return hash


def try_patches(*denied: bool, place: str = PROMPTS[0], text: str = YAML, ts_ms: int = NOON) -> None:
    """With the document before, unless ``text`` is not stored."""
    known = Entry.objects.count()
    common: dict[str, Any] = {
        "ops": [{"op": "replace", "path": place, "value": "x"}],
        "prev_hash": blake3(text.encode()).hexdigest(),
    }
    record_all(
        (make_rejected if is_denied else make_entry)(issue_id=f"h-{number}", ts_ms=ts_ms + number, **common)
        for number, is_denied in enumerate(denied, known)
    )
    host_derivation.settle()


def get(query: str = "", blueprint_id: str = "main", answered: int = 200) -> Page:
    response = Client().get(f"/fields/?blueprint_id={blueprint_id}{query}")
    assert response.status_code == answered
    return read(response)


def rows(page: Page, heading: str) -> list[Element]:
    (section,) = page.all("section", aria_label=heading)
    return [row for row in section.all("tr") if "data-row" in row.attributes]


def said(page: Page, heading: str) -> list[str]:
    return [row.words for row in rows(page, heading)]


def untouched(page: Page, heading: str) -> list[str]:
    (section,) = page.all("section", aria_label=heading)
    return [item.words for listed in section.all("ul") for item in listed.all("li")]


def entries_behind(link: Element) -> int:
    return len(
        [each for each in read(Client().get(link.attributes["href"])).all("li") if "data-row" in each.attributes]
    )
