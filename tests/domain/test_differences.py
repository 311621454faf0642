"""Which features differ: exact tests, few false discoveries, planted differences found."""

import math
import random
from collections import Counter
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from enhancelog.domain.differences import MOST_TESTED, Comparison, Counted, Feature, compare, discoveries, fisher
from enhancelog.domain.entry_counts import COLUMNS, MOST_OF_KEY, EntryCounts
from enhancelog.domain.features import LONGEST_WORD
from enhancelog.domain.implied_features import implied_by
from tests.strategies import NOW_MS

WORDS = [f"word{number}" for number in range(150)]
BLUEPRINTS = [f"team-{number}" for number in range(20)]
PLANTED: dict[Feature, float] = {
    ("word", "planted0"): 0.10,
    ("word", "planted1"): 0.08,
    ("word", "planted2"): 0.30,
    ("word", "planted3"): 0.06,
    ("rationale_length", "0-119"): 0.25,
    ("op", "remove"): 0.12,
    ("bump", "major"): 0.10,
    ("axis", "noop"): 0.15,
    ("not_axis_absent", "secrets"): 0.20,
    ("source", "other"): 0.15,
}


def hypergeometric(part: int, whole: int, other_part: int, other_whole: int) -> float:
    """The same p-value from whole binomials."""
    parts, total = part + other_part, whole + other_whole
    every = math.comb(total, parts)
    span = range(max(0, parts - other_whole), min(whole, parts) + 1)
    terms = {number: math.comb(whole, number) * math.comb(other_whole, parts - number) for number in span}
    lower = sum(term for number, term in terms.items() if number <= part)
    upper = sum(term for number, term in terms.items() if number >= part)
    tail = upper if part * total >= parts * whole else lower
    return min(1.0, 2 * tail / every)


@given(st.data())
def test_fishers_test_equals_whole_binomials(data: st.DataObject) -> None:
    whole, other_whole = data.draw(st.integers(1, 60)), data.draw(st.integers(1, 60))
    part, other_part = data.draw(st.integers(0, whole)), data.draw(st.integers(0, other_whole))
    four = part, whole, other_part, other_whole
    assert fisher(*four) == pytest.approx(hypergeometric(*four), rel=1e-9, abs=1e-300)


@pytest.mark.parametrize(
    ("four", "p"),
    [
        ((3, 4, 1, 4), 0.485714),  # the lady tasting tea, doubled
        ((87, 130, 0, 198), 0.0),
        ((50_000, 50_000, 0, 50_000), 0.0),
        ((25_000, 50_000, 25_000, 50_000), 1.0),
        ((0, 20, 0, 20), 1.0),
        ((20, 20, 20, 20), 1.0),
    ],
)
def test_known_p_values(four: tuple[int, int, int, int], p: float) -> None:
    assert fisher(*four) == pytest.approx(p, abs=1e-6)


def test_benjamini_and_hochberg() -> None:
    # Their own example: 15 p-values, of which four are discoveries at 0.05.
    given_p = [
        1e-4,
        4e-4,
        0.0019,
        0.0095,
        0.0201,
        0.0278,
        0.0298,
        0.0344,
        0.0459,
        0.3240,
        0.4262,
        0.5719,
        0.6528,
        0.759,
        1.0,
    ]
    found = compare(Counted(20, {}), Counted(20, {}), lambda feature: False)
    assert found == Comparison(0, [])
    shuffled = random.Random(1).sample(given_p, len(given_p))
    from enhancelog.domain.differences import Difference
    from enhancelog.domain.intervals import Interval

    tested = [Difference(("word", str(at)), 1, 1, Interval(0, 1), p) for at, p in enumerate(shuffled)]
    assert sorted(each.p for each in discoveries(tested)) == given_p[:4]
    assert discoveries([]) == []


class Run:
    """A realistic run, before it is put on a side."""

    def __init__(self, chance: random.Random, *planted: Feature) -> None:
        words = chance.choices(WORDS, [1 / (1 + rank) for rank in range(len(WORDS))], k=12)
        values = dict(planted)
        words += [value for name, value in planted if name == "word"]
        length = 60 if "rationale_length" in values else chance.choice((60, 150, 300, 600, 1000))
        axes = ["des", "canonical", "agent-ref"] + ["secrets"] * ("not_axis_absent" in values or chance.random() < 0.4)
        denied = "noop" if "axis" in values or chance.random() < 0.2 else chance.choice(axes)
        verdicts = [f'{{"axis":"{axis}","status":"pass","detail":""}}' for axis in axes if axis != denied]
        verdicts.append(f'{{"axis":"{denied}","status":"deny","detail":"no"}}')
        kind = "remove" if "op" in values or chance.random() < 0.2 else "add"
        row = {
            "hour": NOW_MS // 3_600_000 - chance.randrange(30 * 24),
            "blueprint_id": chance.choice(BLUEPRINTS),
            "source": values.get("source", chance.choice(("api", "other"))),
            "status": "rejected",
            "actor_kind": "token",
            "actor_name": chance.choice(("ci", "nightly")),
            "intent": " ".join(words),
            "intent_length": len(" ".join(words)),
            "rationale_length": length,
            "verdicts": f"[{','.join(verdicts)}]",
            "ops": f'[{{"op":"{kind}","path":"/agents/0"}}]',
            "bump": values.get("bump", chance.choice(("major", "minor", "patch"))),
            "candidate": None,
            "attempt": chance.choice(("first", "later")),
        }
        self.row = [row[name] for name in COLUMNS]


def counted(runs: Iterable[Run]) -> Counted:
    counts = EntryCounts()
    counts.add([run.row for run in runs])
    return counts.counted()


