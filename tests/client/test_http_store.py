"""The HTTP store where the contract suite cannot look: answers that get lost, and servers that are none."""

from email.utils import formatdate

import httpx
import msgspec
import pytest

from enhancelog.client.async_log_store import AsyncHttpEnhanceLogStore
from enhancelog.client.log_store import HttpEnhanceLogStore
from enhancelog.client.note_calls import Cursor
from enhancelog.domain import records
from enhancelog.domain.errors import Conflict, Damaged, Invalid, NotFound, Other
from enhancelog.domain.markers import NewMarker
from enhancelog.domain.pattern_states import StateEdit
from enhancelog.domain.reviews import NewReview
from enhancelog.domain.text import DATA_NOTICE
from enhancelog.domain.theme_figures import AxisThemes
from enhancelog.domain.times import EARLIEST_MS
from enhancelog.domain.unfinished_reports import UnfinishedReport
from enhancelog.domain.why import TriedBefore, Why
from tests.client.blocking import Blocking
from tests.client.scripted import Scripted, Step, json_answer, problem
from tests.factories import make_entry, make_rejected

CUT = httpx.RemoteProtocolError("Server disconnected without sending a response.")
CREATED = httpx.Response(201, headers={"ETag": '"d1"'})
ENTRY = make_entry(issue_id="ops/デプロイ-3 %")
PATH = "/v1/enhance/log/ops%2F%E3%83%87%E3%83%97%E3%83%AD%E3%82%A4-3%20%25"
NOW_S = 1_795_000_000


def scripted(*steps: Step) -> tuple[HttpEnhanceLogStore, Scripted]:
    server = Scripted(*steps)
    return HttpEnhanceLogStore(server.connection), server


def known(age_s: float, **headers: str) -> httpx.Response:
    """What the server knows of an entry that it recorded ``age_s`` seconds ago."""
    headers = {"Date": formatdate(NOW_S, usegmt=True)} | headers
    return json_answer(200, {"recorded_ms": int((NOW_S - age_s) * 1000)}, headers)


def test_an_append_is_one_post():
    store, server = scripted(CREATED)
    assert store.append(ENTRY) == "d1"
    assert server.sent == ["POST /v1/enhance/log"]
    assert server.requests[0].content == records.encode(ENTRY)


@pytest.mark.parametrize("fault", [CUT, httpx.ReadTimeout(""), httpx.WriteError(""), httpx.Response(503)])
def test_after_a_lost_answer_the_append_goes_on_as_a_put(fault: httpx.Response | Exception):
    store, server = scripted(fault, fault, CREATED)
    assert store.append(ENTRY) == "d1"
    assert server.sent == ["POST /v1/enhance/log", f"PUT {PATH}", f"PUT {PATH}"]


@pytest.mark.parametrize("fault", [httpx.ConnectError("refused"), httpx.Response(429)])
def test_before_anything_was_sent_it_stays_a_post(fault: httpx.Response | Exception):
    store, server = scripted(fault, CREATED)
    store.append(ENTRY)
    assert server.sent == ["POST /v1/enhance/log"] * 2


def test_a_put_is_safe_to_repeat():
    store, server = scripted(CUT, CREATED, json_answer(200, {}, {"ETag": 'W/"d1"'}))
    assert store.put(ENTRY) == (True, "d1")
    assert store.put(ENTRY) == (False, "d1")
    assert server.sent == [f"PUT {PATH}"] * 3


def test_a_put_of_another_entry_is_conflict():
    store, _ = scripted(problem(409, "taken", identical=False, differs=["intent"]))
    with pytest.raises(Conflict) as refusal:
        store.put(ENTRY)
    assert refusal.value.differs == ("intent",)


def test_our_own_first_try_is_no_conflict():
    store, _ = scripted(CUT, json_answer(200, {}, {"ETag": '"d1"'}), known(age_s=1))
    assert store.append(ENTRY) == "d1"


def test_an_identical_entry_from_before_our_first_try_is_conflict():
    store, _ = scripted(CUT, json_answer(200, {}), known(age_s=60))
    with pytest.raises(Conflict) as refusal:
        store.append(ENTRY)
    assert refusal.value.identical is True


