"""Envelopes are in the form that their modules define, so that anybody can compute them anew."""

import hashlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from content.store import Item
from content.store.envelopes import of_revision
from enhancelog.domain import envelopes
from enhancelog.domain.origin import Origin
from tests.strategies import texts

DIGEST = "d80da78df533b355e1baaea8ef8cfb6639089b91a69412febac1c7cf4b4c5b16"
INT64 = st.integers(-(2**63), 2**63 - 1)


def recomputed(*parts: Any) -> str:
    """What somebody without our code does."""
    return hashlib.sha256(json.dumps(parts, ensure_ascii=False, separators=(",", ":")).encode()).hexdigest()


def test_the_envelope_of_an_entry_never_changes_its_form() -> None:
    origin = Origin("token", 'ci "writer"\n', "api")
    written = f'["entry",7,"{DIGEST}",1795000000000,"token","ci \\"writer\\"\\n","api"]'
    assert envelopes.of_entry(7, DIGEST, 1_795_000_000_000, origin) == hashlib.sha256(written.encode()).hexdigest()


def test_the_envelope_of_a_revision_never_changes_its_form() -> None:
    removed = Item("S-1", "story", None, 2, 1_795_000_000_000, Origin("user", "ada", "web"))
    written = '["revision","S-1","story",2,null,1795000000000,"user","ada","web"]'
    assert of_revision(removed) == hashlib.sha256(written.encode()).hexdigest()


@given(INT64, INT64, texts, texts, texts)
def test_the_envelope_of_an_entry_can_be_recomputed_with_a_plain_json_library(
    position: int, recorded_ms: int, kind: str, name: str, source: str
) -> None:
    ours = envelopes.of_entry(position, DIGEST, recorded_ms, Origin(kind, name, source))
    assert ours == recomputed("entry", position, DIGEST, recorded_ms, kind, name, source)


@pytest.mark.parametrize("character", [*map(chr, range(0x100)), "\u2028", "\u2029", "\ufeff", "\U0001f600", "é"])
def test_every_character_is_written_as_defined(character: str) -> None:
    item = Item("S-1", "story", character, 1, 0, Origin("user", "ada", "web"))
    assert of_revision(item) == recomputed("revision", "S-1", "story", 1, character, 0, "user", "ada", "web")


@given(st.lists(texts, min_size=3, max_size=3), st.lists(texts, min_size=3, max_size=3))
def test_other_parts_are_another_envelope(some: list[str], others: list[str]) -> None:
    """Whatever they hold: no text runs into the next one."""
    one, other = (envelopes.of_entry(1, DIGEST, 0, Origin(*parts)) for parts in (some, others))
    assert (one == other) == (some == others)
