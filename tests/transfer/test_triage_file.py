"""Triage as one file: what is exported is imported again, as a whole, and only once."""

import json
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.test import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from enhancelog.accounts import api_tokens, saved_views
from enhancelog.domain import triage_files
from enhancelog.domain.errors import Invalid
from enhancelog.domain.origin import Origin
from enhancelog.domain.pattern_states import StateEdit
from enhancelog.domain.times import now_ms
from enhancelog.models import (
    Alert,
    AuditRecord,
    ChangedTemplate,
    Note,
    NoteVersion,
    Review,
    SavedView,
    StateChange,
    Template,
    TemplateState,
)
from enhancelog.queries import pattern_states as queries
from enhancelog.store import notes, pattern_changes, pattern_states
from enhancelog.transfer import triage_file, triage_import
from tests.conftest import entries_unprotected
from tests.factories import make_rejected
from tests.recording import record_all
from tests.strategies import NOW_MS, odd_ids, texts

pytestmark = pytest.mark.django_db

ADA = Origin("user", "ada", "page")
ENTRIES = ("h-1", "h/2", "h-3")
AXES = ("des", "noop")
KINDS = ("states", "notes", "reviews", "views", "alerts")
NOTHING = {"format": "enhancelog-triage", "version": 1, **{kind: [] for kind in KINDS}}


@pytest.fixture(autouse=True)
def log() -> None:
    record_all(make_rejected(*AXES, issue_id=each, ts_ms=NOW_MS + n) for n, each in enumerate(ENTRIES))
    for name in ("ada", "bob"):
        User.objects.create_user(name, is_staff=name == "ada")


@pytest.fixture
def staff() -> Client:
    client = Client()
    client.force_login(User.objects.get(username="ada"))
    return client


def exported() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(b"".join(triage_file.written()))
    return found


def brought_in(file: Any, origin: Origin = ADA) -> dict[str, Any]:
    done: dict[str, Any] = msgspec.to_builtins(triage_import.bring_in(json.dumps(file).encode(), origin))
    return done


def counts(done: dict[str, Any], name: str) -> dict[str, int]:
    found = {kind: done[kind][name] for kind in KINDS}
    return {kind: number for kind, number in found.items() if number}


def forget() -> None:
    """As on a database with the same log and nobody's triage."""
    connection.check_constraints()  # those that wait for the transaction's end would hold up the triggers
    with entries_unprotected():
        for table in (TemplateState, ChangedTemplate, StateChange, NoteVersion, Note, Review, Alert, SavedView):
            table._default_manager.all().delete()
        connection.check_constraints()


def key(axis: str = "noop") -> str:
    return Template.objects.filter(axis=axis).values_list("key", flat=True)[0]


def note(**said: Any) -> dict[str, Any]:
    versions = [{"version": 1, "text": "one", "made_ms": NOW_MS}]
    about = {"id": "0" * 16, "about": "entry", "about_id": "h-1", "actor_kind": "user", "actor_name": "ada"}
    return {**about, "user": "ada", "made_ms": NOW_MS, "version": 1, "versions": versions, **said}


def review(**said: Any) -> dict[str, Any]:
    return {"issue_id": "h-1", "axis": "noop", "reviewer": "ada", "verdict": "wrong", "made_ms": NOW_MS, **said}


def alert(**said: Any) -> dict[str, Any]:
    given = {"id": "a" * 16, "owner": "ada", "name": "New ones", "event": "pattern.new", "channel": "webhook"}
    return {**given, "address": "https://example.org/hook", "made_ms": NOW_MS, **said}


def state(**said: Any) -> dict[str, Any]:
    by = {"actor_kind": "user", "actor_name": "ada", "made_ms": NOW_MS, "seen": 1}
    return {"axis": "noop", "state": "fixed", **by, "templates": [key()], "holds_for": [key()], **said}