@pytest.mark.parametrize(
    "answer",
    [known(age_s=60, Date="yesterday"), problem(403, "This needs the scope log:read."), CUT, json_answer(200, 1)],
)
def test_where_nobody_can_tell_whose_it_is_the_stored_entry_counts_as_ours(answer: Step):
    store, _ = scripted(CUT, json_answer(200, {}), answer)
    assert store.append(ENTRY) == records.digest(ENTRY)


@pytest.mark.parametrize("lost", [[], [CUT]])
def test_a_conflict_says_what_differs(lost: list[Step]):
    store, _ = scripted(*lost, problem(409, "already stored", identical=False, differs=["intent"]))
    with pytest.raises(Conflict) as refusal:
        store.append(ENTRY)
    assert (refusal.value.issue_id, refusal.value.identical) == (ENTRY.issue_id, False)
    assert refusal.value.differs == ("intent",)


def test_a_conflict_without_details_is_a_conflict():
    store, _ = scripted(httpx.Response(409, text="Conflict"))
    with pytest.raises(Conflict) as refusal:
        store.append(ENTRY)
    assert refusal.value.identical is None


def test_an_entry_that_the_server_refuses_is_invalid():
    errors = [{"field": "", "rule": "size", "detail": "is 2,000 bytes, the limit is 1,000"}]
    store, _ = scripted(problem(413, "too large", errors))
    with pytest.raises(Invalid, match="the limit is 1,000"):
        store.append(ENTRY)


def test_only_the_servers_own_words_mean_not_found():
    missing = httpx.Response(404, content=b"enhance log entry not found")
    store, _ = scripted(missing)
    with pytest.raises(NotFound):
        store.get("h-1")
    store, _ = scripted(httpx.Response(404, text="nginx"))
    with pytest.raises(Other, match="answered 404: is ENHANCELOG_URL the address"):
        store.get("h-1")


def test_impossible_ids_are_not_asked_for():
    store, server = scripted(CREATED)
    with pytest.raises(NotFound):
        store.get("..")
    assert store.list_by_blueprint("a\nb") == []
    assert server.requests == []


def test_a_list_is_read_by_pages_from_our_own_server_alone():
    entries = [make_entry(issue_id=str(number)) for number in range(3)]
    first = httpx.Response(
        200,
        content=b"[" + records.encode(entries[0]) + b"," + records.encode(entries[1]) + b"]",
        headers={"Link": '<http://evil.test/v1/enhance/log?page_size=2&cursor=a%2Bb>; rel="next"'},
    )
    store, server = scripted(first, httpx.Response(200, content=b"[" + records.encode(entries[2]) + b"]"))
    assert store.list_all() == entries
    assert server.sent == [
        "GET /v1/enhance/log?page_size=200",
        "GET /v1/enhance/log?page_size=200&cursor=a%2Bb",
    ]
    assert {request.url.host for request in server.requests} == {"log.test"}


@pytest.mark.parametrize("link", ["</v1/enhance/log>", "</v1/enhance/log?cursor=a>"])
def test_a_page_that_leads_nowhere_ends_the_list(link: str):
    store, server = scripted(httpx.Response(200, content=b"[]", headers={"Link": f'{link}; rel="next"'}))
    with pytest.raises(Other, match="next page of the list is invalid"):
        store.list_all()
    assert len(server.requests) <= 2


@pytest.mark.parametrize("body", [b"", b"{}", b"[1", b"<html>", b"\xff", b'["h-1"]', b"[{}]", b'[{"issue_id": ".."}]'])
def test_an_answer_that_is_no_list_of_entries_is_other(body: bytes):
    store, _ = scripted(httpx.Response(200, content=body))
    with pytest.raises(Other, match=r"http://log.test (did not send|sent an invalid entry)"):
        store.list_all()


def test_a_long_intent_is_cut_between_characters():
    store, server = scripted(httpx.Response(200, content=b"{}"))
    store.why("main", "語" * 5000)
    assert server.requests[0].url.params["intent"] == "語" * 1333


def test_what_was_tried_is_a_typed_answer():
    answer = TriedBefore("n", "p", runs=2, applied=1, rejected=1, attempts=[], left_out=0)
    store, server = scripted(json_answer(200, msgspec.to_builtins(answer)), json_answer(200, {}))
    assert store.tried_before("a/b", "", 5) == answer
    assert server.sent == ["GET /v1/enhance/why?prev_hash=a%2Fb&blueprint_id=&limit=5"]
    with pytest.raises(Other, match="did not send the API's JSON"):
        store.tried_before("a")


