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
    dict, op=st.sampled_from(["add", "replace", "test"]), path=st.just("/a"), value=texts
)


@st.composite
def entries(draw: st.DrawFn, issue_ids: st.SearchStrategy[str] = odd_ids) -> Entry:
    """Any entry, most of them inconsistent; ``verdicts`` may say an axis twice."""
    optional: dict[str, Any] = {
        "ops": draw(st.none() | st.lists(operations, max_size=2)),
        "bump": draw(st.sampled_from([None, "major", "minor", "patch"])),
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
