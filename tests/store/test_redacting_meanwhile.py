"""A document is redacted while somebody reads: what is sound is neither damaged nor a finding."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db.backends.utils import CursorWrapper

from enhancelog.domain.errors import Damaged, RedactedDocument
from enhancelog.models import Document as Row
from enhancelog.store import document_verification, documents
from tests.conftest import entries_unprotected
from tests.store.test_redacting_documents import findings, keep, redact, text, texts

pytestmark = pytest.mark.django_db(transaction=True)


def before_next(monkeypatch: pytest.MonkeyPatch, owner: Any, name: str, act: Callable[[], object]) -> None:
    """Once, before the next call of the function."""
    original = getattr(owner, name)

    def called(*given: Any) -> Any:
        monkeypatch.setattr(owner, name, original)
        act()
        return original(*given)

    monkeypatch.setattr(owner, name, called)


def test_what_is_based_on_a_document_is_read_while_that_is_redacted(monkeypatch: pytest.MonkeyPatch) -> None:
    given = texts(3)
    base, second, third = keep(*given)
    before_next(monkeypatch, documents, "whole", lambda: redact(base))
    assert text(second) == given[1]  # which is the base of the third now
    before_next(monkeypatch, documents, "whole", lambda: redact(second))
    assert text(third) == given[2]


def test_a_document_and_its_base_are_redacted_while_it_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    base, second = keep(*texts(2))
    before_next(monkeypatch, documents, "whole", lambda: (redact(base), redact(second)))
    with pytest.raises(RedactedDocument):
        text(second)


def test_a_base_that_is_damaged_is_not_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    base, second = keep(*texts(2))
    with entries_unprotected():
        Row.objects.filter(hash=base).update(compressed=b"damaged")
    read: list[str] = []
    original = documents.whole

    def counted(cursor: CursorWrapper, hash: str, form: str) -> bytes:
        read.append(hash)
        return original(cursor, hash, form)

    monkeypatch.setattr(documents, "whole", counted)
    with pytest.raises(Damaged):
        text(second)
    assert read == [base]


@pytest.mark.parametrize(
    ("owner", "name"),
    [
        (document_verification, "_redactions"),  # after the rows of the batch, before their redactions
        (document_verification, "_findings_of"),
        (documents, "find"),
        (documents, "whole"),  # of a document that is based on it
    ],
)
@pytest.mark.parametrize("redacted", [0, 1])
def test_one_that_is_redacted_while_the_log_is_verified_is_no_finding(
    owner: Any, name: str, redacted: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    hashes = keep(*texts(3))
    before_next(monkeypatch, owner, name, lambda: redact(hashes[redacted]))
    assert findings() == []
    assert Row.objects.exclude(redacted=None).count() == 1


def test_one_whose_redaction_somebody_forges_meanwhile_is_a_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    keep(*texts(1))

    def forge() -> None:
        forged = '[{"fields":["text"],"redacted_ms":1,"why":"x"}]'
        with entries_unprotected():
            Row.objects.update(compressed=None, redacted=forged)

    before_next(monkeypatch, documents, "find", forge)
    (found,) = [each for each in findings() if each.startswith("document 1")]
    assert found.endswith("says that it was redacted, but there is no redaction of it")
