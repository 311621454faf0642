"""Prints how themes and simpler groupings do: ``python -m tests.themes``."""

from collections.abc import Callable, Iterable, Mapping, Sequence

from tests.themes import policies, reviews
from tests.themes.baselines import Grouping, cosine, cosine_of_content_words, jaccard, patterns
from tests.themes.paraphrases import half
from tests.themes.scoring import scores, themes_of

SEEDS = range(10)
CHOSEN_ON = half(reviews.REASONS, kept_aside=False)
SETS: dict[str, Mapping[str, Sequence[str]]] = {
    "for choosing": CHOSEN_ON,
    "kept aside": half(reviews.REASONS, kept_aside=True),
    "policies": policies.REASONS,
    "all twenty of reviews": reviews.REASONS,
    "all thirty": {**reviews.REASONS, **policies.REASONS},
}
THRESHOLDS = [step / 50 for step in range(1, 40)]


def best(grouping: Callable[[float], Grouping]) -> Grouping:
    return grouping(max(THRESHOLDS, key=lambda least: sum(scores(CHOSEN_ON, grouping(least), range(2)))))


def row(name: str, cells: Iterable[str]) -> str:
    return f"| {name} | {' | '.join(cells)} |"


def main() -> None:
    groupings: dict[str, Grouping] = {
        "patterns, as without themes": patterns,
        "Jaccard of words, single linkage": best(jaccard),
        "TF-IDF cosine to the first of a group": best(cosine),
        "the same over the words of themes": best(cosine_of_content_words),
        "themes": themes_of,
    }
    print(row("mean F1 (least)", SETS))
    print(row("---", ["---"] * len(SETS)))
    for name, grouping in groupings.items():
        found = [scores(reasons, grouping, SEEDS) for reasons in SETS.values()]
        print(row(name, [f"{sum(one) / len(one):.2f} ({min(one):.2f})" for one in found]), flush=True)


if __name__ == "__main__":
    main()