def test_an_axis_without_a_page_is_not_found():
    store, server = scripted(problem(404, "There is no axis a/b."), httpx.Response(404))
    with pytest.raises(NotFound, match="not found: a/b"):
        store.axis("a/b", [("since", "7d")])
    assert server.sent == ["GET /v1/enhance/axes/a%2Fb?since=7d"]
    with pytest.raises(Other):
        store.axis("a/b")
    with pytest.raises(NotFound):
        store.axis("..")


def test_themes_are_typed():
    answer = AxisThemes("a/b", "not prose", 120, [], 120, 0)
    store, server = scripted(json_answer(200, msgspec.to_builtins(answer)), problem(404, "There is no axis a/b."))
    assert store.themes("a/b", [("period", "7d")]) == answer
    assert server.sent == ["GET /v1/enhance/themes/a%2Fb?period=7d"]
    with pytest.raises(NotFound, match="not found: a/b"):
        store.themes("a/b")


@pytest.mark.django_db(transaction=True)
def test_figures_of_axes_are_typed(live_api: str):
    store = HttpEnhanceLogStore()
    store.append_many([make_rejected("noop", "tone", issue_id="a"), make_rejected("noop", issue_id="b")])
    for log in (store, Blocking(AsyncHttpEnhanceLogStore())):
        noop, tone, des = log.axes()
        assert (noop.axis, noop.denied.n, noop.denied.of, noop.next.same) == ("noop", 2, 2, 1)
        assert (tone.alone.n, des.denied.n) == (0, 0)
        assert log.axis("noop", [("blueprint_id", "main")]).together == {"tone": 1}
        assert log.what_if(["noop"]).passed.n == 1
        assert (log.themes("noop").axis, log.themes("noop").themes) == ("noop", [])
        tried = log.tried_before(ENTRY.prev_hash, "main", 1)
        assert (tried.runs, len(tried.attempts)) == (2, 1)
        assert "> denied by: noop" in log.tried_before_text(ENTRY.prev_hash, max_chars=1000)
        assert log.why_text("main").startswith(DATA_NOTICE)


@pytest.mark.django_db(transaction=True)
def test_figures_of_the_log_are_typed(live_api: str):
    store = HttpEnhanceLogStore()
    entries = [make_rejected("noop", issue_id=f"r{at}", ts_ms=ENTRY.ts_ms + at) for at in range(20)]
    store.append_many([*entries, *(msgspec.structs.replace(ENTRY, issue_id=f"a{at}") for at in range(20))])
    day = [("since", "2026-11-01"), ("until", "2026-12-01")]
    for log in (store, Blocking(AsyncHttpEnhanceLogStore())):
        assert log.funnel(day).blueprints[0].blueprint_id == "main"
        assert {row.axis for row in log.steadiness([("axis", "noop"), *day]).axes} <= {"noop"}
        rejected = [("status", "rejected")]
        for found in (log.differences(rejected), log.differences(rejected, [("status", "applied")])):
            assert (found.inside.entries, found.outside.entries) == (20, 20)
        made = log.mark(NewMarker(title="prompt v12", ts_ms=ENTRY.ts_ms))
        assert made in log.markers([("kind", "manual")])
        assert log.marker(made.id).title == "prompt v12"
        with pytest.raises(NotFound, match="not found: none"):
            log.marker("none")
        with pytest.raises(Invalid, match="title"):
            log.mark(NewMarker(title=""))


@pytest.mark.django_db(transaction=True)
def test_states_of_patterns_are_typed(live_api: str):
    store = HttpEnhanceLogStore()
    store.append(make_rejected("noop", issue_id="a", detail="rude"))
    (group,) = msgspec.json.decode(store.why("main"), type=Why).denied
    pattern = group.patterns[0].id
    for log in (store, Blocking(AsyncHttpEnhanceLogStore())):
        made = log.set_pattern_state(pattern, StateEdit(state="fixed", note="n"))
        assert (made.id, made.state.state, made.state.changed_by) == (pattern, "fixed", "agent-7")
        with pytest.raises(Conflict):
            log.set_pattern_state(pattern, StateEdit(state="new"), seen=0)
        with pytest.raises(Invalid, match="assignee"):
            log.set_pattern_state(pattern, StateEdit(assignee="nobody"), seen=made.state.change)
        with pytest.raises(Conflict):
            log.undo_pattern_state(pattern, made.state.change + 1)
        assert log.undo_pattern_state(pattern, made.state.change).state.state == "new"
        changes = log.pattern_changes(pattern)
        assert (changes[0].undoes, changes[1].note) == (made.state.change, "n")
        for unknown in ("0" * 16, ".."):
            with pytest.raises(NotFound):
                log.set_pattern_state(unknown, StateEdit(state="new"))
            with pytest.raises(NotFound):
                log.pattern_changes(unknown)


