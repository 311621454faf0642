"""What a witness gets, and whoever remembers a checkpoint."""

import random

import pytest

from enhancelog.evidence import growth_files, proofs
from enhancelog.evidence.errors import Unproven
from enhancelog.evidence.growth_files import GrowthFile
from tests.evidence.logs import KEY, Log
from tests.evidence.test_signed_notes import mutate

LOG = Log(100)
FORK = Log(100, "forked")
# Of tlog-witness, shortened
SPECIFIED = """\
old 20852014
PlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkaw=
jrJZDmY8Y7SyJE0MWLpLozkIVMSMZcD5kvuKxPC3swk=

example.com/behind-the-sofa
20852163
CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=

— example.com/behind-the-sofa Az3grlgt
"""


def grown(old: int, new: int, log: Log = LOG) -> bytes:
    return growth_files.write(GrowthFile(old, proofs.consistency(old, new, log.tree.read), log.signed(new)))


def accepts(old: int, data: bytes) -> bool:
    try:
        growth_files.verify(LOG.checkpoint(old), data, [KEY.verifier])
    except Unproven:
        return False
    return True


def test_the_specifications_form() -> None:
    growth = growth_files.parse(SPECIFIED.encode())
    assert (growth.old, len(growth.hashes)) == (20_852_014, 2)
    assert growth.checkpoint.startswith(b"example.com/behind-the-sofa\n")
    assert growth_files.write(growth) == SPECIFIED.encode()


@pytest.mark.parametrize(("old", "new"), [(0, 0), (0, 9), (1, 2), (41, 77), (64, 100), (77, 77)])
def test_a_log_that_grew(old: int, new: int) -> None:
    opened = growth_files.verify(LOG.checkpoint(old), grown(old, new), [KEY.verifier])
    assert opened.checkpoint == LOG.checkpoint(new)


def test_a_split_view_and_a_replay_are_refused() -> None:
    assert accepts(41, grown(41, 77))
    assert not accepts(41, grown(41, 77, FORK))
    assert not accepts(77, grown(77, 77, FORK))
    assert not accepts(77, grown(41, 41))
    assert not accepts(77, grown(41, 77))
    assert not accepts(41, grown(77, 77))
    assert not accepts(41, grown(0, 77))


def test_no_mutation_verifies() -> None:
    chance = random.Random(9)
    for old, new in ((0, 9), (41, 77), (64, 100), (77, 77)):
        data = grown(old, new)
        assert accepts(old, data)
        assert not [mutated for _ in range(250) if accepts(old, mutated := mutate(chance, data))]
        assert not any(accepts(old, data[:end]) for end in range(len(data)))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"old 1\n",
        b"old 01\n\n",
        b"old -1\n\n",
        b"old 1\nAAAA\n\n",
        b"new 1\n\n",
        b"old 1\n" + b"A" * 43 + b"=\n" * 65 + b"\n",
        b"x" * (growth_files.MAX_BYTES + 1),
    ],
)
def test_what_has_another_form(data: bytes) -> None:
    with pytest.raises(Unproven):
        growth_files.parse(data)
