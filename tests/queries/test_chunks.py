"""Rows are read in chunks of limited text size, which both databases weigh alike."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from enhancelog.backends import dialect, text_bytes
from enhancelog.models import Entry
from enhancelog.queries.entries import LONG_TEXTS
from enhancelog.store.rows import COLUMNS
from tests.factories import make_entry
from tests.recording import record_all

TEXTS = st.text(st.sampled_from("aé字🙂"), max_size=60)


def test_text_bytes_counts_the_named_columns_in_utf_8() -> None:
    weigh = text_bytes(["issue_id", "intent", "ops"], ["intent", "ops"])
    assert weigh(("long id", "é字", None)) == 5
    assert weigh(("long id", "ab", "[]")) == 4


@pytest.mark.django_db
class TestFirstRows(TestCase):
    @settings(max_examples=60)
    @given(
        st.lists(st.tuples(TEXTS, st.sampled_from([{}, {"ops": [{"op": "remove", "path": "/é"}]}])), max_size=6),
        st.integers(1, 7),
        st.integers(1, 6),
        st.integers(-1, 1),
    )
    def test_end_with_the_row_that_reaches_the_limit(self, log, size, heavy, more):
        record_all(make_entry(issue_id=f"h-{n}", rationale=text, **ops) for n, (text, ops) in enumerate(log))
        rows = Entry.objects.order_by("position")
        whole = list(rows.values_list(*COLUMNS))
        weights = [len("".join(getattr(entry, name) or "" for name in LONG_TEXTS).encode()) for entry in rows]
        most_bytes = sum(weights[:heavy]) + more
        ends = [n for n in range(1, len(whole) + 1) if n == size or sum(weights[:n]) >= most_bytes]
        expected = whole[: ends[0]] if ends else whole
        first, are_all = dialect().first_rows(rows, COLUMNS, LONG_TEXTS, size, most_bytes)
        assert first == expected
        assert are_all is not bool(ends)
