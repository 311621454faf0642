"""Checkpoints: strict reading, whose they are, and that a log only grows."""

import pytest

from enhancelog.evidence import checkpoints, proofs, signed_notes
from enhancelog.evidence.checkpoints import Checkpoint, check_growth, open_signed, parse_text
from enhancelog.evidence.errors import Unproven
from enhancelog.evidence.keys import SigningKey
from enhancelog.evidence.merkle import EMPTY_ROOT
from tests.evidence.logs import KEY, NEXT_KEY, ORIGIN, WITNESS, WITNESSED_S, Log, witnessed

LOG = Log(20)
FORK = Log(20, "forked")
SPECIFIED = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"
ROOT = "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I="
NOTE = LOG.signed(20)


def test_the_specifications_example() -> None:
    checkpoint = parse_text(SPECIFIED)
    assert (checkpoint.origin, checkpoint.size) == ("example.com/behind-the-sofa", 20_852_163)
    assert checkpoint.text == SPECIFIED
    assert parse_text(f"{SPECIFIED}one\ntwo\n").extensions == ("one", "two")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "must have lines"),
        ("a\n1\n", "must have lines"),
        (SPECIFIED.rstrip("\n"), "must have lines"),
        (f"\n1\n{ROOT}\n", "no empty one"),
        (f"a\n1\n{ROOT}\n\n", "no empty one"),
        (f"a\n1\n{ROOT}\n\nb\n", "no empty one"),
        *((f"a\n{size}\n{ROOT}\n", "size: is") for size in ("-1", "+1", "01", "1_0", "1 ", "٣", "1e3", "9" * 19)),
        (f"a\n{2**63}\n{ROOT}\n", "size: is"),
        (f"a\n{'9' * 100_000}\n{ROOT}\n", "size: is"),
        (f"a\n1\n{ROOT[:-1]}\n", "root: is not base64"),
        (f"a\n1\n{ROOT[:-2]}J=\n", "root: is not canonical base64"),
        ("a\n1\nAAAA\n", "root: has 3 bytes"),
        (f"a\n0\n{ROOT}\n", "root: is not that of the empty tree"),
        (f"a\n1\n{ROOT}\n" + "x\n" * 101, "more than 100 extension lines"),
    ],
)
def test_what_is_no_checkpoint(text: str, why: str) -> None:
    with pytest.raises(Unproven, match=why):
        parse_text(text)


def test_as_many_extensions_as_there_may_be() -> None:
    assert len(parse_text(SPECIFIED + "x\n" * 100).extensions) == 100


def test_a_signed_checkpoint_opens_with_a_key_of_its_log() -> None:
    assert open_signed(NOTE, [KEY.verifier]).checkpoint == LOG.checkpoint(20)
    rotated = LOG.signed(20, KEY, NEXT_KEY)
    assert open_signed(rotated, [NEXT_KEY.verifier]).checkpoint == LOG.checkpoint(20)
    assert checkpoints.sign(Checkpoint(ORIGIN, 0, EMPTY_ROOT), [KEY]).startswith(b"log.example.org\n0\n47DEQp")


@pytest.mark.parametrize(
    "checkpoint",
    [
        Checkpoint("a\nb", 1, EMPTY_ROOT),
        Checkpoint("", 1, EMPTY_ROOT),
        Checkpoint("a", 1, EMPTY_ROOT, ("",)),
        Checkpoint("a", 1, b""),
        Checkpoint("a", -1, EMPTY_ROOT),
        Checkpoint("a\n1", 1, EMPTY_ROOT, ("x\ny",)),
    ],
)
def test_what_cannot_be_read_again_is_not_signed(checkpoint: Checkpoint) -> None:
    with pytest.raises(Unproven):
        checkpoints.sign(checkpoint, [KEY])


def test_another_logs_key_is_refused() -> None:
    other = SigningKey("other.example", b"o" * 32)
    with pytest.raises(Unproven, match=r"there is none by the given keys, but by log\.example\.org"):
        open_signed(NOTE, [other.verifier])
    with pytest.raises(Unproven, match=r"origin: is 'log\.example\.org', but 'other\.example' signed it"):
        open_signed(LOG.signed(20, other), [other.verifier, KEY.verifier])
    impostor = SigningKey(ORIGIN, b"i" * 32)
    with pytest.raises(Unproven, match="there is none by the given keys"):
        open_signed(LOG.signed(20, impostor), [KEY.verifier])
    with pytest.raises(Unproven, match="there is none by the given keys"):
        open_signed(NOTE, [])


def test_witnesses_must_have_signed_but_do_not_speak_for_the_log() -> None:
    note = witnessed(NOTE)
    opened = open_signed(note, [KEY.verifier], [WITNESS])
    assert [signed.time_s for signed in opened.signed] == [None, WITNESSED_S]
    with pytest.raises(Unproven, match=r"there is none by the witness 'witness.example/w1'"):
        open_signed(NOTE, [KEY.verifier], [WITNESS])
    with pytest.raises(Unproven, match="only by witnesses"):
        open_signed(note, [WITNESS])
    with pytest.raises(Unproven, match="only by witnesses"):
        open_signed(note, [NEXT_KEY.verifier], [WITNESS])


def test_a_note_with_another_text_is_no_checkpoint() -> None:
    with pytest.raises(Unproven, match="must have lines"):
        open_signed(signed_notes.sign("hello\n", [KEY]), [KEY.verifier])


def proof(old: int, new: int) -> list[bytes]:
    return proofs.consistency(old, new, LOG.tree.read)


@pytest.mark.parametrize(("old", "new"), [(0, 0), (0, 7), (1, 20), (7, 20), (16, 20), (20, 20)])
def test_a_log_that_has_grown(old: int, new: int) -> None:
    check_growth(LOG.checkpoint(old), LOG.checkpoint(new), proof(old, new))


def test_a_fork_an_old_checkpoint_and_another_log_are_found() -> None:
    cases: list[tuple[Checkpoint, Checkpoint, list[bytes], str]] = [
        (LOG.checkpoint(7), FORK.checkpoint(20), proof(7, 20), "does not lead"),
        (LOG.checkpoint(7), FORK.checkpoint(20), FORK.tree.proof(7, 20), "does not lead"),
        (LOG.checkpoint(20), FORK.checkpoint(20), [], "two trees of 20 entries have different roots"),
        (LOG.checkpoint(20), LOG.checkpoint(7), proof(7, 20), "7 entries are fewer than the 20"),
        (LOG.checkpoint(20), LOG.checkpoint(0), [], "0 entries are fewer than the 20"),
        (LOG.checkpoint(7), LOG.checkpoint(20, "other.example"), proof(7, 20), "origin: is 'other.example'"),
        (LOG.checkpoint(7), LOG.checkpoint(20), proof(8, 20), "proof: "),
        (LOG.checkpoint(7), LOG.checkpoint(20), [], "proof: has 0 hashes"),
    ]
    for old, new, given, why in cases:
        with pytest.raises(Unproven, match=why):
            check_growth(old, new, given)
