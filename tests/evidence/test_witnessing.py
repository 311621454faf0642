"""Witnesses are asked for cosignatures: receipts get them, and whatever a witness does wrong is said once."""

import logging
import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from prometheus_client.parser import text_string_to_metric_families

from enhancelog.alerts import posting
from enhancelog.domain.errors import Other
from enhancelog.domain.installation import Problem
from enhancelog.domain.times import now_ms
from enhancelog.evidence import checkpoints, growth_files, receipts
from enhancelog.evidence.checkpoints import Checkpoint
from enhancelog.evidence.merkle import EMPTY_ROOT
from enhancelog.evidence.witnesses import Witness
from enhancelog.maintenance import background, status, witness_worker, witnessing
from enhancelog.maintenance.witness_problems import LATE_MS
from enhancelog.models import Checkpoint as CheckpointModel
from enhancelog.models import Tile as TileModel
from enhancelog.models import Witness as WitnessModel
from enhancelog.queries import entries
from enhancelog.queries import evidence as read
from enhancelog.store import evidence, witnesses
from enhancelog.store.witnesses import AFTER_REFUSAL_MS, ROUND_MS
from tests.alerts.receivers import Handler, answering, dripping_body, flooding, stalling
from tests.evidence.logs import WITNESS, cosignature
from tests.evidence.test_tree import KEYS, NEXT_KEY, VERIFIERS, append, settle
from tests.evidence.witness_servers import OTHER, OTHER_SEED, Honest, serving
from tests.waiting import wait_for

pytestmark = pytest.mark.django_db

Behaviour = Callable[[Handler], None]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> "Clock":
    return Clock(monkeypatch)


class Clock:
    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = now_ms()
        monkeypatch.setattr(witnesses, "now_ms", lambda: self.now)

    def pass_ms(self, ms: int) -> None:
        self.now += ms


def honest(**options: Any) -> Honest:
    return Honest(KEYS[0].verifier.name, VERIFIERS, **options)


def by_other(note: bytes) -> bytes:
    return cosignature(note, seed=OTHER_SEED, by=OTHER)


def receipt(number: int) -> bytes:
    found = read.receipt(entries.get(f"h-{number}"))
    assert found is not None
    return found.content


def cosigners(number: int) -> set[str]:
    """Of an entry's receipt."""
    signed = receipts.verify(receipt(number), [*VERIFIERS, WITNESS, OTHER]).signed
    return {each.key.name for each in signed if each.key.is_witness}


def cosigned_size() -> int:
    found = CheckpointModel.objects.filter(pk=witnesses.ROW).first()
    return found.size if found else 0


def grow(size: int) -> None:
    append(size, settle().size)
    settle()


def problem_of(settings: Any, *named: Witness) -> Problem | None:
    settings.WITNESSES = list(named)
    return next((each for each in status.look().problems if each.code.startswith("witness-")), None)


def test_a_receipt_has_the_cosignature_and_verifies_with_it() -> None:
    grow(5)
    with serving(honest()) as (server, witness):
        witnessing.step([witness])
    proven = receipts.verify(receipt(4), VERIFIERS, [WITNESS])
    assert (proven.index, proven.checkpoint.size) == (4, 5)
    assert [each.path for each in server.received] == ["/w/add-checkpoint"]
    assert growth_files.parse(server.received[0].body).old == 0


def test_an_empty_log_and_one_without_a_checkpoint_are_not_sent() -> None:
    with serving(honest()) as (server, witness):
        witnessing.step([witness])
        settle()
        witnessing.step([witness])
    assert server.received == []


def test_a_checkpoint_is_sent_once_and_a_later_one_after_a_minute(clock: Clock) -> None:
    grow(5)
    with serving(honest()) as (server, witness):
        for size, pause_ms, cosigned in ((0, 0, 5), (0, ROUND_MS, 5), (3, 0, 8), (2, ROUND_MS - 1, 8), (0, 1, 10)):
            append(size, settle().size)
            settle()
            clock.pass_ms(pause_ms)
            witnessing.step([witness])
            assert cosigned_size() == cosigned
    assert [growth_files.parse(each.body).old for each in server.received] == [0, 5, 8]


