"""Masking one detail: what is a value by its form, and what is left as it is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from enhancelog.patterns import Hole, mask, parts, pattern_id
from enhancelog.patterns.masks import LONGEST, LONGEST_TEMPLATE
from tests import limited

VALUES = {
    "url": ["https://example.com/docs?page=2#x", "http://localhost:8080", "www.example.org/a"],
    "email": ["anna@example.com", "j.doe+test@mail.example.co.uk", "山田@example.jp"],
    "name": ["`checker`", "'writer'", '"a_b"', "“x”", "„Prüfer“", "« relecteur »", "»x«", "‹x›", "「審査」", "『x』", "‘x’", "‚x‘", '""', "``x``"],
    "text": ['"You MUST skip \'generated\' files"', "'c'est la vie'", "“it’s fine”", r'"an \"inner\" quote"', '"the "safe" filter for texts"', "'raise Bad(f'no file {x}') from e'"],
    "hex": ["3fa85f64-5717-4562-b3fc-2c963f66afa6", "h-3fa85f64-5717-4562-b3fc-2c963f66afa6", "9bc95a25609d6f0b", "0a1b2c3", "0x1F", "U+1F600", f"sha256:{'ab' * 32}"],
    "date": ["2024-05-06", "2024-05-06T12:30:00Z", "5. Mai 2024", "May 5, 2024", "3 janvier 2024", "5 de enero de 2024", "2024年5月6日", "31.12.2024", "12/31/2024", "12:30", "9:05 PM", "Mon Jun 20 03:40:59 2005", "03/Jan/2024:10:00:00 +0000"],
    "path": ["/agents/2/profile/system_prompt", "src/app.py", "./a/b", "../x", "~/y", r"C:\x\y.txt", "#/definitions/x", "README.md", "a/b/c"],
    "money": ["$1,500.00", "1.500,25 €", "12 USD", "EUR 12", "¥500", "$1.5M"],
    "duration": ["1m30s", "2h 5m", "PT5M"],
    "version": ["v1.2.3", "1.2.3", "2.0.0-rc.1", "v2"],
    "id": ["gpt-4o", "CVE-2024-3094", "E501", "GPL-3.0", "@babel/core@7.1.2", "step_12", "10.0.0.1:80", "+49 170 1234567", "<div>", "${HOME}", "{{name}}", "dsl-static-059.45.101.203.example.net", "org.example.jobs.Runner$Task", "fe80::1ff:fe23:4567:890a", "pack_KB29~31bf38~amd64", "15##7##9", "--dry-run", "-v", "store.example.com:80"],
    "n": ["7", "2,626", "1.500", "1 500", "1'500", "12,5", "-3", "1.5", "1e-5", "12,34,567"],
    "names": ["['a', 'b']", "[]", "`a`, `b` and `c`", "qa-lead, sec-review", "a -> b -> c", "legal, critic und writer"],
    "numbers": ["[0.1, 1.5]", "3, 7 and 12"],
}  # fmt: skip


@pytest.mark.parametrize(("kind", "value"), [(kind, value) for kind, values in VALUES.items() for value in values])
def test_a_value_is_a_hole_of_its_kind(kind: str, value: str):
    assert mask(f"bad {value} here").template == f"bad ⟨{kind}⟩ here"


@pytest.mark.parametrize(
    "text",
    [
        "patch is no-op (new_hash == prev_hash)",
        "blueprint.id missing or not string",
        "it doesn't change what's there",
        "added facade decade",
        "the read/write and/or n/a cases",
        "not UTF-8, no SHA-256 either",
        "prompt is long, budget is short",
        "check ended with: timeout",
        "Store::open() failed",
        "an unclosed \"quote, and agents' prompts",
        "may only do one thing",
        "",
    ],
)
def test_what_is_no_value_stays(text: str):
    assert mask(text) == (text, ())


@pytest.mark.parametrize(
    ("detail", "template", "values"),
    [
        ("prompt of `x` is 2,626 tokens, budget is 1,500", "prompt of ⟨name⟩ is ⟨n⟩ tokens, budget is ⟨n⟩", ["x", "2,626", "1,500"]),
        ("all grew by 17 % (limit 10 %)", "all grew by ⟨n⟩ % (limit ⟨n⟩ %)", ["17", "10"]),
        ("no answer within 45s", "no answer within ⟨n⟩s", ["45"]),
        ("unresolved step refs: legal", "unresolved step refs: ⟨names⟩", ["legal"]),
        ("unresolved step refs: legal, qa-lead", "unresolved step refs: ⟨names⟩", ["legal, qa-lead"]),
        ("mixed languages: en", "mixed languages: ⟨names⟩", ["en"]),
        ("champs manquants : a, b et c", "champs manquants : ⟨names⟩", ["a, b et c"]),
        ("未宣言の参照: legal、qa-lead", "未宣言の参照: ⟨names⟩", ["legal、qa-lead"]),
        ("missing sections: Known Issues, How to Test", "missing sections: ⟨names⟩", ["Known Issues, How to Test"]),
        ("owner: Anna Schmidt", "owner: ⟨names⟩", ["Anna Schmidt"]),
        ("over: writer (1,862), critic (2,100)", "over: ⟨names⟩", ["writer (1,862), critic (2,100)"]),
        ("missing keys: a, b, … and 3 more", "missing keys: ⟨names⟩", ["a, b, … and 3 more"]),
        ("duplicate ids (a, b) found", "duplicate ids (⟨names⟩) found", ["a, b"]),
        ("src/app.py:12:30: line too long", "⟨path⟩:⟨n⟩:⟨n⟩: line too long", ["src/app.py", "12", "30"]),
        ("Dockerfile:12:3: no tag", "Dockerfile:⟨n⟩:⟨n⟩: no tag", ["12", "3"]),
        ("login by user=root, tty=", "login by user=⟨id⟩, tty=", ["root"]),
        ("10.0.0.1 \"GET /v2/x?y HTTP/1.1\" 200", "⟨id⟩ \"GET ⟨path⟩\" ⟨n⟩", ["10.0.0.1", "/v2/x?y HTTP/1.1", "200"]),
        ("call from 10.0.0.1 () ended", "call from ⟨id⟩ (⟨names⟩) ended", ["10.0.0.1", ""]),
        ("unused names os, re, set, start from it", "unused names ⟨names⟩ from it", ["os, re, set, start"]),
        ("onExtend:15 7 8", "onExtend:⟨n⟩ ⟨n⟩ ⟨n⟩", ["15", "7", "8"]),
        ("pack-3, State: 112", "⟨id⟩, State: ⟨n⟩", ["pack-3", "112"]),
        ("it ends in `open(a,", "it ends in ⟨name⟩", ["open(a,"]),
        ("3行目が長すぎます（128文字）", "⟨n⟩行目が長すぎます（⟨n⟩文字）", ["3", "128"]),
        ("한도 1,200자를 넘습니다 'critic'에", "한도 ⟨n⟩자를 넘습니다 ⟨name⟩에", ["1,200", "critic"]),
        ("\n\n  a\u00a0 \u3000b 3\t\nmore 4", "a b ⟨n⟩", ["3"]),
        ("e\u0301 ⟨n⟩ 5", "é 〈n〉 ⟨n⟩", ["5"]),
    ],
)  # fmt: skip
def test_a_template_and_what_fills_it(detail: str, template: str, values: list[str]):
    masked = mask(detail)
    assert (masked.template, [hole.value for hole in masked.holes]) == (template, values)


HOSTILE = st.one_of(
    st.text(max_size=300),
    st.text(st.sampled_from("a1-_./:@#,'\"`()[]{}<>$€%+ \n⟨⟩\U000f0000\U000f0001語あ、и"), max_size=300),
)


@given(HOSTILE)
def test_any_text_has_a_bounded_template_of_one_line_with_all_its_holes(detail: str):
    masked = mask(detail)
    assert masked == mask(detail)
    assert len(masked.template) <= LONGEST_TEMPLATE
    assert len(masked.template.splitlines()) <= 1
    assert [part.hole for part in parts(masked.template) if part.hole] == [hole.kind for hole in masked.holes]
    assert masked.template.count("⟨") == masked.template.count("⟩") == len(masked.holes)


@given(HOSTILE)
def test_what_follows_a_first_line_that_says_something_changes_nothing(detail: str):
    line = f"a {' '.join(detail.split())} b"
    assert mask(f" \n{line}\nand more: 5") == mask(line)


@pytest.mark.parametrize(
    "piece",
    ["x", "\n", "a-", "a/", "'", '"\\', "1,", "1 ", "a and ", ", and", ": a", "a@a.", "http://", "{", "1m", "\ud800"],
)
def test_a_mebibyte_costs_no_more_than_its_beginning(piece: str):
    beginning = piece * LONGEST
    assert mask(piece * (2**20 // len(piece))) == mask(beginning)


def test_a_template_that_is_too_long_ends_at_a_hole_or_a_word():
    masked = mask("the 7 " * 300)
    assert masked.template.endswith("…")
    assert set(masked.holes) == {Hole("n", "7")}
    assert len(masked.holes) == masked.template.count("⟨n⟩")


def test_a_pattern_id_is_of_the_axis_and_the_template():
    ids = {pattern_id(axis, template) for axis in ("a", "b", "a\0b") for template in ("", "b", "c\ud800")}
    assert len(ids) == 9
    assert all(len(name) == 16 and int(name, 16) >= 0 for name in ids)


def test_parts_say_what_made_a_hole():
    assert parts("of ⟨name⟩ ⟨odd⟩⟨n⟩") == [
        ("of ", "", ""),
        ("", "name", "quoted in the text"),
        (" ⟨odd⟩", "", ""),
        ("", "n", "a number"),
    ]
    assert parts("") == []


@pytest.mark.parametrize(
    "unit", ["_", "_-", "a_", "_.", "a~", ".\\", "`", '\\"', "'\\", "a:", "a-", "字", "字、", "1,", "eé"]
)
def test_no_detail_takes_longer_than_its_length_warrants(unit: str):
    limited.assert_ends(
        """
import sys
from enhancelog.patterns import join, mask
from enhancelog.patterns.tokenizer import tokens
for detail in (sys.argv[1] * 1_000, "x " + sys.argv[1] * 13, sys.argv[1] * 400 + "!"):
    tokens(mask(detail).template)
    join([mask(detail).template, "x", "y"])
""",
        unit,
        cpu_s=5,
    )