def everything() -> dict[str, Any]:
    view = {"owner": "bob", "name": "Noop", "url": "/rejections/?axis=noop", "shared": True}
    return {
        **NOTHING,
        "states": [state(state="acknowledged", holds_for=[], cause="prompt", assignee="gone"), state(undoes=1)],
        "notes": [note(), note(id="1" * 16, about="pattern", about_id="x", user=None, withdrawn_ms=NOW_MS, version=2)],
        "reviews": [review(), review(axis="des", seed=7, reason="é\n")],
        "views": [view],
        "alerts": [
            alert(
                has_view=True,
                view={"owner": "bob", "name": "Noop"},
                event="rate.high",
                options={"runs": 50, "percent": 90},
            )
        ],
    }


def test_nothing_is_a_file_too() -> None:
    assert exported() == NOTHING
    assert counts(brought_in(NOTHING), "made") == {}
    assert not AuditRecord.objects.filter(act="triage.import").exists()


def test_what_the_stores_wrote_comes_back_and_can_be_undone() -> None:
    pattern = Template.objects.get(axis="noop")
    for each in ("acknowledged", "expected", "fixed"):
        pattern_states.change(pattern.key, StateEdit(state=each, note=each), ADA)
    pattern_states.undo(pattern.key, queries.states_of([pattern.pk])[pattern.pk].change, ADA)
    saved_views.make(User.objects.get(username="bob"), "Noop", "/rejections/?axis=noop")
    before, held = exported(), queries.states_of([pattern.pk])[pattern.pk]
    forget()
    assert counts(brought_in(before), "made") == {"states": 4, "views": 1}
    assert exported() == before
    now = queries.states_of([pattern.pk])[pattern.pk]
    assert (
        (now.state, now.note, now.changed_ms)
        == (held.state, held.note, held.changed_ms)
        == ("expected", "expected", held.changed_ms)
    )
    pattern_states.undo(pattern.key, now.change, ADA)
    assert queries.states_of([pattern.pk])[pattern.pk].state == "acknowledged"


def test_a_state_that_was_kept_in_a_merge_comes_back() -> None:
    record_all([make_rejected("noop", issue_id="h-4", ts_ms=NOW_MS + 4, detail="rude")])
    one, other = Template.objects.filter(axis="noop").order_by("pk").values_list("key", flat=True)
    pattern_states.change(other, StateEdit(state="expected"), ADA)
    pattern_changes.merge(one, other, ADA, keep=other)
    before = exported()
    assert [each.get("restores") for each in before["states"]] == [None, 1]
    forget()
    assert counts(brought_in(before), "made") == {"states": 2}
    assert exported() == before


def test_everything_goes_in_once() -> None:
    file = everything()
    assert counts(brought_in(file), "made") == {"states": 2, "notes": 2, "reviews": 2, "views": 1, "alerts": 1}
    first = exported()
    again = brought_in(file)
    assert counts(again, "unchanged") == {"states": 2, "notes": 2, "reviews": 2, "views": 1, "alerts": 1}
    assert exported() == first
    audited = AuditRecord.objects.get(act="triage.import")
    assert (audited.actor_name, audited.about) == ("ada", "file")
    assert json.loads(audited.detail)["notes"]["made"] == 2


def test_an_imported_alert_is_off_and_has_a_secret_of_its_own() -> None:
    brought_in(everything())
    row = Alert.objects.get()
    assert row.off_ms is not None
    assert "switch it on" in row.off_why
    assert row.secret.startswith("whsec_")
    assert row.view is not None
    assert "secret" not in json.dumps(exported())


def test_the_address_of_slack_is_a_secret() -> None:
    brought_in({**NOTHING, "alerts": [alert(channel="slack", address="https://hooks.example.org/T/B/x")]})
    assert "address" not in exported()["alerts"][0]