def test_receipts_keep_the_cosigned_checkpoint_while_the_log_grows() -> None:
    grow(5)
    with serving(honest()) as (_, witness):
        witnessing.step([witness])
    grow(300)
    assert receipts.verify(receipt(3), VERIFIERS, [WITNESS]).checkpoint.size == 5
    assert receipts.verify(receipt(5), VERIFIERS).checkpoint.size == 305
    assert cosigners(5) == set()


def test_the_newest_checkpoint_has_its_cosignatures() -> None:
    grow(5)
    with serving(honest()) as (_, witness):
        witnessing.step([witness])
    known = Checkpoint(KEYS[0].verifier.name, 0, EMPTY_ROOT)
    grown = read.growth(0, None)
    newest = read.checkpoint()
    assert grown is not None
    assert newest is not None
    for opened in (
        growth_files.verify(known, grown, [*VERIFIERS, WITNESS]),
        checkpoints.open_signed(newest.note, VERIFIERS, [WITNESS]),
    ):
        assert opened.checkpoint.size == 5
        assert WITNESS in [signed.key for signed in opened.signed]
    grow(1)
    plain = read.checkpoint()
    assert plain is not None
    assert [signed.key for signed in checkpoints.open_signed(plain.note, [*VERIFIERS, WITNESS]).signed] == VERIFIERS


def test_all_witnesses_cosign_one_checkpoint_also_if_one_comes_late(clock: Clock) -> None:
    grow(5)
    late: list[Behaviour] = [answering(503)]
    second = honest(lines=by_other)
    with serving(honest()) as (first, one), serving(lambda handler: late[-1](handler), OTHER) as (server, other):
        witnessing.step([one, other])
        assert cosigners(0) == {WITNESS.name}
        late.append(second)
        clock.pass_ms(ROUND_MS)
        witnessing.step([one, other])
        assert cosigners(0) == {WITNESS.name, OTHER.name}
    assert (len(first.received), len(server.received)) == (1, 2)


def test_the_size_that_the_witness_says_is_believed_only_for_the_proof(clock: Clock) -> None:
    grow(5)
    server_side = honest()
    with serving(server_side) as (server, witness):
        witnessing.step([witness])
        grow(4)
        WitnessModel.objects.update(size=2)  # its answer was lost, or a copy was restored
        clock.pass_ms(ROUND_MS)
        witnessing.step([witness])
    assert [growth_files.parse(each.body).old for each in server.received] == [0, 2, 5]
    assert (server_side.cosigned.size, cosigned_size()) == (9, 9)
    assert WitnessModel.objects.get().failure == ""


def test_a_witness_that_knew_more_and_forgot_it_is_asked_like_a_new_one() -> None:
    grow(5)
    WitnessModel.objects.create(key=str(WITNESS), size=100)
    with serving(honest()) as (server, witness):
        witnessing.step([witness])
    assert [growth_files.parse(each.body).old for each in server.received] == [5, 0]
    assert (cosigned_size(), WitnessModel.objects.get().size) == (5, 5)


def test_a_key_that_signs_no_more_ends_what_it_signed() -> None:
    grow(5)
    with serving(honest()) as (_, witness):
        witnessing.step([witness])
    settle([*KEYS, NEXT_KEY])
    append(1, 5)
    evidence.step([NEXT_KEY])
    assert receipts.verify(receipt(3), [NEXT_KEY.verifier]).checkpoint.size == 6


def test_a_damaged_cosigned_checkpoint_is_replaced(clock: Clock) -> None:
    grow(5)
    with serving(honest()) as (_, witness):
        witnessing.step([witness])
        CheckpointModel.objects.filter(pk=witnesses.ROW).update(note="x")
        assert cosigners(1) == set()
        clock.pass_ms(ROUND_MS)
        witnessing.step([witness])
        assert cosigners(1) == {WITNESS.name}


