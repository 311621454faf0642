"""``python3 -m benchmarks.failover [--kills N] [--cut N]``: how long writes and reads stand still when the leader is
lost, and whether an acknowledged entry is. Prints one JSON object; exit code 1 if an entry or a read was lost.
"""

import argparse
import itertools
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import psycopg

from benchmarks.children import Failed, product_environment
from benchmarks.databases import Database
from benchmarks.failover_load import WRITERS, Seen, load
from benchmarks.patroni import PASSWORD, Cluster, Node, cluster, url_of
from benchmarks.servers import enhancelog
from enhancelog.domain.records import Entry
from tests.processes import manage

QUIET_S: Final = 10.0  # of load before and after each failover
AWAY_S: Final = 10.0  # of writes on the new leader before the old one is connected again
REPLAY_S: Final = 60.0
ROLE: Final = "enhancelog"
COMPARED: Final = ("issue_id", "blueprint_id", "prev_hash", "new_hash", "intent", "rationale", "status", "ts_ms")


def longest_pause_ms(times: Sequence[float], since: float, until: float) -> float:
    """Between two successes, one of which may be the last before ``since``."""
    before = max((each for each in times if each <= since), default=since)
    within = sorted(each for each in times if since < each <= until)
    return max(later - earlier for earlier, later in itertools.pairwise([before, *within, until])) * 1000


def kill(nodes: Cluster, leader: Node, wait_for_writes: Callable[[], None]) -> None:
    """kill -9 of all that runs on it, as if its power failed; it starts again."""
    leader.kill()
    wait_for_writes()
    leader.start(nodes.nodes)


def cut_off(nodes: Cluster, leader: Node, wait_for_writes: Callable[[], None]) -> None:
    """Nobody reaches it, its processes go on; it comes back when others have taken over."""
    leader.machine.cut_off()
    wait_for_writes()
    time.sleep(AWAY_S)
    leader.machine.connect()


# How the leader is lost. Each returns when it can come back.
LOSSES: Final[dict[str, Callable[[Cluster, Node, Callable[[], None]], None]]] = {"kill": kill, "cut": cut_off}


class Pauses(NamedTuple):
    """How long nothing succeeded (ms)."""

    writes: float
    reads: float


def lose_leader(loss: str, nodes: Cluster, seen: Seen) -> Pauses:
    time.sleep(QUIET_S)
    leader, began = nodes.leader(), time.monotonic()
    LOSSES[loss](nodes, leader, lambda: _wait_for_writes(seen, began))
    nodes.wait_until_whole()
    time.sleep(QUIET_S)
    now = time.monotonic()
    writes = longest_pause_ms(list(seen.acknowledged.values()), began, now)
    return Pauses(writes, longest_pause_ms(list(seen.pages), began, now))


def _wait_for_writes(seen: Seen, since: float) -> None:
    """On the new leader: some succeed after the first five seconds, in which the old one may have acknowledged."""
    while sum(each > since + 5 for each in list(seen.acknowledged.values())) < WRITERS:
        if time.monotonic() > since + 120:
            raise Failed("no write succeeds within 120 s of the loss of the leader")
        time.sleep(0.2)


def lost_entries(nodes: Cluster, seen: Seen) -> dict[str, list[str]]:
    """By node: acknowledged entries that it lacks, or has other than they were sent. Raises ``Failed``."""
    with psycopg.connect(nodes.url(ROLE, ROLE, "read-write")) as primary:
        ((end,),) = primary.execute("SELECT pg_current_wal_flush_lsn()")
    return {node.name: _lost_on(node, end, seen) for node in nodes.nodes}


def _lost_on(node: Node, end: str, seen: Seen) -> list[str]:
    with psycopg.connect(url_of(node, ROLE, ROLE), autocommit=True) as connection:
        _wait_for_replay(node, connection, end)
        rows = connection.execute(f"SELECT {', '.join(COMPARED)} FROM enhancelog_entry")
        stored = {issue_id: tuple(rest) for issue_id, *rest in rows}
    return sorted(each for each in seen.acknowledged if stored.get(each) != _compared(seen.sent[each]))


