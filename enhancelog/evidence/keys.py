"""Keys of signed notes, in their text form."""

import hashlib
import secrets
from typing import Final, NamedTuple

from enhancelog.evidence.encodings import parse_base64, quoted, write_base64
from enhancelog.evidence.errors import Unproven

ED25519: Final = 0x01
# Timestamped, by a witness (C2SP tlog-cosignature)
COSIGNATURE: Final = 0x04

KEY_BYTES: Final = 32
ID_BYTES: Final = 4
SIGNATURE_BYTES: Final = 64
TIME_BYTES: Final = 8
LATEST_S: Final = 2**63 - 1
MOST_KEYS: Final = 4  # of one log

_PRIVATE: Final = "PRIVATE+KEY+"
_NO_KEY: Final = "must be NAME+HASH+KEY: the key's name, eight hex digits, and base64"


class VerifierKey(NamedTuple):
    """Its text form is ``str(key)``."""

    name: str
    kind: int  # the signature type
    public: bytes

    @property
    def id(self) -> bytes:
        return _id(self.name, self.kind, self.public)

    @property
    def is_witness(self) -> bool:
        return self.kind == COSIGNATURE

    def __str__(self) -> str:
        return f"{self.name}+{self.id.hex()}+{write_base64(bytes([self.kind]) + self.public)}"

    def signed_time(self, text: str, signature: bytes) -> int | None:
        """Epoch seconds, by a witness. Raises ``Unproven`` if the key did not sign this."""
        message, plain, time_s = text.encode(), signature, None
        if self.is_witness:
            plain, time_s = signature[TIME_BYTES:], int.from_bytes(signature[:TIME_BYTES], "big")
            message = f"cosignature/v1\ntime {time_s}\n".encode() + message
            if not 0 < time_s <= LATEST_S:
                raise Unproven(f"signature: {quoted(self.name)} signed no time")
        if len(plain) != SIGNATURE_BYTES or not _verifies(self.public, message, plain):
            raise Unproven(f"signature: {quoted(self.name)} did not sign this text")
        return time_s


class SigningKey:
    def __init__(self, name: str, seed: bytes) -> None:
        from enhancelog.evidence import ed25519

        check_name(name)
        self._seed = seed
        self.verifier: Final = VerifierKey(name, ED25519, ed25519.public_key(seed))

    @classmethod
    def new(cls, name: str) -> "SigningKey":
        return cls(name, secrets.token_bytes(KEY_BYTES))

    @property
    def secret_text(self) -> str:
        key = write_base64(bytes([ED25519]) + self._seed)
        return f"{_PRIVATE}{self.verifier.name}+{self.verifier.id.hex()}+{key}"

    def sign(self, text: str) -> bytes:
        from enhancelog.evidence import ed25519

        return ed25519.sign(self._seed, text.encode())

    def __repr__(self) -> str:
        return f"<SigningKey {self.verifier}>"


def check_name(name: str) -> None:
    """Raises ``Unproven``."""
    if not name or any(char.isspace() or char < " " or char == "+" or "\ud800" <= char <= "\udfff" for char in name):
        raise Unproven(f"name: {quoted(name)} is empty, or has a space, a plus or a control character")


def parse_verifier_key(text: str) -> VerifierKey:
    """Raises ``Unproven``."""
    if text.strip().startswith(_PRIVATE):
        raise Unproven("key: this is a signing key, which must stay secret; give the public one")
    name, kind, public, key_id = _parts(text.strip())
    if kind not in (ED25519, COSIGNATURE):
        raise Unproven(f"key: has the signature type 0x{kind:02x}; 0x01 (Ed25519) and 0x04 (cosignature) are supported")
    key = VerifierKey(name, kind, public)
    if key.id != key_id:
        raise Unproven(f"key: its hash is {key.id.hex()}, not {key_id.hex()}; copy it again")
    return key


def parse_signing_key(text: str) -> SigningKey:
    """Raises ``Unproven``, which never quotes the text."""
    text = text.strip()
    if not text.startswith(_PRIVATE):
        raise Unproven(f"key: must begin with {_PRIVATE}")
    try:
        name, kind, seed, key_id = _parts(text.removeprefix(_PRIVATE))
    except Unproven:
        raise Unproven("key: is not a signing key in its text form") from None
    if kind != ED25519:
        raise Unproven(f"key: has the signature type 0x{kind:02x}; 0x01 (Ed25519) can sign")
    key = SigningKey(name, seed)
    if key.verifier.id != key_id:
        raise Unproven(f"key: its hash is {key.verifier.id.hex()}, not {key_id.hex()}")
    return key


def parse_signing_keys(text: str) -> list[SigningKey]:
    """Of one log, one in each line. Raises ``Unproven``, which never quotes the text."""
    found = [parse_signing_key(each) for each in text.split()]
    if len(found) > MOST_KEYS:
        raise Unproven(f"keys: are {len(found)}, the limit is {MOST_KEYS}")
    if len({key.verifier.name for key in found}) > 1:
        raise Unproven("keys: have different names, but the name says which log it is")
    return found


def _parts(text: str) -> tuple[str, int, bytes, bytes]:
    parts = text.split("+", 2)
    if len(parts) != 3:
        raise Unproven(f"key: {_NO_KEY}; this is {quoted(text)}")
    name, key_id, encoded = parts
    check_name(name)
    data = parse_base64(encoded, "key")
    if len(key_id) != 2 * ID_BYTES or not set(key_id) <= set("0123456789abcdef") or not data:
        raise Unproven(f"key: {_NO_KEY}; this is {quoted(text)}")
    kind, material = data[0], data[1:]
    if kind in (ED25519, COSIGNATURE) and len(material) != KEY_BYTES:
        raise Unproven(f"key: has {len(material):,} bytes, an Ed25519 key has {KEY_BYTES}")
    return name, kind, material, bytes.fromhex(key_id)


def _id(name: str, kind: int, public: bytes) -> bytes:
    return hashlib.sha256(name.encode() + b"\n" + bytes([kind]) + public).digest()[:ID_BYTES]


def _verifies(public: bytes, message: bytes, signature: bytes) -> bool:
    from enhancelog.evidence import ed25519

    return ed25519.verifies(public, message, signature)
