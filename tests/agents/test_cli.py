"""``python -m enhancelog`` against a live server: what it prints, and how it ends."""

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from enhancelog import __version__
from enhancelog.agents import cli
from enhancelog.domain import records
from enhancelog.domain.origin import Origin
from enhancelog.domain.text import DATA_NOTICE
from enhancelog.patterns import pattern_id
from enhancelog.store import open_store
from tests.factories import make_entry, make_fields, make_rejected

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.once]


class Done(NamedTuple):
    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[dict[str, object]]:
        return [json.loads(line) for line in self.out.splitlines()]


Run = Callable[..., Done]


@pytest.fixture
def run(live_api: str, capfdbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run one command, with ``stdin`` as its standard input."""

    def run(*arguments: str, stdin: bytes = b"") -> Done:
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        capfdbinary.readouterr()
        try:
            code = cli.main(arguments)
        except SystemExit as end:
            code = int(end.code or 0)
        captured = capfdbinary.readouterr()
        return Done(code, captured.out.decode(), captured.err.decode())

    return run


def stored(*entries: records.Entry) -> None:
    store = open_store(Origin("command", "tests", "tests"))
    for entry in entries:
        store.append(entry)


def test_append_of_one_entry_prints_its_digest(run: Run, tmp_path: Path):
    entry = make_entry(issue_id="ops/デプロイ-3 %")
    (tmp_path / "entry.json").write_bytes(json.dumps(json.loads(records.encode(entry)), indent=2).encode())
    done = run("append", str(tmp_path / "entry.json"))
    assert (done.code, done.err) == (0, "")
    assert done.lines == [
        {"where": "entry 1", "issue_id": entry.issue_id, "result": "created", "digest": records.digest(entry)}
    ]
    assert run("get", entry.issue_id).out == records.encode(entry).decode() + "\n"


def test_append_of_lines_says_what_became_of_each(run: Run):
    stored(make_entry(issue_id="a"), make_entry(issue_id="b"))
    lines = [
        records.encode(make_entry(issue_id="new")),
        records.encode(make_entry(issue_id="a")),
        records.encode(make_entry(issue_id="b", intent="another")),
        b'{"issue_id": "c"}',
        records.encode(make_entry(issue_id="last")),
    ]
    done = run("append", stdin=b"\n".join(lines))
    assert done.code == 1
    assert [(line["where"], line["result"]) for line in done.lines] == [
        ("line 1", "created"),
        ("line 2", "identical"),
        ("line 3", "conflict"),
        ("line 4", "invalid"),
        ("line 5", "created"),
    ]
    assert done.lines[2]["error"] == "the stored entry differs in intent"
    assert "blueprint_id" in str(done.lines[3]["error"])


def test_append_again_is_done_not_a_finding(run: Run):
    body = records.encode(make_entry())
    assert run("append", "-", stdin=body).code == 0
    assert run("append", "-", stdin=body).code == 0


def test_append_says_when_the_server_refuses_an_entry(run: Run, settings):
    settings.MAX_ENTRY_BYTES = 100
    done = run("append", stdin=records.encode(make_entry()))
    assert done.code == 1
    assert "the limit is 100" in str(done.lines[0]["error"])


@pytest.mark.parametrize("stdin", [b"", b"\n\n", b"hello"])
def test_append_of_nothing_could_not_run(run: Run, stdin: bytes):
    done = run("append", stdin=stdin)
    assert (done.code, done.out) == (2, "")
    assert len(done.err.splitlines()) == 1


def test_append_of_a_missing_file_could_not_run(run: Run):
    done = run("append", "/no/such/file")
    assert (done.code, done.err) == (2, "enhancelog: /no/such/file: cannot be read: No such file or directory\n")


@pytest.mark.parametrize("issue_id", ["missing", "..", "\udcff", ""])
def test_get_of_a_missing_entry_is_a_finding(run: Run, issue_id: str):
    done = run("get", issue_id)
    assert (done.code, done.out) == (1, "")
    assert done.err.startswith("enhancelog: not found")


def test_list_takes_the_filters_of_the_api(run: Run):
    stored(
        make_entry(issue_id="a", ts_ms=1),
        make_rejected("noop", issue_id="b", ts_ms=2, meta={"model": "m", "seed": 1}),
        make_rejected("des", issue_id="c", ts_ms=3, meta={"model": "m"}),
        make_rejected("noop", issue_id="d", ts_ms=4, blueprint_id=""),
    )
    for arguments, expected in {
        (): "abcd",
        ("--blueprint-id", "main"): "abc",
        ("--blueprint-id", ""): "d",
        ("--axis", "noop", "--order", "desc"): "db",
        ("--not-status", "rejected"): "a",
        ("--max", "2"): "ab",
        ("--order", "desc", "--max", "3", "--page-size", "1"): "dcb",
        ("--blueprint-id", "unknown"): "",
        ("--meta", "model=m"): "bc",
        ("--meta", "model=m", "--not-meta", "seed=1"): "c",
    }.items():
        done = run("list", *arguments)
        assert ("".join(str(line["issue_id"]) for line in done.lines), done.code) == (expected, 0)


def test_why_prints_the_servers_answer(run: Run):
    stored(make_rejected("noop", issue_id="b"))
    done = run("why", "--blueprint-id", "main", "--intent", "cite the file")
    assert done.code == 0
    assert json.loads(done.out)["denied"][0]["axis"] == "noop"


def test_why_prints_the_attempts_made_from_a_document(run: Run):
    entry = make_rejected("noop", issue_id="b")
    stored(entry, make_entry(issue_id="other", prev_hash="other"), make_rejected(issue_id="c", blueprint_id="x"))
    done = run("why", "--prev-hash", entry.prev_hash, "--blueprint-id", "main", "--limit", "2")
    assert done.code == 0
    assert [one["issue_id"] for one in json.loads(done.out)["attempts"]] == ["b"]


@pytest.mark.parametrize("question", [["--blueprint-id", "main"], ["--prev-hash", make_entry().prev_hash]])
def test_why_prints_text_for_a_prompt(run: Run, question: list[str]):
    stored(make_rejected("noop", issue_id="b", detail="it restates"))
    done = run("why", *question, "--format", "text", "--max-chars", "2000")
    assert done.code == 0
    assert done.out.startswith(DATA_NOTICE)
    assert "it restates" in done.out
    assert not done.out.endswith("\n\n")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["list", "--since", "soon"], "since"),
        (["why", "--blueprint-id", "a", "--limit", "2"], "--limit needs --prev-hash"),
        (["why", "--prev-hash", "a", "--intent", "x"], "--intent cannot"),
        (["why", "--prev-hash", "a", "--max-chars", "500"], "--format text"),
        (["why", "--prev-hash", "a", "--limit", "21"], "limit: must be a whole number from 1 to 20"),
        (["list", "--max", "0"], "--max"),
        (["why"], "--blueprint-id"),
        (["frobnicate"], "frobnicate"),
        ([], "COMMAND"),
        (["--timeout", "x", "get", "a"], "--timeout"),
        (["list", "--text", "\udcff"], "text"),
    ],
)
def test_what_cannot_run_is_one_line(run: Run, arguments: list[str], said: str):
    done = run(*arguments)
    assert (done.code, done.out) == (2, "")
    assert said in done.err
    assert len(done.err.splitlines()) == 1


def test_a_token_that_is_refused_is_one_line_without_the_token(run: Run, monkeypatch: pytest.MonkeyPatch):
    secret = "enh_" + "ab" * 32
    monkeypatch.setenv("ENHANCELOG_TOKEN", secret)
    done = run("append", stdin=records.encode(make_entry()))
    assert done.code == 2
    assert "answered 401" in done.err
    assert secret not in done.err
    monkeypatch.setenv("ENHANCELOG_TOKEN", "a\nb")
    assert run("get", "a").err == "enhancelog: ENHANCELOG_TOKEN: contains characters that never occur in a token\n"


def test_an_interrupt_ends_with_130(run: Run, monkeypatch: pytest.MonkeyPatch):
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("enhancelog.client.log_store.HttpEnhanceLogStore.get", interrupted)
    assert run("get", "a") == (130, "", "")


def test_the_version_is_printed(run: Run):
    assert run("--version") == (0, f"enhancelog {__version__}\n", "")


def test_append_to_a_spool_sends_nothing_until_flush(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    spool = str(tmp_path / "entries.spool")
    body = records.encode(make_entry(issue_id="a")) + b"\n" + records.encode(make_entry(issue_id="b"))
    done = run("append", "--spool", spool, stdin=body)
    assert (done.code, [line["result"] for line in done.lines]) == (0, ["spooled", "spooled"])
    assert run("list").out == ""
    done = run("flush", "--spool", spool)
    assert (done.code, done.lines) == (0, [{"created": 2, "identical": 0, "quarantined": 0, "waiting": 0}])
    assert [line["issue_id"] for line in run("list").lines] == ["a", "b"]
    monkeypatch.setenv("ENHANCELOG_SPOOL", spool)
    assert run("flush").lines == [{"created": 0, "identical": 0, "quarantined": 0, "waiting": 0}]


def test_flush_reports_what_the_server_refuses_as_a_finding(run: Run, tmp_path: Path):
    stored(make_entry(issue_id="a"))
    spool = str(tmp_path / "entries.spool")
    run("append", "--spool", spool, stdin=records.encode(make_entry(issue_id="a", intent="another")))
    done = run("flush", "--spool", spool)
    assert done.code == 1
    assert done.lines[0] == {"issue_id": "a", "result": "conflict", "error": "the stored entry differs in intent"}
    assert (done.lines[1]["quarantined"], done.lines[1]["waiting"]) == (1, 0)


def test_flush_without_a_server_keeps_everything_and_says_so(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    spool = str(tmp_path / "entries.spool")
    run("append", "--spool", spool, stdin=records.encode(make_entry()))
    monkeypatch.setenv("ENHANCELOG_URL", "http://127.0.0.1:9")
    done = run("--timeout", "0.1", "flush", "--spool", spool)
    assert (done.code, done.out) == (2, "")
    assert done.err.endswith(f"; entries waiting in {spool}: 1\n")


def test_flush_with_a_wrong_token_is_one_sentence(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    spool = str(tmp_path / "entries.spool")
    run("append", "--spool", spool, stdin=records.encode(make_entry()))
    monkeypatch.setenv("ENHANCELOG_TOKEN", "wrong")
    done = run("flush", "--spool", spool)
    assert done.code == 2
    assert done.err.endswith(f"begin with enh_; entries waiting in {spool}: 1\n")


def test_flush_of_no_spool_could_not_run(run: Run, tmp_path: Path):
    assert run("flush", "--spool", str(tmp_path / "typo")) == (
        2,
        "",
        f"enhancelog: there is no spool {tmp_path}/typo\n",
    )
    assert "ENHANCELOG_SPOOL" in run("flush").err
    assert not list(tmp_path.iterdir())


def test_append_sends_what_was_noted_and_refuses_another_shape(run: Run):
    noted = make_entry(candidate_hash="c", meta={"model": "m", "seed": 7})
    lines = [records.encode(noted), json.dumps(make_fields(issue_id="b", meta={"a": []})).encode()]
    done = run("append", stdin=b"\n".join(lines))
    assert (done.code, [line["result"] for line in done.lines]) == (1, ["created", "invalid"])
    assert "meta.a: must be a string" in str(done.lines[1]["error"])
    assert run("get", "h-1").out.encode().strip() == records.encode(noted)


def test_a_filter_of_meta_without_a_value_could_not_run(run: Run):
    done = run("list", "--meta", "model")
    assert (done.code, done.err) == (2, 'enhancelog: meta: must be KEY=VALUE, not "model"\n')


def test_mark_sets_a_marker_and_prints_it(run: Run):
    done = run("mark", "prompt v12", "--note", "cites", "--at", "2026-11-09T14:00:00Z", "--blueprint", "main")
    (made,) = done.lines
    assert (done.code, made["title"], made["note"], made["ts_ms"]) == (0, "prompt v12", "cites", 1_794_232_800_000)
    assert (made["kind"], made["blueprint_id"], "axis" in made) == ("manual", "main", False)
    assert run("mark", "v13", "--axis", "noop").lines[0]["axis"] == "noop"


def test_note_writes_a_note_and_prints_it(run: Run):
    stored(make_entry(issue_id="a/b"))
    (made,) = run("note", "entry:a/b", "**seen** before").lines
    assert (made["about"], made["about_id"], made["text"]) == ("entry", "a/b", "**seen** before")
    for arguments, code, why in (
        (("axis:a", "x"), 2, "about"),
        (("entry:a/b", " "), 2, "text"),
        (("entry:a/b",), 2, "TEXT"),
        (("entry:nobody", "x"), 1, "not found: nobody"),
    ):
        done = run("note", *arguments)
        assert (done.code, done.out) == (code, "")
        assert why in done.err


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ((), "TITLE"),
        (("",), "title"),
        (("a\nb",), "title"),
        (("a", "--at", "soon"), "--at"),
        (("a", "--axis", ".."), "axis"),
    ],
)
def test_mark_says_what_is_wrong(run: Run, arguments: tuple[str, ...], why: str):
    done = run("mark", *arguments)
    assert (done.code, done.out) == (2, "")
    assert why in done.err


def test_state_sets_that_of_a_pattern_and_prints_it(run: Run):
    stored(make_rejected("noop", issue_id="a", detail="rude"))
    pattern = pattern_id("noop", "rude")
    (made,) = run("state", pattern, "expected", "--cause", "verifier", "--most-a-day", "5", "--seen", "0").lines
    state = made["state"]
    assert isinstance(state, dict)
    assert (made["id"], state["state"], state["cause"], state["most_a_day"]) == (pattern, "expected", "verifier", 5)
    late = run("state", pattern, "fixed", "--seen", "0")
    assert (late.code, late.out) == (1, "")
    assert "somebody changed" in late.err


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ((), "PATTERN"),
        (("0" * 16, "odd"), "odd"),
        (("0" * 16, "fixed"), "not found"),
        (("0" * 16, "fixed", "--note", "x" * 4_001), "note"),
        (("0" * 16, "expected", "--most-a-day", "0"), "most_a_day"),
    ],
)
def test_state_says_what_is_wrong(run: Run, arguments: tuple[str, ...], why: str):
    done = run("state", *arguments)
    assert done.code in (1, 2)
    assert done.out == ""
    assert why in done.err
