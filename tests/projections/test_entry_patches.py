"""Which patch is which entry's: unique in its source, else over all sources, else ambiguous, in whatever order."""

from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec import Raw

from enhancelog.domain.origin import Origin
from enhancelog.models import AmbiguousPatch, Entry, EntryPatch, Patch
from enhancelog.projections import entry_patches
from enhancelog.projections.entry_patches import EntryKey, PatchKey, join
from enhancelog.store import host_derivation, observed
from enhancelog.store.database import DatabaseEnhanceLogStore
from enhancelog.store.observed import Found
from enhancelog.store.rebuilding import rebuild_projections
from enhancelog.store.verification import verify
from tests.factories import HASHES, make_entry
from tests.host.observed import make_patch, read_tables


def entry(position: int, source: str = "a", prev_hash: str = "p") -> EntryKey:
    return EntryKey(position, source, prev_hash)


def patch(position: int, source: str = "a", prev_hash: str = "p", digest: str = "d") -> PatchKey:
    return PatchKey(position, source, prev_hash, digest)


@pytest.mark.parametrize(
    ("entries", "patches", "joined", "ambiguous"),
    [
        ([entry(1)], [patch(1)], {1: 1}, set()),
        ([entry(1)], [patch(1, "b")], {1: 1}, set()),
        ([entry(1)], [patch(1, prev_hash="q")], {}, set()),
        ([], [patch(1)], {}, set()),
        ([entry(1), entry(2, "b")], [patch(1), patch(2, "b")], {1: 1, 2: 2}, set()),
        ([entry(1), entry(2, "b")], [patch(1, "c")], {}, {1}),
        ([entry(1), entry(2)], [patch(1)], {}, {1}),
        ([entry(1)], [patch(1), patch(2, digest="e")], {}, {1, 2}),
        ([entry(1)], [patch(1), patch(2, "b", digest="e")], {1: 1}, {2}),
        ([entry(1)], [patch(1, "b"), patch(2, "c")], {1: 1, 2: 1}, set()),
        ([entry(1)], [patch(1, "b"), patch(2, "c", digest="e")], {}, {1, 2}),
        ([entry(1), entry(2, prev_hash="q")], [patch(1), patch(2, prev_hash="q")], {1: 1, 2: 2}, set()),
    ],
)
def test_a_patch_is_joined_where_only_one_entry_can_be_meant(
    entries: list[EntryKey], patches: list[PatchKey], joined: dict[int, int], ambiguous: set[int]
) -> None:
    assert join(entries, patches) == (joined, ambiguous)


SOURCES = ["a", "b"]
sent = st.lists(
    st.tuples(
        st.sampled_from(["entry", "patch"]),
        st.sampled_from(SOURCES),
        st.sampled_from(["main", ""]),
        st.sampled_from(HASHES[:2]),
        st.sampled_from([1_795_000_000_000, 1_795_000_000_001]),
        st.integers(0, 2),
    ),
    max_size=12,
    unique=True,
)
few = settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])


def store(number: int, what: tuple[Any, ...]) -> None:
    kind, source, blueprint_id, prev_hash, ts_ms, variant = what
    run = {"blueprint_id": blueprint_id, "prev_hash": prev_hash, "ts_ms": ts_ms}
    if kind == "entry":
        made = make_entry(issue_id="/".join(map(str, what)), **run)
        DatabaseEnhanceLogStore(Origin("command", "tests", source)).append_batch([made])
    else:
        ops = Raw(f'[{{"op":"add","path":"/a","value":{variant}}}]'.encode())
        observed.keep(source, Found(patches=[make_patch(ops=ops, seq=7, **run)]))
    if number % 3 == 0:
        host_derivation.settle()


@few
@given(sent.flatmap(lambda found: st.tuples(st.just(found), st.permutations(found))))
@pytest.mark.django_db
def test_the_order_in_which_entries_and_patches_come_does_not_matter(
    both: tuple[list[tuple[Any, ...]], list[tuple[Any, ...]]],
) -> None:
    seen = []
    for found in both:
        with transaction.atomic():
            for number, what in enumerate(found):
                store(number, what)
            host_derivation.settle()
            tables = read_tables()
            seen.append((tables["patches"], tables["joined"], tables["ambiguous"]))
            assert list(verify()) == []
            rebuild_projections()
            assert {**read_tables(), "changes": []} == {**tables, "changes": []}
            transaction.set_rollback(True)
    assert seen[0] == seen[1]


@pytest.mark.django_db
def test_a_crowded_moment_is_ambiguous_and_not_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host_derivation, "PATCHES_AT_ONCE", 50)
    observed.keep("a", Found(patches=[make_patch(seq=number, rationale=str(number)) for number in range(130)]))
    host_derivation.settle()
    assert (EntryPatch.objects.count(), AmbiguousPatch.objects.count()) == (0, 0)
    DatabaseEnhanceLogStore(Origin("command", "tests", "a")).append_batch([make_entry()])
    host_derivation.settle()
    assert AmbiguousPatch.objects.count() == 130
    observed.keep("a", Found(patches=[make_patch(seq=number, rationale=str(number)) for number in range(200)]))
    host_derivation.settle()
    assert (EntryPatch.objects.count(), AmbiguousPatch.objects.count()) == (0, 200)
    assert list(verify()) == []


@pytest.mark.django_db
def test_entries_of_a_crowded_moment_are_read_up_to_a_limit() -> None:
    crowd = [make_entry(issue_id=f"h-{number}") for number in range(entry_patches.MOST_AT_ONCE + 5)]
    DatabaseEnhanceLogStore(Origin("command", "tests", "a")).append_batch(crowd)
    observed.keep("a", Found(patches=[make_patch()]))
    host_derivation.settle()
    assert AmbiguousPatch.objects.count() == Patch.objects.count() == 1
    assert Entry.objects.count() == len(crowd)