def conflict_for_ever(handler: Handler) -> None:
    old = growth_files.parse(handler.server.received[-1].body).old
    answering(409, b"%d\n" % (2 if old == 1 else 1))(handler)


def signing(lines: Callable[[bytes], bytes]) -> Behaviour:
    def behave(handler: Handler) -> None:
        answering(200, lines(growth_files.parse(handler.server.received[-1].body).checkpoint))(handler)

    return behave


def of_another_text(note: bytes) -> bytes:
    return cosignature(note.replace(b"\n5\n", b"\n4\n"))


FAULTS: dict[str, tuple[Behaviour, str, str, int]] = {
    "unknown log": (answering(404), "refused", "it does not know this log (404)", 1),
    "unknown key": (answering(403), "refused", "with another key (403)", 1),
    "not understood": (answering(400), "refused", "the request (400)", 1),
    "gone": (answering(410), "refused", "answers with status 410", 1),
    "a redirect": (answering(308, Location="http://127.0.0.1:9/w"), "refused", "redirects, which is not", 1),
    "a fork": (answering(422), "forked", "not how this log begins (422)", 1),
    "more than is here": (answering(409, b"6\n"), "ahead", "cosigned 6 entries of this log", 1),
    "another size each time": (conflict_for_ever, "refused", "after each of 3 requests", 3),
    "no size": (answering(409, b"<html>"), "refused", "number and a newline", 1),
    "a size without end": (answering(409, b"1" * 9_999 + b"\n"), "refused", "number and a newline", 1),
    "a negative size": (answering(409, b"-1\n"), "refused", "plain digits", 1),
    "nothing": (answering(200, b""), "unverified", "no cosignature by witness.example/w1", 1),
    "a page": (answering(200, b"<html>"), "unverified", "no cosignature by", 1),
    "more than signatures": (signing(lambda note: b"\n" + cosignature(note)), "unverified", "no cosignature by", 1),
    "another key's": (signing(by_other), "unverified", "there is none by the given keys", 1),
    "another text's": (signing(of_another_text), "unverified", "did not sign this text", 1),
    "without a time": (signing(lambda note: cosignature(note, 0)), "unverified", "signed no time", 1),
    "not text": (answering(200, b"\xff\n"), "unverified", "not UTF-8", 1),
    "busy": (answering(429), "unreachable", "status 429", 1),
    "broken": (answering(500), "unreachable", "status 500", 1),
    "hanging": (stalling, "unreachable", "no complete answer within", 1),
    "endless, slowly": (dripping_body, "unreachable", "no complete answer within", 1),
    "endless": (flooding, "unreachable", "longer than 64 kB", 1),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_said_once_and_costs_no_receipt(
    name: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, settings: Any, clock: Clock
) -> None:
    behave, kind, detail, requests = FAULTS[name]
    monkeypatch.setattr(posting, "TOTAL_S", 0.5)
    grow(5)
    with serving(behave) as (server, witness):
        with caplog.at_level(logging.WARNING):
            witnessing.step([witness])
            assert len([each for each in server.received if each.path == "/w/add-checkpoint"]) == requests
            clock.pass_ms(AFTER_REFUSAL_MS + 1)
            witnessing.step([witness])
        assert len(server.received) >= 2 * requests
    row = WitnessModel.objects.get()
    assert (row.failure, row.size) == (kind, 0)
    assert detail in row.detail
    (said,) = [each.getMessage() for each in caplog.records if each.name == witnessing.__name__]
    assert detail in said
    assert "\n" not in said
    assert len(said) < 300
    assert (cosigned_size(), cosigners(2)) == (0, set())
    WitnessModel.objects.update(failed_ms=now_ms() - LATE_MS - 1)
    problem = problem_of(settings, witness)
    assert problem is not None
    assert problem.code == f"witness-{kind}"
    assert problem.severity == ("error" if kind in ("forked", "ahead") else "warning")
    assert detail in problem.text
    assert problem.fix


@pytest.mark.parametrize(("status_code", "rounds"), [(404, 2), (422, 2), (503, 11)])
def test_who_refuses_is_asked_less_often_than_who_is_away(status_code: int, rounds: int, clock: Clock) -> None:
    grow(5)
    with serving(answering(status_code)) as (server, witness):
        for _ in range(11):
            witnessing.step([witness])
            clock.pass_ms(ROUND_MS)
    assert len(server.received) == rounds


def test_a_witness_that_is_away_for_a_moment_is_no_problem(settings: Any) -> None:
    grow(5)
    with serving(answering(503)) as (_, witness):
        witnessing.step([witness])
    assert problem_of(settings, witness) is None
    WitnessModel.objects.update(failed_ms=now_ms() - LATE_MS - 1)
    assert problem_of(settings, witness) is not None


def test_a_witness_that_cosigns_again_is_no_problem(settings: Any, clock: Clock) -> None:
    grow(5)
    behaviours: list[Behaviour] = [answering(404)]
    with serving(lambda handler: behaviours[-1](handler)) as (_, witness):
        witnessing.step([witness])
        assert problem_of(settings, witness) is not None
        behaviours.append(honest())
        clock.pass_ms(AFTER_REFUSAL_MS)
        witnessing.step([witness])
        assert problem_of(settings, witness) is None
    assert cosigners(0) == {WITNESS.name}


def test_another_log_under_the_same_name_is_an_error(settings: Any, clock: Clock) -> None:
    """Restored from an older copy, then grown in another way."""
    grow(5)
    witness_side = honest()
    with serving(witness_side) as (_, witness):
        witnessing.step([witness])
        known = witness_side.cosigned
        witness_side.cosigned = Checkpoint(known.origin, 7, b"x" * 32)
        grow(1)
        clock.pass_ms(ROUND_MS)
        witnessing.step([witness])
        found = problem_of(settings, witness)
        assert found is not None
        assert (found.code, found.severity) == ("witness-ahead", "error")
        grow(5)
        clock.pass_ms(AFTER_REFUSAL_MS)
        witnessing.step([witness])
        found = problem_of(settings, witness)
        assert found is not None
        assert (found.code, found.severity) == ("witness-forked", "error")
    assert cosigned_size() == 5


def test_damaged_tiles_are_not_sent_as_a_fork(clock: Clock) -> None:
    grow(300)
    with serving(honest()) as (server, witness):
        witnessing.step([witness])
        grow(1)
        tile = TileModel.objects.get(level=0, number=1)
        TileModel.objects.filter(level=0, number=1).update(hashes=b"x" * len(bytes(tile.hashes)))
        clock.pass_ms(ROUND_MS)
        with pytest.raises(Other, match="run verify_log"):
            witnessing.step([witness])
    assert len(server.received) == 1


def test_one_process_asks_in_a_round() -> None:
    grow(5)
    keys = [str(WITNESS), str(OTHER)]
    assert witnesses.begin_round(keys, keys) == dict.fromkeys(keys, 0)
    assert witnesses.begin_round(keys, keys) == {}


def test_who_is_overtaken_by_another_process_reports_nothing(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    grow(5)
    begin = witnesses.begin_round
    with serving(honest()) as (server, witness):

        def meanwhile(*arguments: Any) -> dict[str, int]:
            monkeypatch.setattr(witnesses, "begin_round", begin)
            grow(3)
            witnessing.step([witness])
            return dict.fromkeys(arguments[1], 0)

        monkeypatch.setattr(witnesses, "begin_round", meanwhile)
        witnessing.step([witness])
        witnessing.step([witness])
    assert [growth_files.parse(each.body).old for each in server.received] == [0, 0]
    assert (cosigned_size(), WitnessModel.objects.get().failure, caplog.records) == (8, "", [])


def test_a_clock_that_was_set_back_ends_no_rounds(clock: Clock) -> None:
    grow(5)
    clock.pass_ms(10 * AFTER_REFUSAL_MS)
    with serving(answering(404)) as (_, witness):
        witnessing.step([witness])
    clock.pass_ms(-10 * AFTER_REFUSAL_MS)
    assert witnesses.begin_round([str(WITNESS)], [str(WITNESS)]) == {str(WITNESS): 0}


def test_what_another_round_stored_meanwhile_stays() -> None:
    grow(5)
    with serving(honest()) as (_, witness):
        witnessing.step([witness])
    before = witnesses.last()
    grow(1)
    newest = evidence.stored()
    assert newest is not None
    witnesses.keep(newest.note + cosignature(newest.note), before)
    witnesses.keep(newest.note + by_other(newest.note), before)
    assert cosigners(5) == {WITNESS.name}


def test_a_witness_that_is_no_longer_named_is_forgotten() -> None:
    grow(5)
    with serving(answering(404)) as (_, witness):
        witnessing.step([witness])
    with serving(honest(lines=by_other), OTHER) as (_, other):
        WitnessModel.objects.update(round_ms=0)
        witnessing.step([other])
    assert [row.key for row in WitnessModel.objects.all()] == [str(OTHER)]


@pytest.mark.django_db(transaction=True)
def test_the_thread_asks_again_after_a_fault(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(witness_worker, "POLL_S", 0.02)
    monkeypatch.setattr(witness_worker, "PAUSE_AFTER_FAULT_S", 0.02)
    faults = iter([1])
    step = witnessing.step

    def failing(named: list[Witness]) -> None:
        if next(faults, None):
            raise Other("the database failed")
        step(named)

    monkeypatch.setattr(witnessing, "step", failing)
    grow(5)
    ends = threading.Event()
    with serving(honest()) as (_, witness):
        settings.WITNESSES = [witness]
        thread = witness_worker.start(ends)
        wait_for(lambda: cosigned_size() == 5)
        ends.set()
        thread.join()


@pytest.mark.parametrize(("named", "is_demo", "expected"), [(1, False, True), (0, False, False), (1, True, False)])
def test_the_thread_runs_where_witnesses_are_named(
    named: int, is_demo: bool, expected: bool, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.WITNESSES = [Witness(WITNESS, "http://127.0.0.1:9")] * named
    settings.DEMO = is_demo
    assert (witness_worker.start in background.starts()) == expected


def test_metrics_say_which_witness_cosigns(settings: Any, client: Client) -> None:
    settings.PUBLIC_READ = True
    assert "enhancelog_witness" not in client.get("/metrics").content.decode()
    grow(5)
    with serving(honest()) as (_, one), serving(answering(404), OTHER) as (_, other):
        settings.WITNESSES = [one, other]
        witnessing.step(settings.WITNESSES)
    families = text_string_to_metric_families(client.get("/metrics").content.decode())
    samples = [sample for family in families for sample in family.samples if "witness" in sample.labels]
    assert {(sample.name, sample.labels["witness"]): sample.value for sample in samples} == {
        ("enhancelog_witness_cosigned_entries", WITNESS.name): 5,
        ("enhancelog_witness_cosigned_entries", OTHER.name): 0,
        ("enhancelog_witness_up", WITNESS.name): 1,
        ("enhancelog_witness_up", OTHER.name): 0,
    }


def test_the_last_cosigned_checkpoint_can_be_asked_for(settings: Any, client: Client) -> None:
    settings.PUBLIC_READ = True
    path = "/v1/evidence/checkpoint"
    grow(5)
    assert client.get(path, {"cosigned": "true"}).status_code == 404
    with serving(honest()) as (_, witness):
        witnessing.step([witness])
    grow(1)
    cosigned = client.get(path, {"cosigned": "true"})
    assert checkpoints.open_signed(cosigned.content, VERIFIERS, [WITNESS]).checkpoint.size == 5
    assert cosigned.headers["ETag"]
    for newest in (client.get(path), client.get(path, {"cosigned": "false"})):
        assert checkpoints.open_signed(newest.content, VERIFIERS).checkpoint.size == 6
    for wrong in ("?cosigned=1", "?cosigned=", "?cosigned=true&cosigned=true"):
        refused = client.get(path + wrong)
        assert refused.status_code == 400
        assert "cosigned" in refused.json()["detail"]
