"""Both databases find what plain Python finds in the same words, end in time, and stay in step with the log."""

import time
from collections.abc import Sequence

import pytest
from django.db import connection, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from enhancelog.backends import SEARCH_TABLE, Found, dialect
from enhancelog.domain import filters
from enhancelog.domain.errors import Invalid
from enhancelog.domain.records import Entry
from enhancelog.domain.search_words import GAP, find, phrase
from enhancelog.projections import search_index as projection
from enhancelog.queries import entries as lists
from enhancelog.queries import phrases, search
from enhancelog.queries.counts import count
from enhancelog.store.database import rebuild_search
from enhancelog.store.verification import verify
from tests.factories import make_entry, make_rejected
from tests.recording import record, record_all
from tests.searching import indexed

pytestmark = pytest.mark.django_db

WORDS = [
    "qa-lead",
    "QA",
    "lead",
    "café",
    "CAFE\u0301",
    "ﬁx",
    "日本語",
    "デプロイに失敗",
    "检查失败",
    "배포 실패",
    "йод",
    "🦊",
]
HOSTILE = [
    '"',
    "'",
    "\\",
    "NEAR(a, 2)",
    "a AND b",
    "a OR",
    "NOT",
    "^a",
    "words:a",
    "-a",
    "a*",
    "*",
    "(",
    "a:*",
    "a<->b",
    "&",
]
TEXTS = st.lists(st.sampled_from([*WORDS, *HOSTILE, "a", "b", "x" * 130]), max_size=6).map(" ".join) | st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12
)
ASKED = TEXTS | st.sampled_from(["lea*", "cafe*", "日", "失敗", "デプ*", "배", "x" * 64, "\0", "a\0b", "", "…"])
QUICK = settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])


def make(number: int, intent: str, rationale: str, reason: str, detail: str) -> Entry:
    verdicts = [{"axis": "noop", "status": "deny", "detail": detail}]
    return make_entry(
        issue_id=f"h-{number}",
        intent=intent,
        rationale=rationale,
        reasons=[reason, "b"],
        verdicts=verdicts,
        ts_ms=-number,
    )


LOGS = st.lists(st.tuples(TEXTS, TEXTS, TEXTS, TEXTS), max_size=6).map(
    lambda log: [make(number, *texts) for number, texts in enumerate(log, 1)]
)


def ask(*asked: str, order: filters.Order = "desc", size: int = 50, **others: str) -> list[int]:
    """All pages' positions."""
    wanted = filters.from_pairs([*(("phrase", text) for text in asked), *others.items()], 0)
    found: list[int] = []
    cursor = None
    while True:
        page = search.page(wanted, order, size, cursor)
        found += [row[0] for row in page.rows]
        if page.next is None:
            return found
        cursor = str(page.next)


def holding(log: Sequence[Entry], asked: str) -> list[int]:
    """The positions, by plain Python."""
    wanted = phrase(asked)
    return [position for position, entry in enumerate(log, 1) if [*find(projection.words(entry).split(), wanted)]]


def is_phrase(text: str) -> bool:
    try:
        phrase(text)
    except Invalid:
        return False
    return True


@QUICK
@given(LOGS, st.lists(ASKED.filter(is_phrase), min_size=1, max_size=5))
def test_both_databases_find_what_plain_python_finds(log: list[Entry], asked: list[str]) -> None:
    with transaction.atomic():
        record_all(log)
        for text in asked:
            there = holding(log, text)
            assert ask(text, order="asc", size=2) == there
            assert ask(text, size=2) == there[::-1]
            wanted = filters.from_pairs([("phrase", text)], 0)
            assert [row[0] for row in lists.page(wanted, "desc", 50).rows] == there  # by time, which runs backwards
            assert count(wanted, len(log)).number == len(there)
            others = filters.from_pairs([("not_phrase", text)], 0)
            assert count(others, len(log)).number == len(log) - len(there)
        together = sorted({position for text in asked for position in holding(log, text)})
        assert ask(*asked, order="asc") == together
        transaction.set_rollback(True)


@QUICK
@given(LOGS, st.data())
def test_the_index_is_what_follows_from_the_entries(log: list[Entry], data: st.DataObject) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        record_all(log)
        left = indexed()
        wanted = {
            (position, word, place)
            for position, entry in enumerate(log, 1)
            for place, word in enumerate(projection.words(entry).split(), 1)
            if word != GAP
        }
        stored = [one for batch in projection_batches() for one in batch]
        chosen = data.draw(st.lists(st.sampled_from(stored), unique_by=lambda one: one.position)) if stored else []
        projection.drop(cursor, chosen)
        without = indexed()
        projection.apply(cursor, chosen)
        again = indexed()
        rebuild_search()
        rebuilt = indexed()
        findings = list(verify())
        transaction.set_rollback(True)
    gone = {one.position for one in chosen}
    assert left == wanted == again == rebuilt
    assert without == {row for row in wanted if row[0] not in gone}
    assert findings == []


def projection_batches():
    from enhancelog.store.database import stored_batches

    return stored_batches()


def test_a_phrase_does_not_reach_from_one_text_into_the_next() -> None:
    record(make_rejected(intent="one two", reasons=["three", "four"], rationale="five", detail="six"))
    assert ask("one two") == [1]
    for apart in ("two three", "three four", "four five", "five six"):
        assert ask(apart) == []


def test_what_every_field_says_is_found_and_details_that_reasons_repeat_take_no_room() -> None:
    entry = make_rejected(intent="alpha", rationale="beta", detail="gamma")
    record(entry)
    for word in ("alpha", "beta", "gamma", "noop gamma", "ok"):
        assert ask(word) == [1]
    assert projection.words(entry).split().count("gamma") == 1


