"""The table of kinds, their codecs and raw keys."""

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from content.kinds import KINDS, Key, check_story_id, from_raw_key, is_story_id, kind_named, raw_key
from enhancelog.client import kinds as programs
from enhancelog.domain.codecs import MAX_COUNT, Codec, Counter, Flag, Json, LineSet, Markdown, Text
from enhancelog.domain.errors import Invalid, TooLarge

story_ids = st.text(min_size=1, max_size=40).filter(is_story_id)


def test_there_are_the_fourteen_kinds():
    assert {kind.name: kind.codec.name for kind in KINDS.values()} == {
        "story": "markdown",
        "gate_output": "text",
        "abort_respawn_count": "counter",
        "mergemaster_spawn_count": "counter",
        "run_tests_ok": "text",
        "commit_recovery_pending": "counter",
        "commit_recovery_diff_fingerprint": "counter",
        "commit_recovery_total_attempts": "counter",
        "merge_fixup_pending": "flag",
        "merge_failure_kind": "json",
        "merge_success": "flag",
        "merge_report": "json",
        "commit_recovery_forced_exit": "flag",
        "commit_recovery_read_set": "lines",
    }
    assert [kind.name for kind in KINDS.values() if kind.consumed] == ["commit_recovery_forced_exit"]
    assert [kind.name for kind in KINDS.values() if kind.bare] == ["story"]


def test_programs_know_the_same_kinds():
    assert list(programs.KINDS) == list(KINDS)
    for kind, known in zip(KINDS.values(), programs.KINDS.values(), strict=True):
        assert (known.name, known.meaning, known.suffix, known.consumed) == (
            kind.name,
            kind.meaning,
            kind.suffix,
            kind.consumed,
        )
        assert type(known.codec) is type(kind.codec)
        assert vars(known.codec) == vars(kind.codec)


def test_every_kind_says_what_it_is():
    for kind in KINDS.values():
        assert kind.label
        assert kind.meaning
        assert kind.codec.describe().endswith(".")


def test_an_unknown_kind_is_named_with_the_known_ones():
    with pytest.raises(Invalid, match="story, gate_output"):
        kind_named("stories")


@given(story_ids, st.sampled_from(list(KINDS)))
def test_raw_keys_go_there_and_back(story_id: str, kind: str):
    key = Key(story_id, kind)
    assert from_raw_key(raw_key(key)) == key


@given(story_ids, story_ids)
def test_no_two_keys_share_a_raw_form(one: str, other: str):
    keys = {Key(story_id, kind) for story_id in (one, other) for kind in KINDS}
    assert len({raw_key(key) for key in keys}) == len(keys)


@pytest.mark.parametrize(
    "raw", ["", "a:b", "a:story", "a:b:gate_output", ":gate_output", "a:", "a:gate_output:", "..", "a:GATE_OUTPUT"]
)
def test_a_raw_key_that_is_no_key_is_invalid(raw: str):
    with pytest.raises(Invalid):
        from_raw_key(raw)


@pytest.mark.parametrize("story_id", ["", ".", "..", "a:b", "x" * 513, "a\x7f", "a\u0085"])
def test_ids_that_break_the_rule(story_id: str):
    assert not is_story_id(story_id)
    with pytest.raises(Invalid) as refused:
        check_story_id(story_id)
    assert refused.value.field == "story_id"


@given(st.text(max_size=30))
@example("0")
@example("-1")
@example("٣")
@example("1\n")
@example(str(MAX_COUNT))
@example(str(MAX_COUNT + 1))
@example("9" * 5000)
def test_a_counter_is_what_the_rule_says(text: str):
    legal = bool(re.fullmatch(r"0|[1-9][0-9]{0,18}", text)) and int(text) <= MAX_COUNT
    assert _accepts(Counter(), text) == legal
    assert _accepts(Counter(minimum=1), text) == (legal and text != "0")
    if legal:
        assert Counter().dump(Counter().parse(text)) == text


@given(st.lists(st.text(alphabet=st.characters(codec="utf-8", exclude_characters="\0\n"), min_size=1, max_size=5)))
def test_a_line_set_is_sorted_by_utf8_bytes_and_unique(lines: list[str]):
    text = "\n".join(lines)
    legal = lines == sorted(set(lines), key=str.encode) and all(line.strip() for line in lines)
    assert _accepts(LineSet(), text) == legal
    assert _accepts(LineSet(), LineSet().tidy(text))


@pytest.mark.parametrize("text", ["\n", "a\n", "\na", "a\n\nb", "a\n \nb", " ", "a\na", "b\na", "\U0001f600\n\uff5e"])
def test_line_sets_that_break_the_rule(text: str):
    assert not _accepts(LineSet(), text)


def test_the_empty_line_set_is_legal():
    assert LineSet().parse("") == ()


@pytest.mark.parametrize("text", ["null", '"text"', " [1, 2.5e3, {}]\n", '{"kind": {"deep": [[]]}}', "-0"])
def test_json_of_any_shape_is_legal(text: str):
    assert _accepts(Json(), text)


@pytest.mark.parametrize("text", ["", "{", "{'a': 1}", "NaN", '{"a": 1, "a": 2}', "1 2", "[" * 40 + "]" * 40, "1e999"])
def test_json_that_does_not_parse_is_refused(text: str):
    with pytest.raises(Invalid) as refused:
        Json().validate(text)
    assert (refused.value.field, refused.value.rule) == ("value", "json")


@pytest.mark.parametrize("codec", [Text(), Markdown(), Flag()])
@pytest.mark.parametrize("text", ["", "any\r\n\ttext \u2028", "\x01"])
def test_text_markdown_and_flags_take_any_text(codec: Codec, text: str):
    assert _accepts(codec, text)


@pytest.mark.parametrize("codec", [Text(), Markdown(), Flag(), Json(), LineSet(), Counter()])
@pytest.mark.parametrize("text", ["a\0b", "\ud800"])
def test_what_no_database_can_store_is_refused_by_every_codec(codec: Codec, text: str):
    assert not _accepts(codec, text)


def test_sizes_are_counted_in_bytes():
    Text().validate("é" * 50, max_bytes=100)
    with pytest.raises(TooLarge):
        Text().validate("é" * 51, max_bytes=100)
    with pytest.raises(TooLarge):
        Flag().validate("x" * 4097)
    with pytest.raises(TooLarge):
        Flag().validate("x" * 101, max_bytes=100)


def _accepts(codec: Codec, text: str) -> bool:
    try:
        codec.validate(text)
    except Invalid:
        return False
    return True
