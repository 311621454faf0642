"""The filter box's grammar, and that it loses nothing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from enhancelog.domain import filter_box
from enhancelog.domain.errors import Invalid
from enhancelog.domain.filters import PARAMETERS

EVERYTHING = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
VALUES = EVERYTHING | st.sampled_from(
    ["", "noop", "a b", 'a"b', "a=b", "a\\", "x=pass", "-", ":", "日本 語", "team-*", "*", "\n", "\\u0041"]
)
NAMES = (*PARAMETERS, "meta.model", "not_meta.a.b-c_1", "meta.-")
PAIRS = st.lists(st.tuples(st.sampled_from(NAMES), VALUES), max_size=8)
TEXTS = EVERYTHING | st.lists(
    st.sampled_from(
        ["axis:noop", "axis:a=pass", '-axis:"a b"=absent', "foo", "-bar", '"x y"', "since:7d", 'blueprint:""', "-"]
    )
    | EVERYTHING,
    max_size=6,
).map(" ".join)


@pytest.mark.parametrize(
    ("text", "pairs"),
    [
        ("", []),
        ("axis:noop", [("axis", "noop")]),
        ("axis:noop=deny", [("axis", "noop")]),
        ("axis:noop=pass", [("axis_passed", "noop")]),
        ("axis:noop=absent", [("axis_absent", "noop")]),
        ("-axis:noop=absent", [("not_axis_absent", "noop")]),
        ("axis:noop axis:des", [("axis", "noop"), ("axis", "des")]),
        ("axis:noop axis:noop", [("axis", "noop")]),
        ('axis:"a=b"=pass', [("axis_passed", "a=b")]),
        ('axis:"a=b"', [("axis", "a=b")]),
        ("AXIS:noop", [("axis", "noop")]),
        ('blueprint:"a b"', [("blueprint_id", "a b")]),
        ('blueprint:""', [("blueprint_id", "")]),
        ("blueprint:team-*", [("blueprint_prefix", "team-")]),
        ('-blueprint:"team-*"', [("not_blueprint_id", "team-*")]),
        ('blueprint:"a b*"*', [("blueprint_prefix", "a b*")]),
        ("blueprint:main blueprint:m*", [("blueprint_id", "main"), ("blueprint_prefix", "m")]),
        ("blueprint:*", [("blueprint_prefix", "")]),
        ("axis:a* source:*", [("axis", "a*"), ("source", "*")]),
        (r'source:"a\"b\\c\u000ad"', [("source", 'a"b\\c\nd')]),
        (r'"C:\new"', [("phrase", "C:\\new")]),
        ('text:word -text:"a b"', [("text", "word"), ("not_text", "a b")]),
        ('-"a b" "c d"', [("phrase", "c d"), ("not_phrase", "a b")]),
        ('"cita*"', [("phrase", "cita*")]),
        ("since:7d until:2026-01-01T00:00:00Z", [("since", "7d"), ("until", "2026-01-01T00:00:00Z")]),
        ("-since:7d", [("not_since", "7d")]),
        (
            "has:gap only:noop axes:one -period:30d",
            [("only", "noop"), ("axes", "one"), ("has", "gap"), ("not_period", "30d")],
        ),
        ("touches:/agents/reviewer", [("touches", "/agents/reviewer")]),
        ('-touches:"/a b=c"', [("not_touches", "/a b=c")]),
        ("two words", [("phrase", "two words")]),
        ('"two" "words"', [("phrase", "two"), ("phrase", "words")]),
        ("one -two three", [("phrase", "one"), ("phrase", "three"), ("not_phrase", "two")]),
        ("12:30 日本:語", [("phrase", "12:30 日本:語")]),
        ("meta.model:m", [("meta.model", "m")]),
        ('-META.a.B-c_1:"a b"', [("not_meta.a.B-c_1", "a b")]),
        ("meta.seed:1 meta.seed:2 axis:a", [("axis", "a"), ("meta.seed", "1"), ("meta.seed", "2")]),
        ("meta.a:x=pass meta.b:/etc", [("meta.a", "x=pass"), ("meta.b", "/etc")]),
        ("meta.a:team-*", [("meta.a", "team-*")]),
        ("-", [("phrase", "-")]),
    ],
)
def test_text_stands_for_parameters(text, pairs):
    assert list(filter_box.parse(text)) == pairs


@pytest.mark.parametrize(
    "text",
    [
        "TypeError: x is not",
        "http://example.com/a",
        "C:\\path",
        "status: rejected",
        "error:",
        "see https://x and C:\\y",
        "meta.py",
        "app.py:12 meta",
        "meta.model: unknown",
    ],
)
def test_what_only_looks_like_a_filter_is_words(text):
    assert filter_box.parse(text) == (("phrase", text),)
    assert filter_box.parse(filter_box.render(filter_box.parse(text))) == (("phrase", text),)


def test_an_unknown_filter_is_named_with_those_there_are():
    with pytest.raises(Invalid, match=r"^Unknown filter 'colour'\. Available filters: .*status"):
        filter_box.parse("colour:red")


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("colour:red", ""),
        ('http:"//x"', ""),
        ("status:", "status"),
        ("axis:a=b", "axis"),
        ('axis:"a"=b', "axis"),
        ('blueprint:"a"=pass', "blueprint"),
        ("blueprint:a*b", "blueprint"),
        ("blueprint:*-team*", "blueprint"),
        ('blueprint:"a"*b', "filter"),
        ('axis:"a"*', "axis"),
        ('"a"*', "filter"),
        ('"open', "filter"),
        ("meta.model:", "meta.model"),
        ('meta.model:"a"=pass', "meta.model"),
        ('meta.model:"a"*', "meta.model"),
        ("meta:x", ""),
        (f"meta.{'x' * 65}:1", f"meta.{'x' * 65}"),
        ('say"hi"', "filter"),
        ('"a"=pass', "filter"),
    ],
)
def test_what_does_not_read_is_refused_and_named(text, field):
    with pytest.raises(Invalid) as refused:
        filter_box.parse(text)
    assert refused.value.field == field


@given(PAIRS)
def test_parameters_survive_being_written_as_text(pairs):
    assert filter_box.parse(filter_box.render(pairs)) == filter_box.canonical(pairs)


@given(PAIRS)
def test_the_box_can_say_every_parameter(pairs):
    assert set(filter_box.canonical(pairs)) == set(pairs)


@pytest.mark.parametrize(
    ("pair", "text"),
    [
        (("blueprint_prefix", "team-"), "blueprint:team-*"),
        (("blueprint_prefix", "a b"), 'blueprint:"a b"*'),
        (("not_blueprint_id", "team-*"), '-blueprint:"team-*"'),
        (("axis", "a*"), "axis:a*"),
    ],
)
def test_a_star_is_a_prefix_unless_it_is_quoted(pair, text):
    assert filter_box.render([pair]) == text


@given(PAIRS)
def test_text_fits_one_line(pairs):
    assert not set("\r\n\0") & set(filter_box.render(pairs))


@given(TEXTS)
def test_any_text_is_refused_or_settles_at_once(text):
    try:
        pairs = filter_box.parse(text)
    except Invalid as refused:
        assert refused.field
        return
    written = filter_box.render(pairs)
    assert filter_box.parse(written) == pairs
    assert filter_box.render(filter_box.parse(written)) == written
