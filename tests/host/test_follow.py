"""Following a running upstream: what is new comes in, what is odd is said once, nothing stored ever changes."""

import json
import subprocess
import sys
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from pytest_django.fixtures import Settings

from enhancelog.domain import records
from enhancelog.domain.errors import WrongSchema
from enhancelog.domain.origin import Origin
from enhancelog.host.follow import MAX_PAUSE_S, Follower, back_off, forever
from enhancelog.host.log_http import Head, Upstream, hex_of, parse_url
from enhancelog.models import Document, Entry, FollowFinding
from enhancelog.queries.chains import gap
from enhancelog.store import documents
from enhancelog.store.database import DatabaseEnhanceLogStore
from enhancelog.transfer.importer import Finding
from enhancelog.transfer.items import Refused
from tests.factories import make_fields
from tests.processes import environment, manage
from tests.upstream import DOCTOR, LOG, Host, running
from tests.waiting import wait_for

ROOT = Path(__file__).resolve().parent.parent.parent
DEMO = ROOT / "enhancelog/demo/enhance_log.db"
HEAD_OF_MAIN = "5a412852fe0eae8111929e71e5cfac84d32e05744607adeb81f9da83cd5b614f"


@pytest.fixture
def host() -> Iterator[Host]:
    with running() as host:
        yield host


@pytest.fixture(autouse=True)
def quarantine(settings: Settings, tmp_path: Path) -> Path:
    settings.DATA_DIR = tmp_path
    return tmp_path / "quarantine"


class Heard:
    def __init__(self) -> None:
        self.ids: list[str] = []
        self.findings: list[Finding] = []
        self.gone: list[list[str]] = []
        self.heads: list[Head] = []
        self.troubles: list[str] = []

    def added(self, entry: records.Entry) -> None:
        self.ids.append(entry.issue_id)

    def found(self, finding: Finding) -> None:
        self.findings.append(finding)

    def vanished(self, issue_ids: list[str]) -> None:
        self.gone.append(issue_ids)

    def kept(self, head: Head) -> None:
        self.heads.append(head)

    def trouble(self, reason: str) -> None:
        self.troubles.append(reason)

    def failed(self, reason: str, pause_s: float) -> None:
        raise AssertionError(reason)

    def recovered(self) -> None:
        raise AssertionError("it had not failed")


def following(host: Host, heard: Heard | None = None) -> Follower:
    return Follower(Upstream(parse_url(host.url)), host.name, 1 << 20, heard or Heard())


def run(host: Host, *options: str) -> tuple[int, str, str]:
    """``follow_log --once``: exit code, standard output, standard error."""
    out, err = StringIO(), StringIO()
    try:
        call_command("follow_log", host.url, "--once", *options, stdout=out, stderr=err)
    except SystemExit as ended:
        return int(str(ended.code)), out.getvalue(), err.getvalue()
    return 0, out.getvalue(), err.getvalue()


def stored() -> list[dict[str, Any]]:
    listed = DatabaseEnhanceLogStore(Origin("user", "reader", "api")).list_all()
    return [json.loads(records.encode(entry)) for entry in listed]


def gaps() -> set[str]:
    return {str(entry) for entry in Entry.objects.raw(f"SELECT * FROM {Entry._meta.db_table} WHERE {gap()}")}


@pytest.mark.django_db
def test_whole_log_comes_in_as_listed(host: Host) -> None:
    code, out, err = run(host)
    assert (code, err) == (0, "")
    assert stored() == host.entries
    assert Entry.objects.values_list("source", "actor_kind", "actor_name").distinct().get() == (
        host.name,
        "command",
        "follow_log",
    )
    assert f"added {host.entries[0]['issue_id']}: main, rejected by agent-ref" in out
    assert out.splitlines()[-1].startswith(f"read {len(host.entries)}, added {len(host.entries)}, same 0")


@pytest.mark.django_db
def test_second_run_adds_nothing_and_finds_nothing(host: Host) -> None:
    run(host)
    code, out, err = run(host)
    assert (code, err) == (0, "")
    assert out.splitlines() == [
        f"read {len(host.entries)}, added 0, same {len(host.entries)}, conflict 0, quarantined 0"
    ]


@pytest.mark.django_db
def test_quiet_says_nothing_when_all_is_well(host: Host) -> None:
    assert run(host, "--quiet") == (0, "", "")


