"""Redactions of entries and of content, ready to be carried out."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from django.conf import settings

from content import redacting as of_store
from content.kinds import Key, raw_key
from content.models import ContentRevision
from enhancelog.alerts import redacting as outbox
from enhancelog.domain.errors import Invalid
from enhancelog.domain.origin import Origin
from enhancelog.maintenance import saved_copies
from enhancelog.maintenance.redaction import Redacting
from enhancelog.maintenance.saved_copies import Question
from enhancelog.queries import holding
from enhancelog.queries.holding import MOST_TEXTS, Holding, Place
from enhancelog.store import redacting, redacting_documents
from enhancelog.store.redacting import Taken

_ENTRY: Final = "SELECT 1 FROM enhancelog_entry WHERE issue_id = ?"
_REVISION: Final = "SELECT 1 FROM content_contentrevision WHERE story_id = ? AND kind = ? AND version = ?"
_NOBODY: Final = "[]"  # so no entry shows its redactions

_GONE: Final = "it was redacted before, so other places can no longer be searched for it"
_CONTENT: Final = Place("content of stories", ContentRevision, ("value",), "story_id", json=("value",))


def of_entry(issue_id: str, fields: Sequence[str]) -> Redacting:
    """Fields that were redacted before are left out. Raises ``NotFound`` or ``Invalid``."""
    before = set(redacting.done(issue_id))
    wanted = [field for field in dict.fromkeys(fields) if field not in before]
    taken = redacting.look(issue_id, wanted) if wanted or not fields else None
    position, shown_before = redacting.position(issue_id), redacting.shown(issue_id)

    def carry_out(why: str, origin: Origin) -> str:
        if not wanted:
            return ""
        redacting.redact(issue_id, wanted, why, origin)
        return f"{issue_id}: redacted {', '.join(wanted)}"

    def copies(data_dir: Path) -> list[str]:
        # As long as something is to go, it is also in copies that were made since the last redaction.
        shown = redacting.shown(issue_id)
        without = _NOBODY if shown is None or (wanted and shown == shown_before) else shown
        question = Question(
            f"{_ENTRY} AND redacted IS NOT ?",
            f"{_ENTRY} AND ? IS NOT ''",
            [issue_id, without],
            lambda extent: extent.log < position,
        )
        return saved_copies.holding(data_dir, question, issue_id)

    return Redacting(
        done=[f"{issue_id}: {field} was redacted already" for field in fields if field in before],
        planned=f"{issue_id}: would redact {', '.join(wanted)}" if wanted else "",
        carry_out=carry_out,
        elsewhere=lambda: [] if taken is None else _elsewhere(taken),
        unsearched=_unsearched(issue_id, [field for field in fields if field in before], taken),
        copies=copies,
        tables=[*redacting.tables(), *outbox.tables()],
    )


def of_content(key: Key, version: int) -> Redacting:
    """Raises ``Invalid``."""
    revision = of_store.look(key, version)
    name = f"version {version} of {key.kind} of {key.story_id}"
    is_done = revision.redacted is not None

    def carry_out(why: str, origin: Origin) -> str:
        if is_done:
            return ""
        of_store.redact(key, version, why, origin)
        return f"{name}: redacted"

    def copies(data_dir: Path) -> list[str]:
        sql = f"{_REVISION} AND value IS NOT NULL"
        question = Question(sql, sql, [*key, version], lambda extent: extent.content < revision.pk)
        return saved_copies.holding(data_dir, question, raw_key(key))

    return Redacting(
        done=[f"{name} was redacted already"] if is_done else [],
        planned="" if is_done else f"{name}: would redact its value",
        carry_out=carry_out,
        elsewhere=lambda: of_store.same_elsewhere(revision),
        unsearched=[f"{name}: {_GONE}"] if is_done else [],
        copies=copies,
        tables=of_store.tables(),
    )


def _elsewhere(taken: Taken) -> list[str]:
    texts = holding.searched(taken)[:MOST_TEXTS]
    found = [*holding.holding(taken), holding.rows(_CONTENT, texts)]
    return [line for each in found if each.ids for line in _shown(each)]


def _unsearched(issue_id: str, done: Sequence[str], taken: Taken | None) -> list[str]:
    said = [f"{issue_id}: {', '.join(done)}: {_GONE}"] if done else []
    number = 0 if taken is None else len(holding.searched(taken))
    if number > MOST_TEXTS:
        said.append(f"{issue_id}: only the first {MOST_TEXTS} of {number} texts are looked for in other places")
    return said


# With the command line that redacts a document and the rationales of its versions.
def _shown(found: Holding) -> list[str]:
    if found.what not in (holding.DOCUMENTS, holding.VERSIONS):
        return [str(found)]
    return [f"{found.what}: {hash}: {_remedy(hash)}" for hash in found.ids]


def _remedy(hash: str) -> str:
    try:
        redacting_documents.look(hash)
    except Invalid:
        return "its document is not stored, so its rationale cannot be redacted"
    return f"{settings.PROGRAM} redact --document {hash} --why TEXT"
