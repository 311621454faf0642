"""Tools about the log as a whole, and about markers."""

from pathlib import Path

import pytest
from mcp import Client

from enhancelog.domain.markers import MAX_NOTE
from enhancelog.domain.origin import Origin
from enhancelog.domain.records import Entry
from enhancelog.domain.text import DATA_NOTICE
from enhancelog.domain.times import DAY_MS
from enhancelog.store.database import DatabaseEnhanceLogStore
from tests.agents.test_mcp import Ask, Refused, refusal, talk
from tests.factories import make_entry, make_rejected

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.once, pytest.mark.slow]

T = 1_795_000_000_000 // DAY_MS * DAY_MS


def append(*entries: Entry) -> None:
    DatabaseEnhanceLogStore(Origin("command", "test", "api")).append_batch(entries)


def test_how_many_attempts_intents_take(live_api: str, tmp_path: Path):
    names = [f"{number:03}{'長' * 160}" for number in range(100)]
    append(
        make_rejected("noop", issue_id="a", ts_ms=T),
        make_entry(issue_id="b", ts_ms=T + 1),
        *(make_rejected("noop", issue_id=name, blueprint_id=name, ts_ms=T + DAY_MS) for name in names),
    )

    async def conversation(client: Client, ask: Ask) -> None:
        found = await ask("funnel", blueprint_id="main", since=str(T), until=str(T + DAY_MS))
        assert (found["notice"], found["left_out"]) == (DATA_NOTICE, {})
        assert (found["first_attempts"]["n"], found["first_attempts"]["of"]) == (0, 1)
        assert (found["applied_later"]["n"], found["applied_after"]["second"]) == (1, 1)
        assert found["time_to_applied"]["intents"] == 1
        assert [each["blueprint_id"] for each in found["blueprints"]] == ["main"]
        found = await ask("funnel", since=str(T - 40 * DAY_MS), until=str(T + 2 * DAY_MS))
        assert 1 <= len(found["blueprints"]) <= 20
        assert len(found["blueprints"]) + found["left_out"]["blueprints"] == 101
        bars = found["over_time"]
        assert len(bars) + found["left_out"]["over_time"] == 42
        assert [bar["until_ms"] for bar in bars[:-1]] == [bar["since_ms"] for bar in bars[1:]]
        assert (bars[-1]["until_ms"], bars[-1]["given_up"]["n"], bars[-2]["applied_later"]["n"]) == (
            *(T + 2 * DAY_MS, 100, 1),
        )
        assert "since" in await refusal(ask, "funnel", since="soon")

    assert talk(conversation, tmp_path) == ""


def test_how_steady_axes_are(live_api: str, tmp_path: Path):
    for at in range(25):
        common = {"intent": f"intent {at}", "rationale": f"because {at}"}
        append(
            make_rejected("tone", issue_id=f"a{at}", ts_ms=T + 2 * at, **common),
            make_entry(
                issue_id=f"b{at}",
                new_hash=f"{at:064x}",
                verdicts=[_passed("tone")],
                **{"ts_ms": T + 2 * at + 1, **common},
            ),
        )

    async def conversation(client: Client, ask: Ask) -> None:
        found = await ask("steadiness", axis="tone")
        (tone,) = found["axes"]
        assert (tone["axis"], tone["flips"]["n"], tone["flips"]["of"], tone["to_pass"]) == ("tone", 25, 25, 25)
        assert found["left_out"] == {"flips": 5, "applied_later": 5}
        assert found["flips"][0] == {
            "axis": "tone",
            "before": "deny",
            "after": "pass",
            "earlier": "a24",
            "later": "b24",
            "evidence": "words",
        }
        assert (found["made_by_hand"], found["capped"]) == ([], False)
        assert (await ask("steadiness", until="2001-01-01"))["axes"] == []

    assert talk(conversation, tmp_path) == ""


def test_the_state_of_a_pattern_is_set_and_why_gives_it(live_api: str, tmp_path: Path):
    append(make_rejected("noop", issue_id="a", detail="rude", ts_ms=T))

    async def conversation(client: Client, ask: Ask) -> None:
        (group,) = (await ask("why_rejected", blueprint_id="main"))["denied"]
        (pattern,) = group["patterns"]
        assert pattern["state"] == "new"
        made = await ask("set_pattern_state", id=pattern["id"], state="fixed", cause="prompt", note="n", seen=0)
        assert (made["notice"], made["id"], made["state"], made["changed_by"]) == (
            *(DATA_NOTICE, pattern["id"], "fixed", "agent-7"),
        )
        (group,) = (await ask("why_rejected", blueprint_id="main"))["denied"]
        assert group["patterns"] == [{"id": pattern["id"], "state": "fixed", "cause": "prompt", "note": "n"}]
        assert pattern["id"] in await refusal(ask, "set_pattern_state", id=pattern["id"], state="new", seen=0)
        assert "not found" in await refusal(ask, "set_pattern_state", id="0" * 16, state="new")
        assert "assignee" in await refusal(ask, "set_pattern_state", id=pattern["id"], state="new", assignee="nobody")
        with pytest.raises(Refused, match="state"):
            await ask("set_pattern_state", id=pattern["id"], state="odd")

    assert talk(conversation, tmp_path) == ""


