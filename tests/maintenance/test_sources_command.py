"""The command that lists sources and changes their names."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from enhancelog.models import AuditRecord, SourceChange
from tests.factories import make_entry
from tests.recording import record

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def log() -> None:
    record(make_entry(issue_id="h-1"), source="host-a")
    record(make_entry(issue_id="h-2"), source="hots-a")


def sources(*arguments: str) -> str:
    output = StringIO()
    call_command("sources", *arguments, stdout=output)
    return output.getvalue()


def test_sources_are_listed_with_their_entries_and_days() -> None:
    assert sources() == "host-a: 1 entry, 2026-11-18 to 2026-11-18\nhots-a: 1 entry, 2026-11-18 to 2026-11-18\n"


def test_a_change_is_derived_before_the_command_ends_and_is_in_the_audit() -> None:
    said = sources("--rename", "hots-a", "host-a", "--merge", "--why", "mistyped")
    assert said == "hots-a is shown as host-a now\nall of 2 entries follow the names\n"
    assert sources().startswith("host-a: 2 entries")
    assert "  recorded as hots-a: 1 entry" in sources()
    said = sources("--restore", "hots-a", "--why", "was right")
    assert said.startswith("hots-a is shown under its own name again\n")
    acts = AuditRecord.objects.order_by("position").values_list("act", "actor_kind", "actor_name")
    assert list(acts) == [("source.merge", "command", "sources"), ("source.restore", "command", "sources")]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--rename", "nobody", "x", "--why", "w"], 'no source "nobody"'),
        (["--rename", "host-a", "host-a", "--why", "w"], "as before"),
        (["--rename", "host-a", "", "--why", "w"], "is empty"),
        (["--rename", "host-a", "a\x1b[2J", "--why", "w"], "control characters"),
        (["--rename", "host-a", "x" * 513, "--why", "w"], "513"),
        (["--rename", "host-a", "x"], "--why"),
        (["--rename", "host-a", "x", "--why", "\udcff"], "--why: contains a lone surrogate"),
        (["--restore", "host-a", "--why", "a\0b"], "--why: contains the character U+0000"),
        (["--restore", "host-a", "--why", "w"], "not shown under another name"),
        (["--why", "w"], "need --rename"),
    ],
)
def test_what_cannot_be_is_one_line(arguments: list[str], said: str) -> None:
    with pytest.raises(CommandError) as refused:
        sources(*arguments)
    assert said in str(refused.value)
    assert str(refused.value).isprintable()
    assert refused.value.returncode == 2
    assert not SourceChange.objects.exists()
