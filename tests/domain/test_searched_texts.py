"""Whatever way a text is written, it is found; and nothing else is."""

import json
import time
from urllib.parse import quote, quote_plus, urlencode

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from enhancelog.domain import blueprint_documents
from enhancelog.domain.searched_texts import SearchedDocument, address_says, as_json, json_says, odd_in_json

pytestmark = pytest.mark.once

SECRET = "rotate hunterzwei now"
texts = st.text(st.sampled_from("az \n\t'\"\\/:#-\u00e9\U0001f511\x07"), min_size=1, max_size=30)


def has(document: str, text: str) -> bool:
    return SearchedDocument(document, "yaml").says([text])


@pytest.mark.parametrize(
    "written",
    [
        "prompt: |-\n  first\n    line two\n",
        "prompt: >-\n  first\n\n  line\n  two\n",
        'prompt: "first\\n  line two"\n',
        'prompt: "first\\n\\\n  \\  line\n  two"\n',
        'prompt: "fi\\x72st\\u000a\\_ \\U0000006cine two"\n',
        "{prompt: 'first\n\n  line two'}",
    ],
)
def test_a_text_is_found_in_each_style_of_yaml(written: str) -> None:
    (said,) = yaml.safe_load(written).values()
    for text in (said, said[2:-2], "line two", "rst\n"):
        assert has("agents:\n- " + written.replace("\n", "\n    "), text) is (text in said), text


@given(texts, texts, st.sampled_from(["|", ">", "'", '"', None]), st.booleans(), st.integers(5, 80))
def test_what_a_dumped_document_says_is_found(
    text: str, before: str, style: str | None, allow_unicode: bool, width: int
) -> None:
    said = f"{before}{text}{before}"
    written = yaml.safe_dump(
        {"a": [{"b": said}]}, default_style=style, allow_unicode=allow_unicode, width=width, explicit_end=True
    )
    assert has(written, text)
    assert has(json.dumps({"a": said}, ensure_ascii=not allow_unicode), text)


@given(texts, st.data())
def test_a_text_is_found_however_json_escapes_it(text: str, data: st.DataObject) -> None:
    written = f'{{"a":["{"".join(data.draw(st.sampled_from(ways(letter))) for letter in text)}"],"a":1}}'
    is_plain = any(form in written for form in as_json([text]))
    assert is_plain or any(mark in written for mark in odd_in_json([text]))
    assert is_plain or json_says(written, [text])
    assert SearchedDocument(written, "json").says([text])


def ways(letter: str) -> list[str]:
    usual = json.dumps(letter, ensure_ascii=False)[1:-1]
    units = letter.encode("utf-16-be")
    escaped = "".join(f"\\u{units[at]:02x}{units[at + 1]:02X}" for at in range(0, len(units), 2))
    return [usual, escaped, *(["\\/"] if letter == "/" else [])]


@pytest.mark.parametrize(
    "written",
    [
        "a: rotate\nb: hunterzwei now",
        "- rotatehunterzweinow",
        "a: 'rotate ''hunterzwei'' now'",
        'a: "rotate\\nhunterzwei now"',
    ],
)
def test_what_only_looks_alike_is_not_found(written: str) -> None:
    assert not has(written, SECRET)


@pytest.mark.parametrize(
    "written", ["a: [|\n  rotate\n  hunterzwei now", f"a: >-\n  rotate\n  hunterzwei now\nb: {'x' * 200_000}"]
)
def test_a_document_that_is_not_parsed_counts_as_having_it(written: str) -> None:
    assert has(written, SECRET)
    assert not has(written, "something else")


@pytest.mark.parametrize(
    "query",
    [
        urlencode({"q": SECRET}),
        f"q={quote(SECRET)}",
        f"q={quote_plus(SECRET, safe='')}&page=2",
        "q=rotate%20%68unterzwei+now",
    ],
)
def test_addresses_are_read_as_browsers_write_them(query: str) -> None:
    assert address_says(f"/entries/?{query}", [SECRET])
    assert not address_says(f"/entries/?{query}", ["rotate hunterdrei"])


@pytest.mark.parametrize("odd", ['"', '\\"', "\\", '"\\', "'", "\\u", "- |\n", '"\\u0041'])
def test_damaged_texts_are_searched_in_linear_time(odd: str) -> None:
    written = f'"{odd * (200_000 // len(odd))}'
    began = time.process_time()
    json_says(written, [SECRET])
    has(written, SECRET)
    has(f"{written[: blueprint_documents.LONGEST - 100]}\n  rotate\n  hunterzwei now", SECRET)
    assert time.process_time() - began < 2


def test_a_document_that_is_nested_too_deep_counts_as_having_it() -> None:
    written = f"{'[' * 90_000}\n  rotate\n  hunterzwei now"
    began = time.process_time()
    assert has(written, SECRET)
    assert time.process_time() - began < 2
