"""Random entries: odd texts and ids, few Blueprints, axes and hashes so that they meet, times late and absurd."""

from typing import Any

from hypothesis import strategies as st

from enhancelog.domain import records
from enhancelog.domain.records import Entry

NOW_MS = 1_795_000_000_000

texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
intents = texts | st.sampled_from(["cite the line", "Again: cite the line", "cite the line (try 2)"])
odd_ids = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=12).filter(records.is_id)
axes = st.sampled_from(["des", "canonical", "noop", "agent-ref", "licence", "ops/デプロイ %"])
blueprints = st.sampled_from(["main", "coding", "", "ops/デプロイ %"])
hashes = st.sampled_from(["", "odd", "a" * 64, "b" * 64])
times = st.one_of(
    st.integers(NOW_MS - 3 * 86_400_000, NOW_MS),
    st.sampled_from([0, -1, 1, 86_399_999, 86_400_000, NOW_MS * 2, -(2**63), 2**63 - 1]),
)
verdicts: st.SearchStrategy[dict[str, str]] = st.builds(
    dict, axis=axes, status=st.sampled_from(["pass", "deny"]), detail=texts
)
operations: st.SearchStrategy[dict[str, str]] = st.builds(
    dict, op=st.sampled_from(["add", "replace", "test"]), path=st.sampled_from(["/a", "/a/b", "/a/b/10"]), value=texts
)
meta_keys = st.sampled_from(["model", "seed", "a.b-c_1", "cached"])
meta_values = st.one_of(
    st.sampled_from(["1", "m-large", "", "true", 1, 1.0, 0, True, False, "1.0", "a b", "x" * 300]),
    texts,
    st.integers(-(2**70), 2**70),
    st.integers(-99, 99).map(lambda number: number / 4),
)
metas: st.SearchStrategy[dict[str, Any]] = st.dictionaries(meta_keys, meta_values, max_size=3)


@st.composite
def entries(draw: st.DrawFn, issue_ids: st.SearchStrategy[str] = odd_ids) -> Entry:
    """Any entry, most of them inconsistent; ``verdicts`` may say an axis twice."""
    optional: dict[str, Any] = {
        "ops": draw(st.none() | st.lists(operations, max_size=2)),
        "bump": draw(st.sampled_from([None, "major", "minor", "patch"])),
        "candidate_hash": draw(st.none() | hashes),
        "meta": draw(st.none() | metas),
    }
    return records.from_values(
        issue_id=draw(issue_ids),
        blueprint_id=draw(blueprints),
        prev_hash=draw(hashes),
        new_hash=draw(hashes),
        intent=draw(intents),
        rationale=draw(texts),
        verdicts=draw(st.lists(verdicts, max_size=4)),
        status=draw(st.sampled_from(["applied", "rejected"])),
        reasons=draw(st.lists(texts, max_size=3)),
        ts_ms=draw(times),
        **{name: value for name, value in optional.items() if value is not None},
    )
