"""The keys that sign checkpoints, where they are not in the data folder. Raises ``ImproperlyConfigured``."""

from typing import Final

from django.core.exceptions import ImproperlyConfigured

from enhancelog.evidence import keys
from enhancelog.evidence.errors import Unproven
from enhancelog.settings import reading

NAME: Final = "ENHANCELOG_EVIDENCE_KEY"


def given() -> str:
    text = reading.text(NAME, "in the data folder")
    try:
        keys.parse_signing_keys(text)
    except Unproven as error:
        raise ImproperlyConfigured(f"{NAME}: {error}; make one with evidence_key --into FILE") from None
    return text
