"""What the benchmark's figures rest on: equal input, rounds, ratios, a load generator that looks at every answer."""

import contextlib
import json
import os
import random
import signal
import subprocess
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import islice, pairwise
from pathlib import Path
from threading import Thread
from typing import NamedTuple

import psycopg
import pytest
from django.db import connection
from msgspec import UNSET

from benchmarks import __main__ as command
from benchmarks import generator, load, messages, plan, report, rounds, wide
from benchmarks.bench import Bench
from benchmarks.children import Failed
from benchmarks.databases import Databases
from benchmarks.legs import every_page, groups, pages
from benchmarks.replay import Sqlite
from benchmarks.rounds import Contender, Fact, Results, Sample, Target, interleaved
from benchmarks.tape import Recorder, Statement, Tape
from enhancelog.backends import dialect
from enhancelog.domain.times import DAY_MS
from enhancelog.models import EntryBadge
from tests import loops

PAGE = Path(__file__).parent.parent / "docs" / "performance.md"


def test_the_same_seed_gives_the_same_log() -> None:
    assert list(generator.log(1, 50)) == list(generator.log(1, 50))
    assert list(generator.log(1, 50)) != list(generator.log(2, 50))
    assert len({entry.issue_id for entry in generator.appends(1, "a", 50, 6) + generator.appends(1, "b", 50, 6)}) == 100


def test_the_wide_log_has_what_filters_look_for() -> None:
    entries = list(wide.log(1, 2_000))
    assert entries[:50] == list(islice(wide.log(1, 2_000), 50))
    assert {len(entry.verdicts) for entry in entries} == {len(wide.AXES)} == {12}
    assert len({entry.blueprint_id for entry in entries}) > 400
    assert 0 < generator.END_MS - entries[-1].ts_ms < DAY_MS
    assert entries[-1].ts_ms - entries[0].ts_ms > 364 * DAY_MS
    seen: set[str] = set()
    gaps = again = retries = 0
    for entry in entries:
        again += entry.candidate_hash in seen
        seen.add(str(entry.candidate_hash))
    states = {name: [each for each in entries if each.blueprint_id == name] for name in wide.BLUEPRINTS}
    for its_entries in states.values():
        for before, entry in pairwise(its_entries):
            gaps += entry.prev_hash != (before.new_hash or before.prev_hash)
            retries += bool(before.reasons) and entry.intent == before.intent
    with_patch = sum(entry.ops is not UNSET for entry in entries)
    assert min(gaps, again, retries, with_patch) > 0


def test_every_page_of_the_leg_has_an_address() -> None:
    names = {name: name for name in ("blueprint", "rare", "prefix", "entry", "pattern", "source", "word", "rare_word")}
    addresses = [every_page.address(page, names) for page in every_page.PAGES]
    assert len(set(addresses)) == len(addresses)
    assert not [address for address in addresses if "{" in address]


def test_every_contender_is_warmed_up_and_then_measured_once_a_round_in_changing_order() -> None:
    order: list[str] = []

    def contender(name: str) -> Contender:
        def measure() -> Sample:
            order.append(name)
            return Sample(len(order))

        return Contender(name, "ms", measure)

    results = interleaved([contender(name) for name in "abc"], 5, random.Random(1), lambda _: None)
    taken = ["".join(order[at : at + 3]) for at in range(0, len(order), 3)]
    assert [sorted(each) for each in taken] == [["a", "b", "c"]] * 6
    assert len(set(taken)) > 1
    assert [len(samples) for samples in results.samples.values()] == [5, 5, 5]
    assert min(results.values("a")) > 3


def test_the_interval_of_a_median_ends_at_a_rank() -> None:
    values = [float(number) for number in range(1, 21)]
    assert rounds.upper_end(random.Random(1).sample(values, 20)) == 15
    assert [rounds.upper_end(values[:number]) for number in (1, 2, 5, 6)] == [1, 2, 5, 6]


class Clock:
    """Slows down to half its speed after ``left`` requests."""

    def __init__(self, left: int) -> None:
        self.left = left
        self.order = ""


class AskedAt(pages.Asked):
    def __init__(self, name: str, ms: float, clock: Clock) -> None:
        self.name, self.ms, self.clock = name, ms, clock

    def cpu_ms(self, times: int, *addresses: str) -> float:
        self.clock.left -= times
        self.clock.order += self.name
        return self.ms if self.clock.left >= 0 else 2 * self.ms


