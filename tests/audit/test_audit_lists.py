"""The audit's page and its list over the API: newest first, in words, filtered, for staff alone."""

import csv
import io
import json
from typing import Any, get_args

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from enhancelog import links
from enhancelog.accounts import api_tokens
from enhancelog.backends import dialect
from enhancelog.domain.audit import ACTS, SUBJECTS, AuditAct, AuditSubject
from enhancelog.domain.origin import Origin
from enhancelog.models import AuditRecord, Token
from enhancelog.store import audit, verification
from enhancelog.web import audit_rows
from tests.conftest import entries_unprotected
from tests.factories import make_rejected
from tests.pages import Page, read
from tests.recording import record

pytestmark = pytest.mark.django_db

ADA = Origin("user", "ada", "page")
HOSTILE = "<script>alert(1)</script>\u202egnp"


@pytest.fixture(autouse=True)
def staff() -> Client:
    client = Client()
    client.force_login(User.objects.create_user("ada", is_staff=True))
    return client


def done(
    act: AuditAct = "alert.make", about: AuditSubject = "alert", key: str = "a1", by: str = "ada", **detail: Any
) -> None:
    with dialect().appending():
        audit.record(act, Origin("user", by, "page"), about, key, **detail)


def api(client: Client, status: int = 200, **parameters: Any) -> Any:
    response = client.get("/v1/audit", parameters)
    assert response.status_code == status, response.content
    return response


def acts(client: Client, **parameters: Any) -> list[str]:
    return [row["act"] for row in api(client, **parameters).json()]


def page(client: Client, **parameters: Any) -> Page:
    response = client.get("/audit/", parameters)
    assert response.status_code == 200
    return read(response)


def rows(shown: Page) -> list[str]:
    return [row.words for row in shown.all("li") if "data-row" in row.attributes]


def test_every_act_has_words_and_every_kind_a_noun() -> None:
    assert tuple(audit_rows.WORDS) == ACTS
    assert tuple(audit_rows.NOUNS) == SUBJECTS == get_args(AuditSubject)


def test_the_newest_come_first_in_plain_words(staff: Client) -> None:
    done("token.make", "token", "7", name="ci", owner="ada", scopes=["log:append", "log:read"])
    done("alert.off", "alert", "a1", by="server", name="New ones", why="failed for 3 days")
    first, second, *_ = rows(page(staff))
    assert first.startswith("user server switched off the alert New ones")
    assert "why: failed for 3 days" in first
    assert second.startswith("user ada made the token ci")
    assert "scopes: log:append, log:read" in second


def test_links_lead_to_what_is_still_there(staff: Client) -> None:
    record(make_rejected(issue_id="h/1"))
    token, _ = api_tokens.make(api_tokens.Wanted("ci", ["log:read"]), User.objects.get(), "ada")
    for key in ("h/1", "h-2"):
        done("note.add", "entry", key)
    for key in (str(token.pk), "x"):
        done("note.add", "token", key)
    done("note.add", "marker", "0" * 16)

    def addresses() -> list[str]:
        return [link.attributes["href"] for link in page(staff, act="note.add").all("a", class_="link")]

    assert addresses() == [links.marker("0" * 16), "/account/tokens", links.entry("h/1")]
    Token.objects.all().delete()
    assert addresses() == [links.marker("0" * 16), links.entry("h/1")]


def test_what_others_chose_is_shown_as_text(staff: Client) -> None:
    done("view.make", "view", "5", by=HOSTILE, name=HOSTILE, owner=HOSTILE, what=[HOSTILE], n={"a": HOSTILE})
    response = staff.get("/audit/")
    assert b"<script>alert" not in response.content
    assert rows(read(response))[0].count("<script>alert(1)</script>") >= 4


def test_long_details_are_cut_and_counted(staff: Client) -> None:
    many: dict[str, Any] = {f"k{n}": n for n in range(20)}
    done(long="x" * 5_000, **many)
    (row,) = rows(page(staff, act="alert.make"))
    assert "x" * 300 + "…" in row
    assert "x" * 301 not in row
    assert "9 more" in row


@pytest.mark.parametrize(
    ("parameters", "found"),
    [
        ({}, ["token.make", "note.edit", "note.add"]),
        ({"act": "note.add"}, ["note.add"]),
        ({"act": ["note.add", "token.make"]}, ["token.make", "note.add"]),
        ({"about": "entry"}, ["note.edit", "note.add"]),
        ({"about": "entry:h:1"}, ["note.add"]),
        ({"about": ["entry:h:1", "token:7"]}, ["token.make", "note.add"]),
        ({"about": "entry:"}, []),
        ({"about": "entry:a\0b"}, []),
        ({"actor": "bob"}, ["note.edit"]),
        ({"actor": "nobody"}, []),
        ({"actor": "a\0b"}, []),
        ({"since": "1d"}, ["token.make", "note.edit", "note.add"]),
        ({"until": "2020-01-01"}, []),
        ({"since": "2020-01-01", "until": "today", "act": "note.add"}, []),
    ],
)
def test_filters(staff: Client, parameters: dict[str, Any], found: list[str]) -> None:
    User.objects.all().delete()  # and what that leaves in the audit is filtered out below
    client = Client()
    client.force_login(User.objects.create_user("cyd", is_staff=True))
    done("note.add", "entry", "h:1")
    done("note.edit", "entry", "h-2", by="bob")
    done("token.make", "token", "7")
    listed = [act for act in acts(client, **parameters) if not act.startswith("user.")]
    assert listed == found
    shown = [row for row in rows(page(client, **parameters)) if "the user" not in row]
    assert len(shown) == len(found)


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ({"act": "note.sing"}, "act: must be one of"),
        ({"about": "planet:mars"}, "about: must be one of"),
        ({"since": "soon"}, "since:"),
        ({"since": ["1d", "2d"]}, "since:"),
        ({"actor": ["x"] * 51}, "actor: has more than 50"),
        ({"page_size": "0"}, "page_size:"),
        ({"cursor": "x"}, "cursor:"),
    ],
)
def test_a_bad_value_is_named(staff: Client, parameters: dict[str, Any], said: str) -> None:
    assert said in api(staff, 400, **parameters).json()["detail"]
    response = staff.get("/audit/", parameters)
    assert response.status_code == 400
    assert said in read(response).words


