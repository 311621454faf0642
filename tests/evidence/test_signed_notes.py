"""Notes and their keys, as C2SP's signed-note says; its examples, and what it forbids."""

import random

import pytest

from enhancelog.evidence import keys, signed_notes
from enhancelog.evidence.errors import Unproven
from enhancelog.evidence.keys import SigningKey, VerifierKey, parse_signing_key, parse_verifier_key
from enhancelog.evidence.signed_notes import MAX_BYTES, Note, Signature, Signed
from tests.evidence.logs import KEY, NEXT_KEY, WITNESS, WITNESSED_S, witnessed

# Of the specification
EXAMPLE_KEY = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
EXAMPLE = """\
This is an example message.

— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=
"""
POEM = """\
Ognuno sta solo sul cuor della terra
trafitto da un raggio di sole:

ed è subito sera.

— quasimodo.example/salvatore \
NnugSzTjtVAewIS+Z/iJhUPeFDkO/5QQ2i5ddnGITLlC+EhfLW9oJKONrMouFSQU0xMcXxj99ihAQwaqP3ZekRwNtIc=
"""
# Of the tests of Go's note
SECRET = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz"
PUBLIC = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"

TEXT = "log.example.org\n3\nö\n"
SIGNED = signed_notes.sign(TEXT, [KEY])
OTHER = SigningKey("other.example", b"o" * 32)


def signers(data: bytes, *known: VerifierKey) -> list[Signed]:
    return signed_notes.verify(signed_notes.parse(data), known)


def accepts(data: bytes, *known: VerifierKey) -> bool:
    try:
        return bool(signers(data, *known or (KEY.verifier,)))
    except Unproven:
        return False


def with_signatures(*signatures: Signature, text: str = TEXT) -> bytes:
    return signed_notes.write(Note(text, signatures))


def test_the_specifications_example_verifies() -> None:
    key = parse_verifier_key(EXAMPLE_KEY)
    assert str(key) == EXAMPLE_KEY
    note = signed_notes.parse(EXAMPLE.encode())
    assert note.text == "This is an example message.\n"
    assert signed_notes.write(note) == EXAMPLE.encode()
    assert signed_notes.verify(note, [key]) == [Signed(key, None)]


def test_a_text_may_have_empty_lines() -> None:
    note = signed_notes.parse(POEM.encode())
    assert note.text.endswith("raggio di sole:\n\ned è subito sera.\n")
    assert [signature.name for signature in note.signatures] == ["quasimodo.example/salvatore"]
    assert signed_notes.write(note) == POEM.encode()


def test_keys_have_gos_text_form() -> None:
    key = parse_signing_key(f"{SECRET}\n")
    assert (key.secret_text, str(key.verifier)) == (SECRET, PUBLIC)
    assert parse_verifier_key(f" {PUBLIC}\n") == key.verifier
    assert "AYEK" not in repr(key)
    assert SigningKey.new("a.example").secret_text != SigningKey.new("a.example").secret_text


def test_several_keys_sign_and_either_suffices() -> None:
    note = signed_notes.sign(TEXT, [KEY, NEXT_KEY])
    for known in ([KEY], [NEXT_KEY], [KEY, NEXT_KEY]):
        verifiers = [key.verifier for key in known]
        assert signers(note, *verifiers) == [Signed(key, None) for key in verifiers]


def test_signatures_by_unknown_keys_are_ignored() -> None:
    (right,) = signed_notes.parse(SIGNED).signatures
    strange = [
        Signature("nobody.example", b"\xff\x00\x00\x01", b"x"),
        Signature(right.name, bytes(4), right.content),  # the name alone is known
        Signature("other.example", right.key_id, right.content),  # the id alone is
        Signature("pq.example", b"\x06abc", bytes(2_420)),
    ]
    assert signers(with_signatures(*strange, right), KEY.verifier) == [Signed(KEY.verifier, None)]
    with pytest.raises(Unproven, match=r"there is none by the given keys, but by nobody\.example"):
        signers(with_signatures(*strange), KEY.verifier)


