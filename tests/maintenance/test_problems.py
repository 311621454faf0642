"""Each problem of an installation is found, with its fix and the place in the docs; a sound one has none."""

import re
from ipaddress import ip_network
from pathlib import Path
from typing import Any, Final

import pytest
from msgspec.structs import replace

from enhancelog.domain.installation import (
    Backups,
    Database,
    Derivation,
    Disk,
    File,
    Positions,
    Problem,
    Queue,
    Replica,
    Space,
    Status,
    Witness,
)
from enhancelog.domain.times import DAY_MS, HOUR_MS
from enhancelog.maintenance import database_problems, evidence_problems, integrity, problems, witness_problems

NOW: Final = 1_795_000_000_000
GIB: Final = 1 << 30
DOCS: Final = Path(__file__).resolve().parent.parent.parent / "docs"
REPLICA: Final = Replica("postgresql://db2/log", "", 9, 0, 0.0)
PATTERNS: Final = Derivation("deny patterns", "entries", 5, 9, 4)
MODULES: Final = (problems, database_problems, evidence_problems, integrity, witness_problems)
WITNESS: Final = Witness("witness.example", "https://witness.example", 9, NOW - HOUR_MS, "", "why", NOW - HOUR_MS)
FILE: Final = File("copy.sqlite3", 1, NOW - DAY_MS)


@pytest.fixture(autouse=True)
def sound_settings(settings: Any) -> None:
    settings.PUBLIC_URL, settings.HTTPS, settings.TRUSTED_PROXIES = "http://127.0.0.1:8000", False, []
    settings.PUBLIC_READ, settings.DEMO, settings.MAIL_SERVER = False, False, None
    settings.REMOTE_USER_HEADER = ""
    settings.SECRET_KEY = "an example with many different characters 0123456789"
    settings.WORKERS, settings.WORKERS_GIVEN, settings.THREADS = 2, True, 32


def sound(**changed: Any) -> Status:
    status = Status(
        problems=[],
        database=Database("SQLite", "sqlite:////srv/log.sqlite3"),
        positions=Positions(log=9, recorded_ms=NOW - HOUR_MS, content=1, audit=1),
        derivations=[replace(PATTERNS, up_to=9, behind=0)],
        queue=Queue(0, None, 0, 1, [], [], [], by_mail=False, holder="host/1/ab", held_until_ms=NOW + 1),
        disk=disk(),
        versions={},
        workers=[],
        failures=[],
        settings=[],
        checked_ms=NOW,
    )
    return replace(status, **changed)


def disk(**changed: Any) -> Disk:
    found = Disk(
        folder="/srv",
        file_system="ext4",
        spaces=[Space("/srv", 100 * GIB, 40 * GIB)],
        parts=[],
        is_writable=True,
        open_to_others=False,
        backups=[FILE],
        backups_found=1,
        copied_ms=None,
        quarantines=[],
        quarantines_found=0,
    )
    return replace(found, **changed)


def queue(**changed: Any) -> Queue:
    found = sound().queue
    assert found is not None
    return replace(found, **changed)


def free(size: int, whole: int = 100 * GIB) -> Status:
    return sound(disk=disk(spaces=[Space("/srv", whole, size)]))


def found_in(status: Status) -> dict[str, str]:
    return {problem.code: problem.severity for problem in problems.found_in(status)}