def test_what_is_different(live_api: str, tmp_path: Path):
    words = " ".join(f"{number}語" for number in range(50))
    append(
        *(make_rejected("noop", issue_id=f"r{at}", intent=words, rationale="", ts_ms=T + at) for at in range(30)),
        *(make_entry(issue_id=f"a{at}", blueprint_id="null", ts_ms=T + at) for at in range(40)),
        *(make_entry(issue_id=f"o{at}", blueprint_id="other", ts_ms=T + at) for at in range(25)),
    )

    async def conversation(client: Client, ask: Ask) -> None:
        found = await ask("differences", filters={"status": "rejected"})
        assert (found["inside"]["entries"], found["outside"]["entries"], found["not_compared"]) == (30, 65, [])
        assert len(found["differences"]) == 20
        assert 0 < found["left_out"] <= found["tested"] - 20
        first = found["differences"][0]
        assert (first["inside"]["n"], first["inside"]["of"], first["outside"]["of"]) == (30, 30, 65)
        found = await ask("differences", filters={"status": "rejected"}, against={"blueprint_id": "null"})
        assert found["outside"]["entries"] == 40
        found = await ask("differences", filters={"status": "rejected"}, against={"blueprint_id": "a&b"})
        assert (found["outside"]["entries"], found["differences"]) == (0, [])
        assert "filters" in await refusal(ask, "differences", filters={})
        assert "against" in await refusal(ask, "differences", filters={"since": "7d"})
        assert "status" in await refusal(ask, "differences", filters={"status": "odd"})

    assert talk(conversation, tmp_path) == ""


def test_markers_are_set_listed_and_read(live_api: str, tmp_path: Path):
    note = '"' * MAX_NOTE
    wide = [f"{number:02}{'長' * 160}" for number in range(40)]
    append(
        *(
            make_rejected(*wide, issue_id=f"{when}{at}", blueprint_id=name, ts_ms=T + when * DAY_MS + at)
            for when in (-1, 0)
            for at, name in enumerate(wide)
        )
    )

    async def conversation(client: Client, ask: Ask) -> None:
        made = await ask("set_marker", title="prompt v12", note=note, at=str(T), axis="des")
        assert (made["kind"], made["ts_ms"], made["source"]) == ("manual", T, "token agent-7")
        assert "blueprint_id" not in made
        for number in range(21):
            await ask("set_marker", title=f"settings {number}", blueprint_id="null", at=str(T + number))
        listed = await ask("list_markers", kind="manual")
        assert (listed["notice"], len(listed["markers"]), listed["left_out"]) == (DATA_NOTICE, 20, 2)
        assert [marker["title"] for marker in listed["markers"][:2]] == ["settings 20", "settings 19"]
        (brief,) = (await ask("list_markers", kind="manual", axis="des"))["markers"]
        assert brief == made | {"note": f"{note[:299]}…"}
        assert (await ask("list_markers", until="2001-01-01"))["markers"] == []
        found = await ask("get_marker", id=made["id"])
        assert note.startswith(found["note"].removesuffix("…"))
        compared = found["comparison"]
        assert (compared["before"]["runs"], compared["rejected"]["effect"]) == (40, "unclear")
        assert 0 < len(compared["axes"]) < 20
        assert len(compared["axes"]) + found["left_out"]["axes"] == 41
        assert "not found: none" in await refusal(ask, "get_marker", id="none")
        assert "title" in await refusal(ask, "set_marker", title="")
        assert "at: " in await refusal(ask, "set_marker", title="a", at="soon")
        with pytest.raises(Refused, match="kind"):
            await ask("list_markers", kind="odd")

    assert talk(conversation, tmp_path) == ""


def test_a_note_is_written(live_api: str, tmp_path: Path):
    append(make_rejected("noop", issue_id="a/b", blueprint_id=""))

    async def conversation(client: Client, ask: Ask) -> None:
        made = await ask("add_note", about="entry", id="a/b", text="[1] **old** @nobody")
        assert made == {"id": made["id"], "about": "entry", "about_id": "a/b", "mentions": []}
        assert (await ask("add_note", about="blueprint", id="", text="null"))["about_id"] == ""
        assert "not found: c" in await refusal(ask, "add_note", about="entry", id="c", text="x")
        assert "text" in await refusal(ask, "add_note", about="entry", id="a/b", text=" ")
        with pytest.raises(Refused, match="about"):
            await ask("add_note", about="axis", id="noop", text="x")

    assert talk(conversation, tmp_path) == ""


def _passed(axis: str) -> dict[str, str]:
    return {"axis": axis, "status": "pass", "detail": "fine"}
