"""Pages, API, feeds, exports and messages of a redacted entry; and the page on which staff redact."""

import json
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client

from enhancelog.alerts.messages import waiting
from enhancelog.domain import redactions
from enhancelog.domain.origin import Origin
from enhancelog.models import AuditRecord, Delivery, Entry
from enhancelog.store import host_derivation, pattern_groups, redacting
from enhancelog.store.database import DatabaseEnhanceLogStore
from enhancelog.store.verification import verify
from tests.alerts.making import keep_rule
from tests.factories import make_entry, make_fields, make_rejected
from tests.host import observed as unfinished
from tests.tables import holding

pytestmark = pytest.mark.django_db

SECRET = "hunterzwei"
ID = "s/1"
API = "/v1/enhance/log/s%2F1"
FIELDS = ["intent", "rationale", "details"]
LISTS = (
    *("/", "/?period=all", "/rejections/?period=all", "/blueprints/main", "/patterns/?period=all", "/triage/"),
    *("/search/?text=hunter", "/entries/s%2F1", "/entries/b", "/palette/?find=hunter"),
    *("/rejections/?format=atom", "/v1/enhance/log", "/v1/enhance/log?format=ndjson", "/v1/enhance/log?format=csv"),
    *("/v1/enhance/log?format=spreadsheet", "/v1/enhance/log?format=atom", "/v1/enhance/log?page_size=5"),
    *(API, "/v1/enhance/entries/s%2F1", "/v1/enhance/why?blueprint_id=main", "/v1/enhance/patterns", "/metrics"),
    *("/v1/enhance/patches/s%2F1", "/audit/", "/v1/audit", "/matrix/?period=all", "/differences/?status=rejected"),
)


@pytest.fixture(autouse=True)
def log(settings: Any) -> None:
    settings.PUBLIC_READ = True
    secret = make_rejected(
        "leak", issue_id=ID, intent=f"rotate {SECRET}", rationale=f"{SECRET} leaked", detail=f"found {SECRET} in writer"
    )
    DatabaseEnhanceLogStore(Origin("command", "tests", "api")).append_batch([secret, make_rejected(issue_id="b")])
    pattern_groups.settle()


@pytest.fixture
def staff() -> Client:
    client = Client()
    client.force_login(User.objects.create_user("ada", is_staff=True))
    return client


def redact(*fields: str) -> None:
    redacting.redact(ID, fields or FIELDS, "a key in clear", Origin("user", "ada", "page"))
    pattern_groups.settle()


def read(client: Client, path: str, **headers: str) -> str:
    response = client.get(path, headers=headers)
    return response.getvalue().decode() if response.streaming else response.content.decode()


def test_no_page_list_feed_or_answer_has_the_text(staff: Client) -> None:
    before = {path: read(staff, path) for path in LISTS}
    assert sum(SECRET in body for body in before.values()) > 10
    redact()
    for path in LISTS:
        assert SECRET not in read(staff, path), path
    for filter in ("phrase", "text"):
        assert json.loads(read(staff, f"/v1/enhance/log?{filter}={SECRET}")) == []


def test_what_was_read_before_is_read_again(staff: Client) -> None:
    paths = [
        path
        for path in LISTS
        if path not in ("/metrics", "/v1/enhance/patches/s%2F1", "/audit/", "/v1/audit", "/entries/b")
    ]
    etags = {path: staff.get(path).headers.get("ETag", "") for path in paths}
    assert sum(map(bool, etags.values())) > 10
    redact()
    for path, etag in etags.items():
        if etag:
            assert staff.get(path, headers={"If-None-Match": etag}).status_code == 200, path


def test_the_etag_is_the_digest_and_the_number_of_redactions(client: Client) -> None:
    original = Entry.objects.get(issue_id=ID).digest
    assert client.get(API).headers["ETag"] == f'"{original}"'
    redact("intent")
    digest = Entry.objects.get(issue_id=ID).digest  # the inner hash, which confirms no guess
    assert digest != original
    assert client.get(API).headers["ETag"] == f'"{digest}-1"'
    redact("details")
    assert client.get(API).headers["ETag"] == f'"{digest}-2"'
    assert client.get(API, headers={"If-None-Match": f'"{digest}-2"'}).status_code == 304


