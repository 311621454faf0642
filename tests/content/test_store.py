"""The content store's contract, the same over every backend."""

import pytest

from content.kinds import KINDS, Key
from content.store import ContentStore, NotEmpty, OutOfRange, Preloaded, VersionMismatch, absent, version
from enhancelog.domain.codecs import MAX_COUNT, Counter, Json
from enhancelog.domain.errors import Invalid, TooLarge
from tests.content.conftest import AGENT, InThreads


def sample(kind: str, number: int = 3) -> str:
    codec = KINDS[kind].codec
    if isinstance(codec, Counter):
        return str(number)
    return f'{{"kind": {number}}}' if isinstance(codec, Json) else f"line {number}"


def test_read_of_an_absent_key_is_none(store: ContentStore):
    assert store.read("S-1", "story") is None


def test_write_then_read_is_verbatim(store: ContentStore):
    text = "# Überschrift\r\n\n日本語 \u2028 \U0001f600 \t  trailing  \n"
    created = store.write("S-1", "story", text)
    item = store.read("S-1", "story")
    assert created.created
    assert item == created.item
    assert item is not None
    assert (item.value, item.version, item.origin) == (text, 1, AGENT)


def test_write_overwrites_and_counts_versions(store: ContentStore):
    store.write("S-1", "gate_output", "one")
    second = store.write("S-1", "gate_output", "two")
    assert not second.created
    assert second.item.version == 2
    assert [(item.version, item.value) for item in store.history("S-1", "gate_output")] == [(1, "one"), (2, "two")]


def test_a_kind_is_visible_under_no_other(store: ContentStore):
    values = {kind: sample(kind, number) for number, kind in enumerate(KINDS, 1)}
    some, others = list(KINDS)[::2], list(KINDS)[1::2]
    for kind in some:
        store.write("S-1", kind, values[kind])
    assert stored(store) == {kind: values[kind] for kind in some}
    for kind in others:
        store.write("S-1", kind, values[kind])
    assert stored(store) == values
    assert store.list_ids() == ["S-1"]
    for kind in some:
        store.delete("S-1", kind)
    assert stored(store) == {kind: values[kind] for kind in others}


def stored(store: ContentStore) -> dict[str, str | None]:
    items = {kind: store.read("S-1", kind) for kind in KINDS}
    return {kind: item.value for kind, item in items.items() if item is not None}


def test_delete_twice_is_no_error(store: ContentStore):
    store.write("S-1", "story", "text")
    assert store.delete("S-1", "story")
    assert not store.delete("S-1", "story")
    assert store.read("S-1", "story") is None
    assert [item.value for item in store.history("S-1", "story")] == ["text", None]


def test_versions_go_on_after_a_delete(store: ContentStore):
    store.write("S-1", "story", "text")
    store.delete("S-1", "story")
    again = store.write("S-1", "story", "text")
    assert again.created
    assert again.item.version == 3


def test_a_version_of_before_a_delete_never_overwrites(store: ContentStore):
    old = store.write("S-1", "story", "text").item
    store.delete("S-1", "story")
    store.write("S-1", "story", "made again")
    with pytest.raises(VersionMismatch) as refused:
        store.write("S-1", "story", "lost", expected=version(old.version))
    assert refused.value.current == store.read("S-1", "story")
    assert len(store.history("S-1", "story")) == 3


def test_expecting_an_absent_key_takes_a_tombstone_for_absent(store: ContentStore):
    store.write("S-1", "story", "text", expected=absent)
    with pytest.raises(VersionMismatch):
        store.write("S-1", "story", "other", expected=absent)
    store.take("S-1", "story")
    assert store.write("S-1", "story", "new", expected=absent).created


def test_a_refused_write_leaves_no_trace(store: ContentStore):
    with pytest.raises(VersionMismatch):
        store.write("S-1", "story", "text", expected=version(1))
    with pytest.raises(VersionMismatch):
        store.increment("S-1", "abort_respawn_count", expected=version(1))
    assert store.list_ids() == []
    assert store.history("S-1", "story") == []
    assert store.write("S-1", "story", "text").item.version == 1


def test_delete_and_take_honour_the_expected_version(store: ContentStore):
    store.write("S-1", "story", "text")
    for change in (store.delete, store.take):
        with pytest.raises(VersionMismatch):
            change("S-1", "story", expected=version(7))
    with pytest.raises(VersionMismatch):
        store.delete("S-2", "story", expected=version(1))
    assert store.delete("S-1", "story", expected=version(1))


