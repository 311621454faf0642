"""The original of an entry that was redacted in another log is recognized by the texts that stayed."""

import time
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from msgspec.structs import replace

from enhancelog.domain import records, redactions
from enhancelog.domain.records import Entry
from enhancelog.domain.redacted_copies import masked, says_so
from tests.factories import make_rejected
from tests.strategies import entries

pytestmark = pytest.mark.once


@given(entries(), st.data())
def test_an_original_differs_from_its_redaction_in_nothing_that_is_shown(entry: Entry, data: st.DataObject) -> None:
    possible = redactions.possible(entry)
    assume(possible)
    redacted = redactions.without(entry, data.draw(st.lists(st.sampled_from(possible), min_size=1, unique=True)))
    assert records.differences(masked(entry, redacted), redacted) == ()
    assert says_so(redacted) or records.differences(entry, redacted) == ("ops",)


@given(entries())
def test_an_entry_without_redactions_is_compared_as_it_is(entry: Entry) -> None:
    assume(not says_so(entry))
    other = replace(entry, intent=f"{entry.intent}.", rationale=f"{entry.rationale}.", reasons=(*entry.reasons, "."))
    assert masked(other, entry) == other


WHOLE: dict[str, Any] = {
    "reasons": ["leak: found it here", "other"],
    "meta": {"key": "it", "seed": 7},
    "ops": [{"op": "remove", "path": "/a"}],
}


@pytest.mark.parametrize(
    ("kept", "differs"),
    [
        ({"reasons": ["leak: [redacted] here", "other"]}, ()),
        ({"reasons": ["leak: [redacted] there", "other"]}, ("reasons",)),
        ({"reasons": ["leak: [redacted] here"]}, ("reasons",)),
        ({"reasons": ["[redacted] it [redacted]e", "[redacted]"]}, ()),
        ({"reasons": ["[redacted]here it[redacted]", "other"]}, ("reasons",)),
        ({"meta": {"key": "[redacted]", "seed": 7}}, ()),
        ({"meta": {"key": "[redacted]", "seed": 8}}, ("meta",)),
        ({"meta": {"key": "[redacted]"}}, ("meta",)),
        ({"ops": []}, ()),
        ({"ops": [{"op": "remove", "path": "/b"}]}, ("ops",)),
        ({"intent": "[redacted]", "blueprint_id": "other"}, ("blueprint_id",)),
    ],
)  # fmt: skip
def test_what_differs_besides(kept: dict[str, Any], differs: tuple[str, ...]) -> None:
    offered = make_rejected("leak", **WHOLE)
    stored = make_rejected("leak", **{**WHOLE, **kept})
    assert records.differences(masked(offered, stored), stored) == differs


def test_texts_of_any_length_take_linear_time() -> None:
    for text in ("a" * 500_000, "ab" * 250_000):
        stored = make_rejected("leak", reasons=["[redacted]".join("a" * 40_000) + "c"])
        offered = make_rejected("leak", reasons=[f"{text}c"])
        began = time.monotonic()
        masked(offered, stored)
        assert time.monotonic() - began < 2