def test_one_wrong_signature_by_a_known_key_refuses_the_note() -> None:
    (right,) = signed_notes.parse(SIGNED).signatures
    wrong = Signature(NEXT_KEY.verifier.name, NEXT_KEY.verifier.id, right.content)
    assert accepts(with_signatures(right, wrong), KEY.verifier)
    assert not accepts(with_signatures(right, wrong), KEY.verifier, NEXT_KEY.verifier)
    assert not accepts(with_signatures(right, right._replace(content=right.content[:-1])), KEY.verifier)


def test_a_witness_signs_the_time_too() -> None:
    note = witnessed(SIGNED)
    assert signers(note, KEY.verifier, WITNESS) == [Signed(KEY.verifier, None), Signed(WITNESS, WITNESSED_S)]
    assert signers(note, KEY.verifier) == [Signed(KEY.verifier, None)]
    _, (right, cosignature) = signed_notes.parse(note)
    later = (WITNESSED_S + 1).to_bytes(8, "big") + cosignature.content[8:]
    assert not accepts(with_signatures(right, cosignature._replace(content=later)), KEY.verifier, WITNESS)
    # The same key as another type has another id, and its signature means something else.
    plain = VerifierKey(WITNESS.name, keys.ED25519, WITNESS.public)
    assert plain.id != WITNESS.id
    assert not accepts(with_signatures(cosignature._replace(key_id=plain.id)), plain)
    assert not accepts(with_signatures(cosignature._replace(content=cosignature.content[8:])), WITNESS)


@pytest.mark.parametrize("time_s", [0, 2**63, 2**64 - 1])
def test_a_witness_signs_a_time_after_1970(time_s: int) -> None:
    with pytest.raises(Unproven, match="signed no time"):
        signers(witnessed(SIGNED, time_s), KEY.verifier, WITNESS)


def test_a_witness_answers_with_lines_for_the_note() -> None:
    with_line = witnessed(SIGNED)
    answer = with_line.removeprefix(SIGNED)
    stranger = "— w.example QUJDREU=\n".encode()
    assert signed_notes.with_cosignatures(SIGNED, stranger + answer, [WITNESS]) == with_line
    assert signed_notes.with_cosignatures(with_line, answer, [WITNESS]) == with_line
    of_another = witnessed(signed_notes.sign("another\n", [KEY])).split(b"\n\n")[1].splitlines(keepends=True)[1]
    longer = witnessed(signed_notes.sign(f"{TEXT}\nmore\n", [KEY])).removeprefix(TEXT.encode() + b"\n")
    for wrong in (longer, b"", stranger, answer + b"x", of_another, b"\n" + answer, b"text\n\n" + answer):
        with pytest.raises(Unproven):
            signed_notes.with_cosignatures(SIGNED, wrong, [WITNESS])


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "must be a text, an empty line"),
        (b"text\n", "must be a text, an empty line"),
        (b"text\n\n", r"must be a text, an empty line"),
        (SIGNED.rstrip(b"\n"), "must be a text, an empty line"),
        (SIGNED + b"\n", "must be a text, an empty line"),
        (SIGNED + b"more\n", r"signatures\[1\]: must be"),
        (SIGNED.replace("— ".encode(), b"- "), r"signatures\[0\]: must be"),
        (SIGNED.replace("— ".encode(), "—  ".encode()), r"signatures\[0\].name: ''"),
        (SIGNED.replace("ö".encode(), b"\xc3"), "not UTF-8"),
        (SIGNED.replace(b"3\n", b"3\r\n"), "control characters"),
        (SIGNED.replace(b"3\n", b"3\0\n"), "control characters"),
        (b"text\n\n" + "— a+b QUJDREU=\n".encode(), r"signatures\[0\].name: 'a\+b'"),
        (b"text\n\n" + "— a\u00a0b QUJDREU=\n".encode(), r"signatures\[0\].name"),
        (b"text\n\n" + "— a QUJDRA==\n".encode(), "has 4 bytes"),
        (b"text\n\n" + "— a QUJDREV=\n".encode(), "is not canonical base64"),
        (b"text\n\n" + "— a QUJD REU=\n".encode(), "is not base64"),
        (b"text\n\n" + "— a QUJDREU\n".encode(), "is not base64"),
        (b"text\n\n" + "— a \n".encode(), "has 0 bytes"),
        (b"text\n\n" + "— a QUJDREU=\n".encode() * 101, "more than 100 signatures"),
        (b"x" * (MAX_BYTES + 1), "the limit is 1,000,000"),
    ],
)
def test_what_is_no_note(data: bytes, why: str) -> None:
    with pytest.raises(Unproven, match=why):
        signed_notes.parse(data)


