"""The filter box: query parameters as text, without loss."""

import re
from collections.abc import Iterable
from typing import Final

from enhancelog.domain import features, meta_filters
from enhancelog.domain.errors import Invalid
from enhancelog.domain.filters import PARAMETERS
from enhancelog.domain.meta_filters import PREFIX, is_meta

Pair = tuple[str, str]
Pairs = tuple[Pair, ...]

# Key to parameter, in output order.
KEYS: Final = {
    "blueprint": "blueprint_id",
    "status": "status",
    "axis": "axis",
    "only": "only",
    "without": "without",
    "axes": "axes",
    "pattern": "pattern",
    "theme": "theme",
    "is": "is",
    "has": "has",
    "touches": "touches",
    "afterwards": "afterwards",
    "next": "next",
    "attempt": "attempt",
    "source": "source",
    "period": "period",
    "since": "since",
    "until": "until",
    "text": "text",
    **{name: name for name in (*features.NAMES, "matching")},
}

# Verdict (``axis:NAME=pass``) to parameter.
SAID: Final = {"deny": "axis", "pass": "axis_passed", "absent": "axis_absent"}

_WRITTEN: Final = {parameter: (key, "") for key, parameter in KEYS.items()} | {
    "blueprint_prefix": ("blueprint", "*"),
    "axis_passed": ("axis", "=pass"),
    "axis_absent": ("axis", "=absent"),
}
_ORDER: Final = (
    "blueprint_id",
    "blueprint_prefix",
    "status",
    "axis",
    "axis_passed",
    "axis_absent",
    *list(KEYS.values())[3:],
    "phrase",
)
_NOT: Final = "not_"
_STARRED: Final = "blueprint"  # the key whose values may be prefixes
_NAMES: Final = [name for base in _ORDER for name in (base, f"{_NOT}{base}") if name in PARAMETERS]
_PLACE: Final = {name: place for place, name in enumerate(_NAMES)}

# axis:noop axis:tone=pass axis:des=absent status:rejected blueprint:main since:7d -has:gap meta.model:x "exact phrase"
#
# "-" negates. Values with spaces, quotes or "=" are quoted; inside quotes, \", \\ and \u000a are escapes. A quoted text
# without a key is a phrase, and so are adjacent plain words; "text:" is a substring. blueprint:team-* is a prefix, and
# so is blueprint:"a b"*; a star inside the quotes is a star.
_TOKEN = re.compile(
    r"""(?<!\S)(?P<no>-)?(?:(?P<key>[A-Za-z_]++|(?i:meta)\.[A-Za-z0-9_.-]++):)?
        (?:"(?P<quoted>(?:[^"\\]++|\\.)*+)"(?:(?P<star>\*)|=(?P<said>[^\s"]*+))?|(?P<bare>[^\s"]++))?(?=\s|\Z)""",
    re.VERBOSE | re.DOTALL,
)
_SPACE = re.compile(r"\s*+")
_BARE = re.compile(r'\A[^\s"=\\\x00-\x1f\x7f-\x9f]++\Z')
_ESCAPE = re.compile(r'\\(?:u((?!d[89a-f])[0-9a-f]{4})|(["\\]))', re.IGNORECASE)
_TO_ESCAPE = re.compile(r'["\\\x00-\x1f\x7f-\x9f\u2028\u2029]')


def parse(text: str) -> Pairs:
    """The parameters, deduplicated, in output order. Raises ``Invalid``; values are not checked."""
    pairs: list[Pair] = []
    words: list[str] = []
    at = _after_space(text, 0)
    while at < len(text):
        found = _TOKEN.match(text, at)
        if not found or found.end() == at:
            raise Invalid("filter", "quotes", f"cannot be read at {text[at : at + 40]}; is a quote missing?")
        at = _after_space(text, found.end())
        word = _word(found, is_last=at == len(text))
        if word is not None:
            words.append(word)
            continue
        pairs += _phrase(words)
        words = []
        pairs.append(_pair(found))
    return canonical([*pairs, *_phrase(words)])


def render(pairs: Iterable[Pair]) -> str:
    return " ".join(token(name, value) for name, value in canonical(pairs))


