"""Whether something stored says a text, however it writes it: JSON, YAML or an address."""

import json
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from typing import Final
from urllib.parse import unquote, unquote_plus

import yaml

from enhancelog.domain import blueprint_documents, records
from enhancelog.domain.observed import DocumentForm

# Also one that does not end, or a damaged text would be read from each of its quotes to the end.
_STRING: Final = re.compile(r'"(?:[^"\\]|\\.)*+"?', re.DOTALL)
_ESCAPE: Final = re.compile(r"\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|(.))", re.DOTALL)
# Those of YAML and JSON that do not stand for themselves. All kinds of white space are the same here.
_SHORT: Final = {"0": "\0", "a": "\a", "b": "\b", "e": "\x1b"} | dict.fromkeys("tnvfrN_LP", " ")


def as_json(texts: Iterable[str]) -> list[str]:
    """As encoders write the texts, without quotes. All other ways to write one have a mark of ``odd_in_json``."""
    written = [form[1:-1] for text in texts for form in (records.encode_part(text), json.dumps(text))]
    return list(dict.fromkeys(written))


def odd_in_json(texts: Sequence[str]) -> list[str]:
    return ["\\u", *(["\\/"] if any("/" in text for text in texts) else [])]


def json_says(written: str, texts: Sequence[str]) -> bool:
    """Only what is written with escapes is looked at. Damaged JSON is read as far as it goes."""
    return any(text in said for said in _unescaped(written) for text in texts)


# String by string: a value would not have what a repeated key hides.
def _unescaped(written: str) -> Iterator[str]:
    for found in _STRING.finditer(written):
        if "\\" in found[0]:
            try:
                yield json.loads(found[0], strict=False)
            except ValueError:
                continue


def address_says(address: str, texts: Sequence[str]) -> bool:
    decoded = (unquote_plus(address), unquote(address))
    return any(text in said for said in decoded for text in texts)


# Parsed only if it may say a text. One that cannot be read, or is too long for that, then counts as saying it.
class SearchedDocument:
    def __init__(self, text: str, form: DocumentForm) -> None:
        self._text = text
        self._form = form

    def says(self, texts: Iterable[str]) -> bool:
        texts = list(texts)
        if any(text in self._text for text in texts):
            return True
        hidden = [text for text in texts if any(_bare(text) in each for each in self._bare)]
        if not hidden:
            return False
        return self._strings is None or any(text in said for said in self._strings for text in hidden)

    # Styles of YAML and JSON differ only in white space, quotes and escapes; a scalar has all its escapes or none.
    @cached_property
    def _bare(self) -> list[str]:
        return [_bare(self._text), *([_bare(_without_escapes(self._text))] if "\\" in self._text else [])]

    @cached_property
    def _strings(self) -> list[str] | None:
        if self._form == "json":
            return list(_unescaped(self._text))
        if len(self._text) > blueprint_documents.LONGEST:
            return None
        try:
            return list(_scalars(self._text))
        except (yaml.YAMLError, ValueError):
            return None


# Raises ``YAMLError`` or ``ValueError``. The parser's time grows with the square of the depth.
def _scalars(text: str) -> Iterator[str]:
    depth = 0
    for event in yaml.parse(text, Loader=yaml.CSafeLoader):
        if isinstance(event, yaml.ScalarEvent):
            yield event.value
        elif isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > blueprint_documents.DEEPEST:
                raise blueprint_documents.too_deep()
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1


def _bare(text: str) -> str:
    # Several times as fast as ``translate``.
    return "".join(text.split()).replace('"', "").replace("'", "").replace("\\", "")


def _without_escapes(text: str) -> str:
    # JSON writes some characters as two.
    return _ESCAPE.sub(_character, text).encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")


def _character(escape: re.Match[str]) -> str:
    code = escape[1] or escape[2] or escape[3]
    if code is None:
        return _SHORT.get(escape[4], escape[4])
    return chr(min(int(code, 16), sys.maxunicode))