def test_pages_follow_each_other_without_gaps_while_more_is_done(staff: Client) -> None:
    for number in range(7):
        done(key=str(number))
    first = api(staff, act="alert.make", page_size=3)
    done(key="later")
    seen = [row["about_id"] for row in first.json()]
    while "Link" in first:
        first = staff.get(first["Link"].split(">")[0][1:])
        seen += [row["about_id"] for row in first.json()]
    assert seen == list("6543210")
    cursor = api(staff, act="alert.make", page_size=3)["Link"].split("cursor=")[1].split(">")[0]
    assert "another filter" in api(staff, 400, act="note.add", cursor=cursor).json()["detail"]


def test_the_page_leads_to_older_acts(staff: Client) -> None:
    for number in range(3):
        done(key=str(number))
    shown = page(staff, act="alert.make", page_size=2)
    (older,) = shown.addresses("Older acts")
    response = staff.get(older)
    assert len(rows(read(response))) == 1
    assert read(response).addresses("Back to the newest") == [links.audit([("act", "alert.make")])]


def test_the_whole_list_in_each_format(staff: Client) -> None:
    done(key="=1+1", name="=cmd()", note="é\n")
    row = api(staff).json()[0]
    lines = api(staff, format="ndjson").content.splitlines()
    assert [json.loads(line) for line in lines] == api(staff).json()
    table = list(csv.DictReader(io.StringIO(api(staff, format="csv").content.decode())))
    assert table[0]["about_id"] == "'=1+1"
    assert json.loads(table[0]["detail"]) == row["detail"] == {"name": "=cmd()", "note": "é\n"}
    assert table[0]["time_utc"].endswith("Z")
    assert api(staff, act="note.add").json() == []
    assert "format: must be one of" in api(staff, 400, format="atom").json()["detail"]


def test_many_are_streamed(staff: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("enhancelog.queries.audit.CHUNK_ROWS", 2)
    for number in range(5):
        done(key=str(number))
    for format in ("json", "ndjson", "csv"):
        response = api(staff, act="alert.make", format=format)
        assert response.streaming
        assert b"".join(response).count(b"alert.make") == 5


def test_only_staff_read_it_and_no_token(staff: Client) -> None:
    for name, is_staff in (("bob", False), ("cyd", True)):
        user = User.objects.create_user(name, is_staff=is_staff)
        _, secret = api_tokens.make(api_tokens.Wanted(name, api_tokens.SCOPES), user, name)
        refused = Client().get("/v1/audit", headers={"Authorization": f"Bearer {secret}"})
        assert (refused.status_code, "no token" in refused.json()["detail"]) == (403, True)
    client = Client()
    assert client.get("/v1/audit").status_code == 401
    assert client.get("/audit/")["Location"] == "/account/sign-in?next=/audit/"
    client.force_login(User.objects.get(username="bob"))
    assert [client.get(path).status_code for path in ("/v1/audit", "/audit/")] == [403, 403]
    assert "Audit" not in read(client.get("/")).words
    assert "Audit" in read(staff.get("/")).words


def test_the_page_takes_as_many_statements_however_long_it_is(staff: Client) -> None:
    counts = []
    for _ in range(2):
        for about in SUBJECTS:
            done("note.add", about, "1")
        with CaptureQueriesContext(connection) as captured:
            page(staff)
        counts.append(len(captured))
    assert counts[0] == counts[1] <= 12


def test_verification_finds_holes_and_damage() -> None:
    for number in range(3):
        done(key=str(number))
    positions = list(AuditRecord.objects.order_by("position").values_list("position", flat=True))
    assert list(verification.verify()) == []
    with entries_unprotected():
        AuditRecord.objects.filter(position=positions[-2]).delete()
        AuditRecord.objects.filter(position=positions[-1]).update(detail="{")
    found = list(verification.verify())
    assert f"position {positions[-1]} of the audit where {positions[-2]} was expected: positions are not dense" in found
    assert any("cannot be read" in line for line in found)


def test_it_is_append_only() -> None:
    done()
    row = AuditRecord.objects.latest("position")
    for change in (row.delete, lambda: AuditRecord.objects.filter(pk=row.pk).update(actor_name="bob")):
        with pytest.raises(Exception, match="are written once"), dialect().appending():
            change()
