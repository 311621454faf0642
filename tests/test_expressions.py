"""No text makes a regular expression take more than its length warrants.

Every expression is tried, as a search over the whole text and as a full match, on 100,000 characters of each kind and
of each pair of kinds that it tells apart. What is quadratic takes seconds there, what is exponential never ends.
"""

import json

import pytest

from tests import expressions, limited
from tests.expressions import Form

EXPRESSIONS = expressions.expressions()

ALL_S = 300
_TRY = """
import json, re, signal, sys
pattern, flags, is_bytes, texts = json.load(sys.stdin)
form = re.compile(pattern.encode("latin-1") if is_bytes else pattern, flags)
for text in texts:
    signal.setitimer(signal.ITIMER_PROF, 3)
    print(repr(text[:10]), "...", repr(text[-2:]), flush=True)
    given = text.encode() if is_bytes else text
    for _ in form.finditer(given):
        pass
    form.fullmatch(given)
"""


def assert_linear(form: Form) -> None:
    """Each text has its own 3 s of CPU time; the last line of the output is the text that took longer."""
    is_bytes = isinstance(form.pattern, bytes)
    pattern = form.pattern.decode("latin-1") if isinstance(form.pattern, bytes) else form.pattern
    texts = list(expressions.texts(pattern))
    limited.assert_ends(_TRY, text=json.dumps([pattern, form.flags, is_bytes, texts]), cpu_s=ALL_S)


@pytest.mark.parametrize("name", EXPRESSIONS)
def test_the_cost_of_an_expression_grows_as_the_text_does(name: str) -> None:
    assert_linear(EXPRESSIONS[name])


def test_every_expression_is_compiled_where_the_test_finds_it() -> None:
    """In a constant of its module. Rows of masks are made by one function, and are found as rows."""
    hidden = [place for path in expressions.modules() for place in expressions.hidden(path)]
    assert [place for place in hidden if not place.startswith("enhancelog/patterns/masks.py")] == []
    assert sum(name.startswith("enhancelog.patterns.masks._MASKS[") for name in EXPRESSIONS) == 16
