"""Names that look like others are marked in words; ordinary names of any script are not."""

import json
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from enhancelog.domain.deceptive_names import deceptions
from tests.limited import assert_ends

MARKED = {
    "world\u200b": [("invisible", "U+200B zero width space")],
    "bp-\u202edlrow": [("invisible", "U+202E right-to-left override")],
    "a\u00a0b": [("invisible", "U+00A0 no-break space")],
    "a\u3000b": [("invisible", "U+3000 ideographic space")],
    "a\u200db": [("invisible", "U+200D zero width joiner")],
    "main\ufe0f": [("invisible", "U+FE0F variation selector-16")],
    "\u3164": [("invisible", "U+3164 hangul filler")],
    "\u200b\u200c\u200d\u2060": [
        ("invisible", "U+200B zero width space, U+200C zero width non-joiner, U+200D zero width joiner and 1 more")
    ],
    "mаin": [("look-alike", "Latin and Cyrillic letters in one word; Cyrillic letters that look like Latin ones")],
    "МодельV2": [("look-alike", "Latin and Cyrillic letters in one word")],
    "сора": [("look-alike", "Cyrillic letters that look like Latin ones")],
    "team-сора": [("look-alike", "Cyrillic letters that look like Latin ones")],
    "prοd": [("look-alike", "Greek letters that look like Latin ones")],
    "οтвет": [("look-alike", "Cyrillic and Greek letters in one word; Greek letters that look like Latin ones")],
    "𝗆ain": [("look-alike", "U+1D5C6 looks like m")],
    "team‐7": [("look-alike", "U+2010 looks like -")],
    "cafe\u0301": [("look-alike", "another spelling (NFC) looks the same")],
    " main": [("spaces", "at the beginning or the end")],
    "main ": [("spaces", "at the beginning or the end")],
    "a  b": [("spaces", "two in a row")],
    "а\u200bb ": [
        ("invisible", "U+200B zero width space"),
        ("look-alike", "Cyrillic letters that look like Latin ones"),
        ("spaces", "at the beginning or the end"),
    ],
}
ORDINARY = (
    "main", "team-7/agents.v2", "a b", "", "naïve Straße", "Ελλάδα", "Δx", "α-test", "команда-A", "роль: сора",
    "東京エージェント", "東京Agent", "ops/デプロイ %", "ＡＩ\u3000エージェント", "葛\U000e0100城", "第Ⅳ章", "한국어",
    "ไทยAI",     "می\u200cخواهم", "क्\u200dष", "עברית", "العربية-7", "👩\u200d💻 agent", "👩🏽\u200d💻", "❤️", "1️⃣", "🇯🇵",
    "🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",
)  # fmt: skip
INVISIBLE = "\u200b\u200c\u200d\u200e\u200f\u202a\u202e\u2060\u2066\u2069\ufeff\u00ad\u2028\u3164\u180e\U000e0041"
ALIKE = dict(zip("aeopcyxijsABEKMHOPCTX", "аеорсухіјѕАВЕКМНОРСТХ", strict=True))

latin = st.text("abcdeopxyz", min_size=1, max_size=8)
ALPHABETS = (
    "あいうえおかきく",
    "アイウエオ",
    "東京都大阪府",
    "абвгдежзийклмнопрст",
    "αβγδεζηθ",
    "가나다라",
    "אבגד",
    "🙂🚀",
)
words_of = [st.text(alphabet, min_size=1, max_size=6) for alphabet in ALPHABETS]


def said(name: str) -> list[tuple[str, str]]:
    return [(badge.name, badge.meaning) for badge in deceptions(name)]


@pytest.mark.parametrize("name", MARKED)
def test_what_deceives_is_said_in_words(name: str) -> None:
    assert said(name) == MARKED[name]


@pytest.mark.parametrize("name", ORDINARY)
def test_ordinary_names_are_not_marked(name: str) -> None:
    assert said(name) == []


@given(st.lists(latin | st.one_of(words_of), min_size=1, max_size=5), st.sampled_from("-/._ :"))
def test_names_of_whole_words_are_not_marked_whatever_their_scripts(words: list[str], between: str) -> None:
    name = between.join(["дом", "λόγος", *words])  # unmistakably Cyrillic and Greek
    assert said(name) == []


@given(latin, st.sampled_from(INVISIBLE), latin)
def test_an_invisible_character_is_named_wherever_it_stands(before: str, character: str, after: str) -> None:
    for name in (before + character + after, before + character, character + after):
        (badge,) = deceptions(name)
        assert badge.name == "invisible"
        assert badge.meaning == f"U+{ord(character):04X} {unicodedata.name(character, 'control character').lower()}"


@given(st.text("bdz", max_size=6), st.sampled_from(sorted(ALIKE)), st.text("aeopKz", max_size=6))
def test_a_word_with_one_letter_of_another_script_is_marked(before: str, letter: str, after: str) -> None:
    assert said(before + letter + after) == []
    assert [badge.name for badge in deceptions(before + ALIKE[letter] + after)] == ["look-alike"]


@given(st.text())
def test_any_text_has_few_short_badges(name: str) -> None:
    badges = deceptions(name)
    assert len({badge.name for badge in badges}) == len(badges) <= 3
    assert all(badge.meaning and len(badge.meaning) < 500 and badge.meaning.isprintable() for badge in badges)


def test_long_names_cost_no_more_than_their_beginnings() -> None:
    code = """
import json
from enhancelog.domain.deceptive_names import deceptions
for piece in json.loads(input()):
    long = piece * (1_000_000 // len(piece))
    for size in range(10):
        deceptions(str(size) + long)
"""
    assert_ends(code, text=json.dumps([*MARKED, *ORDINARY[4:], *INVISIBLE]))
