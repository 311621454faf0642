"""The shared template of joined templates, and what fills its holes in a masked detail."""

from collections.abc import Callable, Iterator, Sequence
from difflib import SequenceMatcher
from typing import Final

from enhancelog.patterns.holes import HOLES, Hole, Masked
from enhancelog.patterns.tokenizer import COMMAS, Token, is_hole, tokens

_WIDER: Final = (
    ({"name", "text"}, "text"),
    ({"n", "numbers"}, "numbers"),
    ({"n", "money"}, "n"),
    ({"id", "version", "path", "email", "url"}, "id"),
    ({"id", "version", "path", "email", "url", "name", "names", "word"}, "names"),
)
_OF_UNIT: Final = {"⟨time⟩": "duration", "⟨size⟩": "size"}


# Called between pieces of long work, so that other threads get their turn
Rest = Callable[[], None]


def no_rest() -> None: ...


def common(templates: Sequence[str], rest: Rest = no_rest) -> str:
    """The first template, with a hole wherever one of the others differs."""
    if len(templates) == 1:
        return templates[0]
    shared = _Shared(templates[0])
    for other in templates[1:]:
        rest()
        shared.compare(other)
    return shared.template()


class _Shared:
    def __init__(self, first: str) -> None:
        self._first = first
        self._tokens = tokens(first)
        self._wordings = {tuple(_text(first, (token,)) for token in self._tokens)}
        self._kept = [True] * len(self._tokens)
        self._uneven: set[int] = set()

    def compare(self, other: str) -> None:
        theirs = tokens(other)
        wording = [""] * len(self._tokens)
        before = (-1, -1)
        for ours, at in (*_alike(self._tokens, theirs), (len(self._tokens), len(theirs))):
            for nth in range(before[0] + 1, ours):
                self._kept[nth] = False
            if ours - before[0] != at - before[1]:
                self._uneven.add(ours)
            if ours < len(self._tokens):
                wording[ours] = _text(other, (theirs[at],))
            before = ours, at
        self._wordings.add(tuple(wording))

    def template(self) -> str:
        self._drop_commas()
        plural = max(self._wordings, key=self._lengths)
        pieces: list[str] = []
        nth = written = 0
        while nth < len(self._tokens):
            end = nth
            while end < len(self._tokens) and not self._kept[end]:
                end += 1
            if end > nth:
                pieces += [self._first[written : self._tokens[nth].start], self._differing(nth, end)]
                written = self._tokens[end - 1].end
            elif nth in self._uneven:
                pieces += [self._first[written : self._tokens[nth].start], "⟨words⟩ "]
                written = self._tokens[nth].start
            if end < len(self._tokens):
                pieces += [self._first[written : self._tokens[end].start], self._same(end, plural[end])]
                written = self._tokens[end].end
            nth = end + 1
        if self._kept[-1:] != [False] and len(self._tokens) in self._uneven:
            pieces.append(" ⟨words⟩")
        return "".join(pieces) + self._first[written:]

    def _drop_commas(self) -> None:
        # A comma between two differing items belongs to the difference.
        for nth in range(1, len(self._tokens) - 1):
            around = self._kept[nth - 1], self._kept[nth + 1]
            if self._tokens[nth].key in COMMAS and around == (False, False):
                self._kept[nth] = False

    def _lengths(self, wording: Sequence[str]) -> tuple[list[int], Sequence[str]]:
        # The longest wording is the plural: "2 tokens are", not "1 token is".
        return [len(text) for text, kept in zip(wording, self._kept, strict=True) if kept], wording

    def _differing(self, start: int, end: int) -> str:
        keys = [token.key for token in self._tokens[start:end]]
        if any(wording[start] == "⟨names⟩" for wording in self._wordings) or not COMMAS.isdisjoint(keys):
            return "⟨names⟩"
        return "⟨words⟩" if len(keys) > 1 or not self._uneven.isdisjoint(range(start, end + 1)) else "⟨word⟩"

    def _same(self, nth: int, plural: str) -> str:
        texts, key = {wording[nth] for wording in self._wordings}, self._tokens[nth].key
        if len(texts) == 1 or not is_hole(key):
            return plural
        if key in _OF_UNIT:
            return f"⟨{_OF_UNIT[key]}⟩"
        return f"⟨{_wide({kind for text in texts for kind in HOLES.findall(text)})}⟩"


def _wide(kinds: set[str]) -> str:
    if len(kinds) == 1:
        return kinds.pop()
    return next((wide for narrow, wide in _WIDER if kinds <= narrow), "words")


def _alike(ours: Sequence[Token], theirs: Sequence[Token]) -> Iterator[tuple[int, int]]:
    if len(ours) == len(theirs):
        for nth, (our, their) in enumerate(zip(ours, theirs, strict=True)):
            if our.key == their.key:
                yield nth, nth
        return
    matcher = SequenceMatcher(None, [token.key for token in ours], [token.key for token in theirs], autojunk=False)
    for block in matcher.get_matching_blocks():
        for nth in range(block.size):
            yield block.a + nth, block.b + nth


def _text(template: str, found: Sequence[Token]) -> str:
    return template[found[0].start : found[-1].end] if found else ""


def fill(template_of_group: str, masked: Masked) -> list[Hole]:
    """One value per hole. If ``masked`` does not fit, all of it is in the first hole."""
    shown, said = tokens(template_of_group), tokens(masked.template)
    values = iter(masked.holes)
    found: list[Hole] = []
    for token, span in zip(shown, _laid(shown, said), strict=True):
        text = _text(masked.template, span)
        held = [next(values) for _ in HOLES.findall(text)]
        if is_hole(token.key):
            found.append(_filled(_text(template_of_group, (token,)), text, held))
    return found


def _filled(shown: str, text: str, held: Sequence[Hole]) -> Hole:
    if len(held) == 1 and (text == shown or HOLES.fullmatch(text)):
        return held[0]
    values = iter(held)
    return Hole(HOLES.findall(shown)[0], HOLES.sub(lambda _: next(values).value, text))


def _laid(shown: Sequence[Token], said: Sequence[Token]) -> list[Sequence[Token]]:
    if len(shown) == len(said) and all(
        is_hole(our.key) or our.key == their.key for our, their in zip(shown, said, strict=True)
    ):
        return [(token,) for token in said]
    fits = _fits(shown, said)
    if not fits[0][0]:
        first = next((nth for nth, token in enumerate(shown) if is_hole(token.key)), 0)
        return [said if nth == first else () for nth in range(len(shown))]
    spans: list[Sequence[Token]] = []
    at = 0
    for nth, token in enumerate(shown):
        until = at + 1
        if is_hole(token.key):
            ends = [end for end in range(at, len(said) + 1) if fits[nth + 1][end]]
            until = next((end for end in ends if end > at), at)
        spans.append(said[at:until])
        at = until
    return spans


def _fits(shown: Sequence[Token], said: Sequence[Token]) -> list[list[bool]]:
    fits = [[False] * (len(said) + 1) for _ in range(len(shown) + 1)]
    fits[-1][-1] = True
    for nth in reversed(range(len(shown))):
        for at in reversed(range(len(said) + 1)):
            here = at < len(said)
            if is_hole(shown[nth].key):
                fits[nth][at] = fits[nth + 1][at] or (here and fits[nth][at + 1])
            else:
                fits[nth][at] = here and shown[nth].key == said[at].key and fits[nth + 1][at + 1]
    return fits