def test_lists_and_entries_say_what_was_redacted_when_and_why(client: Client) -> None:
    redact("intent", "detail:leak")
    known = client.get("/v1/enhance/entries/s%2F1").json()
    (said,) = known["redacted"]
    assert (said["fields"], said["why"]) == (["intent", "detail:leak"], "a key in clear")
    listed = json.loads(read(client, "/v1/enhance/log"))
    assert [entry.get("redacted") for entry in listed] == [known["redacted"], None]
    assert "redacted" not in listed[1]
    assert json.dumps(said, separators=(",", ":")).replace('"', '""') in read(client, "/v1/enhance/log?format=csv")
    for path in ("/blueprints/main", "/rejections/?period=all", "/entries/s%2F1", "/v1/enhance/log?format=atom"):
        assert "a key in clear" in read(client, path), path


def test_only_staff_see_who(client: Client, staff: Client) -> None:
    redact("intent")
    assert "ada" not in read(client, "/entries/s%2F1")
    assert "Redaction 1 was made by user" in " ".join(read(staff, "/entries/s%2F1").split())


def test_an_append_of_its_id_is_409_and_not_compared(staff: Client) -> None:
    redact("intent")
    body = make_fields(issue_id=ID)
    for response in (
        staff.post("/v1/enhance/log", body, content_type="application/json"),
        staff.put(API, body, content_type="application/json"),
    ):
        assert response.status_code == 409
        problem = response.json()
        assert (problem["redacted"], problem["differs"], problem["identical"]) == (True, [], None)
    lines = json.dumps(body)
    answer = read_post(staff, "/v1/enhance/log", lines)
    assert json.loads(answer) == {"line": 1, "issue_id": ID, "result": "redacted", "error": None}
    assert staff.post("/v1/enhance/log?atomic=true", lines, content_type="application/x-ndjson").status_code == 200


def read_post(client: Client, path: str, body: str) -> str:
    response = client.post(path, body, content_type="application/x-ndjson")
    return response.getvalue().decode()


def waits(event: str, name: str, data: dict[str, Any]) -> Delivery:
    owner, _ = User.objects.get_or_create(username="eve", defaults={"is_staff": True})
    return waiting(keep_rule(owner, name * 16, event=event, options="{}"), data, 1, 1, event)  # type: ignore[arg-type]


def test_messages_that_wait_lose_the_text() -> None:
    data = {"issue_id": ID, "intent": f"rotate {SECRET}", "reasons": [f"leak: found {SECRET} in writer", "b"]}
    wording = {"axis": "leak", "template": f"found {SECRET} in writer"}
    Delivery.objects.bulk_create([waits("entry.rejected", "1", data), waits("pattern.new", "2", wording)])
    redact()
    stored = Delivery.objects.filter(data__contains="redacted").order_by("event").values_list("data", flat=True)
    assert [json.loads(text) for text in stored] == [
        data | {"intent": "[redacted]", "reasons": ["[redacted]", "b"]},
        wording | {"template": "[redacted]"},
    ]
    assert holding(SECRET) == []


def test_messages_of_an_unfinished_run_lose_what_the_host_said_of_it() -> None:
    unfinished.report("late", reason=f"died of {SECRET}", intent=f"try {SECRET}")
    DatabaseEnhanceLogStore(Origin("command", "tests", "api")).append(make_rejected(issue_id="late", intent="other"))
    host_derivation.settle()
    data = {"issue_id": "late", "intent": f"try {SECRET}", "reason": f"died of {SECRET}", "status": "died"}
    Delivery.objects.bulk_create([waits("run.unfinished", "1", data)])
    redacting.redact("late", ["intent"], "a key in clear", Origin("user", "ada", "page"))
    stored = json.loads(Delivery.objects.get(data__contains="late").data)
    assert stored == data | {"intent": "[redacted]", "reason": "[redacted]"}


# The form