def test_a_text_without_its_last_newline_is_not_signed() -> None:
    for text in ("", "text", "te\rxt\n", "text\ud800\n"):
        with pytest.raises((Unproven, UnicodeEncodeError)):
            signed_notes.sign(text, [KEY])


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a.example",
        PUBLIC.replace("c74f20a3", "c74f20a4"),
        PUBLIC.replace("c74f20a3", "C74F20A3"),
        PUBLIC.replace("PeterNeumann", "Peter Neumann"),
        PUBLIC.replace("PeterNeumann", ""),
        PUBLIC.replace("PeterNeumann", "p\ud800"),
        PUBLIC.replace("PeterNeumann", "p" * 100_000),
        PUBLIC[:-4],
        f"{PUBLIC}=",
        f"{PUBLIC}AAAA",
        "a.example+00000000+Bg==",  # ML-DSA-44
        "a.example+00000000+",
        "a.example+00000000+\ud800",
    ],
)
def test_what_is_no_key(text: str) -> None:
    with pytest.raises(Unproven):
        parse_verifier_key(text)
    secret = f"PRIVATE+KEY+{text}"
    with pytest.raises(Unproven) as caught:
        parse_signing_key(secret)
    assert "ARpc" not in str(caught.value)


def test_a_secret_key_is_not_told() -> None:
    for text in (SECRET[:-4], SECRET.replace("PRIVATE+", ""), f"{SECRET}AAAA"):
        with pytest.raises(Unproven) as caught:
            parse_signing_key(text)
        assert "EKFALV" not in str(caught.value)


def test_no_mutation_of_a_note_verifies() -> None:
    chance = random.Random(3)
    accepted = [mutated for _ in range(1_000) if accepts(mutated := mutate(chance, SIGNED))]
    assert accepted == []
    assert not any(accepts(SIGNED[:end]) for end in range(len(SIGNED)))
    assert not accepts(SIGNED, OTHER.verifier)


def mutate(chance: random.Random, data: bytes) -> bytes:
    """Flip, remove, insert or swap bytes: always something else."""
    while True:
        at = chance.randrange(len(data))
        to = chance.randrange(len(data))
        low, high = sorted((at, to))
        mutated = chance.choice(
            [
                data[:at] + bytes([data[at] ^ 1 << chance.randrange(8)]) + data[at + 1 :],
                data[:at] + data[at + 1 :],
                data[:at] + bytes([data[to]]) + data[at:],
                data[:low] + data[high:],
                data[:low] + bytes([data[high]]) + data[low + 1 : high] + bytes([data[low]]) + data[high + 1 :],
            ]
        )
        if mutated != data:
            return mutated


def test_a_signing_key_in_place_of_a_public_one_is_not_quoted() -> None:
    with pytest.raises(Unproven, match="must stay secret") as refused:
        keys.parse_verifier_key(SECRET)
    assert "AYEK" not in str(refused.value)