def test_take_returns_what_it_removed(store: ContentStore):
    written = store.write("S-1", "commit_recovery_forced_exit", "").item
    assert store.take("S-1", "commit_recovery_forced_exit") == written
    assert store.take("S-1", "commit_recovery_forced_exit") is None
    assert store.read("S-1", "commit_recovery_forced_exit") is None


def test_of_many_takes_one_wins(store: ContentStore, in_threads: InThreads):
    store.write("S-1", "commit_recovery_forced_exit", "exit 1")
    outcomes = in_threads(50, lambda: store.take("S-1", "commit_recovery_forced_exit"))
    assert [outcome.value for outcome in outcomes if outcome] == ["exit 1"]  # type: ignore[attr-defined]
    assert len(store.history("S-1", "commit_recovery_forced_exit")) == 2


def test_increments_at_once_lose_nothing(store: ContentStore, in_threads: InThreads):
    def count() -> None:
        for _ in range(25):
            store.increment("S-1", "abort_respawn_count")

    assert in_threads(8, count) == [None] * 8
    item = store.read("S-1", "abort_respawn_count")
    assert item is not None
    assert (item.value, item.version) == ("200", 200)
    assert [int(past.value or 0) for past in store.history("S-1", "abort_respawn_count")] == list(range(1, 201))


def test_of_many_creations_one_wins(store: ContentStore, in_threads: InThreads):
    outcomes = in_threads(12, lambda: store.write("S-1", "story", "mine", expected=absent))
    assert sum(isinstance(outcome, VersionMismatch) for outcome in outcomes) == 11
    assert len(store.history("S-1", "story")) == 1


def test_increment_creates_at_n_and_again_after_a_removal(store: ContentStore):
    assert store.increment("S-1", "mergemaster_spawn_count", 4).value == "4"
    assert store.increment("S-1", "mergemaster_spawn_count", -4).value == "0"
    store.delete("S-1", "mergemaster_spawn_count")
    item = store.increment("S-1", "mergemaster_spawn_count", 2)
    assert (item.value, item.version) == ("2", 4)


@pytest.mark.parametrize(
    ("kind", "start", "by"),
    [
        ("abort_respawn_count", "0", -1),
        ("abort_respawn_count", None, -1),
        ("abort_respawn_count", "5", -6),
        ("abort_respawn_count", "5", -(2**63)),
        ("abort_respawn_count", str(MAX_COUNT), 1),
        ("abort_respawn_count", "1", MAX_COUNT),
        ("commit_recovery_pending", "1", -1),
        ("commit_recovery_pending", None, -1),
    ],
)
def test_increment_out_of_range_changes_nothing(store: ContentStore, kind: str, start: str | None, by: int):
    if start is not None:
        store.write("S-1", kind, start)
    with pytest.raises(OutOfRange):
        store.increment("S-1", kind, by)
    item = store.read("S-1", kind)
    assert (item.value if item else None) == start
    assert len(store.history("S-1", kind)) == (start is not None)


def test_a_removed_counter_does_not_go_below_its_minimum(store: ContentStore):
    store.write("S-1", "commit_recovery_pending", "5")
    store.delete("S-1", "commit_recovery_pending")
    with pytest.raises(OutOfRange):
        store.increment("S-1", "commit_recovery_pending", -3)


@pytest.mark.parametrize(("start", "by", "end"), [("0", MAX_COUNT, MAX_COUNT), (str(MAX_COUNT), -MAX_COUNT, 0)])
def test_increment_reaches_the_ends_of_the_range(store: ContentStore, start: str, by: int, end: int):
    store.write("S-1", "abort_respawn_count", start)
    assert store.increment("S-1", "abort_respawn_count", by).value == str(end)


@pytest.mark.parametrize("by", [0, 2**63, -(2**63) - 1])
def test_increment_by_nothing_or_beyond_64_bits_is_invalid(store: ContentStore, by: int):
    with pytest.raises(Invalid):
        store.increment("S-1", "abort_respawn_count", by)


def test_increment_of_a_kind_that_does_not_count_is_invalid(store: ContentStore):
    with pytest.raises(Invalid):
        store.increment("S-1", "story")


def test_increment_honours_the_expected_version(store: ContentStore):
    store.increment("S-1", "abort_respawn_count", expected=absent)
    with pytest.raises(VersionMismatch):
        store.increment("S-1", "abort_respawn_count", expected=version(2))
    assert store.increment("S-1", "abort_respawn_count", expected=version(1)).value == "2"


