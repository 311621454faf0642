"""The key that attempts at one intent share."""

import unicodedata

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from enhancelog.domain.intents import LONGEST, intent_key
from enhancelog.domain.unfinished import MAX_CHARACTERS

INTENT = "critic should run the linter first"


@pytest.mark.parametrize(
    "intent",
    [
        INTENT,
        f"Again: {INTENT}",
        f"{INTENT}, again!",
        f"{INTENT} (attempt 2)",
        f"Attempt #12: {INTENT}.",
        f"try 3 - {INTENT}",
        f"{INTENT}, and this time change only the prompt",
        f"{INTENT},\nAND  this time: only the prompt, and this time really",
        f"again, again {INTENT} (try 4, attempt 5)",
        f"  {INTENT.upper()}\r\n",
        "ｃｒｉｔｉｃ　ｓｈｏｕｌｄ ｒｕｎ the_linter first",
        f"{INTENT} (attempt ٣)",
    ],
)
def test_attempts_at_one_wish_share_their_key(intent: str) -> None:
    assert intent_key(intent) == INTENT


@pytest.mark.parametrize(
    "intent",
    [
        f"{INTENT} twice",
        "critic should run the linter",
        f"{INTENT} against main",
        f"{INTENT} attempt",
        f"{INTENT} attempt two",
        f"{INTENT} retry 3",
        f"{INTENT} try 3rd",
        f"{INTENT} and this time only the prompt",
        f"{INTENT}, and this timeout",
        f"first {INTENT}",
    ],
)
def test_near_misses_are_other_wishes(intent: str) -> None:
    assert intent_key(intent) not in ("", INTENT)


def test_words_of_every_script_count_with_their_marks() -> None:
    assert intent_key("プロンプトを、短く。") == "プロンプトを 短く"
    assert intent_key("की") != intent_key("कि")
    assert intent_key("Straße") == intent_key("STRASSE")
    assert intent_key("cafe\u0301") == intent_key("CAFÉ")


@pytest.mark.parametrize(
    "intent", ["", " \n", "?!", "🚀 🚀", "Again", "try 2", ", and this time better", "attempt 1, again"]
)
def test_an_intent_without_words_has_no_key(intent: str) -> None:
    assert intent_key(intent) == ""


@given(st.text(max_size=200))
def test_any_text_has_a_key_of_words(intent: str) -> None:
    key = intent_key(intent)
    assert key == " ".join(key.split())
    assert "again" not in key.split()


@pytest.mark.parametrize("piece", ["\ufdfa", "x, and ", ", and this", " ", "again ", "try 1 ", "é́", "\u0301", ",\t"])
def test_no_text_costs_more_than_its_beginning(piece: str) -> None:
    beginning = piece * LONGEST
    assert intent_key(beginning[:LONGEST]) == intent_key(beginning)


@given(st.text(max_size=60))
def test_words_are_runs_of_letters_digits_and_marks(text: str) -> None:
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    assume(not any(word in folded for word in ("again", "attempt", "try", "time")))
    spaced = "".join(
        character if character.isalnum() or unicodedata.category(character).startswith("M") else " "
        for character in folded
    )
    assert intent_key(text) == " ".join(spaced.split())


def test_an_intent_that_is_kept_in_part_has_the_key_of_the_whole():
    intent = "語 word " * 5_000
    assert intent_key(intent[:MAX_CHARACTERS]) == intent_key(intent)