def test_a_sound_installation_has_no_problem() -> None:
    assert found_in(sound()) == {}


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (free(9 * GIB), {"disk-space": "warning"}),
        (free(GIB - 1, GIB), {"disk-space": "warning"}),
        (free(1), {"disk-space": "error"}),
        (free(60 * GIB, 10_000 * GIB), {}),
        (sound(disk=None), {"data-folder": "error"}),
        (sound(disk=disk(is_writable=False)), {"data-folder": "error"}),
        (sound(disk=disk(open_to_others=True)), {"open-folder": "warning"}),
        (sound(disk=disk(file_system="nfs4")), {"network-disk": "warning"}),
        (sound(disk=disk(quarantines=[FILE], quarantines_found=3)), {"quarantine": "warning"}),
        (sound(disk=disk(backups=[])), {"backup": "warning"}),
        (sound(disk=disk(backups=[replace(FILE, modified_ms=NOW - 8 * DAY_MS)])), {"backup": "warning"}),
        (sound(disk=disk(backups=[], copied_ms=NOW - DAY_MS)), {}),
        (sound(disk=disk(backups=[]), positions=Positions(0, 0, 0, 0)), {}),
        (sound(backups=Backups(86_400, 7, last_ms=NOW - HOUR_MS, next_ms=NOW + HOUR_MS)), {}),
        (
            sound(backups=Backups(86_400, 7, failed_ms=NOW - HOUR_MS, reason="too little space")),
            {"backup-failed": "warning"},
        ),
        (sound(backups=Backups(86_400, 7, unable="pg_dump 18 or newer is needed")), {"backup-tool": "note"}),
        (sound(positions=Positions(9, NOW + HOUR_MS, 1, 1)), {"clock": "warning"}),
        (sound(derivations=[replace(PATTERNS, since_ms=NOW - HOUR_MS)]), {"behind": "warning"}),
        (sound(derivations=[replace(PATTERNS, since_ms=NOW - 1_000)]), {}),
        (sound(derivations=[replace(PATTERNS, is_rebuilding=True)]), {"rebuild": "note"}),
        (sound(queue=queue(due_ms=NOW - HOUR_MS)), {"overdue": "warning"}),
        (sound(queue=queue(by_mail=True)), {"no-mail-server": "warning"}),
        (sound(queue=queue(dead=2)), {"dead-messages": "warning"}),
        (sound(queue=queue(failing=["nightly"])), {"receivers": "warning"}),
        (sound(queue=queue(failed=["nightly"])), {"receivers": "warning"}),
        (sound(queue=queue(stuck=["nightly"])), {"stuck-alerts": "warning"}),
        (sound(database=Database("SQLite", "", is_read_only=True)), {"read-only": "error"}),
        (sound(database=Database("PostgreSQL", "", max_connections=93)), {"connections": "warning"}),
        (sound(database=Database("PostgreSQL", "", max_connections=94)), {}),
        (sound(database=Database("PostgreSQL", ""), disk=disk(file_system="nfs", backups=[])), {}),
        (sound(database=Database("PostgreSQL", "", waits_for="db2")), {"no-synchronous-standby": "error"}),
        (sound(replica=REPLICA), {}),
        (sound(replica=replace(REPLICA, problem="it does not answer")), {"replica": "warning"}),
        (sound(replica=replace(REPLICA, behind=1, behind_s=61.0)), {"replica-behind": "warning"}),
        (sound(replica=replace(REPLICA, behind=900, behind_s=5.0)), {}),
        (sound(witnesses=[WITNESS]), {}),
        (sound(witnesses=[replace(WITNESS, failure="forked")]), {"witness-forked": "error"}),
        (sound(witnesses=[replace(WITNESS, failure="ahead")]), {"witness-ahead": "error"}),
        (sound(witnesses=[replace(WITNESS, failure="refused")]), {"witness-refused": "warning"}),
        (sound(witnesses=[replace(WITNESS, failure="unverified")]), {"witness-unverified": "warning"}),
        (sound(witnesses=[replace(WITNESS, failure="unreachable")]), {"witness-unreachable": "warning"}),
        (sound(witnesses=[replace(WITNESS, failure="unreachable", failed_ms=NOW - 60_000)]), {}),
        (sound(positions=None, derivations=None, queue=None), {}),
    ],
)
def test_what_is_wrong_is_found(status: Status, expected: dict[str, str]) -> None:
    assert found_in(status) == expected


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"PUBLIC_URL": "http://log.example.org"}, {"no-tls": "warning"}),
        ({"PUBLIC_URL": "http://log.example.org", "PUBLIC_READ": True}, {"no-tls": "warning", "public-read": "note"}),
        ({"PUBLIC_READ": True}, {}),
        ({"PUBLIC_URL": "https://log.example.org", "HTTPS": True}, {"untrusted-proxy": "note"}),
        ({"PUBLIC_URL": "https://log.example.org", "HTTPS": True, "TRUSTED_PROXIES": [ip_network("10.0.0.1")]}, {}),
        ({"TRUSTED_PROXIES": [ip_network("10.0.0.1"), ip_network("::/0")]}, {"any-proxy": "warning"}),
        (
            {"TRUSTED_PROXIES": [ip_network("0.0.0.0/0")], "REMOTE_USER_HEADER": "HTTP_REMOTE_USER"},
            {"any-proxy": "error"},
        ),
        ({"SECRET_KEY": "secret" * 10}, {"weak-key": "error"}),
    ],
)
def test_settings_that_do_not_fit_are_found(settings: Any, changed: dict[str, Any], expected: dict[str, str]) -> None:
    for name, value in changed.items():
        setattr(settings, name, value)
    assert found_in(sound()) == expected