def test_what_is_unknown_here_is_kept_or_skipped_and_said() -> None:
    file = {
        **NOTHING,
        "states": [state(templates=["f" * 16], holds_for=["f" * 16], assignee="nobody")],
        "notes": [note(about_id="h-9"), note(id="2" * 16, user="nobody")],
        "reviews": [review(issue_id="h-9"), review(axis="secrets")],
        "views": [{"owner": "nobody", "name": "v", "url": "/search/"}],
        "alerts": [alert(owner="nobody")],
    }
    done = brought_in(file)
    assert counts(done, "made") == {"states": 1, "notes": 1}
    assert counts(done, "skipped") == {"notes": 1, "reviews": 2, "views": 1, "alerts": 1}
    assert [each["place"] for each in done["skipped"]] == [
        "notes[0]",
        "reviews[0]",
        "reviews[1]",
        "views[0]",
        "alerts[0]",
    ]
    assert "no entry h-9" in done["skipped"][0]["why"]
    assert (done["unknown_templates"], done["unknown_users"]) == (1, ["nobody"])
    assert TemplateState.objects.get().pk == "f" * 16
    assert Note.objects.get().user is None


def test_what_is_newer_here_stays() -> None:
    pattern = Template.objects.get(axis="noop")
    made = pattern_states.change(pattern.key, StateEdit(state="expected"), ADA)
    brought_in({**NOTHING, "states": [state()], "reviews": [review()]})
    assert queries.states_of([pattern.pk])[pattern.pk].change == made
    done = brought_in({**NOTHING, "reviews": [review(verdict="right", made_ms=NOW_MS - 1)]})
    assert counts(done, "skipped") == {"reviews": 1}
    done = brought_in(
        {**NOTHING, "reviews": [review(verdict="right", made_ms=NOW_MS + 1)], "states": [state(made_ms=now_ms() + 9)]}
    )
    assert counts(done, "changed") == {"reviews": 1}
    assert queries.states_of([pattern.pk])[pattern.pk].state == "fixed"


def test_a_note_gets_the_versions_that_follow_and_no_others() -> None:
    brought_in({**NOTHING, "notes": [note()]})
    second = {"version": 2, "text": "two", "made_ms": NOW_MS + 1}
    longer = note(version=2, versions=[*note()["versions"], second])
    assert counts(brought_in({**NOTHING, "notes": [longer]}), "changed") == {"notes": 1}
    assert (Note.objects.get().text, NoteVersion.objects.count()) == ("two", 2)
    for other in (note(), note(version=3, versions=[second]), note(about_id="h-3")):
        assert counts(brought_in({**NOTHING, "notes": [other]}), "skipped") == {"notes": 1}
    assert Note.objects.get().text == "two"


def test_what_was_withdrawn_cannot_be_read_in_the_file() -> None:
    brought_in({**NOTHING, "notes": [note()]})
    there, before = exported(), Note.objects.get()
    notes.withdraw(before.pk, ADA)
    file = exported()
    assert "versions" not in file["notes"][0]
    assert counts(brought_in(file), "unchanged") == {"notes": 1}
    assert counts(brought_in(there), "skipped") == {"notes": 1}
    forget()
    brought_in(there)
    assert counts(brought_in(file), "changed") == {"notes": 1}
    assert Note.objects.get().text == ""
    assert exported() == file


def test_a_fixed_pattern_of_a_longer_log_still_returns() -> None:
    file = {**NOTHING, "states": [state(seen=2**63 - 1)]}
    brought_in(file)
    assert counts(brought_in(file), "unchanged") == {"states": 1}
    record_all([make_rejected(*AXES, issue_id="h-4", ts_ms=NOW_MS + 9)])
    pattern = Template.objects.get(axis="noop")
    assert queries.states_of([pattern.pk])[pattern.pk].returned_ms == NOW_MS + 9


def test_views_and_alerts_that_differ_stay() -> None:
    brought_in(everything())
    file = everything()
    file["views"][0]["url"] = "/search/"
    file["alerts"][0]["name"] = "Others"
    assert counts(brought_in(file), "skipped") == {"views": 1, "alerts": 1}
    assert SavedView.objects.get().url == "/rejections/?axis=noop"


