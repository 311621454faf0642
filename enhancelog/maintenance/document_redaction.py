"""Redactions of documents, ready to be carried out."""

from pathlib import Path
from typing import Final

from enhancelog.domain.origin import Origin
from enhancelog.maintenance import saved_copies
from enhancelog.maintenance.redaction import Redacting
from enhancelog.maintenance.saved_copies import Question
from enhancelog.queries import holding
from enhancelog.store import redacting_documents as of_store
from enhancelog.store.redacting_documents import Looked

_STORED: Final = "SELECT 1 FROM enhancelog_document WHERE hash = ?"


def of_document(hash: str) -> Redacting:
    """Raises ``Invalid``."""
    found = of_store.look(hash)
    is_done = found.tombstone is not None
    makers = [] if is_done else holding.with_parts_of(hash)

    def carry_out(why: str, origin: Origin) -> str:
        if is_done:
            return ""
        repacked = of_store.redact(hash, why, origin)
        return f"document {hash}: redacted its text{_also(found)}{_based(repacked)}"

    def copies(data_dir: Path) -> list[str]:
        question = Question(f"{_STORED} AND redacted IS NULL", _STORED, [hash], lambda extent: False)
        return saved_copies.holding(data_dir, question, None)

    return Redacting(
        done=[f"document {hash} was redacted already"] if is_done else [],
        planned="" if is_done else f"document {hash}: would redact its text{_also(found)}{_based(found.based)}",
        carry_out=carry_out,
        elsewhere=lambda: [str(each) for each in makers],
        unsearched=_unsearched(found),
        copies=copies,
        tables=of_store.tables(),
    )


def _also(found: Looked) -> str:
    forms = f" ({' and '.join(form.upper() for form in found.forms)})"
    if not found.rationales:
        return forms
    return f"{forms} and the rationale of {_counted(found.rationales, 'version')}"


def _based(number: int) -> str:
    return f"; {_counted(number, 'document')} based on it stored anew" if number else ""


# Which part of the text is the secret is not known here.
def _unsearched(found: Looked) -> list[str]:
    if not found.others:
        return []
    others = f"{_counted(found.others, 'other document')} of {found.blueprint_id or 'the Blueprint without a name'}"
    return [f"{others} may have the same passages; they were not compared"]


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