@pytest.mark.django_db(transaction=True)
def test_notes_are_written_and_read(live_api: str):
    store = HttpEnhanceLogStore()
    store.append(ENTRY)
    for log in (store, Blocking(AsyncHttpEnhanceLogStore())):
        made = log.add_note("entry", ENTRY.issue_id, "**one**")
        assert (made.about, made.about_id, made.author.kind, made.version) == ("entry", ENTRY.issue_id, "token", 1)
        page = log.notes("entry", ENTRY.issue_id)
        assert (page.notes[0], page.cursor) == (made, None)
        assert log.edit_note(made.id, "two", 1).version == 2
        with pytest.raises(Conflict):
            log.edit_note(made.id, "three", 1)
        assert [each.text for each in log.note(made.id).revisions] == ["two", "**one**"]
        log.withdraw_note(made.id)
        log.withdraw_note(made.id)
        with pytest.raises(Conflict):
            log.edit_note(made.id, "four")
        assert log.notes("entry", ENTRY.issue_id).notes[0].text == ""
        with pytest.raises(Invalid, match="text"):
            log.add_note("entry", ENTRY.issue_id, "")
        with pytest.raises(NotFound):
            log.add_note("blueprint", "", "x")
        with pytest.raises(NotFound):
            log.notes("pattern", "a/b")
        for unknown in ("a/b", "..", "0" * 16):
            with pytest.raises(NotFound):
                log.note(unknown)
            with pytest.raises(NotFound):
                log.withdraw_note(unknown)


@pytest.mark.django_db(transaction=True)
def test_notes_are_read_page_by_page(live_api: str):
    store = HttpEnhanceLogStore()
    store.append(ENTRY)
    made = [store.add_note("entry", ENTRY.issue_id, f"{number}").id for number in range(51)]
    found: list[str] = []
    cursor: Cursor | None = ()
    pages = 0
    while cursor is not None:
        page = store.notes("entry", ENTRY.issue_id, cursor)
        found += [note.id for note in page.notes]
        cursor, pages = page.cursor, pages + 1
    assert (sorted(found), pages) == (sorted(made), 2)


@pytest.mark.django_db(transaction=True)
def test_denials_are_drawn_and_reviewed(live_api: str):
    store = HttpEnhanceLogStore()
    store.append_many([make_rejected("noop", issue_id=f"r{at}", ts_ms=ENTRY.ts_ms + at) for at in range(3)])
    for log in (store, Blocking(AsyncHttpEnhanceLogStore())):
        queue = log.review_queue("noop")
        assert (queue.of, len(queue.drawn)) == (3, 3)
        assert log.review_queue("noop", queue.seed) == queue
        first = queue.drawn[0].issue_id
        made = log.review(first, "noop", NewReview(verdict="wrong", reason="it changes a line"), queue.seed)
        assert log.reviews(first, "noop") == [made]
        assert (made.verdict, made.seed) == ("wrong", queue.seed)
        assert log.axis("noop").reviews.drawn.wrong.n == len({row.issue_id for row in log.reviews(first)})
        log.review(first, "noop", NewReview(verdict="unclear"))
        with pytest.raises(Invalid, match="passed this run"):
            log.review(first, "des", NewReview(verdict="wrong"))
        for missing in ("none", ""):
            with pytest.raises(NotFound):
                log.review(missing, "noop", NewReview(verdict="wrong"))
            with pytest.raises(NotFound):
                log.reviews(missing)


def test_a_text_for_a_prompt_needs_a_server_that_sends_one():
    text = httpx.Response(200, text="> 語\n", headers={"Content-Type": "text/plain; charset=utf-8"})
    store, server = scripted(text, text, json_answer(200, {}))
    assert store.why_text("main", max_chars=500) == "> 語\n"
    assert store.tried_before_text("p") == "> 語\n"
    assert server.sent == [
        "GET /v1/enhance/why?blueprint_id=main&format=text&max_chars=500",
        "GET /v1/enhance/why?prev_hash=p&format=text",
    ]
    with pytest.raises(Other, match="sent no text: it is an older release"):
        store.why_text("main")


