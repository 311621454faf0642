"""PromQL as far as names go: which metrics and labels an expression mentions."""

import re
from collections.abc import Iterator
from typing import NamedTuple

TOKENS = re.compile(
    r"""(?P<space>\s+)
    |(?P<text>"(?:[^"\\]|\\.)*")
    |(?P<variable>\$(?:__)?\w+)
    |(?P<duration>\d+(?:ms|[smhdwy]))
    |(?P<number>\d+(?:\.\d+)?)
    |(?P<name>[A-Za-z_:][\w:]*)
    |(?P<sign>=~|!~|!=|==|>=|<=|[-+*/%^<>={}()\[\],])""",
    re.VERBOSE,
)
AGGREGATIONS = {"sum", "max", "min", "avg", "count", "topk"}
FUNCTIONS = {"rate", "increase", "delta", "histogram_quantile", "time", "vector"}
GROUPS = {"by", "without", "on", "ignoring", "group_left", "group_right"}
OPERATORS = {"and", "or", "unless", "bool", "offset"}
PAIRS = {")": "(", "}": "{", "]": "["}


class Matcher(NamedTuple):
    label: str
    sign: str
    value: str


class Mentioned(NamedTuple):
    """``grouped``: labels after ``by``, ``on`` and the like."""

    metrics: list[tuple[str, list[Matcher]]]
    grouped: set[str]


def mentioned(expression: str) -> Mentioned:
    """Raises ``ValueError`` for what it does not understand."""
    tokens = list(_tokens(expression))
    _check_brackets(tokens)
    found = Mentioned([], set())
    at = 0
    while at < len(tokens):
        kind, word = tokens[at]
        following = tokens[at + 1][1] if at + 1 < len(tokens) else ""
        at += 1
        if kind != "name" or word in OPERATORS:
            continue
        if word in GROUPS:
            labels, at = _labels(tokens, at)
            found.grouped.update(labels)
        elif word in AGGREGATIONS | FUNCTIONS:
            if following != "(" and following not in GROUPS:
                raise ValueError(f"{word} without an argument in {expression}")
        elif following == "(":
            raise ValueError(f"no function {word}")
        else:
            matchers, at = _matchers(tokens, at) if following == "{" else ([], at)
            found.metrics.append((word, matchers))
    return found


def _tokens(expression: str) -> Iterator[tuple[str, str]]:
    at = 0
    while at < len(expression):
        found = TOKENS.match(expression, at)
        if found is None:
            raise ValueError(f"not PromQL: {expression[at:]}")
        at = found.end()
        if found.lastgroup != "space":
            yield str(found.lastgroup), found[0]


def _check_brackets(tokens: list[tuple[str, str]]) -> None:
    opened: list[str] = []
    for kind, word in tokens:
        if kind != "text" and word in PAIRS.values():
            opened.append(word)
        elif kind != "text" and word in PAIRS and (not opened or opened.pop() != PAIRS[word]):
            raise ValueError(f"{word} closes nothing")
    if opened:
        raise ValueError(f"{opened[-1]} is never closed")


def _labels(tokens: list[tuple[str, str]], at: int) -> tuple[list[str], int]:
    end = tokens.index(("sign", ")"), at)
    if tokens[at] != ("sign", "("):
        raise ValueError("a list of labels is in parentheses")
    return [word for kind, word in tokens[at:end] if kind == "name"], end + 1


def _matchers(tokens: list[tuple[str, str]], at: int) -> tuple[list[Matcher], int]:
    end = tokens.index(("sign", "}"), at)
    inside = tokens[at + 1 : end]
    found = []
    for start in range(0, len(inside), 4):
        kinds = [kind for kind, _ in inside[start : start + 4]]
        if kinds not in (["name", "sign", "text"], ["name", "sign", "text", "sign"]):
            raise ValueError(f"no matcher: {inside[start : start + 4]}")
        (_, label), (_, sign), (_, value) = inside[start : start + 3]
        found.append(Matcher(label, sign, value[1:-1]))
    return found, end + 1
