"""Verifier keys as options of commands."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from enhancelog.domain.errors import Invalid
from enhancelog.evidence import keys
from enhancelog.evidence.errors import Unproven
from enhancelog.evidence.keys import VerifierKey
from enhancelog.transfer.whole_files import content

MAX_BYTES: Final = 1 << 16  # of a file with keys


def of_logs(option: str, given: Sequence[str]) -> list[VerifierKey]:
    """Each is a key, or a file with one in each line. Raises ``Invalid``."""
    found = _keys(option, given)
    if key := next((key for key in found if key.is_witness), None):
        raise Invalid(option, "key", f"{key.name} is a witness; use --witness")
    return found


def of_witnesses(option: str, given: Sequence[str]) -> list[VerifierKey]:
    """Likewise."""
    found = _keys(option, given)
    if key := next((key for key in found if not key.is_witness), None):
        raise Invalid(option, "key", f"{key.name} is no witness; use --key")
    return found


def file_content(name: str, max_bytes: int) -> bytes:
    """Raises ``Invalid``, which names the file."""
    try:
        return content(Path(name), max_bytes)
    except Invalid as error:
        raise Invalid(name, error.rule, error.detail) from None


def _keys(option: str, given: Sequence[str]) -> list[VerifierKey]:
    return [key for each in given for key in _keys_of(option, each)]


def _keys_of(option: str, given: str) -> list[VerifierKey]:
    try:
        return [keys.parse_verifier_key(given)]
    except Unproven as reason:
        fault = Invalid(option, "key", str(reason))
    try:
        lines = file_content(given, MAX_BYTES).decode(errors="replace").splitlines()
    except Invalid:
        if "+" in given:  # no file, but meant as a key
            raise fault from None
        raise
    try:
        found = [keys.parse_verifier_key(line) for line in lines if line.strip()]
    except Unproven as reason:
        raise Invalid(f"{option} {given}", "key", str(reason)) from None
    if not found:
        raise Invalid(f"{option} {given}", "key", "has no key")
    return found
