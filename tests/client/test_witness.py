"""A client notices when a server's log did not grow from what it saw before, and says so of no other."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from enhancelog.client import remembered
from enhancelog.client.async_witness import AsyncWitness
from enhancelog.client.exchange import BRIEF_BYTES, Unavailable
from enhancelog.client.remembered import Remembered
from enhancelog.client.witness import Witness
from enhancelog.client.witness_calls import Known, Seen
from enhancelog.domain.errors import Forked, Invalid, Other
from enhancelog.evidence import checkpoints, keys
from enhancelog.evidence.checkpoints import Checkpoint
from enhancelog.evidence.keys import SigningKey
from tests import loops
from tests.client.evident import FORK, LOG, Evident
from tests.client.scripted import URL
from tests.client.test_no_django import python
from tests.evidence.logs import KEY, NEXT_KEY, ORIGIN, Log
from tests.processes import ROOT

OTHER_KEY = SigningKey("other.example", b"o" * 32)
THIRD_KEY = SigningKey(ORIGIN, b"t" * 32)

Check = Callable[[Evident], Checkpoint | None]


@pytest.fixture
def memory(tmp_path: Path) -> Remembered:
    return Remembered(tmp_path / "checkpoints", URL)


@pytest.fixture(params=["blocking", "asyncio"])
def check(request: pytest.FixtureRequest, memory: Remembered) -> Check:
    if request.param == "blocking":
        return lambda server: Witness(server.connection(), memory).check()

    async def checked(server: Evident) -> Checkpoint | None:
        async with server.async_connection() as connection:
            return await AsyncWitness(connection, memory).check()

    return lambda server: loops.run(checked(server))


def files(memory: Remembered) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in memory.folder.iterdir() if path.name != "lock"}


def keys_of(memory: Remembered) -> list[str]:
    return (memory.folder / "keys").read_text().splitlines()


def test_what_a_server_shows_first_is_remembered(check: Check, memory: Remembered) -> None:
    server = Evident(41)
    assert check(server) == LOG.checkpoint(41)
    assert files(memory) == {"checkpoint": LOG.signed(41), "keys": f"{KEY.verifier}\n".encode()}
    assert {path.stat().st_mode & 0o077 for path in (memory.folder, *memory.folder.iterdir())} == {0}


@pytest.mark.parametrize("sizes", [[0, 0, 1], [41, 41, 77], [1, 64, 65, 100]])
def test_a_log_that_grows_is_followed(check: Check, memory: Remembered, sizes: list[int]) -> None:
    server = Evident()
    for server.size in sizes:
        assert check(server) == LOG.checkpoint(server.size)
        assert memory.read().checkpoint == LOG.checkpoint(server.size)
    assert server.asked.count("consistency") == len(sizes) - 1


def other_log(server: Evident) -> None:
    server.log, server.size = FORK, 77


def same_size(server: Evident) -> None:
    server.log = FORK


def same_size_without_a_proof(server: Evident) -> None:
    server.log = FORK
    server.answers["consistency"] = httpx.Response(400)


def rolled_back(server: Evident) -> None:
    server.size = 40


def emptied(server: Evident) -> None:
    server.size = 0


def other_key(server: Evident) -> None:
    server.keys = [NEXT_KEY]


def other_origin(server: Evident) -> None:
    server.keys = [OTHER_KEY]


def replayed(server: Evident) -> None:
    server.answers["consistency"] = httpx.Response(200, content=b"old 41\n\n" + LOG.signed(40))


def wrong_proof(server: Evident) -> None:
    server.size = 77
    lines = server.growth(41).split(b"\n")
    lines[1], lines[2] = lines[2], lines[1]
    server.answers["consistency"] = httpx.Response(200, content=b"\n".join(lines))


def forged(server: Evident) -> None:
    note = LOG.signed(41)
    server.answers["consistency"] = httpx.Response(200, content=b"old 41\n\n" + note.replace(b"\n41\n", b"\n42\n"))


FORKS = {
    other_log: "proof: does not lead from the tree of 41 entries to that of 77",
    same_size: "root: two trees of 41 entries have different roots",
    same_size_without_a_proof: "root: two trees of 41 entries have different roots",
    rolled_back: "size: 40 entries are fewer than the 41 of an earlier checkpoint",
    emptied: "size: 0 entries are fewer than the 41",
    other_key: "signature: there is none by the given keys",
    other_origin: "signature: there is none by the given keys, but by other.example+",
    replayed: "size: 40 entries are fewer than the 41",
    wrong_proof: "proof: does not lead",
    forged: "signature: 'log.example.org' did not sign this text",
}


@pytest.mark.parametrize("cheat", FORKS, ids=lambda cheat: cheat.__name__)
def test_a_fork_is_told_and_what_was_known_stays(
    check: Check, memory: Remembered, cheat: Callable[[Evident], None]
) -> None:
    server = Evident(41)
    check(server)
    before = files(memory)
    cheat(server)
    for _ in range(2):
        with pytest.raises(Forked, match=FORKS[cheat]) as forked:
            check(server)
    line = str(forked.value)
    assert line.startswith(f"FORK: {URL} no longer shows the log that it had (41 entries of 'log.example.org'): ")
    assert line.endswith(f"; if it was replaced or restored on purpose, delete {memory.folder}")
    after = files(memory)
    (refused,) = after.keys() - before.keys()  # once, though it was shown twice
    assert after[refused] == forked.value.shown
    assert f"; what it shows now is in {memory.folder / refused}; " in line
    assert {name: after[name] for name in before} == before
    # The true log again
    assert check(Evident(77)) == LOG.checkpoint(77)


def test_many_forks_do_not_fill_the_disk(memory: Remembered) -> None:
    Witness(Evident(41).connection(), memory).check()
    for number in range(remembered.MOST_REFUSED + 5):
        with pytest.raises(Forked):
            Witness(Evident(41, Log(41, f"fork-{number}")).connection(), memory).check()
    assert len(list(memory.folder.glob("refused-*"))) == remembered.MOST_REFUSED


# --- Keys


def test_a_new_key_is_learned_from_what_a_known_one_signed(check: Check, memory: Remembered) -> None:
    server = Evident(41)
    check(server)
    server.keys, server.listed = [KEY, NEXT_KEY], [KEY, NEXT_KEY, THIRD_KEY, OTHER_KEY]
    check(server)
    assert keys_of(memory) == [str(KEY.verifier), str(NEXT_KEY.verifier)]
    server.keys, server.size = [NEXT_KEY], 77
    assert check(server) == LOG.checkpoint(77)
    server.keys = [THIRD_KEY]
    with pytest.raises(Forked):
        check(server)


def test_who_was_away_while_the_key_changed_is_told(check: Check) -> None:
    check(Evident(41))
    server = Evident(77)
    server.keys = [NEXT_KEY]
    with pytest.raises(Forked, match="there is none by the given keys"):
        check(server)


def test_a_key_that_is_listed_but_did_not_sign_is_not_learned(check: Check, memory: Remembered) -> None:
    server = Evident(41)
    server.listed = [KEY, NEXT_KEY]
    check(server)
    check(server)
    assert keys_of(memory) == [str(KEY.verifier)]


def test_keys_that_would_fill_what_is_remembered_are_refused(check: Check, memory: Remembered) -> None:
    long = SigningKey("x" * 20_000, b"l" * 32)
    server = Evident(41)
    server.keys = [long]
    server.answers["checkpoint"] = httpx.Response(
        200, content=checkpoints.sign(LOG.checkpoint(41, long.verifier.name), [long])
    )
    with pytest.raises(Other, match="characters, the limit is 4,000"):
        check(server)
    assert not memory.folder.exists()


def test_a_new_key_that_cannot_be_read_now_is_learned_later(check: Check, memory: Remembered) -> None:
    server = Evident(41)
    check(server)
    server.keys = [KEY, NEXT_KEY]
    for answer in (httpx.ConnectError("gone"), httpx.Response(200, content=b"\xff"), httpx.Response(500)):
        server.answers["keys"] = answer
        assert check(server) == LOG.checkpoint(41)
        assert keys_of(memory) == [str(KEY.verifier)]
    del server.answers["keys"]
    check(server)
    assert keys_of(memory) == [str(KEY.verifier), str(NEXT_KEY.verifier)]


def test_pinned_keys_are_the_only_ones(tmp_path: Path) -> None:
    pinned = Remembered(tmp_path, URL, (KEY.verifier,))
    server = Evident(41)
    server.keys = [KEY, NEXT_KEY]
    assert Witness(server.connection(), pinned).check() == LOG.checkpoint(41)
    assert server.asked == ["checkpoint"]
    server.keys = [NEXT_KEY]
    with pytest.raises(Forked, match="no longer shows the log"):
        Witness(server.connection(), pinned).check()
    with pytest.raises(Forked, match=r"^FORK: http://log.test shows a log that no known key signed: "):
        Witness(server.connection(), Remembered(tmp_path / "another", URL, (KEY.verifier,))).check()


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("log", "key: must be NAME+HASH+KEY"),
        (KEY.secret_text, "must be a verifier key, and this one signs; keep it secret"),
        (str(keys.VerifierKey("w", keys.COSIGNATURE, b"k" * 32)), "'w' is a witness, not a log"),
    ],
)
def test_a_wrong_key_is_a_wrong_setting(text: str, fault: str) -> None:
    with pytest.raises(Invalid) as error:
        remembered.from_environment(URL, {"ENHANCELOG_LOG_KEY": f"{KEY.verifier}\n{text}"})
    assert str(error.value).startswith(f"ENHANCELOG_LOG_KEY: {fault}")
    assert KEY.secret_text[20:] not in str(error.value)


# --- Servers that do not cheat, as far as anybody can tell

PROBLEM = httpx.Response(400, json={"detail": "no"}, headers={"Content-Type": "application/problem+json"})
PAGE = httpx.Response(200, text="<!doctype html>\n\n<p>Sign in to the hotel's network</p>\n")


@pytest.mark.parametrize("status", [301, 400, 401, 403, 404, 405, 500])
def test_a_server_without_evidence_is_no_finding(check: Check, memory: Remembered, status: int) -> None:
    server = Evident()
    server.answers["checkpoint"] = httpx.Response(status)
    assert check(server) is None
    assert files(memory) == {}


@pytest.mark.parametrize("answer", [PAGE, httpx.Response(200, content=b"\xff\xfe"), httpx.Response(200)])
def test_what_is_no_checkpoint_at_first_is_another_kind_of_server(check: Check, answer: httpx.Response) -> None:
    server = Evident()
    server.answers["checkpoint"] = answer
    assert check(server) is None


@pytest.mark.parametrize("answer", [httpx.Response(503, headers={"Retry-After": "1"}), httpx.ReadError("reset")])
def test_a_server_that_has_nothing_signed_yet_is_asked_later(
    check: Check, memory: Remembered, answer: httpx.Response | Exception
) -> None:
    server = Evident()
    server.answers["checkpoint"] = answer
    with pytest.raises(Unavailable):
        check(server)
    assert server.asked == ["checkpoint"]
    assert memory.is_due(900)
    server = Evident(41)
    check(server)
    server.answers["consistency"] = answer
    with pytest.raises(Unavailable):
        check(server)


@pytest.mark.parametrize("answer", [PAGE, PROBLEM, *map(httpx.Response, (302, 401, 404, 500))])
def test_evidence_that_is_withheld_is_no_fork_but_is_said(
    check: Check, memory: Remembered, answer: httpx.Response
) -> None:
    server = Evident(41)
    check(server)
    before = files(memory)
    server.answers["consistency"] = answer
    with pytest.raises(Other, match=r"no longer says what its log is|does not (say|prove)"):
        check(server)
    assert files(memory) == before


def test_keys_that_change_just_now_are_no_fork(check: Check, memory: Remembered) -> None:
    server = Evident()
    server.listed = [NEXT_KEY]
    with pytest.raises(Other, match="does not say what its log is: signature"):
        check(server)
    assert not memory.folder.exists()


def test_an_endless_answer_is_cut(check: Check) -> None:
    server = Evident()
    server.answers["checkpoint"] = httpx.Response(200, content=b"x" * (BRIEF_BYTES + 1))
    with pytest.raises(Other, match="is larger than 131,072 bytes"):
        check(server)


def test_an_answer_for_another_size_is_no_fork(check: Check) -> None:
    server = Evident(77)
    check(server)
    server.answers["consistency"] = httpx.Response(200, content=Evident(77).growth(41))
    with pytest.raises(Other, match="old: is 41, but 77 was asked for"):
        check(server)


def test_hostile_names_are_quoted(check: Check) -> None:
    check(Evident(41))
    server = Evident(77)
    server.keys = [SigningKey("log\u202e\u2066evil\x9b31m", b"e" * 32)]
    with pytest.raises(Forked) as forked:
        check(server)
    assert str(forked.value).isprintable()


# --- Files


def test_addresses_have_folders_of_their_own(tmp_path: Path) -> None:
    urls = ["http://log.test", "http://log.test:8000", "https://log.test", "http://log.test/log", "http://[::1]:8"]
    urls += ["http://" + "a" * 63 + "." + "b" * 63, "http://log.test/../../etc", "http://..", "http://東京.test"]
    names = {Remembered(tmp_path, url).folder for url in urls}
    assert len(names) == len(urls)
    for name in names:
        assert name.parent == tmp_path
        assert len(name.name) <= 80
        assert name.name.isascii()
    assert Remembered(tmp_path, "http://LOG.test:80/").folder == Remembered(tmp_path, "http://log.test").folder


def test_the_folder_is_where_the_environment_says() -> None:
    def folder(**environ: str) -> Path:
        found = remembered.from_environment(URL, environ)
        assert found is not None
        return found.folder.parent

    assert folder(ENHANCELOG_CHECKPOINTS="here") == Path("here")
    assert folder(XDG_STATE_HOME="/state") == Path("/state/enhancelog/checkpoints")
    home = Path.home() / ".local/state/enhancelog/checkpoints"
    assert folder() == folder(XDG_STATE_HOME="relative", ENHANCELOG_CHECKPOINTS="") == home
    assert remembered.from_environment(URL, {"ENHANCELOG_CHECKPOINTS": "off"}) is None
    assert Witness(Evident().connection()).check() is None  # as the tests are switched off


def test_a_folder_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Other, match=r"^cannot remember checkpoints in .*: Not a directory$"):
        Witness(Evident().connection(), Remembered(tmp_path / "file", URL)).check()


@pytest.mark.parametrize("name", ["checkpoint", "keys"])
@pytest.mark.parametrize("content", [b"", b"\xff", b"log.example.org\n41\n"])
def test_a_damaged_memory_is_one_line_and_stays(memory: Remembered, name: str, content: bytes) -> None:
    Witness(Evident().connection(), memory).check()
    (memory.folder / name).write_bytes(content)
    with pytest.raises(Other, match=r"is damaged: .*; delete it to begin again"):
        Witness(Evident().connection(), memory).check()
    assert (memory.folder / name).read_bytes() == content


def test_an_older_checkpoint_does_not_replace_a_newer_one(memory: Remembered) -> None:
    for size in (77, 41):  # another process was faster
        memory.keep(Seen(LOG.checkpoint(size), LOG.signed(size), (KEY.verifier,)))
    assert memory.read() == Known((KEY.verifier,), LOG.checkpoint(77))


def test_two_processes_that_are_shown_two_logs_at_once_are_told(memory: Remembered) -> None:
    memory.keep(Seen(LOG.checkpoint(41), LOG.signed(41), (KEY.verifier,)))
    with pytest.raises(Forked, match="root: two trees of 41 entries have different roots; what it shows now is in "):
        memory.keep(Seen(FORK.checkpoint(41), FORK.signed(41), (KEY.verifier,)))
    assert memory.read().checkpoint == LOG.checkpoint(41)


def test_many_at_once_leave_the_newest(memory: Remembered) -> None:
    # All of them have looked; whoever looked only now would find an older server.
    def keep(size: int) -> None:
        memory.keep(Seen(LOG.checkpoint(size), LOG.signed(size), (KEY.verifier,)))

    with ThreadPoolExecutor(20) as threads:
        list(threads.map(keep, range(60, 80)))
    assert memory.read() == Known((KEY.verifier,), LOG.checkpoint(79))
    assert not (memory.folder / "new").exists()


def test_it_is_due_after_a_time_and_at_once_after_a_fork(memory: Remembered) -> None:
    server = Evident(41)
    assert memory.is_due(900)
    Witness(server.connection(), memory).check()
    assert not memory.is_due(900)
    assert memory.is_due(0)
    os.utime(memory.folder / "lock", (0, 0))
    assert memory.is_due(900)
    os.utime(memory.folder / "lock", (2**33, 2**33))  # the clock was set back
    assert memory.is_due(900)
    Witness(server.connection(), memory).check()
    server.size = 40
    with pytest.raises(Forked):
        Witness(server.connection(), memory).check()
    assert memory.is_due(900)


# Ends the process before each line of what remembers runs.
KILLED = """
import os, sys
from tests.client.evident import Evident
from enhancelog.client import remembered
from enhancelog.client.remembered import Remembered
from enhancelog.client.witness import Witness
from pathlib import Path

