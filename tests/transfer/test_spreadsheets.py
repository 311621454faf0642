"""CSV for spreadsheets: what Excel would turn into something else stays as it was recorded."""

import csv
import io
import json
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client
from pytest_django.fixtures import Settings

from enhancelog.domain import records
from enhancelog.domain.origin import Origin
from enhancelog.store.database import DatabaseEnhanceLogStore
from enhancelog.transfer.spreadsheets import MOST_UNITS
from tests.factories import make_entry

pytestmark = pytest.mark.django_db

STORE = DatabaseEnhanceLogStore(Origin("command", "tests", "tests"))
BOM = "\ufeff"


def export() -> str:
    out = io.StringIO()
    call_command("export_log", "--format", "spreadsheet", stdout=out, stderr=io.StringIO())
    return out.getvalue()


def row(**changes: Any) -> dict[str, str]:
    STORE.append(make_entry(**changes))
    (only,) = csv.DictReader(io.StringIO(export().removeprefix(BOM), newline=""))
    return only


def test_it_begins_with_one_byte_order_mark_and_has_a_time_beside_the_epoch() -> None:
    header = ",".join((*records.FIELDS, "redacted")).replace("ts_ms", "ts_ms,time_utc")
    assert export() == f"{BOM}{header}\r\n"
    found = row(ts_ms=1_795_902_816_908)
    assert (found["ts_ms"], found["time_utc"]) == ("1795902816908", "2026-11-28 21:53:36")


@pytest.mark.parametrize("ts_ms", [-1, 2**62])
def test_an_implausible_time_is_left_empty(ts_ms: int) -> None:
    found = row(ts_ms=ts_ms)
    assert found["time_utc"] == ""
    assert found["ts_ms"].removeprefix("'") == str(ts_ms)


def test_a_number_with_more_digits_than_a_spreadsheet_keeps_is_text() -> None:
    assert row(ts_ms=-(2**63))["ts_ms"] == f"'{-(2**63)}"


@pytest.mark.parametrize(
    "text",
    [
        "1e10",
        "12345678E90",
        "0012",
        "1234567890123456789",
        "1,234.5",
        "12 %",
        "$5",
        "1/2",
        "1-2",
        "2026-11-28",
        "2026-11-28T09:30Z",
        "3 Mar",
        "Sept 5",
        "MARCH1",
        "12:30 pm",
        "TRUE",
        " false ",
        "=1+1",
        "+49 30 1234",
        "@name",
        "\t5",
    ],
)
def test_what_would_change_stays_text(text: str) -> None:
    assert row(prev_hash=text)["prev_hash"] == f"'{text}"


@pytest.mark.parametrize(
    "text", ["", "efb306dfd0ec1f8e", "h-42", "2 fields", "may", "v1.2", "größer 例 5", "truely", 'quoted "5" it']
)
def test_other_texts_are_as_they_were(text: str) -> None:
    assert row(prev_hash=text)["prev_hash"] == text


def test_lists_are_json() -> None:
    found = row(ops=[{"op": "remove", "path": "/a"}], reasons=["5"])
    assert json.loads(found["ops"]) == [{"op": "remove", "path": "/a"}]
    assert json.loads(found["reasons"]) == ["5"]


@pytest.mark.parametrize("character", ["x", "é", "🦊"])
def test_a_text_beyond_a_cell_is_cut(character: str) -> None:
    whole = character * (MOST_UNITS // len(character.encode("utf-16-le")) * 2)
    found = row(intent=whole, rationale=whole * 2)
    assert found["intent"] == whole
    assert found["rationale"].endswith("…")
    assert MOST_UNITS - 1 <= len(found["rationale"].encode("utf-16-le")) // 2 <= MOST_UNITS


def test_the_api_has_it_too_and_leaves_csv_as_it_is(client: Client, settings: Settings) -> None:
    settings.PUBLIC_READ = True
    STORE.append(make_entry(prev_hash="1e10"))
    response = client.get("/v1/enhance/log?format=spreadsheet")
    assert response.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert response.content.decode() == export()
    plain = client.get("/v1/enhance/log?format=csv").content.decode()
    assert plain.startswith("issue_id,")
    assert ",1e10," in plain
    assert client.get("/v1/enhance/log", headers={"Accept": "text/csv"}).content.decode() == plain