@pytest.mark.parametrize("left", range(0, 81, 10))
def test_two_checkouts_take_turns_and_a_slower_clock_does_not_change_their_ratio(left: int) -> None:
    clock = Clock(left)
    asked = [AskedAt("a", 1.25, clock), AskedAt("b", 1.0, clock)]
    turns = pages.ByTurns(lambda: list(pages.by_turns(asked, 5, ["/"] * 8)))
    ours, others = turns.measure(0).value, turns.measure(1).value
    assert clock.order == "abba" * 4
    assert ours / others == 1.25
    assert (turns.measure(1).value, turns.measure(0).value) == (2.0, 2.5)
    assert clock.order == "abba" * 8


def measured() -> Results:
    results = Results(
        samples={"ours": [Sample(10), Sample(90)], "raw": [Sample(20), Sample(30)]}, units={"ours": "/s", "raw": "/s"}
    )
    results.targets = [Target("of the limit", "ours", "raw", at_least=2.0), Target("just so", "ours", "raw")]
    results.facts = [Fact("memory", [140], "MB", at_most=150)]
    results.tables = {"Groups": [["set", "F1"], ["logs", "0.9"]]}
    return results


def test_a_ratio_is_taken_within_a_round_and_its_median_meets_the_target_or_not() -> None:
    results = measured()
    assert results.ratios(results.targets[0]) == [0.5, 3.0]
    assert results.misses() == ["of the limit"]
    results.facts = [Fact("memory", [151], "MB", at_most=150)]
    assert results.misses() == ["of the limit", "memory"]


def test_page_tells_targets_with_their_spread_and_keeps_what_stands_above(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"# Ours\n\n{report.MARKER}\n\nold\n")
    about = dict.fromkeys(("python", "sqlite", "postgresql", *report.PACKAGES), "1") | {
        "run": "quick",
        "rounds": 2,
        "seed": 1,
        "minutes": 1,
        "finished": "now",
        "cores": 2,
        "processor": "x",
        "load_average_at_start": 0.1,
    }
    report.write(page, {"leg": measured(), "none": Results(skipped="no compiler")}, about)
    text = page.read_text()
    assert text.startswith(f"# Ours\n\n{report.MARKER}\n\n## The last run")
    assert "| of the limit | ≥ 2.00× | 1.75× | 0.50 to 3.00 | **missed** |" in text
    assert "| just so |  | 1.75× | 0.50 to 3.00 |  |" in text
    assert "| memory | ≤ 150 MB | 140 MB |  | met |" in text
    assert "### Groups\n\n| set | F1 |\n|---|---|\n| logs | 0.9 |" in text
    assert "none: skipped. no compiler." in text
    assert "old" not in text


def test_the_documented_figures_are_those_of_the_run_beside_them() -> None:
    run = json.loads(PAGE.with_suffix(".json").read_text())
    assert PAGE.read_text().partition(report.MARKER)[2].strip() == report.markdown(run["legs"], run["about"]).strip()


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Callable[..., tuple[int, str]]]:
    """Runs these legs without a database: the exit code, and the report if there is one in the folder."""
    monkeypatch.setattr(Databases, "postgresql", lambda _: contextlib.nullcontext())
    monkeypatch.setattr(Databases, "postgresql_version", lambda _: "18.0")

    def run(*arguments: str, **legs: Callable[[Bench], Results]) -> tuple[int, str]:
        monkeypatch.setattr(command, "LEGS", legs)
        code = command.main([*arguments, "--folder", str(tmp_path)])
        page = tmp_path / "performance.md"
        return code, page.read_text() if page.exists() else ""

    handler = signal.getsignal(signal.SIGTERM)
    yield run
    signal.signal(signal.SIGTERM, handler)


def failing(error: BaseException) -> Callable[[Bench], Results]:
    def leg(_: Bench) -> Results:
        raise error

    return leg


def good(_: Bench) -> Results:
    return Results(facts=[Fact("memory", [140], "MB", at_most=150)])


