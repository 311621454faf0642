"""How long an append with new wordings, and a following step of grouping, hold the append lock (ms), near the
limit of templates.

``python -m benchmarks.legs.grouping NEW`` measures inside the product.
"""

import random
import statistics
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any, Final

from benchmarks.bench import Bench
from benchmarks.children import module, perform, product_environment
from benchmarks.databases import DATABASES
from benchmarks.rounds import Fact, Results

MOST_MS: Final = 5.0
LONGEST_STEP_MS: Final = 30.0
AXES: Final = 8
_WORDS: Final = 30
_SHAPES: Final = 20


def run(bench: Bench) -> Results:
    results = Results()
    for vendor in DATABASES:
        bench.progress(f"grouping on {vendor}")
        with bench.databases.copy_of(vendor, bench.plan.small) as database:
            environment = product_environment(database.data_dir, database.url)
            seen = perform(module("benchmarks.legs.grouping", bench.plan.batches), environment, bench.log)
        usual = statistics.median(seen["known"])
        for axes, work in (("1", "a new template on a crowded axis"), (str(AXES), f"new templates on {AXES} of them")):
            over = [each - usual for each in seen[axes]]
            results.facts.append(Fact(f"{work}, over a usual append: {vendor}", over, "ms locked", at_most=MOST_MS))
        longest = [max(seen["steps"])]
        work = f"the longest step of grouping one of them: {vendor}"
        results.facts.append(Fact(work, longest, "ms locked", at_most=LONGEST_STEP_MS))
    return results


def measure(new: int) -> dict[str, list[float]]:
    """``known``, ``1`` and ``8``: appends with no new template, and with one on so many axes. ``steps``: of
    grouping.
    """
    from enhancelog.domain.origin import Origin
    from enhancelog.domain.records import Entry, Verdict
    from enhancelog.patterns import MOST_TEMPLATES
    from enhancelog.store import database, pattern_groups
    from enhancelog.store.database import DatabaseEnhanceLogStore

    database.writes_alone = lambda: True  # write on this thread, whose transactions are timed
    store = DatabaseEnhanceLogStore(Origin("command", "bench", "bench"))
    chance = random.Random(9)
    words = ["".join(chance.choice("bcdfgklmnprstvz") + chance.choice("aeiou") for _ in range(3)) for _ in range(3_000)]
    numbers = count()

    def entry(details: list[str]) -> Entry:
        verdicts = tuple(Verdict(axis=f"crowded-{n}", status="deny", detail=said) for n, said in enumerate(details))
        return Entry(
            issue_id=f"crowd-{next(numbers)}", blueprint_id="crowd", prev_hash="", new_hash="", intent="i",
            rationale="r", verdicts=verdicts, status="rejected", reasons=(), ts_ms=1_790_000_000_000,
        )  # fmt: skip

    def wordings(axes: int) -> list[str]:
        """Each differs from all before in one word."""
        varies = chance.randrange(_SHAPES)
        places = range(_WORDS)
        return [" ".join(chance.choice(words) if at == varies else words[at] for at in places) for _ in range(axes)]

    store.append_batch([entry(wordings(AXES)) for _ in range(900)])
    store.append_batch([entry(wordings(AXES)) for _ in range(MOST_TEMPLATES - 900 - 2 * new)])
    known = wordings(AXES)
    store.append(entry(known))
    seen: dict[str, list[float]] = {"known": [], "1": [], str(AXES): []}
    for _ in range(new):
        for name, details in (("known", known), ("1", [*wordings(1), *known[1:]]), (str(AXES), wordings(AXES))):
            with _locked() as held:
                store.append(entry(details))
            seen[name] += held
    with _locked() as held:
        pattern_groups.settle("crowded-0")
    return {**seen, "steps": held}


@contextmanager
def _locked() -> Iterator[list[float]]:
    """Milliseconds that each transaction held the append lock."""
    from enhancelog.backends import dialect

    ours: Any = dialect()
    appending = ours.appending
    held: list[float] = []

    @contextmanager
    def timed(*arguments: float) -> Iterator[Any]:
        began = 0.0
        with appending(*arguments) as cursor:
            began = time.perf_counter()
            yield cursor
        held.append((time.perf_counter() - began) * 1000)

    ours.appending = timed
    try:
        yield held
    finally:
        del ours.appending


if __name__ == "__main__":
    import django

    from benchmarks.inside import say

    django.setup()
    say(measure(int(sys.argv[1])))