@pytest.mark.parametrize(("media_type", "form"), [("application/yaml", "yaml"), ("application/json", "json")])
def test_a_document_has_its_text_and_form(media_type: str, form: str):
    store, server = scripted(httpx.Response(200, text="語: 1\n", headers={"Content-Type": media_type}))
    assert store.document("ab/c") == (form, "語: 1\n")
    assert server.sent == ["GET /v1/enhance/documents/ab%2Fc"]


@pytest.mark.parametrize(
    ("answer", "error", "words"),
    [
        (problem(404, "There is no document abc."), NotFound, "not found: abc"),
        (problem(410, "The document has no text: it was redacted"), Damaged, "it was redacted"),
        (problem(404, "There is nothing at this address."), Other, "serves no documents: it is an older release"),
        (httpx.Response(404), Other, "serves no documents: it is an older release"),
        (httpx.Response(200, text="<html>", headers={"Content-Type": "text/html"}), Other, "did not send a document"),
        (httpx.Response(200, content=b"\xff", headers={"Content-Type": "application/yaml"}), Other, "did not send a"),
    ],
)
def test_what_is_no_document_is_an_error(answer: httpx.Response, error: type[Exception], words: str):
    store, _ = scripted(answer)
    with pytest.raises(error, match=words):
        store.document("abc")


def test_an_impossible_hash_is_not_asked_for():
    store, server = scripted(httpx.Response(500))
    with pytest.raises(NotFound):
        store.document("..")
    assert server.sent == []


@pytest.mark.django_db(transaction=True)
def test_entries_survive_a_reopen(live_api: str):
    HttpEnhanceLogStore().append(ENTRY)
    assert HttpEnhanceLogStore().list_all() == [ENTRY]


@pytest.mark.django_db(transaction=True)
def test_a_log_of_several_pages_is_listed_whole_and_in_order(live_api: str):
    store = HttpEnhanceLogStore()
    entries = [make_entry(issue_id=f"h-{number}", ts_ms=EARLIEST_MS + number // 2) for number in range(7)]
    for entry in entries:
        store.append(entry)
    assert list(store.entries(page_size=3)) == entries
    newest = store.entries([("since", "0"), ("blueprint_id", "main"), ("order", "desc")], page_size=2)
    assert next(newest) == entries[-1]


@pytest.mark.django_db(transaction=True)
def test_a_put_of_an_entry_stored_long_before_is_conflict(live_api: str, monkeypatch: pytest.MonkeyPatch):
    store = HttpEnhanceLogStore()
    monkeypatch.setattr("enhancelog.store.writing.now_ms", lambda: 1_600_000_000_000)
    store.append(ENTRY)
    monkeypatch.undo()
    lost = [httpx.ReadError("lost")]
    stream = store.connection._client.stream

    def losing(*arguments, **options):
        if lost:
            raise lost.pop()
        return stream(*arguments, **options)

    monkeypatch.setattr(store.connection._client, "stream", losing)
    with pytest.raises(Conflict):
        store.append(ENTRY)


@pytest.mark.parametrize("weak", ["", "W/"])
def test_the_digest_of_an_append_is_the_etag_in_either_form(weak: str):
    server = Scripted(json_answer(201, {}, {"ETag": f'{weak}"abc"'}))
    assert HttpEnhanceLogStore(server.connection).append(make_entry()) == "abc"


@pytest.mark.parametrize(
    ("answer", "expected"), [(httpx.Response(201), True), (httpx.Response(200), False), (problem(409), Conflict)]
)
def test_the_report_of_an_unfinished_run_is_safe_to_repeat(answer: httpx.Response, expected: bool | type[Exception]):
    store, server = scripted(CUT, answer)
    report = UnfinishedReport(issue_id="a/b", blueprint_id="main", status="died", reason="no answer")
    if isinstance(expected, bool):
        assert store.report_unfinished(report) is expected
    else:
        with pytest.raises(expected):
            store.report_unfinished(report)
    assert server.sent == ["PUT /v1/enhance/unfinished/a%2Fb"] * 2
