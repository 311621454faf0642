"""Writes a run's results as Markdown and JSON."""

import importlib.metadata
import json
import os
import platform
import sqlite3
import statistics
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from benchmarks.rounds import Results

PACKAGES: Final = ("django", "djangorestframework", "granian", "msgspec", "psycopg", "orjson")
MOST_LISTED: Final = 100
MARKER: Final = "<!-- written by manage.py bench; edit above -->"


def write(page: Path, results: Mapping[str, Results], about: Mapping[str, Any]) -> None:
    """Replace what follows ``MARKER`` in the page; the JSON file is next to it."""
    legs = {name: brief(name, each.as_dict()) for name, each in results.items()}
    page.with_suffix(".json").write_text(json.dumps({"about": about, "legs": legs}, indent=1) + "\n")
    above = page.read_text().partition(MARKER)[0].rstrip() if page.exists() else "# Performance"
    page.write_text(f"{above}\n\n{MARKER}\n\n{markdown(legs, about)}")


def brief(name: str, leg: dict[str, Any]) -> dict[str, Any]:
    """Of a leg with more than ``MOST_LISTED`` targets, those that were missed, and how many were met."""
    judged = [ratio for kind in ("ratios", "facts") for ratio in leg.get(kind, ())]
    if len(judged) <= MOST_LISTED:
        return leg
    missed = {kind: [ratio for ratio in leg[kind] if "missed" in _verdict(ratio)] for kind in ("ratios", "facts")}
    number = len(judged) - sum(map(len, missed.values()))
    note = f"`{name}` met {number:,} of its {len(judged):,} targets; the tables have those that it missed."
    return {**leg, **missed, "contenders": {}, "notes": [*leg.get("notes", ()), note]}


def about(plan_name: str, rounds: int, seed: int, seconds: float, postgresql: str) -> dict[str, Any]:
    return {
        "run": plan_name,
        "rounds": rounds,
        "seed": seed,
        "minutes": round(seconds / 60, 1),
        "finished": f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        "load_average_at_start": round(_load_at_start, 1),
        "cores": os.cpu_count(),
        "processor": _processor(),
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "postgresql": postgresql,
        **{name: _version(name) for name in PACKAGES},
    }


# Some packages are only needed by some legs.
def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"


def markdown(legs: Mapping[str, Any], about: Mapping[str, Any]) -> str:
    versions = ", ".join(f"{name} {about[name]}" for name in ("python", "sqlite", "postgresql", *PACKAGES))
    run = (
        f"{about['run'].capitalize()} run, {about['rounds']} rounds, seed {about['seed']}, {about['minutes']} minutes, "
        f"finished {about['finished']}; {about['cores']} cores ({about['processor']}), "
        f"load average {about['load_average_at_start']} before it began. {versions}."
    )
    parts = [
        f"## The last run\n\n{run}",
        *_failures(legs),
        "### Ratios\n\nMedian of the rounds, and the lowest and highest.\n\n" + _ratios(legs),
        "### Figures\n\n" + _figures(legs),
    ]
    for leg in legs.values():
        parts += [f"### {title}\n\n{_table(rows)}" for title, rows in leg.get("tables", {}).items()]
    if notes := _notes(legs):
        parts.append("### Notes\n\n" + notes)
    parts += _durations(legs)
    return "\n\n".join(parts) + "\n"


def _failures(legs: Mapping[str, Any]) -> list[str]:
    said = [f"- **`{name}` was not measured**: {leg['failed']}" for name, leg in legs.items() if "failed" in leg]
    return ["\n".join(said)] if said else []


def _durations(legs: Mapping[str, Any]) -> list[str]:
    rows = [[f"`{name}`", f"{leg['seconds']:,.0f} s"] for name, leg in legs.items() if "seconds" in leg]
    return ["### Durations\n\n" + _table([["leg", "time"], *rows])] if rows else []


def _ratios(legs: Mapping[str, Any]) -> str:
    rows = [["work", "target", "median", "range", ""]]
    for leg in legs.values():
        for ratio in [*leg.get("ratios", ()), *leg.get("facts", ())]:
            unit = ratio.get("unit", "")
            values = ratio["rounds"]
            spread = f"{_number(min(values))} to {_number(max(values))}" if len(values) > 1 else ""
            figure = f"{_number(ratio['median'])} {unit}" if unit else f"{_number(ratio['median'])}×"
            rows.append([ratio["work"], _bound(ratio, unit), figure, spread, _verdict(ratio)])
    return _table(rows)


def _bound(ratio: Mapping[str, Any], unit: str) -> str:
    sign, value = ("≥", ratio["at_least"]) if ratio["at_least"] is not None else ("≤", ratio["at_most"])
    return "" if value is None else f"{sign} {_number(value)}{f' {unit}' if unit else '×'}"


def _verdict(ratio: Mapping[str, Any]) -> str:
    if ratio["at_least"] is not None:
        return "met" if ratio["median"] >= ratio["at_least"] else "**missed**"
    if ratio["at_most"] is not None:
        return "met" if ratio["median"] <= ratio["at_most"] else "**missed**"
    return ""


def _figures(legs: Mapping[str, Any]) -> str:
    rows = [["what", "median", "lowest", "highest", "p50 / p99 ms", "generator's CPU"]]
    for leg in legs.values():
        for name, contender in leg.get("contenders", {}).items():
            samples = contender["samples"]
            values = [sample["value"] for sample in samples]
            tail = "p99_ms" in samples[0]
            rows.append(
                [
                    name,
                    f"{_number(contender['median'])} {contender['unit']}",
                    _number(min(values)),
                    _number(max(values)),
                    f"{_middle(samples, 'p50_ms')} / {_middle(samples, 'p99_ms')}" if tail else "",
                    f"{100 * statistics.median(s['generator_cpu'] for s in samples):.0f} %"
                    if "generator_cpu" in samples[0]
                    else "",
                ]
            )
    return _table(rows)


def _notes(legs: Mapping[str, Any]) -> str:
    said = [note for leg in legs.values() for note in leg.get("notes", ())]
    said += [f"{name}: skipped. {leg['skipped']}." for name, leg in legs.items() if "skipped" in leg]
    return "\n".join(f"- {note}" for note in said)


def _middle(samples: Sequence[Mapping[str, float]], name: str) -> str:
    return _number(statistics.median(sample[name] for sample in samples))


def _number(value: float) -> str:
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def _table(rows: Sequence[Sequence[str]]) -> str:
    head, *body = ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join([head, "|" + "---|" * len(rows[0]), *body])


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.machine()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown")


_load_at_start = os.getloadavg()[0]
