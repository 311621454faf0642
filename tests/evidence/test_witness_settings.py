"""Witnesses as they are read from the environment."""

import pytest
from django.core.exceptions import ImproperlyConfigured

from enhancelog.evidence.witnesses import Witness
from enhancelog.settings import reading, witnesses
from tests.evidence.logs import KEY, WITNESS
from tests.evidence.witness_servers import OTHER

ONE = f"{WITNESS} https://witness.example/prefix/"
TWO = f"{OTHER} http://10.0.0.7:8080"
BOTH = [Witness(WITNESS, "https://witness.example/prefix"), Witness(OTHER, "http://10.0.0.7:8080")]


@pytest.mark.parametrize("text", [f"{ONE},{TWO}", f"{ONE}\n{TWO}\n", f" {ONE} , {TWO},\n", f"{ONE}\r\n\r\n{TWO}"])
def test_pairs_are_separated_by_commas_or_lines(text: str) -> None:
    assert witnesses.named(text) == BOTH


def test_a_file_can_have_them(tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> None:
    path = f"{tmp_path}/witnesses"
    with open(path, "w") as file:
        file.write(f"{ONE}\n{TWO}\n")
    monkeypatch.setenv(f"{witnesses.NAME}_FILE", path)
    assert witnesses.named(reading.text(witnesses.NAME)) == BOTH


def test_none_is_named_unless_set() -> None:
    assert witnesses.named("") == []


def test_checkpoints_are_added_below_the_prefix() -> None:
    assert BOTH[0].add_checkpoint == "https://witness.example/prefix/add-checkpoint"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (str(WITNESS), "must be KEY URL pairs"),
        ("https://witness.example/", "must be KEY URL pairs"),
        (f"{ONE} {TWO}", "must be KEY URL pairs"),
        ("nonsense https://witness.example/", "must be NAME.HASH.KEY"),
        (f"{str(WITNESS).replace(WITNESS.id.hex(), '00000000')} https://witness.example/", "copy it again"),
        (f"{KEY.verifier} https://witness.example/", "is a log's key"),
        (f"{WITNESS} ftp://witness.example/", "must have an address like"),
        (f"{WITNESS} witness.example", "must have an address like"),
        (f"{WITNESS} https://user:secret@witness.example/", "must have an address like"),
        (f"{WITNESS} https://witness.example/?a=b", "must have an address like"),
        (f"{WITNESS} https://witness.example/{'x' * 3_000}", "must have an address like"),
        (f"{ONE},{WITNESS} https://other.example", "has a key twice"),
        (",".join([ONE] * 9), "has 9 witnesses, the limit is 8"),
    ],
)
def test_what_is_wrong_is_one_line_that_names_it(text: str, says: str) -> None:
    with pytest.raises(ImproperlyConfigured, match=f"^{witnesses.NAME}: .*{says}") as refused:
        witnesses.named(text)
    assert "\n" not in str(refused.value)
    assert len(str(refused.value)) < 400
