"""Rows that are kept look as if they were rendered anew, and what is kept stays small."""

from typing import Any, NamedTuple
from urllib.parse import parse_qsl, urlsplit

import pytest
from django.contrib.auth.models import User
from django.template import engines
from django.test import Client

from enhancelog.domain.origin import Origin
from enhancelog.queries import entries
from enhancelog.queries.entries import Listed
from enhancelog.store import redacting
from enhancelog.web import entry_rows
from enhancelog.web.entry_rows import EntryRow
from enhancelog.web.kept import LONGEST_ROW, Kept, KeptRows
from tests.factories import HASHES, make_entry, make_rejected
from tests.pages import read
from tests.recording import record

pytestmark = [pytest.mark.django_db, pytest.mark.once]

LISTS = (
    "/blueprints/main",
    "/blueprints/main?order=asc",
    "/blueprints/main?status=rejected",
    "/rejections/",
    "/rejections/?axis=noop",
    "/search/",
    "/search/?phrase=cite",
    "/search/?phrase=cit*",
    "/search/?phrase=file",
    "/search/?text=cite",
)
SHOWN_IN = {"a", "bdi", "button", "details", "div", "li", "mark", "span", "time", "tr"}  # and no token of a form


@pytest.fixture(autouse=True)
def kept(settings: Any) -> Kept:
    settings.PUBLIC_READ = True
    rows: KeptRows = engines["jinja"].env.globals["kept"]  # type: ignore[attr-defined]
    rows._kept._made.clear()
    return rows._kept


def shown(client: Client, path: str) -> tuple[str, list[dict[str, str]]]:
    page = read(client.get(path))
    return page.words, [each.attributes for each in page.elements if each.tag in SHOWN_IN]


def differing(kept: Kept, *clients: Client) -> list[str]:
    """Lists that look otherwise once nothing is kept."""
    found = []
    for client in clients:
        warm = {path: shown(client, path) for path in (*LISTS, *LISTS)}
        for path in LISTS:
            kept._made.clear()
            if shown(client, path) != warm[path]:
                found.append(path)
    return found


def test_lists_look_the_same_whoever_reads_and_whatever_was_shown_before(kept: Kept) -> None:
    anonymous, staff = Client(), Client()
    staff.force_login(User.objects.create_user("ada", is_staff=True))
    staff.post("/account/theme", {"theme": "dark"})
    steps = [
        make_rejected(issue_id="h-1", ts_ms=1_795_000_000_000),
        make_rejected("tone", issue_id="h-2", ts_ms=1_795_000_001_000),  # the first has a later try now
        make_entry(issue_id="h-3", ts_ms=1_795_000_002_000),
        make_rejected(issue_id="h-4", ts_ms=1_794_999_999_000),  # and all of them an earlier one
    ]
    for number, entry in enumerate(steps):
        for path in LISTS:
            shown(anonymous, path)
        record(entry, source="api" if number < 3 else "host-2")  # the second source is named in every row
        assert differing(kept, anonymous, staff) == []
    assert kept._made


def test_the_same_entry_of_another_source_has_another_row() -> None:
    """As after a restore, where position and time may be the same."""
    record(make_entry(), source="api")
    row = entries.get("h-1").row
    here = EntryRow(Listed(row), None)
    there = EntryRow(Listed(tuple("host-2" if value == "api" else value for value in row)), None)
    assert there.listed.source == "host-2"
    assert here.key != there.key


def test_what_is_redacted_is_shown_from_no_kept_row(client: Client, kept: Kept) -> None:
    record(make_rejected(detail="sk-7 is no tone"), make_rejected(issue_id="h-2", detail="sk-8 is no tone"))
    for path in LISTS:
        shown(client, path)
    redacting.redact("h-1", ["details"], "a key in clear", Origin("user", "ada", "page"))
    for path in LISTS:
        words, _ = shown(client, path)
        assert "sk-7" not in words
        assert "sk-8" in words
    assert differing(kept, client) == []


@pytest.mark.parametrize("path", ["/blueprints/main", "/search/", "/search/?phrase=cite"])
def test_long_rows_are_not_kept(client: Client, kept: Kept, path: str) -> None:
    huge = {"prev_hash": HASHES[0] * 1_000, "new_hash": HASHES[1] * 1_000}
    record(make_entry(), make_entry(issue_id="h-2", **huge), make_rejected("axis" * 128, issue_id="h-3", ts_ms=1))
    record(make_entry(issue_id="h-4", ts_ms=2))  # its row names the axis that denied the try before
    response = client.get(path)
    assert response.status_code == 200
    sizes = [len(repr(key)) + len(row) for key, row in kept._made.items()]
    assert 0 < max(sizes) <= LONGEST_ROW


@pytest.mark.parametrize(
    "path", ["/blueprints/main?status=rejected", "/rejections/?axis=noop", "/search/?status=rejected"]
)
def test_a_row_is_rendered_once_for_all_filters(client: Client, kept: Kept, path: str) -> None:
    record(make_rejected())
    shown(client, path)
    rendered = dict(kept._made)
    others = ["text=cite&source=api", f"not_text={'%C3%A9' * 200}", "not_text=%22%3E%3Cb%3E%26"]
    for other in others:
        query = f"{path}&{other}".partition("?")[2]
        links = [each.get("href", "") for each in shown(client, f"{path}&{other}")[1]]
        assert any(
            link.startswith("/entries/h-1?") and set(parse_qsl(query)) <= set(parse_qsl(urlsplit(link).query))
            for link in links
        )
    assert kept._made == rendered
    assert len(rendered) == 1


def test_only_so_many_rows_are_kept() -> None:
    class Row(NamedTuple):
        key: int

    class Named:
        name = "row"

        def __call__(self, row: Row) -> str:
            return f"<p>{row.key}</p>"

    kept = Kept(3, LONGEST_ROW)
    assert [kept(Named(), Row(number % 5)) for number in range(20)][-1] == "<p>4</p>"  # type: ignore[arg-type]
    assert len(kept._made) == 3


def test_of_very_many_reasons_only_those_shown_are_prepared(monkeypatch: pytest.MonkeyPatch) -> None:
    prepared: list[str] = []
    monkeypatch.setattr(entry_rows, "Reason", lambda axis, text: prepared.append(text))
    found = entry_rows.reasons(make_entry(status="rejected", new_hash="", verdicts=(), reasons=("a",) * 1_000))
    assert len(prepared) == len(found.shown) == entry_rows.SHOWN_REASONS
    assert found.more == 1_000 - entry_rows.SHOWN_REASONS