def test_how_much_of_a_huge_entry_is_indexed() -> None:
    many = " ".join(f"w{number}" for number in range(projection.MOST_WORDS + 10))
    often = "same " * (projection.MOST_PLACES + 5) + "end"
    long = "\ufdfa" * projection.MOST_CHARACTERS  # one character that is eighteen
    record(
        make_entry(issue_id="many", intent=many, rationale="after"),
        make_entry(issue_id="often", intent=often),
        make_entry(issue_id="long", intent=long, rationale="x" * 600_000),
    )
    assert ask(f"w{projection.MOST_WORDS - 1}") == [1]
    assert ask(f"w{projection.MOST_WORDS}") == []
    assert ask("after") == [1]
    assert ask("same same") == [2]
    assert ask("same end") == []
    assert ask("x" * 128) == [3]
    assert list(verify()) == []


def test_search_goes_by_when_an_entry_was_recorded() -> None:
    record(*(make_entry(issue_id=str(number), intent="word", ts_ms=-number) for number in range(5)))
    assert ask("word", size=2) == [5, 4, 3, 2, 1]
    assert ask("word", order="asc", size=2) == [1, 2, 3, 4, 5]


def test_a_search_within_a_filter_passes_by_what_does_not_match(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "_MOST_AT_ONCE", 4)
    record_all(make_entry(issue_id=str(number), intent="word", blueprint_id=str(number % 7)) for number in range(30))
    assert ask("word", blueprint_id="3", size=2) == [25, 18, 11, 4]
    assert ask("word", blueprint_id="3", order="asc", size=2) == [4, 11, 18, 25]


def test_entries_appended_meanwhile_are_not_seen() -> None:
    record(*(make_entry(issue_id=str(number), intent="word") for number in range(3)))
    wanted = filters.from_pairs([("phrase", "word")], 0)
    first = search.page(wanted, "asc", 2)
    record(make_entry(issue_id="late", intent="word"))
    assert [row[0] for row in search.page(wanted, "asc", 2, str(first.next)).rows] == [3]


def test_cursors_of_lists_and_of_searches_are_not_mistaken_for_each_other() -> None:
    record(*(make_entry(issue_id=str(number), intent="word") for number in range(3)))
    wanted = filters.from_pairs([("phrase", "word")], 0)
    with pytest.raises(Invalid):
        search.page(wanted, "asc", 2, str(lists.page(wanted, "asc", 2).next))
    with pytest.raises(Invalid):
        lists.page(wanted, "asc", 2, str(search.page(wanted, "asc", 2).next))


def test_no_time_at_all_stops_a_search_and_the_connection_stays_usable(monkeypatch: pytest.MonkeyPatch) -> None:
    record_all(make_entry(issue_id=str(number), intent="word " * 50) for number in range(300))
    wanted = filters.from_pairs([("phrase", "word word word")], 0)
    monkeypatch.setattr(search, "MOST_S", -1.0)
    page = search.page(wanted, "desc", 50)
    assert page.stopped
    assert len(page.rows) < 50
    assert (page.next is None) == (not page.rows)
    monkeypatch.undo()
    assert not search.page(wanted, "desc", 50).stopped
    assert len(ask("word word word", size=1000)) == 300


def test_a_stopped_search_goes_on_behind_what_it_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    record_all(make_entry(issue_id=str(number), intent="word") for number in range(9))
    real = phrases.find

    def stopping(wanted, between, most, seconds, *, asc) -> Found:
        found = real(wanted, between, 2, seconds, asc=asc)
        return Found(found.positions, stopped=len(found.positions) == 2)

    monkeypatch.setattr(search, "find", stopping)
    assert ask("word") == [9, 8, 7, 6, 5, 4, 3, 2, 1]
    assert search.page(filters.from_pairs([("phrase", "word")], 0), "desc", 5).stopped


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite goes along the positions")
@pytest.mark.parametrize("asc", [True, False])
def test_stretches_of_positions_on_postgresql_cover_them_all(monkeypatch: pytest.MonkeyPatch, asc: bool) -> None:
    from enhancelog.backends.postgresql import search_index as index

    monkeypatch.setattr(index, "_FIRST_STRETCH", 3)
    record_all(make_entry(issue_id=str(number), intent="odd" if number % 2 else "even") for number in range(40))
    with connection.cursor() as cursor:
        found = dialect().search.find(cursor, "'odd'", (1, 40), 100, time.monotonic() + 60, asc=asc)
        cursor.execute("SHOW statement_timeout")
        assert cursor.fetchone() == ("1min",)
    assert found == (list(range(2, 41, 2))[:: 1 if asc else -1], False)


def test_missing_index_is_named_and_migrate_makes_and_fills_it() -> None:
    from django.core.management import call_command

    record(make_entry(intent="word"))
    with connection.cursor() as cursor:
        cursor.execute(f"DROP TABLE {SEARCH_TABLE}")
        assert SEARCH_TABLE in dialect().search.missing(cursor)
        assert f"{SEARCH_TABLE} is missing; run migrate --skip-checks to create it" in list(verify())
        call_command("migrate", verbosity=0)
        assert dialect().search.missing(cursor) == []
    assert ask("word") == [1]
    assert list(verify()) == []


def test_statements_of_a_search_do_not_grow_with_the_rows(django_assert_num_queries) -> None:
    finding = 1 if connection.vendor == "sqlite" else 3  # the timeout, and back
    for number in (1, 200):
        record_all(make_entry(issue_id=f"{number}-{n}", intent="word") for n in range(number))
        with django_assert_num_queries(1 + finding + 1):
            search.page(filters.from_pairs([("phrase", "word")], 0), "desc", 50)