@pytest.mark.parametrize("story_id", ["", "a:b", "a:gate_output", "a\nb", "a\0b", ".", "..", "x" * 513, "\ud800"])
def test_an_id_that_breaks_the_rule_is_refused_and_reads_as_absent(store: ContentStore, story_id: str):
    for change in (
        lambda: store.write(story_id, "story", "text"),
        lambda: store.delete(story_id, "story"),
        lambda: store.take(story_id, "story"),
        lambda: store.increment(story_id, "abort_respawn_count"),
        lambda: store.preload({Key(story_id, "story"): "text"}),
    ):
        with pytest.raises(Invalid):
            change()
    assert store.read(story_id, "story") is None
    assert store.history(story_id, "story") == []
    assert store.list_ids() == []


@pytest.mark.parametrize("story_id", ["ops/デプロイ-3 %", "a/../b", "/", "x" * 512, "語" * 170, " ", "%2F", "?#&;"])
def test_unusual_ids_are_kept(store: ContentStore, story_id: str):
    store.write(story_id, "story", "text")
    assert store.list_ids() == [story_id]
    assert store.raw_keys() == [story_id]


def test_an_unknown_kind_is_invalid(store: ContentStore):
    with pytest.raises(Invalid):
        store.read("S-1", "stories")
    with pytest.raises(Invalid):
        store.write("S-1", "stories", "text")


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("story", "a\0b"),
        ("gate_output", "\ud800"),
        ("abort_respawn_count", "01"),
        ("commit_recovery_pending", "0"),
        ("merge_report", "{"),
        ("commit_recovery_read_set", "b\na"),
    ],
)
def test_a_value_that_breaks_its_rule_changes_nothing(store: ContentStore, kind: str, value: str):
    with pytest.raises(Invalid):
        store.write("S-1", kind, value)
    with pytest.raises(Invalid):
        store.preload({Key("S-0", "story"): "fine", Key("S-1", kind): value})
    assert store.list_ids() == []


def test_a_value_over_the_limit_is_too_large(store: ContentStore):
    with pytest.raises(TooLarge):
        store.write("S-1", "story", "é" * (1 << 19) + "x")
    with pytest.raises(TooLarge):
        store.write("S-1", "merge_success", "x" * 4097)
    assert store.write("S-1", "story", "é" * (1 << 19)).created
    assert store.write("S-1", "merge_success", "x" * 4096).created


def test_lists_are_sorted_by_code_point_and_leave_tombstones_out(store: ContentStore):
    for story_id in ("b", "B", "a", "é", "Ω", "\U0001f600", "\uff5e", "gone"):
        store.write(story_id, "story", "text")
    store.delete("gone", "story")
    store.write("a", "gate_output", "text")
    assert store.list_ids() == ["B", "a", "b", "é", "Ω", "\uff5e", "\U0001f600"]
    assert store.raw_keys() == ["B", "a:gate_output", "a", "b", "é", "Ω", "\uff5e", "\U0001f600"]


def test_preload_fills_an_empty_store(store: ContentStore):
    values = {Key(f"S-{n}", "story"): f"text {n}" for n in range(1200)}
    assert store.preload(values) == Preloaded(created=1200)
    assert len(store.list_ids()) == 1200
    item = store.read("S-7", "story")
    assert item is not None
    assert (item.value, item.version, item.origin) == ("text 7", 1, AGENT)
    assert [past.version for past in store.history("S-7", "story")] == [1]


def test_preload_refuses_a_store_that_holds_something(store: ContentStore):
    store.write("S-1", "story", "kept")
    with pytest.raises(NotEmpty):
        store.preload({Key("S-2", "story"): "text"})
    assert store.list_ids() == ["S-1"]


def test_of_many_preloads_into_an_empty_store_one_wins(store: ContentStore, in_threads: InThreads):
    numbers = iter(range(4))
    outcomes = in_threads(4, lambda: store.preload({Key(f"S-{next(numbers)}", "story"): "text"}))
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["NotEmpty"] * 3 + ["Preloaded"]
    assert len(store.list_ids()) == 1


def test_preload_takes_a_store_of_tombstones_for_empty(store: ContentStore):
    store.write("S-1", "story", "text")
    store.delete("S-1", "story")
    assert store.preload({Key("S-1", "story"): "again"}) == Preloaded(created=1)
    assert len(store.history("S-1", "story")) == 3


def test_preload_merges_on_request(store: ContentStore):
    store.write("S-1", "story", "old")
    store.write("S-2", "story", "same")
    store.write("S-3", "story", "untouched")
    values = {Key("S-1", "story"): "new", Key("S-2", "story"): "same", Key("S-4", "merge_success"): ""}
    assert store.preload(values, merge=True) == Preloaded(created=1, changed=1, unchanged=1)
    assert store.list_ids() == ["S-1", "S-2", "S-3", "S-4"]
    assert [item.value for item in store.history("S-1", "story")] == ["old", "new"]
    assert len(store.history("S-2", "story")) == 1