def token(name: str, value: str) -> str:
    base = name.removeprefix(_NOT)
    negation = "-" if name != base else ""
    if base == "phrase":
        return negation + _quoted(value)
    key, said = (base, "") if is_meta(base) else _WRITTEN[base]
    is_bare = _BARE.match(value) and not (key == _STARRED and "*" in value)
    return f"{negation}{key}:{value if is_bare else _quoted(value)}{said}"


def canonical(pairs: Iterable[Pair]) -> Pairs:
    known = [pair for pair in dict.fromkeys(pairs) if pair[0] in _PLACE or meta_filters.is_possible(pair[0])]
    return tuple(sorted(known, key=_place))


def parameter_of(key: str) -> str | None:
    beginning, dot, rest = key.partition(".")
    return f"{PREFIX}{rest}" if dot and f"{beginning.lower()}." == PREFIX else KEYS.get(key.lower())


# Those of meta are last, by key.
def _place(pair: Pair) -> tuple[int, str]:
    name = pair[0]
    return (_PLACE[name], "") if name in _PLACE else (len(_PLACE), f"{name.removeprefix(_NOT)} {name}")


# A plain word has no quotes and no key, and is not negated. "TypeError: x" and "https://…" only look as if they had.
def _word(found: re.Match[str], *, is_last: bool) -> str | None:
    key, bare = found["key"], found["bare"]
    if found["no"] or found["quoted"] is not None:
        return None
    if key is None:
        return bare
    is_known = parameter_of(key) is not None
    if bare is None:
        return None if is_known and is_last else f"{key}:"
    return f"{key}:{bare}" if not is_known and bare[0] in "/\\" else None


def _phrase(words: list[str]) -> list[Pair]:
    return [("phrase", " ".join(words))] if words else []


def _pair(found: re.Match[str]) -> Pair:
    key, said = found["key"], found["said"]
    value = found["bare"] if found["quoted"] is None else _ESCAPE.sub(_unescaped, found["quoted"])
    if key is None:
        if said is not None or found["star"]:
            raise Invalid("filter", "quotes", f"cannot be read at {found['star'] or f'={said[:40]}'}")
        return ("phrase", "-") if value is None else (_named("phrase", found), value)
    parameter = parameter_of(key)
    if parameter is None:
        names = ", ".join((*KEYS, f"{PREFIX}KEY"))
        detail = f"Unknown filter '{key.lower()[:40]}'. Available filters: {names}. To search for words, quote them"
        raise Invalid("", "unknown", detail)
    key = parameter if is_meta(parameter) else key.lower()
    if is_meta(key):
        meta_filters.check(key)
    if value is None:
        raise Invalid(key, "empty", f"needs a value, as in {key}:main" if key == "blueprint" else "needs a value")
    if found["star"] and key != _STARRED:
        raise Invalid(key, "value", 'takes no "*" after the quotes')
    if key == _STARRED and said is None:
        return _blueprint(found, value)
    if key != "axis":
        if said is not None:
            raise Invalid(key, "value", f'takes no "={said[:40]}"')
        return (_named(parameter, found), value)
    if found["quoted"] is None:
        value, _, said = value.rpartition("=") if "=" in value else (value, "", None)
    if said is not None and said not in SAID:
        raise Invalid(
            "axis",
            "choice",
            f'after "=" must be one of {", ".join(SAID)}, not "{said[:40]}"; quote a name that contains "="',
        )
    return (_named(SAID[said or "deny"], found), value)


def _blueprint(found: re.Match[str], value: str) -> Pair:
    if found["quoted"] is not None:
        return _named("blueprint_prefix" if found["star"] else "blueprint_id", found), value
    name, star, rest = value.partition("*")
    if rest:
        raise Invalid(_STARRED, "star", 'may have a "*" only at the end, as in team-*; quote a name that contains one')
    return _named("blueprint_prefix" if star else "blueprint_id", found), name


def _named(parameter: str, found: re.Match[str]) -> str:
    return f"{_NOT}{parameter}" if found["no"] else parameter


def _quoted(value: str) -> str:
    return f'"{_TO_ESCAPE.sub(_escaped, value)}"'


def _escaped(found: re.Match[str]) -> str:
    character = found[0]
    return f"\\{character}" if character in '"\\' else f"\\u{ord(character):04x}"


def _unescaped(found: re.Match[str]) -> str:
    return chr(int(found[1], 16)) if found[1] else found[2]


def _after_space(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    return found.end() if found else at
