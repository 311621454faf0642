"""Cosignatures by a witness in Go, whose proofs, notes and cosignatures nobody here wrote or checks but itself."""

import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from enhancelog.agents import cli
from enhancelog.domain import records
from enhancelog.evidence import checkpoints, growth_files, receipts
from enhancelog.evidence.errors import Unproven
from enhancelog.evidence.growth_files import GrowthFile
from enhancelog.evidence.keys import SigningKey, parse_verifier_key
from enhancelog.evidence.witnesses import Witness
from enhancelog.maintenance import witnessing
from enhancelog.models import Witness as WitnessModel
from enhancelog.queries import entries
from enhancelog.queries import evidence as read
from tests.evidence.go_programs import built
from tests.evidence.logs import Log
from tests.evidence.test_tree import KEYS, VERIFIERS, append, settle
from tests.factories import make_rejected
from tests.processes import free_port, make_tokens, manage, serving
from tests.waiting import wait_for

pytestmark = [pytest.mark.heavy, pytest.mark.once]

SOURCE = Path(__file__).parent / "witness" / "main.go"
NAME = "witness.example/go"


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return built(SOURCE, tmp_path_factory.mktemp("go"))


@contextmanager
def running(program: Path, log_key: str) -> Iterator[Witness]:
    with subprocess.Popen([program, NAME, log_key], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout
            key, url = process.stdout.readline().split()
            yield Witness(parse_verifier_key(key), url)
        finally:
            process.kill()


def ask(witness: Witness) -> None:
    """In the next round."""
    WitnessModel.objects.update(round_ms=0, next_ms=0)
    witnessing.step([witness])


def failure() -> str:
    return WitnessModel.objects.get().failure


@pytest.mark.django_db
def test_a_log_that_grows_is_cosigned_and_its_receipts_verify(program: Path, tmp_path: Path) -> None:
    with running(program, str(VERIFIERS[0])) as witness:
        for size in (1, 1, 5, 249, 1, 300, 511):
            append(size, settle().size)
            grown = settle().size
            ask(witness)
            assert failure() == ""
            for number in {0, grown - size, grown - 1}:
                found = read.receipt(entries.get(f"h-{number}"))
                assert found is not None
                assert receipts.verify(found.content, VERIFIERS, [witness.key]).checkpoint.size == grown
        file = tmp_path / "receipt"
        file.write_bytes(found.content)
        arguments = ["verify", str(file), "--key", str(VERIFIERS[0]), "--witness"]
        assert cli.main([*arguments, str(witness.key)]) == 0
        with running(program, str(VERIFIERS[0])) as other:
            assert cli.main([*arguments, str(other.key)]) == 1


@pytest.mark.django_db
def test_what_either_side_forgot_is_asked_for(program: Path) -> None:
    append(5)
    settle()
    with running(program, str(VERIFIERS[0])) as witness:
        ask(witness)
        WitnessModel.objects.all().delete()
        append(300, 5)
        settle()
        ask(witness)
        assert (failure(), WitnessModel.objects.get().size) == ("", 305)
    append(1, 305)
    settle()
    with running(program, str(VERIFIERS[0])) as anew:
        WitnessModel.objects.update(key=str(anew.key))
        ask(anew)
        assert (failure(), WitnessModel.objects.get().size) == ("", 306)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("log_key", "says"),
    [
        (SigningKey("log-1", b"o" * 32), "another key (403)"),
        (SigningKey("log-2", b"k" * 32), "not know this log (404)"),
    ],
)
def test_a_witness_of_another_log_refuses(log_key: SigningKey, says: str, program: Path) -> None:
    append(5)
    settle()
    with running(program, str(log_key.verifier)) as witness:
        ask(witness)
    assert failure() == "refused"
    assert says in WitnessModel.objects.get().detail


@pytest.mark.django_db
def test_a_fork_is_found(program: Path) -> None:
    shown_elsewhere = Log(7)
    append(5)
    settle()
    with running(program, str(VERIFIERS[0])) as witness:
        note = checkpoint_of(shown_elsewhere, 7)
        request = urllib.request.Request(witness.add_checkpoint, growth_files.write(GrowthFile(0, [], note)))
        with urllib.request.urlopen(request, timeout=10) as answer:
            assert answer.status == 200
        ask(witness)
        assert failure() == "ahead"
        append(5, 5)
        settle()
        ask(witness)
        assert failure() == "forked"
        shown = read.receipt(entries.get("h-0"))
        assert shown is not None
        with pytest.raises(Unproven, match="none by the witness"):
            receipts.verify(shown.content, VERIFIERS, [witness.key])


def checkpoint_of(log: Log, size: int) -> bytes:
    return checkpoints.sign(log.checkpoint(size, KEYS[0].verifier.name), KEYS)


def test_a_server_has_its_log_cosigned(program: Path, tmp_path: Path) -> None:
    data_dir = tmp_path / "data"
    key = SigningKey.new("log.example/served")
    (tmp_path / "key").write_text(key.secret_text)
    with running(program, str(key.verifier)) as witness:
        (tmp_path / "witnesses").write_text(f"{witness.key} {witness.url}\n")
        port = free_port()
        environment = {
            "ENHANCELOG_EVIDENCE_KEY_FILE": str(tmp_path / "key"),
            "ENHANCELOG_WITNESSES_FILE": str(tmp_path / "witnesses"),
            "ENHANCELOG_WORKERS": "2",
        }
        manage("migrate", data_dir=data_dir, **environment)
        with (
            open(tmp_path / "output", "w") as output,
            serving("--bind", f"127.0.0.1:{port}", data_dir=data_dir, output=output, **environment),
        ):
            (token,) = make_tokens(1, ["log:read", "log:append"], data_dir, **environment)
            api = Api(f"http://127.0.0.1:{port}", token)
            api.ask("v1/enhance/log", records.encode(make_rejected(issue_id="h-1")))
            wait_for(lambda: witness.key.name in api.receipt("h-1"))
            proven = receipts.verify(api.receipt("h-1").encode(), [key.verifier], [witness.key])
            assert (proven.index, proven.checkpoint.origin) == (0, "log.example/served")
            assert 'enhancelog_witness_up{witness="witness.example/go"} 1.0' in api.ask("metrics")


class Api:
    def __init__(self, base: str, token: str) -> None:
        self.base = base
        self.headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}

    def ask(self, path: str, body: bytes | None = None) -> str:
        request = urllib.request.Request(f"{self.base}/{path}", body, self.headers)
        with urllib.request.urlopen(request, timeout=30) as answer:
            return str(answer.read().decode())

    def receipt(self, issue_id: str) -> str:
        try:
            return self.ask(f"v1/evidence/proofs/{issue_id}")
        except urllib.error.HTTPError as error:
            assert error.code == 503
            return ""