def compared(inside: Iterable[Run], outside: Iterable[Run]) -> Comparison:
    return compare(counted(inside), counted(outside), implied_by([]))


def test_planted_differences_are_found() -> None:
    chance = random.Random(14)
    # With the chance added to what everybody has by nature.
    inside = [Run(chance, *(each for each, share in PLANTED.items() if chance.random() < share)) for _ in range(2000)]
    outside = [Run(chance) for _ in range(2000)]
    found = compared(inside, outside)
    assert found.tested >= 190
    assert PLANTED.keys() <= {each.feature for each in found.found}
    expected = {*PLANTED, ("source", "api"), ("bump", "minor"), ("bump", "patch"), ("op", "add")}
    others = [each.feature for each in found.found if each.feature not in expected and each.feature[0] != "axis"]
    lengths = [each for each in others if each[0] in ("rationale_length", "intent_length")]
    assert len(others) - len(lengths) <= 2, others


def test_shuffled_logs_claim_almost_nothing() -> None:
    claims = 0
    for seed in range(100):
        chance = random.Random(seed)
        runs = [Run(chance) for _ in range(400)]
        chance.shuffle(runs)
        claims += bool(compared(runs[:150], runs[150:]).found)
    assert claims <= 12


def test_the_strongest_come_first_and_few_cases_are_not_tested() -> None:
    inside = Counted(100, {("word", "all"): 100, ("word", "most"): 80, ("word", "few"): 19, ("word", "both"): 50})
    outside = Counted(100, {("word", "most"): 20, ("word", "both"): 50, ("word", "rare"): 19, ("word", "gone"): 90})
    found = compare(inside, outside, lambda feature: False)
    assert found.tested == 4
    assert [each.feature[1] for each in found.found] == ["all", "gone", "most"]
    assert [each.interval.low > 0 for each in found.found] == [True, False, True]
    strengths = [each.strength for each in found.found]
    assert strengths == sorted(strengths, reverse=True)
    assert compare(Counted(19, inside.features), outside, lambda feature: False).tested == 0


def test_the_most_frequent_features_are_tested_if_there_are_too_many() -> None:
    rare = {("word", f"rare{number:04}"): 20 for number in range(MOST_TESTED)}
    inside, outside = Counted(100, {**rare, ("word", "frequent"): 90}), Counted(100, {("word", "frequent"): 10})
    comparison = compare(inside, outside, lambda _: False)
    assert comparison.tested == MOST_TESTED
    assert comparison.found[0].feature == ("word", "frequent")
    assert ("word", f"rare{MOST_TESTED - 1:04}") not in {each.feature for each in comparison.found}


def test_what_all_entries_have_differs_nowhere() -> None:
    same = Counted(30, {("word", "all"): 30})
    assert compare(same, same, lambda feature: False).tested == 0


@pytest.mark.parametrize(
    ("asked", "implied", "others"),
    [
        (
            ("status", "rejected"),
            [("status", "applied"), ("axis", "noop")],
            [("not_axis_absent", "noop"), ("has", "patch")],
        ),
        (("axis", "noop"), [("status", "applied"), ("axis", "noop"), ("not_axis_absent", "noop")], [("axis", "tone")]),
        (("pattern", "0"), [("axis", "tone"), ("status", "applied")], [("word", "a")]),
        (("blueprint_id", "main"), [("blueprint_id", "other")], [("status", "applied")]),
        (("blueprint_prefix", "team-"), [("blueprint_id", "other")], [("source", "api")]),
        (("op", "add"), [("op", "remove"), ("has", "patch")], [("operations", "1")]),
        (("has", "patch"), [("op", "add"), ("touches", "/a"), ("bump", "major")], [("word", "a")]),
        (("phrase", "Cite files"), [("word", "cite"), ("word", "files")], [("word", "other")]),
        (("meta.model", "m"), [("meta.model", "n")], [("meta.seed", "1")]),
        (("axis_absent", "tone"), [("not_axis_absent", "tone"), ("axis", "tone")], [("status", "applied")]),
    ],
)
def test_what_a_filter_implies(asked: tuple[str, str], implied: list[Feature], others: list[Feature]) -> None:
    is_implied = implied_by([(asked[0], (asked[1],))])
    assert [each for each in implied if not is_implied(each)] == []
    assert [each for each in others if is_implied(each)] == []


def test_too_many_values_are_left_out() -> None:
    counts = EntryCounts()
    counts.add_values("meta.run", Counter({f"{number}": 1 for number in range(MOST_OF_KEY + 1)}))
    counts.add_values("meta.model", Counter({"m": 30}))
    counts.add_values("meta.run", Counter({"a": 30}))
    assert counts.left_out == {"meta.run"}
    assert counts.counted().features == {("meta.model", "m"): 30}


def test_a_value_that_only_the_other_side_has_finds_equal_numbers() -> None:
    inside, outside = EntryCounts(), EntryCounts()
    inside.add_values("meta.seed", {"1.0": 30, "1": 5})
    outside.add_values("meta.seed", {"1": 8})
    assert inside.counted(outside).features == {("meta.seed", "1.0"): 35, ("meta.seed", "1"): 5}
    assert outside.counted(inside).features == {("meta.seed", "1.0"): 8, ("meta.seed", "1"): 8}


def test_only_words_that_the_filter_takes_are_compared() -> None:
    counts = EntryCounts()
    counts.add_values("word", {"": 30, "w" * LONGEST_WORD: 30, "w" * (LONGEST_WORD + 1): 30})
    assert counts.counted().features == {("word", "w" * LONGEST_WORD): 30}
