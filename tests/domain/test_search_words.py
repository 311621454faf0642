"""The words of a text: the same however it is written, where they stand, and what a reader may ask for."""

import unicodedata
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from enhancelog.domain.errors import Invalid
from enhancelog.domain.search_words import (
    LONGEST,
    LONGEST_PHRASE,
    MOST_TERMS,
    Phrase,
    find,
    phrase,
    search_tokens,
    search_words,
    spans,
)

ANY = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
TRICKY = st.text(
    st.sampled_from(
        "aéÉ\u0301\u0327がか\u3099ﾊﾞ\uff9e가\u1100\u1161\u11a8ﬁ½㍿ﷺไุ่\u0bc6\u0bbe ₉İΣςß-\u200b\u200d\ufe0f🦊"
    ),
    max_size=12,
)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", []),
        ("QA-Lead", ["qa", "lead"]),
        ("ｑａ　ｌéａｄ", ["qa", "lead"]),
        ("naïve Café e\u0301", ["naive", "cafe", "e"]),
        ("ﬁne ½ x²", ["fine", "1", "2", "x2"]),
        ("Straße ΣΊΣΥΦΟΣ", ["strasse", "σισυφοσ"]),
        ("Ёлка, йод", ["елка", "иод"]),
        ("İstanbul", ["istanbul"]),
        ("snake_case a.b/c", ["snake", "case", "a", "b", "c"]),
        ("デプロイ", ["デプ", "プロ", "ロイ", "イ"]),
        ("ﾃﾞﾌﾟﾛｲ", ["デプ", "プロ", "ロイ", "イ"]),
        ("检查失败", ["检查", "查失", "失败", "败"]),
        ("배포 실패", ["배포", "포", "실패", "패"]),
        ("株", ["株"]),
        ("Docker化", ["docker", "化"]),
        ("か ば", ["か", "ば"]),
        ("हिन्दी", ["हिन्दी"]),
        ("مَرْحَبا שָׁלוֹם", ["مرحبا", "שלום"]),
        ("co\u00adop zero\u200bwidth", ["coop", "zero", "width"]),
        ("❤️ 👩‍💻 1️⃣ …", ["1"]),
        ("a\0b", ["a", "b"]),
        ("x" * (2 * LONGEST + 1), ["x" * LONGEST, "x" * LONGEST, "x"]),
    ],
)
def test_words_of_a_text(text: str, words: list[str]) -> None:
    assert search_words(text) == words


@given(ANY | TRICKY)
def test_every_normal_form_has_the_same_words(text: str) -> None:
    for form in ("NFC", "NFD", "NFKC", "NFKD"):
        assert search_words(unicodedata.normalize(form, text)) == search_words(text)


@given(ANY | TRICKY)
def test_case_makes_no_difference(text: str) -> None:
    assert search_words(text.casefold()) == search_words(text)


@given(ANY | TRICKY)
def test_words_hold_nothing_that_a_query_language_could_read(text: str) -> None:
    for word in search_words(text):
        assert 0 < len(word) <= LONGEST
        assert all(unicodedata.category(character)[0] in "LNM" for character in word)


@given(ANY | TRICKY)
def test_tokens_are_the_words_with_their_places_in_order(text: str) -> None:
    tokens = search_tokens(text)
    assert [token.text for token in tokens] == search_words(text)
    assert all(0 <= token.start < token.end <= len(text) for token in tokens)
    assert [token.start for token in tokens] == sorted(token.start for token in tokens)


@given(st.lists(ANY | TRICKY, max_size=4).map(" ".join), st.data())
def test_a_word_of_the_text_is_marked_where_it_stands(text: str, data: st.DataObject) -> None:
    tokens = search_tokens(text)
    if tokens:
        token = data.draw(st.sampled_from(tokens))
        marks = spans(text, [Phrase((token.text,))])
        assert any(start <= token.start and token.end <= end for start, end in marks)
        assert all(left[1] < right[0] for left, right in pairwise(marks))


@pytest.mark.parametrize(
    ("text", "asked", "marked"),
    [
        ("Cafe\u0301 and café", "CAFE", ["Cafe\u0301", "café"]),
        ("株式会社", "会社", ["会社"]),
        ("デプロイに失敗", "デプロイ", ["デプロイ"]),
        ("a qa-lead, a QA  lead", "qa lead", ["qa-lead", "QA  lead"]),
        ("citation cited", "cit*", ["citation", "cited"]),
        ("one two one", "two three", []),
    ],
)
def test_marks_cover_what_was_found(text: str, asked: str, marked: list[str]) -> None:
    assert [text[start:end] for start, end in spans(text, [phrase(asked)])] == marked


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("Missing Citation", Phrase(("missing", "citation"))),
        ("cita*", Phrase(("cita",), is_open=True)),
        ("cita *", Phrase(("cita",))),
        ("a* b", Phrase(("a", "b"))),
        ("デプロイ", Phrase(("デプ", "プロ", "ロイ"))),
        ("デ", Phrase(("デ",), is_open=True)),
        ("デプロイ log", Phrase(("デプ", "プロ", "ロイ", "イ", "log"))),
        ('"*:^NEAR(-)', Phrase(("near",))),
        ("…", Phrase(())),
        ("", Phrase(())),
        (" ".join("abcdefgh"), Phrase(tuple("abcdefgh"))),
    ],
)
def test_phrases(text: str, wanted: Phrase) -> None:
    assert phrase(text) == wanted


@pytest.mark.parametrize(
    ("text", "rule"),
    [(" ".join("abcdefghi"), "terms"), ("ab*", "beginning"), ("x" * (LONGEST_PHRASE + 1), "length")],
)
def test_phrases_that_ask_for_too_much_or_too_little_are_refused(text: str, rule: str) -> None:
    with pytest.raises(Invalid) as refused:
        phrase(text)
    assert (refused.value.field, refused.value.rule) == ("phrase", rule)
    assert MOST_TERMS == 8


def test_any_part_of_a_text_without_spaces_is_found() -> None:
    text = "設定を確認してください"
    words = search_words(text)
    for start in range(len(text)):
        for end in range(start + 1, len(text) + 1):
            assert list(find(words, phrase(text[start:end])))[:1] == [text.index(text[start:end])]
