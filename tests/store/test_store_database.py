"""The database store beyond the contract: batches, positions, origin, and what a reader may rely on."""

import pytest
from django.db import connection, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from enhancelog.domain import records
from enhancelog.domain.errors import NotFound
from enhancelog.domain.origin import Origin
from enhancelog.domain.records import Entry
from enhancelog.domain.times import now_ms
from enhancelog.models import Entry as EntryModel
from enhancelog.store import database
from enhancelog.store.database import DatabaseEnhanceLogStore
from enhancelog.store.writing import ENTRIES_PER_TRANSACTION, Outcome
from tests.factories import make_entry
from tests.strategies import entries

pytestmark = pytest.mark.django_db


@pytest.fixture
def store() -> DatabaseEnhanceLogStore:
    return DatabaseEnhanceLogStore(Origin("user", "ada", "api"))


def positions() -> list[int]:
    return list(EntryModel.objects.order_by("position").values_list("position", flat=True))


def test_a_row_says_who_wrote_it_when_and_which_way(store: DatabaseEnhanceLogStore) -> None:
    before = now_ms()
    digest = store.append(make_entry())
    row = EntryModel.objects.get()
    assert (row.position, row.actor_kind, row.actor_name, row.source) == (1, "user", "ada", "api")
    assert row.digest == digest == records.digest(make_entry())
    assert before <= row.recorded_ms <= now_ms()


def test_a_batch_says_of_each_entry_what_became_of_it(store: DatabaseEnhanceLogStore) -> None:
    known = make_entry(issue_id="known")
    store.append(known)
    new = make_entry(issue_id="new")
    other = make_entry(issue_id="known", intent="x")
    outcomes = store.append_batch([new, known, other, make_entry(issue_id="new"), make_entry(issue_id="last")])
    digest = records.digest(known)
    assert outcomes == [
        Outcome("created", records.digest(new)),
        Outcome("identical", digest),
        Outcome("conflict", digest, ("intent",), shown=other),
        Outcome("identical", records.digest(new)),
        Outcome("created", records.digest(make_entry(issue_id="last"))),
    ]
    assert positions() == [1, 2, 3]


def test_positions_are_dense_over_batches_with_known_entries(store: DatabaseEnhanceLogStore) -> None:
    for start in range(0, 100, 7):
        store.append_batch([make_entry(issue_id=str(number)) for number in range(max(0, start - 3), start + 7)])
    assert positions() == list(range(1, len(positions()) + 1))


def test_an_empty_batch_is_nothing(store: DatabaseEnhanceLogStore) -> None:
    assert store.append_batch([]) == []
    assert database.last_position() == 0


def test_a_full_batch_is_stored_whole(store: DatabaseEnhanceLogStore) -> None:
    batch = [make_entry(issue_id=str(number)) for number in range(ENTRIES_PER_TRANSACTION)]
    assert {outcome.result for outcome in store.append_batch(batch)} == {"created"}
    assert {outcome.result for outcome in store.append_batch(batch)} == {"identical"}
    assert [stored.entry for some in database.stored_batches() for stored in some] == batch


def test_an_append_inside_a_transaction_that_is_rolled_back_leaves_nothing(store: DatabaseEnhanceLogStore) -> None:
    with transaction.atomic():
        store.append(make_entry())
        transaction.set_rollback(True)
    assert store.list_all() == []
    store.append(make_entry())
    assert positions() == [1]


def test_one_row_is_the_same_from_a_short_and_a_long_batch(store: DatabaseEnhanceLogStore) -> None:
    """PostgreSQL takes few rows by INSERT and many by COPY."""
    nasty = "\\N \\. \\t tab\t nl\n cr\r quote\" ' \x01 \x7f 🦊"
    for number, size in enumerate((1, 40)):
        batch = [
            make_entry(issue_id=f"{number}-{index}", intent=nasty, ops=[{"op": "test", "path": "", "value": nasty}])
            for index in range(size)
        ]
        store.append_batch(batch)
        assert [records.encode(store.get(entry.issue_id)) for entry in batch] == list(map(records.encode, batch))


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(entries(), max_size=30, unique_by=lambda entry: entry.issue_id))
def test_any_entries_come_back_byte_for_byte(store: DatabaseEnhanceLogStore, batch: list[Entry]) -> None:
    with transaction.atomic():
        store.append_batch(batch)
        stored = [row.entry for some in database.stored_batches() for row in some]
        transaction.set_rollback(True)
    assert list(map(records.encode, stored)) == list(map(records.encode, batch))


def test_ids_sort_by_code_point(store: DatabaseEnhanceLogStore) -> None:
    ids = ["b", "a", "B", "é", "z", "Z", "\ue000", "🦊", "_", "aa"]
    store.append_batch([make_entry(issue_id=issue_id) for issue_id in ids])
    listed = EntryModel.objects.order_by("issue_id").values_list("issue_id", flat=True)
    assert list(listed) == sorted(ids)


def test_statistics_can_be_made_anew(store: DatabaseEnhanceLogStore) -> None:
    store.append(make_entry())
    database.analyze()


def test_looking_up_an_impossible_id_does_not_ask_the_database(
    store: DatabaseEnhanceLogStore, django_assert_num_queries: pytest.FixtureRequest
) -> None:
    connection.ensure_connection()
    with django_assert_num_queries(0):  # type: ignore[operator]
        assert store.list_by_blueprint("a\0b") == []
        with pytest.raises(NotFound):
            store.get("\ud800")
