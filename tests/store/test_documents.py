"""Documents: text for text as they came, each once, small beside their versions."""

import random
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from enhancelog.domain.errors import Damaged
from enhancelog.domain.observed import Document
from enhancelog.models import Document as Row
from enhancelog.store import documents, observed
from enhancelog.store.documents import Seen
from enhancelog.store.observed import Found
from enhancelog.store.verification import verify
from tests.conftest import entries_unprotected

pytestmark = pytest.mark.django_db

texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=400)


def keep(*texts: str, form: Any = "yaml", blueprint_id: str = "main") -> list[str]:
    """Their made-up hashes."""
    found = [Document(hash=f"{hash(text) & (2**60 - 1):064x}", form=form, text=text) for text in texts]
    observed.keep("host", Found(documents=[Seen(blueprint_id, document) for document in found]))
    return [document.hash for document in found]


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.lists(texts, max_size=6), max_size=4))
def test_texts_come_back_as_they_were(batches: list[list[str]]) -> None:
    with transaction.atomic():
        for batch in batches:
            for hash, text in zip(keep(*batch), batch, strict=True):
                found = documents.find(hash)
                assert found is not None
                assert found.text == text
        transaction.set_rollback(True)


def versions(number: int) -> list[str]:
    """Of a document of which one sentence changes each time, so that it drifts away from the first."""
    chosen = random.Random(7)
    words = ["".join(chosen.choices("abcdefghijklmnopqrstuvwxyz", k=chosen.randint(2, 9))) for _ in range(3000)]
    sentences = [" ".join(chosen.choices(words, k=12)) for _ in range(60)]
    found = []
    for at in range(number):
        sentences[chosen.randrange(60)] = " ".join(chosen.choices(words, k=12))
        found.append(f"version: {at}\n" + "\n".join(sentences))
    return found


@pytest.mark.slow
def test_ten_thousand_versions_take_a_small_part_of_their_text() -> None:
    texts = versions(10_000)
    for start in range(0, len(texts), 500):
        keep(*texts[start : start + 500])
    assert Row.objects.count() == 10_000
    packed = sum(len(bytes(each or b"")) for each in Row.objects.values_list("compressed", flat=True).iterator())
    assert packed <= 0.15 * sum(len(text.encode()) for text in texts)


def test_no_document_is_based_on_one_that_has_a_base() -> None:
    for text in versions(300):
        keep(text)
    bases = set(Row.objects.exclude(base=None).values_list("base", flat=True))
    assert bases
    assert bases <= set(Row.objects.filter(base=None).values_list("hash", flat=True))


def test_a_document_is_stored_once_whoever_brings_it() -> None:
    (hash,) = keep("a: 1", "a: 1")[:1]
    keep("a: 1", blueprint_id="other")
    assert list(Row.objects.values_list("hash", "position")) == [(hash, 1)]


def test_yaml_is_preferred_to_the_json_of_the_same_hash() -> None:
    observed.keep("host", Found(documents=[Seen("main", Document(hash="0" * 64, form="json", text='{"a":1}'))]))
    assert documents.find("0" * 64) == ("0" * 64, "json", "main", '{"a":1}', "host")
    observed.keep("host", Found(documents=[Seen("main", Document(hash="0" * 64, form="yaml", text="a: 1"))]))
    assert documents.find("0" * 64) == ("0" * 64, "yaml", "main", "a: 1", "host")
    assert documents.find("0" * 64, "json") == ("0" * 64, "json", "main", '{"a":1}', "host")
    assert documents.find("1" * 64) is None


def test_large_documents_are_stored_too() -> None:
    long = "\n".join(versions(1) * 700)
    first, second = keep(long, long.replace("version", "edition", 1))
    assert Row.objects.get(hash=second).base == first
    assert len(bytes(Row.objects.get(hash=second).compressed or b"")) < 20_000
    found = documents.find(second)
    assert found is not None
    assert found.text.startswith("edition")


def test_positions_are_dense() -> None:
    keep("a", "b")
    keep("b", "c", form="json")
    assert list(Row.objects.order_by("position").values_list("position", flat=True)) == [1, 2, 3, 4]


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda base: base.delete(), "that it is based on is missing"),
        (lambda base: base.update(compressed=b"\x28\xb5\x2f\xfdx"), "its text is damaged"),
    ],
)
def test_a_damaged_base_is_one_line_for_each_document_and_nothing_is_based_on_it(damage: Any, said: str) -> None:
    first, second = keep(*versions(2))
    with entries_unprotected():
        damage(Row.objects.filter(hash=first))
    with pytest.raises(Damaged, match=said):
        documents.find(second)
    assert any(line.startswith(f"document 2 ({second}) cannot be read: ") and said in line for line in verify())
    (third,) = keep(versions(3)[2])
    assert documents.find(third) is not None