REFUSED: list[tuple[Callable[[dict[str, Any]], object], str]] = [
    (lambda file: file.update(format="other"), "format: must be one of enhancelog-triage"),
    (lambda file: file.update(version=2), "version: is 2; this release reads 1"),
    (lambda file: file.update(states={}), "states: expected"),
    (lambda file: file["states"][0].update(state="odd"), "states[0].state: must be one of new"),
    (lambda file: file["states"][0].update(templates=[]), "states[0].templates"),
    (lambda file: file["states"][0].update(templates=["a\nb"]), "states[0].templates[0]"),
    (lambda file: file["states"][0].update(templates=["a", "a"]), "states[0].templates: names a template twice"),
    (lambda file: file["states"][0].update(undoes=1), "states[0].undoes: must be the number of an earlier state"),
    (lambda file: file["states"][1].update(restores=2), "states[1].restores: must be the number of an earlier state"),
    (lambda file: file["states"][0].update(holds_for=[key()]), "states[1].holds_for: names"),
    (lambda file: file["states"][0].update(made_ms=2**70), "states[0].made_ms"),
    (lambda file: file["states"][0].pop("axis"), "states[0].axis: is missing"),
    (lambda file: file["states"][0].update(note="x" * 4_001), "states[0].note"),
    (lambda file: file["states"][0].update(note="\0"), "states[0].note"),
    (lambda file: file["states"][0].update(actor_name="x" * 201), "states[0].actor_name"),
    (lambda file: file["states"][0].update(assignee="x\ny"), "states[0].assignee: must contain printable"),
    (lambda file: file["notes"][0].update(actor_name="x\u202ey"), "notes[0].actor_name: must contain printable"),
    (lambda file: file["reviews"][0].update(reviewer="x\ry"), "reviews[0].reviewer: must contain printable"),
    (lambda file: file["notes"].append(file["notes"][0]), "notes[2]: appears twice"),
    (lambda file: file["notes"][0].update(id="../x"), "notes[0].id"),
    (lambda file: file["notes"][0].update(version=0), "notes[0].version"),
    (lambda file: file["notes"][0].update(versions=[]), "notes[0].versions"),
    (lambda file: file["notes"][0].update(about="planet"), "notes[0].about"),
    (lambda file: file["notes"][0].update(about_id=""), "notes[0].about_id"),
    (lambda file: file["notes"][0]["versions"].append(note()["versions"][0]), "notes[0].versions: must be in"),
    (lambda file: file["reviews"].append(file["reviews"][0]), "reviews[2]: appears twice"),
    (lambda file: file["reviews"][0].update(seed=-1), "reviews[0].seed"),
    (lambda file: file["views"][0].update(url="javascript:alert(1)"), "views[0].url: must be the address of a list"),
    (lambda file: file["views"][0].update(url="//example.org/"), "views[0].url"),
    (lambda file: file["views"][0].update(name=" x"), "views[0].name"),
    (lambda file: file["alerts"][0].update(id="A" * 16), "alerts[0].id"),
    (lambda file: file["alerts"][0].update(channel="fax"), "alerts[0].channel: must be one of webhook"),
    (lambda file: file["alerts"][0].update(options={"a": [1]}), "alerts[0].options"),
    (lambda file: file["alerts"][0].update(options={"a": 1}), "alerts[0].options.a: is no option of rate.high"),
    (lambda file: file["alerts"][0].update(options={"runs": 1}), "alerts[0].options.runs"),
    (lambda file: file["alerts"][0].update(event="odd"), "alerts[0].event: must be one of pattern.new"),
    (lambda file: file["alerts"][0].update(address="a\nb"), "alerts[0].address"),
]  # fmt: skip


