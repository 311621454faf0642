"""``follow_log`` notices when a host that has evidence shows another log than before."""

from collections.abc import Iterator
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from pytest_django.fixtures import Settings

from enhancelog.client.remembered import EVERY_S, Remembered
from enhancelog.client.witness_calls import CHECKPOINT, CONSISTENCY, KEYS
from enhancelog.host.follow_witness import Witnessed
from enhancelog.host.log_http import Upstream, parse_url
from tests.client.evident import FORK, Evident
from tests.evidence.logs import KEY, NEXT_KEY
from tests.upstream import LOG as PATH
from tests.upstream import Answer, Host, Slow, running

pytestmark = [pytest.mark.django_db, pytest.mark.once]


@pytest.fixture
def host() -> Iterator[Host]:
    with running() as host:
        yield host


@pytest.fixture(autouse=True)
def data_dir(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    settings.DATA_DIR = tmp_path
    monkeypatch.delenv("ENHANCELOG_CHECKPOINTS")
    return tmp_path


def show(host: Host, server: Evident, known: int | None = None) -> None:
    """``known``: the size that is remembered."""
    keys = "".join(f"{key.verifier}\n" for key in server.keys).encode()
    host.answers[KEYS] = Answer(keys, Content_Type="text/plain")
    host.answers[CHECKPOINT] = Answer(server.note, Content_Type="text/plain")
    if known is not None:
        answer = Answer(server.growth(known)) if known <= server.size else Answer(b"", 400)
        host.answers[f"{CONSISTENCY}?first={known}"] = answer


def run(host: Host, *options: str) -> tuple[int, str]:
    """``follow_log --once``: exit code and standard error."""
    err = StringIO()
    try:
        call_command("follow_log", host.url, "--once", *options, stdout=StringIO(), stderr=err)
    except SystemExit as ended:
        return int(str(ended.code)), err.getvalue()
    return 0, err.getvalue()


def remembered(host: Host, data_dir: Path) -> int:
    known = Remembered(data_dir / "checkpoints", host.url).read()
    assert known.checkpoint is not None
    return known.checkpoint.size


def test_an_engine_host_has_no_evidence(host: Host) -> None:
    assert run(host) == (0, "")
    assert host.requests.count(CHECKPOINT) == 1


def test_a_host_whose_log_grows(host: Host, data_dir: Path) -> None:
    show(host, Evident(41))
    assert run(host) == (0, "")
    show(host, Evident(77), 41)
    assert run(host) == (0, "")
    assert remembered(host, data_dir) == 77


@pytest.mark.parametrize("server", [Evident(77, FORK), Evident(40)], ids=["split view", "rolled back"])
def test_a_host_that_shows_another_log(host: Host, data_dir: Path, server: Evident) -> None:
    show(host, Evident(41))
    run(host)
    show(host, server, 41)
    for _ in range(2):  # at every run, until somebody looks into it
        code, err = run(host)
        assert code == 1
        assert len(err.splitlines()) == 1
        assert err.startswith(f"FORK: {host.url} no longer shows the log that it had (41 entries of ")
    assert remembered(host, data_dir) == 41
    assert len(list((data_dir / "checkpoints").glob("*/refused-*"))) == 1


def test_given_keys_are_the_only_ones(host: Host) -> None:
    server = Evident(41)
    server.keys = [NEXT_KEY]
    show(host, server)
    assert run(host, "--key", str(NEXT_KEY.verifier)) == (0, "")
    show(host, server, 41)
    code, err = run(host, "--key", str(KEY.verifier))
    assert (code, err.startswith("FORK: ")) == (1, True)
    with pytest.raises(CommandError, match="--key: key: must be NAME"):
        call_command("follow_log", host.url, "--once", "--key", "log")


def test_it_can_be_switched_off(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ENHANCELOG_CHECKPOINTS", "off")
    assert run(host) == (0, "")
    assert CHECKPOINT not in host.requests


@pytest.mark.parametrize("status", [301, 401, 404, 429, 500, 502, 503])
def test_evidence_that_is_withheld_is_no_fork(host: Host, data_dir: Path, status: int) -> None:
    host.answers[CHECKPOINT] = Answer(b"", status)
    assert run(host) == (0, "")
    show(host, Evident(41))
    run(host)
    host.answers[f"{CONSISTENCY}?first=41"] = Answer(b"", status, Location="http://127.0.0.1:9/")
    code, err = run(host)
    assert code == 0
    is_outage = status in (429, 502, 503)
    said = f"evidence: {host.name} no longer says what its log is: it answered {status}\n"
    assert err == ("" if is_outage else said)
    assert remembered(host, data_dir) == 41


def test_a_host_that_drips_costs_little(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("enhancelog.host.log_http.BRIEF_S", 0.3)
    host.answers[CHECKPOINT] = Slow()
    assert run(host) == (0, "")


def test_it_looks_every_now_and_then(host: Host, data_dir: Path) -> None:
    class Nothing:
        def poll(self) -> None: ...

        def forked(self, line: str) -> None: ...

        def doubtful(self, reason: str) -> None: ...

    times = [0.0]
    memory = Remembered(data_dir, host.url)
    witnessed = Witnessed(Nothing(), Upstream(parse_url(host.url)), memory, Nothing(), clock=lambda: times[-1])
    for time_s, asked in ((0.0, 1), (EVERY_S - 1, 1), (EVERY_S, 2), (EVERY_S + 1, 2)):
        times.append(time_s)
        witnessed.poll()
        assert host.requests.count(CHECKPOINT) == asked
    assert PATH not in host.requests
