"""What completes the filter box: keys, fixed values, names from outside; always a text that the box can read."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from enhancelog.domain import filter_box
from enhancelog.domain.completions import Meta, completions

NAMES = ["noop", "no-tone", "agent ref", 'a"b', "team-*"]
VALUES = {"axis": lambda _: NAMES, "blueprint_id": lambda _: NAMES}

META = Meta(
    keys=lambda beginning: [key for key in ("model", "max-tokens", "seed") if key.startswith(beginning)],
    values=lambda key, _: {"model": ["m-large", "m small"], "seed": ["1", "12"]}.get(key, []),
)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("me", ["meta.model:", "meta.max-tokens:", "meta.seed:"]),
        ("-meta.m", ["-meta.model:", "-meta.max-tokens:"]),
        ("axis:noop meta.s", ["axis:noop meta.seed:"]),
        ("meta.model:", ["meta.model:m-large", 'meta.model:"m small"']),
        ('meta.model:"m', ['meta.model:"m small"']),
        ("-meta.seed:1", ["-meta.seed:12"]),
        ("meta.unknown:", []),
        ("meta.x y", []),
    ],
)
def test_keys_of_meta_and_their_values_go_on(text: str, found: list[str]) -> None:
    assert completions(text, VALUES, META) == found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("st", ["status:"]),
        ("axis:noop -bl", ["axis:noop -blueprint:"]),
        ("status:", ["status:applied", "status:rejected"]),
        ("status:re", ["status:rejected"]),
        ("axis:n", ["axis:noop", "axis:no-tone"]),
        ("-axis:no-", ["-axis:no-tone"]),
        ('axis:"ag', ['axis:"agent ref"']),
        ('status:rejected axis:"agent r', ['status:rejected axis:"agent ref"']),
        ('blueprint:"t', ['blueprint:"team-*"']),
        ("status:rejected", []),
        ("colour:r", []),
        ("pattern:", []),
        ('"some wor', []),
        ("text:", []),
    ],
)
def test_the_last_token_goes_on(text: str, found: list[str]) -> None:
    assert completions(text, VALUES) == found


def test_an_empty_box_offers_every_key() -> None:
    assert completions("", VALUES) == [f"{key}:" for key in filter_box.KEYS]
    assert completions("axis:noop ", VALUES)[0] == "axis:noop blueprint:"


@given(st.text(st.sampled_from('ab:- "\\=*xisno.met'), max_size=30))
def test_any_text_goes_on_as_it_began(text: str) -> None:
    for found in completions(text, VALUES, META):
        assert found.startswith(text)