@pytest.mark.django_db
def test_unchanged_body_asks_for_nothing_more(host: Host) -> None:
    follower = following(host)
    follower.poll()
    asked = len(host.requests)
    follower.poll()
    assert host.requests[asked:] == [LOG]


@pytest.mark.django_db
def test_new_entry_with_an_earlier_time_is_found(host: Host) -> None:
    host.list([make_fields(issue_id="late", ts_ms=2_000)])
    heard = Heard()
    follower = following(host, heard)
    follower.poll()
    host.list([make_fields(issue_id="early", ts_ms=1_000), make_fields(issue_id="late", ts_ms=2_000)])
    follower.poll()
    assert heard.ids == ["late", "early"]


@pytest.mark.django_db
def test_new_entries_come_in_by_time_then_list_order(host: Host) -> None:
    host.list([make_fields(issue_id=name, ts_ms=ts) for name, ts in [("b", 2), ("c", 1), ("a", 2), ("d", 1)]])
    following(host).poll()
    assert list(Entry.objects.order_by("position").values_list("issue_id", flat=True)) == ["c", "d", "b", "a"]


@pytest.mark.django_db
def test_changed_entry_keeps_ours_and_is_reported_once(host: Host, quarantine: Path) -> None:
    host.list([make_fields()])
    run(host)
    host.list([make_fields(intent="rewritten", rationale="rewritten")])
    code, _, err = run(host)
    assert code == 1
    assert "conflict: entry 1: h-1 is stored with different content; they differ in intent, rationale" in err
    assert stored() == [make_fields()]
    (kept,) = quarantine.iterdir()
    assert json.loads(kept.read_text())["raw"] == json.dumps(
        make_fields(intent="rewritten", rationale="rewritten"), separators=(",", ":")
    )
    assert run(host, "--quiet") == (0, "", "")
    host.list([make_fields(intent="rewritten again")])
    assert run(host, "--quiet")[0] == 1


@pytest.mark.django_db
def test_changed_entry_is_reported_once_while_following(host: Host) -> None:
    heard = Heard()
    follower = following(host, heard)
    for intent in ("first", "second", "first", "second"):
        host.list([make_fields(intent=intent)])
        follower.poll()
    assert len(heard.findings) == 1
    assert follower.remarks.reported == 1


@pytest.mark.django_db
def test_entry_of_another_source_that_is_the_same_is_no_finding(host: Host) -> None:
    store = DatabaseEnhanceLogStore(Origin("user", "ada", "api"))
    store.append(records.from_values(**make_fields(ops=[{"op": "remove", "path": "/x"}])))
    host.list([make_fields()])
    assert run(host)[0] == 0


@pytest.mark.django_db
def test_empty_log_after_a_restart_deletes_nothing_and_is_said_once(host: Host) -> None:
    host.list([make_fields(issue_id=f"h-{number}") for number in range(25)])
    run(host)
    host.list([])
    code, _, err = run(host)
    assert code == 1
    assert err.startswith("vanished: 25 entries are no longer listed, but stay here: h-0, h-1, h-10")
    assert err.strip().endswith("and 5 more")
    assert len(stored()) == 25
    assert run(host, "--quiet") == (0, "", "")


@pytest.mark.django_db
def test_entry_that_came_back_and_vanishes_again_is_said_again(host: Host) -> None:
    heard = Heard()
    follower = following(host, heard)
    for entries in ([make_fields()], [], [make_fields()], []):
        host.list(entries)
        follower.poll()
    assert heard.gone == [["h-1"], ["h-1"]]
    assert FollowFinding.objects.count() == 1


@pytest.mark.django_db
def test_history_imported_before_is_not_missed(host: Host) -> None:
    """An older in-memory log may be lost upstream; whoever imported it knows."""
    call_command("import_log", str(DEMO), "--source", host.name, stdout=StringIO())
    host.list([])
    assert run(host, "--quiet") == (0, "", "")