folder = Path(sys.argv[1])
log = Evident()
def tracer(frame, event, _):
    global left
    if frame.f_code.co_filename != remembered.__file__:
        return None
    if event == "line":
        left -= 1
        if not left:
            os._exit(9)
    return tracer

def attempt(number, size):
    global left
    child = os.fork()
    if not child:
        left = number
        memory = Remembered(folder / str(number), "http://log.test")
        log.size = size
        connection = log.connection()
        sys.settrace(tracer)
        Witness(connection, memory).check()
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

number = 1
while attempt(number, 41):
    attempt(number, 77)
    for size in (77, 100):
        log.size = size
        seen = Witness(log.connection(), Remembered(folder / str(number), "http://log.test")).check()
        assert seen.size == size, number
    number += 1
print(number)
"""


def test_a_kill_between_an_answer_and_remembering_it_is_no_fork(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(tmp_path)], capture_output=True, text=True, cwd=ROOT, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert int(done.stdout) > 50


# --- Without the extra

WITHOUT = """
from pathlib import Path
from enhancelog.domain.errors import Forked
from enhancelog.client.remembered import Remembered
from enhancelog.client.witness import Witness
from enhancelog.client.connection import Connection
from enhancelog.domain.errors import Other
from enhancelog.evidence import checkpoints, keys
import httpx, json