@pytest.mark.parametrize(("damage", "said"), REFUSED, ids=[said for _, said in REFUSED])
def test_what_is_wrong_is_named_and_nothing_is_stored(damage: Any, said: str, staff: Client) -> None:
    file = everything()
    damage(file)
    response = staff.post("/v1/triage/import", json.dumps(file), "application/json")
    assert response.status_code == 400
    assert said in response.json()["detail"]
    assert exported() == NOTHING


@pytest.mark.parametrize("body", [b"[]", b"{", b"\xff", b'{"format": 1, "format": 2}', b"[" * 100_000, b"1e999"])
def test_what_is_no_file_is_refused(body: bytes, staff: Client) -> None:
    assert staff.post("/v1/triage/import", body, "application/json").status_code == 400


def test_size_and_type_have_limits(staff: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("enhancelog.api.triage.MAX_BYTES", 10)
    assert staff.post("/v1/triage/import", json.dumps(NOTHING), "application/json").status_code == 413
    assert staff.post("/v1/triage/import", "{}", "text/plain").status_code == 415


def test_over_the_api(staff: Client) -> None:
    brought_in(everything())
    file = staff.get("/v1/triage/export")
    assert file.json() == exported()
    forget()
    done = staff.post("/v1/triage/import", file.content, "application/json")
    assert (done.status_code, done.json()["states"]["made"]) == (200, 2)
    assert staff.get("/v1/triage/export").content == file.content


def test_a_token_needs_the_scope_and_is_named() -> None:
    owner = User.objects.get(username="ada")
    for scope, status in (("triage:write", 200), ("log:append", 403)):
        _, secret = api_tokens.make(api_tokens.Wanted(scope, [scope]), owner, "ada")
        headers = {"Authorization": f"Bearer {secret}"}
        answer = Client().post("/v1/triage/import", json.dumps(everything()), "application/json", headers=headers)
        assert answer.status_code == status
        assert Client().get("/v1/triage/export", headers=headers).status_code == status
    assert AuditRecord.objects.get(act="triage.import").actor_kind == "token"


def test_a_long_export_is_streamed(staff: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    brought_in(everything())
    monkeypatch.setattr("enhancelog.queries.triage_files.CHUNK", 1)
    monkeypatch.setattr("enhancelog.api.triage.FEW_PIECES", 3)
    response = staff.get("/v1/triage/export")
    assert response.streaming
    assert json.loads(b"".join(response)) == exported()


def test_by_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    brought_in(everything())
    before = exported()
    path = tmp_path / "triage.json"
    call_command("export_triage", "--output", str(path))
    forget()
    call_command("import_triage", str(path))
    assert "states: 2 made" in capsys.readouterr().out
    assert exported() == before
    assert AuditRecord.objects.latest("position").actor_kind == "command"
    path.write_text(json.dumps({**NOTHING, "reviews": [review(issue_id="h-9")]}))
    with pytest.raises(SystemExit, match="1"):
        call_command("import_triage", str(path))
    assert "reviews[0]: skipped, because the log has no entry h-9" in capsys.readouterr().err
    path.write_text("[]")
    with pytest.raises(CommandError, match="must be a JSON object"):
        call_command("import_triage", str(path))


numbers = st.integers(0, 9).map(lambda n: NOW_MS + n)
people = st.sampled_from(["ada", "bob", "nobody", "é'<b>"])
keys = st.lists(odd_ids, min_size=1, max_size=3, unique=True).map(sorted)


@st.composite
def histories(draw: st.DrawFn) -> list[dict[str, Any]]:
    made: list[dict[str, Any]] = []
    free: set[str] = set()
    for number in range(draw(st.integers(0, 6))):
        undoes = draw(st.none() | st.integers(1, number)) if number else None
        restores = draw(st.none() | st.integers(1, number)) if number else None
        templates = draw(keys)
        held = [each for each in templates if each not in free and draw(st.booleans())]
        free.update(held)
        row = {
            "axis": draw(st.sampled_from(AXES)),
            "state": draw(st.sampled_from(["new", "fixed", "expected"])),
            "cause": draw(st.sampled_from([None, "prompt"])),
            "assignee": draw(st.none() | people),
            "note": draw(texts),
            "undoes": undoes,
            "restores": restores,
            "templates": templates,
            "holds_for": held,
            "actor_kind": "user",
            "actor_name": draw(people),
            "made_ms": draw(numbers),
            "seen": draw(st.integers(0, len(ENTRIES))),
        }
        made.append({name: value for name, value in row.items() if value not in (None, "", [])})
    return made


ids = st.text("0123456789abcdef", min_size=16, max_size=16)
reviewed = st.builds(
    review, issue_id=st.sampled_from(ENTRIES), axis=st.sampled_from(AXES), reviewer=people, made_ms=numbers,
    verdict=st.sampled_from(["right", "wrong", "unclear"]),
)  # fmt: skip
noted = st.builds(note, id=ids, about_id=st.sampled_from(ENTRIES), actor_name=people, made_ms=numbers)
viewed: st.SearchStrategy[dict[str, Any]] = st.builds(
    dict, owner=st.sampled_from(["ada", "bob"]), name=st.sampled_from("xyz"), url=st.just("/search/")
)
files = st.fixed_dictionaries(
    {
        "states": histories(),
        "notes": st.lists(noted, max_size=4, unique_by=lambda each: each["id"]),
        "reviews": st.lists(
            reviewed, max_size=8, unique_by=lambda each: (each["issue_id"], each["axis"], each["reviewer"])
        ),
        "views": st.lists(viewed, max_size=4, unique_by=lambda each: (each["owner"], each["name"])),
        "alerts": st.lists(st.builds(alert, id=ids), max_size=3, unique_by=lambda each: each["id"]),
    }
)


def in_order(file: dict[str, Any]) -> dict[str, Any]:
    place = {each: n for n, each in enumerate(ENTRIES)}
    sort: dict[str, Callable[[dict[str, Any]], Any]] = {
        "notes": lambda each: each["id"],
        "reviews": lambda each: (place[each["issue_id"]], each["axis"], each["reviewer"]),
        "views": lambda each: (each["owner"], each["name"]),
        "alerts": lambda each: each["id"],
    }
    return {**file, **{kind: sorted(file[kind], key=key) for kind, key in sort.items()}}


@given(first=files, second=files)
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_triage_comes_back_as_it_was(first: dict[str, Any], second: dict[str, Any]) -> None:
    with suppress(_Undone), transaction.atomic():
        file = {**NOTHING, **first}
        brought_in(file)
        assert exported() == in_order(file)
        assert not counts(brought_in(file), "made") | counts(brought_in(file), "changed")
        brought_in({**NOTHING, **second})
        both = exported()
        for each in (both, {**NOTHING, **second}):
            done = brought_in(each)
            assert not counts(done, "made") | counts(done, "changed")
        assert exported() == both
        raise _Undone


class _Undone(Exception):
    pass


@given(st.recursive(st.none() | st.booleans() | st.integers() | texts, lambda inner: st.lists(inner, max_size=3)))
@settings(max_examples=50, deadline=None)
def test_any_value_in_any_place_is_taken_or_refused(value: Any) -> None:
    for kind, fields in everything_without_a_log().items():
        for field in fields:
            with suppress(Invalid):
                triage_files.decode(json.dumps({**NOTHING, kind: [{**fields, field: value}]}).encode())


def everything_without_a_log() -> dict[str, dict[str, Any]]:
    by = {"actor_kind": "user", "actor_name": "ada", "made_ms": NOW_MS, "seen": 1}
    view = {"owner": "bob", "name": "Noop", "url": "/rejections/?axis=noop", "shared": True}
    changed = {"axis": "noop", "state": "fixed", **by, "templates": ["x"], "holds_for": ["x"]}
    return {"states": changed, "notes": note(), "reviews": review(), "views": view, "alerts": alert()}