def bad(_: Bench) -> Results:
    return Results(facts=[Fact("memory", [160], "MB", at_most=150)])


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (Failed("the raw driver ended"), "the raw driver ended"),
        (load.WrongAnswer("503 instead\nof 201"), "503 instead of 201"),
        (TimeoutError("timed out"), "TimeoutError: timed out"),
        (ConnectionResetError(104, "reset"), "ConnectionResetError: [Errno 104] reset"),
        (subprocess.TimeoutExpired(["serve"], 15), "TimeoutExpired: Command '['serve']' timed out after 15 seconds"),
        (psycopg.OperationalError("the server is gone"), "OperationalError: the server is gone"),
    ],
)
def test_a_leg_that_fails_is_named_with_its_reason_and_the_others_are_measured(
    bench: Callable[..., tuple[int, str]], error: Exception, said: str
) -> None:
    code, page = bench("--quick", first=bad, broken=failing(error), last=good)
    assert code == 2
    assert f"- **`broken` was not measured**: {said}\n" in page
    assert "| memory | ≤ 150 MB | 160 MB |  | **missed** |" in page
    assert "| memory | ≤ 150 MB | 140 MB |  | met |" in page
    assert [line.split("`")[1] for line in page.splitlines() if line.endswith(" s |")] == ["first", "broken", "last"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_writes_what_it_has(bench: Callable[..., tuple[int, str]], number: int) -> None:
    def interrupted(_: Bench) -> Results:
        os.kill(os.getpid(), number)
        signal.pause()
        raise AssertionError

    code, page = bench("--quick", first=good, second=interrupted, third=good)
    assert code == 130
    assert "| memory | ≤ 150 MB | 140 MB |  | met |" in page
    assert (
        "- **`second` was not measured**: it was interrupted\n- **`third` was not measured**: it was not begun" in page
    )


def test_a_mistake_of_ours_writes_what_it_has_and_is_not_hidden(
    bench: Callable[..., tuple[int, str]], tmp_path: Path
) -> None:
    with pytest.raises(KeyError):
        bench("--quick", first=good, second=failing(KeyError("ours")))
    page = (tmp_path / "performance.md").read_text()
    assert "- **`second` was not measured**: KeyError: 'ours'" in page
    assert "| memory | ≤ 150 MB | 140 MB |  | met |" in page


@pytest.mark.parametrize(("legs", "expected"), [({"one": good}, 0), ({"one": good, "two": bad}, 1)])
def test_exit_code_tells_whether_every_target_was_met(
    bench: Callable[..., tuple[int, str]], legs: dict[str, Callable[[Bench], Results]], expected: int
) -> None:
    code, page = bench("--quick", **legs)
    assert code == expected
    assert "not measured" not in page


def test_only_a_complete_run_replaces_the_documented_one(
    bench: Callable[..., tuple[int, str]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    documented = tmp_path / "docs.md"
    monkeypatch.setattr(command, "PAGE", documented)
    monkeypatch.setattr(command, "FULL", plan.QUICK)
    code, page = bench(first=good, broken=failing(Failed("no")))
    assert code == 2
    assert "broken" in page
    assert not documented.exists()
    assert bench(first=good) == (0, page)
    assert "| memory | ≤ 150 MB | 140 MB |  | met |" in documented.read_text()


@pytest.mark.parametrize(("arguments", "measured"), [([], ["one"]), (["--only", "growth"], ["growth"])])
def test_growth_is_measured_only_if_it_is_named(
    bench: Callable[..., tuple[int, str]], arguments: list[str], measured: list[str]
) -> None:
    _, page = bench("--quick", *arguments, one=good, growth=good)
    assert [line.split("`")[1] for line in page.splitlines() if line.endswith(" s |")] == measured


def test_growth_needs_more_room(
    bench: Callable[..., tuple[int, str]],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    monkeypatch.setattr(command, "PAGE", tmp_path / "docs.md")
    monkeypatch.setattr(command, "room", lambda _: 20_000_000_000)
    assert bench(one=good, growth=good)[0] == 0
    assert bench("--only", "growth", one=good, growth=good) == (2, "")
    assert "too little room: 52 GB are needed" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "rounds"), [([], (2, 2)), (["--rounds", "1"], (1, 2)), (["--rounds", "9"], (9, 9))]
)
def test_more_rounds_are_more_paired_ones_too(
    bench: Callable[..., tuple[int, str]], arguments: list[str], rounds: tuple[int, int]
) -> None:
    seen: list[tuple[int, int]] = []

    def leg(bench: Bench) -> Results:
        seen.append((bench.plan.rounds, bench.plan.paired_rounds))
        return Results()

    bench("--quick", *arguments, leg=leg)
    assert seen == [rounds]


def test_groups_are_right_if_they_hold_all_of_a_label_and_nothing_else() -> None:
    assert groups.score("aabbc", "xxyyz") == (1.0, 1.0, 1.0)
    assert tuple(groups.score("aabbc", "xxyyy")) == pytest.approx((2 / 5, 2 * 1 / (3 + 2), 2 * 2 / (2 + 4)))
    assert groups.score("aabb", "wxyz") == (0.0, 0.0, 0.0)
    assert groups.score("abc", "xyz") == (1.0, 1.0, 1.0)


def test_logs_are_read_by_label_and_a_folder_without_any_is_refused(tmp_path: Path) -> None:
    (tmp_path / "disk.tsv").write_text("E1\tdisk 3\tis full\nE2\t\n")
    assert messages.logs(tmp_path) == {"disk": [("E1", "disk 3\tis full"), ("E2", "")]}
    with pytest.raises(Failed, match=r"no \*\.tsv"):
        messages.logs(tmp_path / "none")


@pytest.fixture
def address() -> Iterator[load.Address]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            if self.path == "/chunked":
                self.send_response(200)
                self.send_header("Transfer-Encoding", "chunked")
                self.end_headers()
                self.wfile.write(b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n")
                return
            self.send_response(503 if self.path == "/busy" else 200)
            self.send_header("Content-Length", "5")
            self.end_headers()
            self.wfile.write(b"abcde")

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield load.Address("127.0.0.1", server.server_port)
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("path", ["/", "/chunked"])
def test_load_comes_from_many_clients_and_every_answer_is_read_whole(address: load.Address, path: str) -> None:
    answers: list[load.Answer] = []
    request = load.request(address, "GET", path)
    measured = loops.beside(load.run, address, [request] * 20, 4, 200, answers.append)
    assert len(measured.latencies) == 20
    assert [answer.body for answer in answers] == [b"abcde"] * 20
    assert measured.percentile(0.5) <= measured.percentile(0.99)


def test_another_status_ends_the_run(address: load.Address) -> None:
    with pytest.raises(load.WrongAnswer, match="503"):
        loops.beside(load.run, address, [load.request(address, "GET", "/busy")], 1, 200)


@pytest.mark.django_db
def test_a_tape_has_rows_of_no_type_that_only_the_product_knows(tmp_path: Path) -> None:
    class Badge(NamedTuple):
        position: int
        badge: str

    recorder = Recorder(connection.vendor)
    badges = [Badge(position, "gap") for position in range(1, 1_001)]  # PostgreSQL copies so many
    with recorder.transaction(), connection.cursor() as cursor:
        dialect().insert_rows(cursor, EntryBadge._meta.db_table, Badge._fields, badges)
        cursor.executemany(f"DELETE FROM {EntryBadge._meta.db_table} WHERE position = %s AND badge = %s", badges)
    Tape(connection.vendor, recorder.transactions, {}).save(tmp_path / "tape")
    *_, deleting = Tape.load(tmp_path / "tape").transactions[0]
    assert deleting.values == [(badge.position, "gap") for badge in badges]


@pytest.mark.parametrize(
    ("sql", "values", "prepared"),
    [
        ("SELECT 7 %% 2 WHERE %s", ["x"], "SELECT 7 % 2 WHERE ?"),
        ("SELECT 7 %% 2", [], "SELECT 7 % 2"),
        ("SELECT 7 % 2", None, "SELECT 7 % 2"),
    ],
)
def test_the_raw_driver_is_given_statements_as_django_gives_them(sql: str, values: object, prepared: str) -> None:
    assert Sqlite(":memory:").prepare(Statement(sql, values)).sql == prepared


@pytest.mark.parametrize("arguments", [["--only", "nothing"], ["--rounds", "many"], ["--fast"]])
def test_what_cannot_be_measured_is_exit_code_2(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        command.main(arguments)
    assert ended.value.code == 2


def test_of_a_leg_with_very_many_targets_the_report_lists_those_that_were_missed() -> None:
    pages = Results(samples={"page": [Sample(2.0)]}, units={"page": "ms"})
    pages.facts = [Fact(f"page {number}", [float(number)], "ms", at_most=98.0) for number in range(101)]
    leg = report.brief("pages", pages.as_dict())
    assert [fact["work"] for fact in leg["facts"]] == ["page 99", "page 100"]
    assert leg["contenders"] == {}
    assert leg["notes"] == ["`pages` met 99 of its 101 targets; the tables have those that it missed."]
    pages.facts.pop()
    assert report.brief("pages", pages.as_dict()) == pages.as_dict()
