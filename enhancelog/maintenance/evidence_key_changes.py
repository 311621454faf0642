"""Changes of the keys that sign checkpoints; each is in the audit."""

from collections.abc import Callable, Sequence
from typing import Final

from enhancelog.backends import dialect, faults
from enhancelog.domain.audit import AuditAct
from enhancelog.domain.errors import Other
from enhancelog.domain.origin import Origin
from enhancelog.evidence.errors import Unproven
from enhancelog.evidence.keys import MOST_KEYS, SigningKey
from enhancelog.maintenance import evidence_keys
from enhancelog.store import audit, evidence

LONGEST_NAME: Final = 200  # characters

Keys = Sequence[SigningKey]
# Puts them where they belong; raises ``OSError``. It comes last, so that no key is used whose act is not recorded.
Keep = Callable[[Keys], object]


def new_key(name: str) -> SigningKey:
    """Raises ``Other``."""
    if len(name) > LONGEST_NAME or not name.isprintable():
        raise Other(f"the name must be printable, and at most {LONGEST_NAME} characters long")
    try:
        return SigningKey.new(name)
    except Unproven as error:
        raise Other(str(error)) from None


def begin(name: str, origin: Origin, keep: Keep) -> Keys:
    """The first key of a log of which nothing was signed but that it was empty. Raises ``Other``."""
    key = new_key(name)
    with faults(), dialect().appending():
        if not evidence.forget_empty():
            size = _signed().checkpoint.size
            raise Other(f"the log was signed up to position {size:,}, so its name and key stay")
        return _record("key.make", [key], origin, keep)


def rotate(origin: Origin, keep: Keep) -> Keys:
    """All keys sign from then on. Raises ``Other``."""
    with faults(), dialect().appending():
        found = _present()
        if len(found) >= MOST_KEYS:
            raise Other(f"there are {MOST_KEYS} keys, which is the limit; retire the older ones first")
        return _record("key.rotate", [*found, SigningKey.new(found[0].verifier.name)], origin, keep)


def retire(origin: Origin, keep: Keep) -> Keys:
    """Only the newest key stays. Raises ``Other``."""
    with faults(), dialect().appending():
        found = _present()
        newest = found[-1]
        if len(found) == 1:
            raise Other("there is one key only, so none is to be retired")
        if not _signed().is_signed_by_one_of([newest]):
            raise Other("the newest key has signed no checkpoint yet; start the server, and try again in some seconds")
        return _record("key.retire", [newest], origin, keep)


def replace_lost(origin: Origin, keep: Keep) -> Keys:
    """A new key signs the last checkpoint again. Raises ``Other``."""
    with faults(), dialect().appending():
        signed = _signed()
        found = evidence_keys.present()
        if signed.is_signed_by_one_of(found):
            raise Other("the key is here, so it is not lost; --rotate adds another one")
        if found and not evidence_keys.is_set():
            raise Other(f"{evidence_keys.path()} has another key; if this log's key is lost, move that file away first")
        new = [SigningKey.new(signed.checkpoint.origin)]
        if not evidence.resign(new).is_signed_by_one_of(new):
            raise Other("another server signed a checkpoint meanwhile, so the key is not lost")
        return _record("key.replace", new, origin, keep)


def _signed() -> evidence.Stored:
    found = evidence.stored()
    if found is None:
        raise Other("nothing was signed yet; the server makes the first key, or --name does")
    return found


def _present() -> list[SigningKey]:
    signed, found = _signed(), evidence_keys.present()
    if not signed.is_signed_by_one_of(found):
        here = "another key" if found else "no key"
        raise Other(f"{evidence_keys.where()} has {here}, not one that signed the last checkpoint of this log")
    return found


def _record(act: AuditAct, keys: Keys, origin: Origin, keep: Keep) -> Keys:
    audit.record(act, origin, "key", keys[0].verifier.name, keys=[str(key.verifier) for key in keys])
    keep(keys)
    return keys
