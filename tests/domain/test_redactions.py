"""What a redaction takes out of an entry's texts, whatever these are."""

import json
import time
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import UNSET, Raw

from enhancelog.domain import entry_texts, redactions
from enhancelog.domain.errors import Invalid
from enhancelog.domain.records import Entry, judged_axes
from tests.factories import make_rejected
from tests.strategies import entries

pytestmark = pytest.mark.once

REDACTED = redactions.REDACTED


def denied(details: list[str], reasons: list[str]) -> Entry:
    verdicts: list[Any] = [
        {"axis": f"a{number}", "status": "deny", "detail": detail} for number, detail in enumerate(details)
    ]
    return make_rejected(verdicts=verdicts, reasons=reasons)


def reasons_left(details: list[str], reasons: list[str]) -> list[str]:
    return list(redactions.without(denied(details, reasons), ["details"]).reasons)


@pytest.mark.parametrize(
    ("details", "reason", "left"),
    [
        (["secret"], "it is secret, secret", f"it is {REDACTED}, {REDACTED}"),
        (["secret", "secrets"], "these secrets", f"these {REDACTED}"),
        (["secret-a", "a-secret"], "see secret-a-secret now", f"see {REDACTED} now"),
        (["secret", "redacted"], "it is secret", f"it is {REDACTED}"),
        (["found.*", "([a-z]"], "found.* and ([a-z]", f"{REDACTED} and {REDACTED}"),
        (["secret"], "nothing of it", "nothing of it"),
    ],
)
def test_parts_of_reasons_go_in_one_pass(details: list[str], reason: str, left: str) -> None:
    assert reasons_left(details, [reason]) == [left]


def test_a_short_detail_goes_only_where_it_is_all_that_a_reason_says() -> None:
    reasons = ["the leak is here", "a1: e", "e", "a2: e"]
    assert reasons_left(["leak of the key", "e"], reasons) == ["the leak is here", f"a1: {REDACTED}", REDACTED, "a2: e"]


@pytest.mark.parametrize("details", [list("redact[]"), ["redact", "dacted]", "[redac"], ["rrrrrr"]])
def test_a_long_reason_does_not_grow(details: list[str]) -> None:
    for reason in ("r" * 900_000, "redact " * 100_000, "[redacted]" * 90_000):
        (left,) = reasons_left(details, [reason])
        assert len(left) <= len(reason)


@pytest.mark.parametrize(
    ("details", "reasons"),
    [
        ([f"{number:08}" for number in range(10_000)], ["0" * 400_000]),
        (["a" * length for length in range(6, 130)], ["a" * 70_000]),
        (["a" * length for length in range(6, 130)], ["a" * 700] * 1_000),
    ],
)
def test_many_details_in_long_reasons_take_about_a_second_at_most(details: list[str], reasons: list[str]) -> None:
    entry = denied(details, reasons)
    began = time.process_time()
    left = redactions.without(entry, ["details"])
    assert time.process_time() - began < 3
    assert not any(detail in reason for detail in details for reason in left.reasons)


@pytest.mark.parametrize("reason", [REDACTED, f"leak: {REDACTED} again", f"{REDACTED}{REDACTED}"])
def test_what_stands_for_a_text_is_not_searched(reason: str) -> None:
    entry = denied(["redacted", "dacted] again"], [reason])
    left = redactions.without(entry, ["details"])
    assert left.reasons == ({f"leak: {REDACTED} again": f"leak: {REDACTED}"}.get(reason, reason),)
    assert redactions.without(left, ["intent"]).reasons == left.reasons


def test_fractions_are_texts_as_they_are_written_and_as_they_are_read() -> None:
    entry = make_rejected(meta={"pin": 1}, ops=[])
    entry = msgspec.structs.replace(entry, meta=Raw(b'{"pin":1.2345675e6,"id":12345678901234567890123}'))
    assert set(entry_texts.strings(entry)) == {"1.2345675e6", "1234567.5", "12345678901234567890123"}


def test_all_that_the_page_offers_of_an_entry_with_many_verdicts_goes_in_one_pass() -> None:
    """Formerly 16 s."""
    entry = denied([f"detail{number}" for number in range(8_000)], [f"q detail{number}" for number in range(8_000)])
    began = time.process_time()
    assert redactions.possible(redactions.without(entry, redactions.possible(entry))) == []
    assert time.process_time() - began < 2


# What can be redacted


@settings(max_examples=50)
@given(entries(), st.data())
def test_possible_are_the_fields_that_a_redaction_changes(entry: Entry, data: st.DataObject) -> None:
    for _ in range(data.draw(st.integers(0, 2))):
        if found := redactions.possible(entry):
            entry = redactions.without(entry, [data.draw(st.sampled_from(found))])
    axes = [f"detail:{axis}" for axis in judged_axes(entry)]
    keys = [] if entry.meta is UNSET else [f"meta:{key}" for key in json.loads(bytes(entry.meta))]
    wanted = [field for field in ("intent", "rationale", *axes, "reasons", "ops", *keys) if changes(entry, field)]
    assert redactions.possible(entry) == wanted


@settings(max_examples=50)
@given(entries(), st.data())
def test_all_possible_fields_go_in_one_call_in_any_order(entry: Entry, data: st.DataObject) -> None:
    fields = data.draw(st.permutations(redactions.possible(entry)))
    assert redactions.possible(redactions.without(entry, fields)) == []


@pytest.mark.parametrize("fields", [["details", "reasons"], ["reasons", "details"], ["detail:a0", "reasons"]])
def test_a_field_that_another_one_emptied_in_the_same_call_is_done(fields: list[str]) -> None:
    left = redactions.without(denied(["hunterzwei"], ["hunterzwei"]), fields)
    assert (left.verdicts[0].detail, left.reasons) == (REDACTED, (REDACTED,))
    with pytest.raises(Invalid, match="is redacted already"):
        redactions.without(left, ["reasons"])


def changes(entry: Entry, field: str) -> bool:
    try:
        return redactions.without(entry, [field]) != entry
    except Invalid:
        return False


def test_of_many_axes_the_first_are_listed_without_trying_each(monkeypatch: pytest.MonkeyPatch) -> None:
    entry = denied(["x"] * 2_000, [])
    monkeypatch.setattr(redactions, "without", lambda entry, fields: 1 // 0)
    wanted = ["details", *(f"detail:a{number}" for number in range(100))]
    assert [field for field in redactions.possible(entry) if field.startswith("detail")] == wanted
