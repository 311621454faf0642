"""Draws of denials are uniform and stay the same; rates of wrong denials are those of a plain count."""

from collections import Counter, defaultdict
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from enhancelog.domain import reviews
from enhancelog.domain.errors import Invalid, NotFound
from enhancelog.domain.origin import Origin
from enhancelog.domain.reviews import DRAWN, NUMBERS, SAMPLES, VERDICTS, NewReview, Seed, Tally
from enhancelog.models import AuditRecord, Denial, Review
from enhancelog.queries import reviews as log
from enhancelog.queries.reviews import Draw, Figures
from enhancelog.store import reviews as store
from enhancelog.store.database import last_position
from tests.factories import make_entry, make_rejected
from tests.plans import whole_tables
from tests.recording import record, record_all
from tests.strategies import NOW_MS

pytestmark = pytest.mark.django_db

SAID = st.tuples(
    st.sampled_from(["h-0", "h-1", "h-2", "h-3"]),
    st.sampled_from(["noop", "tone"]),
    st.sampled_from(["ada", "bob", "eve"]),
    st.sampled_from(VERDICTS),
    st.none() | st.integers(0, 2**53 - 1),
)


def sparse(denials: int, others: int) -> list[int]:
    """Positions of an axis' denials, far from evenly spread and not in the order of time."""
    record_all(make_entry(issue_id=f"a-{at}", ts_ms=NOW_MS) for at in range(others))
    record_all(make_rejected(issue_id=f"b-{at}", ts_ms=NOW_MS - at * at % 97) for at in range(denials // 2))
    record_all(make_rejected("tone", issue_id=f"c-{at}", ts_ms=-at) for at in range(others))
    record_all(make_rejected(issue_id=f"d-{at}", ts_ms=-at) for at in range(denials - denials // 2))
    return list(Denial.objects.filter(axis="noop").values_list("entry_id", flat=True))


def draw(number: int, axis: str = "noop", up_to: int | None = None) -> Draw:
    return log.draw(axis, Seed(last_position() if up_to is None else up_to, number))


def said(issue_id: str, axis: str, who: str, verdict: Any, seed: int | None = None, reason: str = "") -> bool:
    new = NewReview(verdict=verdict, reason=reason)
    return store.review(log.denied(issue_id, axis), new, seed, Origin("user", who, "page"))


# By ranks; by positions that are tried, or ranks where these hit too few; by positions alone.
@pytest.mark.once
@pytest.mark.parametrize(("denials", "others"), [(50, 300), (50, 30), (100, 5)])
def test_every_denial_is_drawn_as_often_as_any_other(denials: int, others: int) -> None:
    positions, draws = sparse(denials, others), 600
    drawn = Counter(position for number in range(draws) for position in draw(number).positions)
    assert set(drawn) == set(positions)
    expected = draws * DRAWN / len(positions)
    deviation = (expected * (1 - DRAWN / len(positions))) ** 0.5
    assert all(abs(number - expected) < 4 * deviation for number in drawn.values())


@pytest.mark.parametrize(("of", "seeds"), [(21, 3_000), (1_000, 3_000), (99_991, 3_000)])
def test_every_rank_is_as_likely_in_every_place_of_a_draw(of: int, seeds: int) -> None:
    parts = 7
    places = [Counter[int]() for _ in range(DRAWN)]
    for number in range(seeds):
        ranks = reviews.numbers("rank", "noop", Seed(of, number), of)
        assert len(set(ranks)) == DRAWN
        for place, rank in zip(places, ranks, strict=True):
            place[rank * parts // of] += 1
    sizes = Counter(rank * parts // of for rank in range(of))
    for place in places:
        chi_square = sum((place[part] - seeds * sizes[part] / of) ** 2 / (seeds * sizes[part] / of) for part in sizes)
        assert chi_square < 30  # 6 degrees of freedom: one of 25,000 is beyond


def test_all_are_drawn_if_there_are_few() -> None:
    record_all(make_rejected(issue_id=f"h-{at}", ts_ms=NOW_MS) for at in range(DRAWN))
    assert sorted(draw(5).positions) == list(range(1, DRAWN + 1))
    assert draw(5).positions != draw(6).positions
    assert draw(0, "unknown") == Draw("unknown", Seed(DRAWN, 0), 0, [])
    assert draw(0, "a\0b").positions == []


def test_what_is_logged_later_changes_no_draw() -> None:
    sparse(40, 5)
    drawn = draw(7)
    record_all(make_rejected(issue_id=f"later-{at}", ts_ms=NOW_MS - at) for at in range(40))
    assert log.draw("noop", reviews.seed(int(drawn.seed), last_position())) == drawn
    assert draw(7).of == 80
    assert draw(7).positions != drawn.positions


def test_a_seed_is_of_a_position() -> None:
    assert reviews.seed(7, 50) == (50, 7)
    assert reviews.seed(int(Seed(50, 7)), 60) == (50, 7)
    assert reviews.random_seed(50).up_to == 50
    assert 0 <= reviews.random_seed(50).number < NUMBERS
    with pytest.raises(Invalid, match="seed: belongs to position 51, but the log ends at 50"):
        reviews.seed(51 * NUMBERS, 50)


def test_a_seed_proves_that_it_drew_a_denial() -> None:
    sparse(60, 5)
    drawn = draw(3)
    assert log.drawn(log.denied("b-0", "noop")._replace(position=drawn.positions[4]), drawn.seed) == drawn
    (other, *_) = set(range(1, 60)) - set(drawn.positions)
    with pytest.raises(Invalid, match="did not draw this denial"):
        log.drawn(log.denied("b-0", "noop")._replace(position=other), drawn.seed)


@given(st.lists(SAID, max_size=40))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_rates_are_those_of_a_plain_count(made: list[tuple[str, str, str, Any, int | None]]) -> None:
    with transaction.atomic():
        record_all(make_rejected("noop", "tone", issue_id=f"h-{at}", ts_ms=NOW_MS - at) for at in range(4))
        latest: dict[tuple[str, str, str], tuple[str, int | None]] = {}
        for issue_id, axis, who, verdict, seed in made:
            said(issue_id, axis, who, verdict, seed)
            kept = latest.get((issue_id, axis, who), ("", None))[1]
            latest[issue_id, axis, who] = (verdict, kept if seed is None else seed)
        for axis in ("noop", "tone"):
            expected = {sample: counted(latest, axis, sample) for sample in SAMPLES}
            tallies = {sample: Tally(**Counter(found.values())) for sample, found in expected.items()}
            assert log.figures(axis)._asdict() == tallies
            for sample, found in expected.items():
                for verdict in (None, *VERDICTS):
                    positions = log.listed(axis, sample, verdict, 100, 0)
                    rows = log.reviewed(axis, positions, sample)
                    assert {row.issue_id: row.found for row in rows} == {
                        issue_id: said for issue_id, said in found.items() if verdict in (None, said)
                    }
        wrong = {
            (issue_id, axis)
            for axis in ("noop", "tone")
            for issue_id, verdict in counted(latest, axis, None).items()
            if verdict == "wrong"
        }
        assert {(f"h-{position - 1}", axis) for position, axis in log.found_wrong([1, 2, 3, 4])} == wrong
        transaction.set_rollback(True)


def counted(
    latest: dict[tuple[str, str, str], tuple[str, int | None]], axis: str, sample: str | None
) -> dict[str, str]:
    """What was found of each denial, by the majority of those who are not unclear."""
    votes: defaultdict[str, list[str]] = defaultdict(list)
    for (issue_id, its_axis, _), (verdict, seed) in latest.items():
        if its_axis == axis and sample in (None, "chosen" if seed is None else "drawn"):
            votes[issue_id].append(verdict)
    found = {}
    for issue_id, verdicts in votes.items():
        right, wrong = verdicts.count("right"), verdicts.count("wrong")
        found[issue_id] = "wrong" if wrong > right else "right" if right > wrong else "unclear"
    return found


def test_a_person_has_one_review_and_the_audit_its_history() -> None:
    record(make_rejected("noop", issue_id="h-1"))
    assert said("h-1", "noop", "ada", "wrong", reason="it changes a line")
    assert not said("h-1", "noop", "ada", "wrong", reason="it changes a line")  # says nothing new
    assert not said("h-1", "noop", "ada", "unclear", seed=1_000_001)
    assert said("h-1", "noop", "bob", "right")
    assert Review.objects.count() == 2
    rows = AuditRecord.objects.order_by("position").values_list("act", "about", "about_id", "actor_name", "detail")
    assert [row[:4] for row in rows] == [("review.set", "entry", "h-1", who) for who in ("ada", "ada", "bob")]
    assert rows[1][4] == (
        '{"axis":"noop","before":{"verdict":"wrong","reason":"it changes a line","seed":null},'
        '"after":{"verdict":"unclear","reason":"","seed":1000001}}'
    )


def test_only_denials_can_be_reviewed() -> None:
    record(make_rejected("noop", issue_id="h-1"))
    for axis, why in (("des", '"des" passed this run'), ("tone", '"tone" did not judge this run')):
        with pytest.raises(Invalid, match=f"axis: {why}; only denials can be reviewed"):
            log.denied("h-1", axis)
    for issue_id in ("h-2", "", "a\0b"):
        with pytest.raises(NotFound):
            log.denied(issue_id, "noop")


def test_an_axis_without_reviews_has_empty_figures() -> None:
    assert log.figures("noop") == log.figures("a\0b") == Figures()
    assert log.by_axis() == {}


def test_the_statements_are_few_and_read_no_whole_table() -> None:
    sparse(200, 30)
    Review.objects.bulk_create(
        Review(position=1 + at % 260, axis=f"axis {at}", reviewer="bob", verdict="wrong", reason="", made_ms=at)
        for at in range(3_000)
    )
    for at in range(60):
        said(f"d-{at}", "noop", "ada", "wrong", seed=at)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    with CaptureQueriesContext(connection) as captured:
        drawn = draw(1, up_to=300)
        log.queue(drawn, "ada")
        log.figures("noop")
        log.reviewed("noop", log.listed("noop", "drawn", "wrong", 50, 0), "drawn")
        log.found_wrong(drawn.positions)
    assert len(captured) == 2 + 2 + 1 + 3 + 1
    assert whole_tables(captured) == set()