def test_workers_are_counted_as_serve_does(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.WORKERS, settings.WORKERS_GIVEN, settings.RELOAD = 1, False, False
    monkeypatch.setattr("os.sched_getaffinity", lambda process: set(range(8)), raising=False)
    assert found_in(sound(database=Database("PostgreSQL", "", max_connections=93))) == {"connections": "warning"}


def test_the_connections_of_all_servers_are_counted(settings: Any) -> None:
    settings.SERVERS = 2
    status = sound(database=Database("PostgreSQL", "", max_connections=187))
    (problem,) = problems.found_in(status)
    assert problem.text == "The 2 servers may open 188 connections, but the database allows 187."
    assert found_in(sound(database=Database("PostgreSQL", "", max_connections=188))) == {}


def test_a_fix_names_the_page_where_it_is(settings: Any) -> None:
    settings.PUBLIC_PATH = "/log"
    said = problems.found_in(sound(queue=queue(dead=1, failing=["a"], failed=["b"], stuck=["c"])))
    assert len(said) == 4
    assert [problem.fix for problem in said if " /log/alerts/" not in problem.fix] == []


def test_the_worst_comes_first() -> None:
    status = sound(
        disk=disk(is_writable=False, open_to_others=True), derivations=[replace(PATTERNS, is_rebuilding=True)]
    )
    assert [problem.severity for problem in problems.found_in(status)] == ["error", "warning", "note"]


@pytest.mark.parametrize(
    ("replica", "says", "see"),
    [
        (None, "The database cannot be used: refused.", "operations.md#when-the-disk-is-full-or-fails"),
        (replace(REPLICA, is_alone=True), "Running servers read from the replica", "scale.md#when-a-server-fails"),
        (replace(REPLICA, problem="refused"), "Neither the primary nor its", "scale.md#when-a-server-fails"),
    ],
)
def test_without_the_database_it_says_what_can_still_be_read(replica: Replica | None, says: str, see: str) -> None:
    problem = database_problems.without_database("refused", replica)
    assert (says in problem.text, problem.see) == (True, see)


def test_without_the_primary_nothing_is_said_to_be_read_from_it() -> None:
    gone = replace(sound().database, error="refused")
    (problem,) = problems.found_in(sound(database=gone, replica=replace(REPLICA, problem="it is paused")))
    assert "primary" not in problem.fix


def references() -> set[str]:
    sources = "".join(Path(module.__file__ or "").read_text() for module in MODULES)
    return set(re.findall(r'"((?:operations|settings|alerts|scale|evidence)\.md[^"]*)"', sources))


@pytest.mark.parametrize("see", sorted(references()))
def test_each_place_in_the_docs_exists(see: str) -> None:
    name, _, section = see.partition("#")
    headings = re.findall(r"^##+ (.*)$", (DOCS / name).read_text(), re.MULTILINE)
    anchors = {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
    assert not section or section in anchors


def test_each_problem_is_in_the_docs() -> None:
    source = "".join(Path(module.__file__ or "").read_text() for module in MODULES)
    codes = set(re.findall(r'Problem\(\s*"([a-z-]+)"', source))
    text = (DOCS / "operations.md").read_text()
    assert len(codes) > 20
    assert [code for code in sorted(codes) if f"`{code}`" not in text] == []


def test_a_problem_is_a_sentence_with_a_fix() -> None:
    for problem in problems.found_in(sound(disk=disk(is_writable=False, open_to_others=True), queue=queue(dead=1))):
        assert isinstance(problem, Problem)
        assert not problem.text[0].islower()
        assert problem.text.endswith(".")
        assert problem.fix