def _wait_for_replay(node: Node, connection: psycopg.Connection, end: str) -> None:
    deadline = time.monotonic() + REPLAY_S
    while time.monotonic() < deadline:
        replayed = "SELECT NOT pg_is_in_recovery() OR pg_last_wal_replay_lsn() >= %s::pg_lsn"
        ((reached,),) = connection.execute(replayed, [end])
        if reached:
            return
        time.sleep(0.2)
    raise Failed(f"{node.name} has not replayed {end} within {REPLAY_S:.0f} s")


def _compared(entry: Entry) -> tuple[object, ...]:
    return tuple(getattr(entry, name) for name in COMPARED[1:])


def timelines(nodes: Cluster) -> dict[str, int]:
    """By node: the one that it writes, or receives."""
    return {node.name: _timeline_of(node) for node in nodes.nodes}


def _timeline_of(node: Node) -> int:
    with psycopg.connect(url_of(node, "postgres", "postgres")) as connection:
        received = connection.execute("SELECT received_tli FROM pg_stat_wal_receiver").fetchone()
        if received is not None:
            return int(received[0])
        ((segment,),) = connection.execute("SELECT pg_walfile_name(pg_current_wal_lsn())")
        return int(segment[:8], 16)


def measured(losses: Sequence[str], folder: Path) -> dict[str, Any]:
    with cluster(folder / "nodes") as nodes:
        database = _database(nodes, folder)
        replicas = nodes.url(ROLE, ROLE, "standby") + "&load_balance_hosts=random"
        with (
            enhancelog(database, folder / "server.log", ENHANCELOG_READ_URL=replicas) as server,
            load(server) as seen,
        ):
            pauses = [(loss, _shown(loss, lose_leader(loss, nodes, seen))) for loss in losses]
        found = {"lost": lost_entries(nodes, seen), "timelines": timelines(nodes)}
        environment = product_environment(database.data_dir, database.url)
        verified = manage("verify_log", data_dir=database.data_dir, DATABASE_URL=environment["DATABASE_URL"])
    return {
        "acknowledged": len(seen.acknowledged),
        **found,
        "stale": seen.stale,
        "refused": seen.refused,
        "verify_log": verified.returncode,
        **{loss: _summary([each for lost_by, each in pauses if lost_by == loss]) for loss in dict.fromkeys(losses)},
    }


def _database(nodes: Cluster, folder: Path) -> Database:
    with psycopg.connect(nodes.url("postgres", "postgres", "read-write"), autocommit=True) as connection:
        connection.execute(f"CREATE ROLE {ROLE} LOGIN PASSWORD '{PASSWORD}' IN ROLE pg_read_all_stats")
        connection.execute(f"CREATE DATABASE {ROLE} OWNER {ROLE}")
    url = nodes.url(ROLE, ROLE, "read-write")
    return Database("postgresql", url, url, folder / "data")


def _shown(loss: str, pauses: Pauses) -> Pauses:
    text = f"{loss}: writes paused for {pauses.writes:,.0f} ms, reads for {pauses.reads:,.0f} ms"
    print(text, file=sys.stderr, flush=True)
    return pauses


def _summary(pauses: Sequence[Pauses]) -> dict[str, Any]:
    writes, reads = zip(*pauses, strict=True)
    return {"number": len(pauses), "writes_paused_ms": _spread(writes), "reads_paused_ms": _spread(reads)}


def _spread(values: Sequence[float]) -> dict[str, int]:
    found = {"least": min(values), "median": statistics.median(values), "most": max(values)}
    return {name: round(value) for name, value in found.items()}


def failed(found: Mapping[str, Any]) -> bool:
    one_timeline = len(set(found["timelines"].values())) == 1
    return bool(any(found["lost"].values()) or found["stale"] or found["verify_log"] or not one_timeline)


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python3 -m benchmarks.failover")
    parser.add_argument("--kills", type=int, default=10, metavar="N")
    parser.add_argument("--cut", type=int, default=3, metavar="N")
    options = parser.parse_args(arguments)
    losses = ["kill"] * options.kills + ["cut"] * options.cut
    # Everybody may enter it: PostgreSQL runs as a user of its own.
    with tempfile.TemporaryDirectory(prefix="enhancelog-failover-", ignore_cleanup_errors=True) as name:
        Path(name).chmod(0o755)
        try:
            found = measured(losses, Path(name))
        except Failed as error:
            print(f"failover: {error}", file=sys.stderr)
            return 2
    print(json.dumps(found))
    return int(failed(found))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