def form(*fields: str, **changes: Any) -> dict[str, Any]:
    return {"field": list(fields or ("intent",)), "why": "a key in clear", "sure": "on", **changes}


def test_staff_redact_on_a_page_that_the_entry_links(staff: Client) -> None:
    assert 'href="/redactions/entries/s%2F1"' in read(staff, "/entries/s%2F1")
    page = read(staff, "/redactions/entries/s%2F1")
    assert "detail:leak" in page
    assert SECRET not in page
    done = staff.post("/redactions/entries/s%2F1", form("intent", "detail:leak"))
    assert done.headers["Location"] == "/entries/s%2F1"
    tombstones = redactions.tombstones(Entry.objects.get(issue_id=ID).redacted)
    assert [(one.fields, one.why) for one in tombstones] == [(["intent", "detail:leak"], "a key in clear")]
    assert AuditRecord.objects.get(act="entry.redact").actor_name == "ada"
    pattern_groups.settle()
    assert list(verify()) == []


@pytest.mark.parametrize(
    "sent", [form(field=[]), form(why=" "), form(sure=""), form("title"), form("ops"), {}, form(why="x" * 1001)]
)
def test_a_form_with_something_missing_or_wrong_changes_nothing(staff: Client, sent: dict[str, Any]) -> None:
    response = staff.post("/redactions/entries/s%2F1", sent)
    assert response.status_code == 400
    assert 'role="alert"' in response.content.decode()
    assert Entry.objects.get(issue_id=ID).redacted is None


def test_why_may_not_repeat_the_text(staff: Client) -> None:
    response = staff.post("/redactions/entries/s%2F1", form(why=f"somebody wrote Rotate {SECRET} here"))
    assert response.status_code == 400
    assert "It repeats a text that is to go" in response.content.decode()
    assert Entry.objects.get(issue_id=ID).redacted is None


def test_others_may_not(client: Client) -> None:
    assert client.get("/redactions/entries/s%2F1").status_code == 302
    client.force_login(User.objects.create_user("reader"))
    assert client.get("/redactions/entries/s%2F1").status_code == 403
    assert client.post("/redactions/entries/s%2F1", form()).status_code == 403
    assert "redactions" not in read(client, "/entries/s%2F1")
    assert Entry.objects.get(issue_id=ID).redacted is None


def test_an_entry_that_is_not_there_or_has_nothing_left(staff: Client) -> None:
    assert staff.get("/redactions/entries/nobody").status_code == 404
    DatabaseEnhanceLogStore(Origin("command", "tests", "api")).append(
        make_entry(issue_id="c", intent="", rationale="", verdicts=[])
    )
    assert "Nothing is left to redact" in read(staff, "/redactions/entries/c")


def test_a_server_whose_role_may_not_change_entries_says_who_can(staff: Client) -> None:
    if connection.vendor != "postgresql":
        pytest.skip("SQLite has no roles")
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE ROLE only_serves;"
            " GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO only_serves;"
            " GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO only_serves;"
            " REVOKE UPDATE, DELETE ON enhancelog_entry FROM only_serves; SET LOCAL ROLE only_serves"
        )
    shown = staff.get("/redactions/entries/s%2F1")
    refused = staff.post("/redactions/entries/s%2F1", {"field": "intent", "why": "a key", "sure": "on"})
    with connection.cursor() as cursor:
        cursor.execute("RESET ROLE")
    assert (shown.status_code, refused.status_code) == (200, 403)
    for response in (shown, refused):
        assert "This server cannot do it: its role in the database may not change entries." in response.content.decode()
    assert not Entry.objects.exclude(redacted=None).exists()


def test_all_that_the_page_offers_can_be_redacted_at_once(staff: Client) -> None:
    entry = make_rejected("leak", issue_id="all", detail=SECRET, reasons=[SECRET], ops=[], meta={"key": SECRET})
    DatabaseEnhanceLogStore(Origin("command", "tests", "api")).append(entry)
    wanted = {"field": redacting.possible("all"), "why": "a key", "sure": "on"}
    assert staff.post("/redactions/entries/all", wanted).status_code == 302
    assert redacting.possible("all") == []
