"""Every regular expression of the product, and the texts that would make a careless one take forever."""

import ast
import importlib
import re
from collections.abc import Iterator, Mapping
from itertools import combinations, permutations
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parent.parent
PACKAGES: Final = ("enhancelog", "content")
SIZE: Final = 100_000
"""Characters of a text."""

_ALPHABET: Final = "aZ09_-./:@#+*'\"`\\ \t\n()[]{}<>,;=|!?&~%$^éи字あア한’“”«»、٣\u0301\U000f0000\U000f0001"
"""One of each kind of character, and the marks of masked details."""
_CLASS: Final = re.compile(r"\[\^?\]?(?:\\.|[^\]\\])*+\]|\\[wWdDsS]", re.DOTALL)
_SYNTAX: Final = re.compile(r"\(\?(?:P?[=<!:>][=!]?(?:\w+[>)])?|P=\w+\))|\{\d*,?\d*\}|\\[AbBzZ]")
_WORD: Final = re.compile(r"[^\W_]{2,}")

Form = re.Pattern[str] | re.Pattern[bytes]


def modules() -> list[Path]:
    return sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))


def hidden(path: Path) -> Iterator[str]:
    """Uses of ``re`` in a module that make no expression that ``expressions`` finds, as ``file:line``."""
    tree = ast.parse(path.read_text())
    functions = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
    inner = {id(node) for function in ast.walk(tree) if isinstance(function, functions) for node in ast.walk(function)}
    for node in ast.walk(tree):
        imported = isinstance(node, ast.ImportFrom) and node.module == "re"
        if imported or (_is_call_of_re(node) and (node.func.attr != "compile" or id(node) in inner)):  # type: ignore[attr-defined]
            yield f"{path.relative_to(ROOT)}:{node.lineno}"  # type: ignore[attr-defined]


def _is_call_of_re(node: ast.AST) -> bool:
    called = node.func if isinstance(node, ast.Call) else None
    is_of_re = isinstance(called, ast.Attribute) and isinstance(called.value, ast.Name) and called.value.id == "re"
    return is_of_re and called.attr != "escape"


def expressions() -> dict[str, Form]:
    """Name to expression, of every module that has any; each once."""
    found: dict[Form, str] = {}
    for path in modules():
        if "import re" in path.read_text().splitlines():
            name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
            for key, value in vars(importlib.import_module(name.removesuffix(".__init__"))).items():
                for where, form in _within(key, value):
                    found.setdefault(form, f"{name}.{where}")
    return {name: form for form, name in found.items()}


def _within(name: str, value: Any) -> Iterator[tuple[str, Form]]:
    if isinstance(value, re.Pattern):
        yield name, value
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from _within(f"{name}[{key!r}]", item)
    elif isinstance(value, tuple | list):
        for number, item in enumerate(value):
            yield from _within(f"{name}[{number}]", item)


def atoms(pattern: str) -> list[str]:
    """One character of each kind that the expression tells apart, and what it holds literally but for words."""
    classes = [re.compile(each) for each in dict.fromkeys(_CLASS.findall(pattern))]
    rest = _SYNTAX.sub("", _CLASS.sub("", pattern))
    literal = [each for each in dict.fromkeys(rest) if not each.isalnum() and each not in "()?+|^$"]
    literal += [each for each in "()?+|^$" if f"\\{each}" in rest]
    kinds: dict[tuple[bool, ...], str] = {}
    for character in _ALPHABET:
        kinds.setdefault(tuple(bool(each.match(character)) for each in classes), character)
    return list(dict.fromkeys([*kinds.values(), *literal]))


def words(pattern: str) -> list[str]:
    """What it holds literally of two letters and more."""
    return list(dict.fromkeys(_WORD.findall(_SYNTAX.sub(" ", _CLASS.sub(" ", pattern)))))


def texts(pattern: str) -> Iterator[str]:
    """Each atom, word and pair of atoms over and over. And, a tenth as long, an atom over and over before another."""
    for unit in (*atoms(pattern), *words(pattern), *map("".join, combinations(atoms(pattern), 2))):
        yield _repeated(unit, SIZE)
    for one, other in permutations(atoms(pattern), 2):
        yield _repeated(one, SIZE // 10) + other


def _repeated(unit: str, size: int) -> str:
    return unit * (size // len(unit))