@pytest.mark.django_db
def test_history_imported_first_joins_up_without_gaps(host: Host, tmp_path: Path) -> None:
    following(host).poll()
    gaps_of_one_chain = gaps()
    entries = host.entries
    other = [
        entry | {"issue_id": f"2-{entry['issue_id']}", "blueprint_id": f"2-{entry['blueprint_id']}"}
        for entry in entries
    ]
    half = tmp_path / "half.json"
    half.write_text(json.dumps(other[: len(other) // 2]))
    call_command("import_log", str(half), "--source", host.name, stdout=StringIO())
    host.list(entries + other)
    following(host).poll()
    assert gaps() == gaps_of_one_chain | {f"2-{issue_id}" for issue_id in gaps_of_one_chain}


@pytest.mark.django_db
def test_items_that_are_no_entries_are_quarantined_once_and_hide_nothing(host: Host, quarantine: Path) -> None:
    bad = [make_fields(status="maybe"), make_fields(issue_id=".."), 7, {"issue_id": "half"}, make_fields(ts_ms=1.5)]
    host.list([bad[0], make_fields(issue_id="good-1"), *bad[1:], make_fields(issue_id="good-2")])
    code, out, err = run(host)
    assert code == 1
    assert [entry["issue_id"] for entry in stored()] == ["good-1", "good-2"]
    assert err.count("quarantined: entry") == len(bad)
    assert "quarantined 5" in out
    (kept,) = quarantine.iterdir()
    assert [json.loads(json.loads(line)["raw"]) for line in kept.read_text().splitlines()] == bad
    assert run(host, "--quiet") == (0, "", "")


@pytest.mark.django_db
@pytest.mark.parametrize("item", [b'{"issue_id": NaN}', b'"\xff"', b"[" * 2000 + b"]" * 2000, b"{]"[:1] + b"}"])
def test_item_that_no_parser_takes_hides_nothing(host: Host, item: bytes) -> None:
    good = json.dumps(make_fields()).encode()
    host.answers[LOG].body = b"[" + item + b", " + good + b"]"
    host.answers[LOG].declared = len(host.answers[LOG].body)
    heard = Heard()
    following(host, heard).poll()
    assert [type(finding) for finding in heard.findings] == [Refused]
    assert heard.ids == ["h-1"]


@pytest.mark.django_db
def test_what_the_host_sends_never_steers_the_terminal(host: Host) -> None:
    host.answers[LOG].body = b'[{"\\u001b[2J": 1, "\\u001b[2J": 2}]'
    host.answers[LOG].declared = None
    code, _, err = run(host, "--quiet")
    assert code == 1
    assert "\\x1b[2J: appears twice" in err
    assert "\x1b" not in err


@pytest.mark.django_db
def test_quarantine_can_be_read_while_following_goes_on(host: Host, quarantine: Path) -> None:
    """What stops the process must not take findings along."""
    from enhancelog.transfer.findings import FindingsFile

    with FindingsFile(quarantine, "host:1") as findings:
        findings.add(where="entry 1", field="", rule="type", reason="no entry", raw="7")
        assert findings.path is not None
        assert json.loads(findings.path.read_text())["raw"] == "7"


@pytest.mark.django_db
def test_heads_are_kept_under_their_hash(host: Host) -> None:
    heard = Heard()
    following(host, heard).poll()
    assert [head.blueprint_id for head in heard.heads] == [
        path.split("/")[3] for path in host.requests if path.endswith("/head") and host.answers.get(path)
    ]
    document = json.loads(host.answers["/v1/blueprints/main/head"].body)["blueprint"]
    found = documents.find(HEAD_OF_MAIN, "json")
    assert found is not None
    assert json.loads(found.text) == document
    assert documents.find("0" * 64, "json") is None
    following(host, again := Heard()).poll()
    assert again.heads == []


@pytest.mark.django_db
def test_every_version_of_a_head_is_kept(host: Host) -> None:
    follower = following(host)
    follower.poll()
    kept = Document.objects.filter(blueprint_id="main").count()
    answer = host.answers["/v1/blueprints/main/head"]
    answer.body = answer.body.replace(b"[90, 65,", b"[90, 66,")
    host.list([*host.entries, make_fields()])
    follower.poll()
    assert Document.objects.filter(blueprint_id="main").count() == kept + 1
    assert Document.objects.filter(hash=HEAD_OF_MAIN.replace("5a41", "5a42")).exists()


@pytest.mark.django_db
def test_entries_come_in_where_nothing_is_known_of_blueprints(host: Host) -> None:
    del host.answers[DOCTOR]
    heard = Heard()
    following(host, heard).poll()
    assert len(heard.ids) == len(host.entries)
    assert (heard.heads, heard.troubles) == ([], [])


def test_ids_of_blueprints_are_one_segment_of_the_path(host: Host) -> None:
    assert Upstream(parse_url(host.url)).head("ops/デプロイ %?#") is None
    assert host.requests == ["/v1/blueprints/ops%2F%E3%83%87%E3%83%97%E3%83%AD%E3%82%A4%20%25%3F%23/head"]


def test_version_is_read_from_rust_debug_text() -> None:
    assert hex_of(f"BlueprintVersion(ContentHash([{', '.join(['18', '255'] + ['0'] * 30)}]))") == "12ff" + "00" * 30
    assert hex_of(f"BlueprintVersion(ContentHash([{', '.join(['256'] * 32)}]))") is None
    assert hex_of(f"BlueprintVersion(ContentHash([{', '.join(['1'] * 31)}]))") is None
    assert hex_of("12ff") is None


@pytest.mark.parametrize(
    "url",
    [
        "",
        "127.0.0.1:7777",
        "ftp://127.0.0.1",
        "file:///etc/passwd",
        "http://",
        "http://[::1",
        "http://host:99999",
        "http://host/?q=1",
        "http://host/#x",
        "http://ada:secret@host:7777",
    ],
)
@pytest.mark.django_db
def test_url_that_is_no_plain_http_address_is_refused(url: str) -> None:
    with pytest.raises(CommandError, match=r"^URL: ") as refused:
        call_command("follow_log", url, "--once")
    assert refused.value.returncode == 2
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize("options", [("--interval", "0"), ("--interval", "nan"), ("--source", "a\nb")])
@pytest.mark.django_db
def test_bad_option_is_refused(options: tuple[str, str]) -> None:
    with pytest.raises(CommandError, match=options[0]):
        call_command("follow_log", "http://127.0.0.1:1", "--once", *options)


def test_source_is_host_and_port() -> None:
    assert Upstream(parse_url("http://Host.example/prefix/")).name == "host.example:80"
    assert Upstream(parse_url("https://host.example")).name == "host.example:443"
    assert Upstream(parse_url("http://[::1]:7777")).name == "[::1]:7777"


def test_following_ends_when_another_release_has_migrated_the_database() -> None:
    class Migrated:
        def poll(self) -> None:
            raise WrongSchema("the database is from a newer release")

    with pytest.raises(WrongSchema):
        forever(Migrated(), 1, None, sleep=lambda pause_s: pytest.fail("tried again"))  # type: ignore[arg-type]


def test_waiting_grows_within_its_limits_and_is_never_in_step() -> None:
    assert all(10 <= back_off(10, failures) <= MAX_PAUSE_S for failures in range(1, 60))
    assert all(600 <= back_off(600, failures) <= 600 for failures in range(1, 60))
    assert len({back_off(10, 9) for _ in range(20)}) > 10


@pytest.mark.slow
def test_interruption_ends_it_with_130(host: Host, tmp_path: Path) -> None:
    assert manage("migrate", "-v0", data_dir=tmp_path).returncode == 0
    command = [sys.executable, str(ROOT / "manage.py"), "follow_log", host.url, "--interval", "1"]
    with subprocess.Popen(
        command, env=environment(tmp_path), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == f"Following {host.name} as {host.name} every 1 s (Ctrl-C stops it)\n"
        assert process.stdout.readline().startswith("added h-")
        wait_for(lambda: host.requests.count(LOG) >= 2)
        process.send_signal(2)
        _, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert err.splitlines() == ["Interrupted. What was committed is kept; run the command again to continue."]


@pytest.mark.django_db
def test_a_field_of_another_shape_is_dropped_and_said_once(host: Host, quarantine: Path) -> None:
    noted = make_fields(issue_id="b", meta={"model": "m"})
    host.list([make_fields(issue_id="a", meta="v2"), noted | {"candidate_hash": None}])
    code, out, err = run(host)
    assert (code, err.count("dropped: entry")) == (1, 2)
    assert "added 2" in out
    assert stored() == [make_fields(issue_id="a"), noted]
    (kept,) = quarantine.iterdir()
    assert [json.loads(line)["field"] for line in kept.read_text().splitlines()] == ["meta", "candidate_hash"]
    assert run(host, "--quiet") == (0, "", "")
