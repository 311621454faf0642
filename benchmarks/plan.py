"""How much is measured: the full run, and the quick one, which only shows that everything works."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Plan:
    """Sizes are entries; other numbers are requests, transactions or repetitions per measurement. The full run is
    sized for twenty minutes on two idle cores, once the logs are made.
    """

    rounds: int
    paired_rounds: int  # where an interval must be narrow
    blueprints: tuple[int, ...]  # among how many the appends are spread
    small: int
    middle: int
    large: int
    wide: int  # the log of many Blueprints, axes and days
    appends: int
    bulk_lines: int
    batches: int
    reads: int
    slow_reads: int
    searches: int
    templates: int  # of each crowded axis
    outputs: int  # rows of an engine host's output store
    versions: int  # of one Blueprint
    seed: int = 20260101


FULL = Plan(
    rounds=3,
    paired_rounds=12,
    blueprints=(6,),
    small=10_000,
    middle=50_000,
    large=1_000_000,
    wide=200_000,
    appends=480,
    bulk_lines=10_000,
    batches=20,
    reads=300,
    slow_reads=24,
    searches=20,
    templates=1_900,
    outputs=40_000,
    versions=10_000,
)
QUICK = Plan(
    rounds=2,
    paired_rounds=2,
    blueprints=(6,),
    small=1_000,
    middle=5_000,
    large=10_000,
    wide=5_000,
    appends=160,
    bulk_lines=2_000,
    batches=4,
    reads=60,
    slow_reads=10,
    searches=8,
    templates=100,
    outputs=2_000,
    versions=500,
)
