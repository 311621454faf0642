"""Rows of every kind, written over the API as agents and people do: what a stored database holds.

Runs in a new database whose only token is the secret in the environment variable ``TOKEN``: one with every scope.
"""

import json
import os
from pathlib import Path
from typing import Any, Final

from django.contrib.auth.models import User
from django.core.management import call_command
from django.test import Client

ROOT: Final = Path(__file__).resolve().parent.parent
SAMPLES: Final = ROOT / "tests" / "samples"
HASHES: Final = [f"{number:064x}" for number in range(1, 5)]
TS_MS: Final = 1_795_000_000_000
OPS: Final = [{"op": "replace", "path": "/agents/0/prompt", "value": "Cite the file & the <line>."}]
CONTENT: Final = {"story": "# Title\n\n東京 <b>&amp;", "gate_output": "exit 1\r\n", "abort_respawn_count": "3"}


def fill() -> None:
    call_command("import_log", str(SAMPLES / "synthetic.ndjson"), verbosity=0)
    _append()
    _write_content()
    _act_on_patterns()
    _people()


def _append() -> None:
    for number in range(12):
        passed = {"axis": "des", "status": "pass", "detail": "ok"}
        denied = {"axis": "stored", "status": "deny", "detail": f"agent {number} is missing in stage “{number}”"}
        optional: dict[str, Any] = {
            "ops": OPS,
            "bump": "minor",
            "candidate_hash": HASHES[2],
            "meta": {"model": "m", "run": number},
        }
        _ask(
            "POST",
            "/v1/enhance/log",
            {
                "issue_id": f"stored/{number} %",
                "blueprint_id": "stored %/é",
                "prev_hash": HASHES[0],
                "new_hash": "",
                "intent": f"intent {number % 3}",
                "rationale": "Because.",
                "verdicts": [passed, denied],
                "status": "rejected",
                "reasons": ["stored: agent is missing"],
                "ts_ms": TS_MS + number * 3_600_000,
                **(optional if number % 2 else {}),
            },
        )
    reports: list[dict[str, Any]] = [
        {"status": "pending", "ops": OPS, "ts_ms": TS_MS},
        {"status": "died", "reason": "out of memory"},
    ]
    for report in reports:
        unfinished = {"issue_id": "stored-unfinished", "blueprint_id": "main", "intent": "cite", **report}
        _ask("PUT", "/v1/enhance/unfinished/stored-unfinished", unfinished)


def _write_content() -> None:
    for kind, value in CONTENT.items():
        for version in ("first", value) if kind == "story" else (value,):
            _ask("PUT", f"/v1/content/kinds/{kind}/42_story", {"value": version})
    _ask("POST", "/v1/content/increment/abort_respawn_count/42_story")
    _ask("PUT", "/v1/content/kinds/story/gone", {"value": "deleted later"})
    _ask("DELETE", "/v1/content/kinds/story/gone")


def _act_on_patterns() -> None:
    call_command("rebuild_projections", verbosity=0)  # groups the denials, too
    patterns = _ask("GET", "/v1/enhance/patterns?page_size=5")
    states: list[dict[str, Any]] = [
        {"state": "fixed", "cause": "verifier", "note": "Mended in the verifier."},
        {"state": "expected"},
    ]
    for pattern, change in zip(patterns, states, strict=False):
        _ask("PATCH", f"/v1/enhance/patterns/{pattern['id']}", change)
    for about in (f"pattern:{patterns[0]['id']}", "entry:stored/1 %", "blueprint:main"):
        _ask("POST", "/v1/notes", {"text": f"A **note** on {about}"}, about=about)
    note = _ask("POST", "/v1/notes", {"text": "Withdrawn later"}, about="blueprint:main")
    _ask("PATCH", f"/v1/notes/{note['id']}", {"text": "Changed"})
    _ask("DELETE", f"/v1/notes/{note['id']}")
    _ask("PUT", "/v1/enhance/reviews/stored%2F1%20%25", {"verdict": "wrong", "note": "It is there."}, axis="stored")
    _ask("POST", "/v1/enhance/markers", {"ts_ms": TS_MS, "title": "A new verifier"})


def _people() -> None:
    from enhancelog.accounts import api_tokens, saved_views

    admin = User.objects.get(username="admin")
    view = saved_views.make(admin, "Denied by noop", "/rejections/?axis=noop", shared=True)
    saved_views.make(admin, "My 東京 view", "/patterns/?order=asc")
    api_tokens.make(api_tokens.Wanted("limited", ("log:append",), None, ("main",)), admin, made_by="admin")
    hook = {"channel": "webhook", "url": "https://1.1.1.1/hook"}  # needs no look-up; nothing is sent
    alert = {"name": "noop is denied", "event": "rate.high", "options": {"percent": 60}, "view": view.pk}
    made = _ask("POST", "/v1/alerts", {**alert, **hook})
    _ask("POST", f"/v1/alerts/test/{made['id']}")
    reader = User.objects.create_user("reader", "reader@example.org")
    Client().force_login(reader)


def _ask(method: str, path: str, body: Any = None, **query: str) -> Any:
    response = Client().generic(
        method,
        path,
        b"" if body is None else json.dumps(body).encode(),
        "application/json",
        query_params=query,
        headers={"Authorization": f"Bearer {os.environ['TOKEN']}", "Host": "127.0.0.1"},
    )
    if response.status_code >= 400:
        raise RuntimeError(f"{method} {path}: {response.status_code} {response.content.decode()[:500]}")
    return json.loads(response.content) if response.content else None