answers = json.loads(sys.argv[2])

def connection(name):
    def answer(request):
        return httpx.Response(200, stream=httpx.ByteStream(answers[name][request.url.path.rpartition("/")[2]].encode()))
    return Connection(transport=httpx.MockTransport(answer))

def said(name, *pinned):
    try:
        folder = Path(sys.argv[1]) / str(len(pinned))
        return Witness(connection(name), Remembered(folder, "http://log.test", pinned)).check().size
    except (Forked, Other) as error:
        return f"{type(error).__name__}: {error}"

print(json.dumps([said("first"), said("grown"), said("forked"), said("other"),
    said("grown", keys.parse_verifier_key(sys.argv[3]))]))
"""


def test_without_the_extra_hashes_are_compared_but_no_signatures(tmp_path: Path) -> None:
    def answers(server: Evident, first: int) -> dict[str, str]:
        shown = {"keys": f"{server.keys[0].verifier}\n", "checkpoint": server.note.decode()}
        return {**shown, "consistency": server.growth(first).decode()}

    other = Evident(100)
    other.keys = [OTHER_KEY]
    shown = {
        "first": answers(Evident(41), 41),
        "grown": answers(Evident(77), 41),
        "forked": answers(Evident(100, FORK), 77),
        "other": answers(other, 77),
    }
    done = python(WITHOUT, str(tmp_path), json.dumps(shown), str(KEY.verifier))
    assert done.returncode == 0, done.stderr
    first, grown, forked, by_other, pinned = json.loads(done.stdout)
    assert (first, grown) == (41, 77)
    assert forked.startswith("Forked: FORK: ")
    assert "proof: does not lead" in forked
    assert "there is none by the given keys, but by other.example+" in by_other
    assert pinned.endswith("run: pip install 'enhancelog[verify]'")
