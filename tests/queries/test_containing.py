"""``text`` finds what the texts of an entry say, not how their JSON writes it."""

import pytest
from django.db import connection

from enhancelog.domain import filters
from enhancelog.queries.entries import page
from enhancelog.queries.selection import select
from tests.factories import make_rejected
from tests.recording import record_all

pytestmark = pytest.mark.django_db

SAID = [
    'says "No"',
    "back\\slash",
    "one\nTwo",
    "a\tTab",
    "\x01 or \x1f\x7f",
    "É 日本 é",
    "</Script>",
    "a\u2028b",
    r"\nOt",
]


def found(text: str) -> list[str]:
    return [row[1] for row in page(filters.parse({"text": [text]}, 0), "asc", 50).rows]


@pytest.mark.parametrize("said", SAID)
def test_what_a_verdict_or_reason_says_is_found_in_any_case(said: str) -> None:
    denied = {"axis": "noop", "status": "deny"}
    record_all(
        [
            make_rejected(issue_id="verdict", verdicts=[{**denied, "detail": f"it {said} there"}], reasons=["else"]),
            make_rejected(issue_id="reason", verdicts=[{**denied, "detail": "else"}], reasons=[f"it {said} there"]),
            make_rejected(issue_id="neither", verdicts=[{**denied, "detail": "else"}], reasons=["else"]),
        ]
    )
    swapped = "".join(letter.swapcase() if letter.isascii() else letter for letter in said)
    assert found(said) == found(swapped) == ["verdict", "reason"]


@pytest.mark.parametrize("written", ['"status":"deny"', "detail", r"\n", r"\"", '["', r"\\"])
def test_the_json_around_and_in_texts_is_not_found(written: str) -> None:
    verdicts = [{"axis": "noop", "status": "deny", "detail": 'a\n"b"'}]
    record_all([make_rejected(verdicts=verdicts, reasons=['a\n"b"'], intent="else", rationale="else")])
    assert found(written) == []


@pytest.mark.skipif("connection.vendor != 'postgresql'", reason="SQLite does not say what it ran")
def test_the_json_of_verdicts_and_reasons_is_decoded_only_where_it_has_the_text() -> None:
    record_all(make_rejected(issue_id=str(number), detail="as before") for number in range(3))
    looked_for = {text: select(filters.parse({"text": [text]}, 0)).query for text in ("nowhere", "as before")}
    with connection.cursor() as cursor:
        for text, query in looked_for.items():
            sql, values = query.sql_with_params()
            cursor.execute(f"EXPLAIN (ANALYZE, COSTS OFF) {sql}", values)
            decoding = [line for (line,) in cursor.fetchall() if "json_array_elements" in line]
            assert decoding
            assert all("never executed" in line for line in decoding) == (text == "nowhere")
