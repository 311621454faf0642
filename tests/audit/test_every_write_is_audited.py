"""Whatever writes is in the audit, or is listed here with the reason why it is not."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from django.conf import settings
from django.core.management import get_commands
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from enhancelog.domain.audit import ACTS

pytestmark = [pytest.mark.django_db, pytest.mark.once]

# Beginnings of routes to the acts that they record.
AUDITED: Final = {
    "v1/enhance/markers": "marker.",
    "v1/enhance/patterns": "pattern.",
    "v1/enhance/reviews": "review.",
    "v1/notes": "note.",
    "v1/alerts": "alert.",
    "v1/deliveries": "delivery.",
    "v1/triage/import": "triage.import",
    "patterns/": "pattern.",
    "triage/": "pattern.",
    "notes/": "note.",
    "reviews/": "review.",
    "markers/": "marker.",
    "redactions/": "entry.redact",
    "sources/": "source.",
    "alerts/": "alert.",
    "content/links/": "entry.",
    "account/password": "user.",
    "account/tokens": "token.",
    "account/views": "view.",
    "account/addresses": "address.",
    "account/sessions": "session.",
    "account/oidc/": "user.",
    "admin/password_change/": "user.",
    "admin/auth/user/": "user.",
    "admin/auth/group/": "group.",
    "admin/enhancelog/token/": "token.",
    "admin/enhancelog/savedview/": "view.",
}
CONTENT: Final = "every version of content is kept, with who wrote it"
SIGN_IN: Final = "sign-ins are in the security log"
READS: Final = "it writes nothing"
NOT_AUDITED: Final = {
    "v1/enhance/log": "an entry says who appended it, and only a redaction changes it",
    "v1/enhance/unfinished": "each change of a run is kept, with who reported it",
    "v1/content": CONTENT,
    "content/": CONTENT,
    "admin/content/": CONTENT,
    "account/sign-in": SIGN_IN,
    "account/sign-out": SIGN_IN,
    "account/resume": SIGN_IN,
    "account/theme": "a cookie",
    "account/mentions": "what somebody has seen, and whether they get e-mail about it, concerns nobody else",
    "admin/axes/": SIGN_IN,
    "admin/login/": SIGN_IN,
    "admin/logout/": SIGN_IN,
    "admin/enhancelog/entry/": READS,
    "admin/r/": READS,
    "admin/jsi18n/": READS,
    "admin/autocomplete/": READS,
    "admin/": READS,
}
COMMANDS: Final = {
    "create_token": "token.make",
    "createsuperuser": "user.make",
    "changepassword": "user.change",
    "serve": "user.make",
    "import_triage": "triage.import",
    "redact": "entry.redact",
    "sources": "source.",
    "evidence_key": "key.",
}
COMMANDS_NOT_AUDITED: Final = {
    **dict.fromkeys(("import_log", "follow_log", "import_host"), "an entry says who appended it"),
    "import_content": CONTENT,
    "rebuild_projections": "derives from the log",
    "migrate": "changes the schema, not what it holds",
    "restore": "brings the audit back as it was copied",
    "flush": "is refused",
    **dict.fromkeys(
        ("backup", "check", "export_log", "export_content", "export_triage", "verify_log", "write_openapi"), READS
    ),
}
SAMPLES: Final = dict.fromkeys(("change_id", "token_id", "view_id", "content_type_id", "object_id", "id"), "1")


def routes(patterns: list[Any], before: str = "") -> Iterator[tuple[str, URLPattern]]:
    for pattern in patterns:
        route = before + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from routes(pattern.url_patterns, route)
        else:
            yield route, pattern


def writes(route: str, pattern: URLPattern) -> bool:
    view = getattr(pattern.callback, "cls", None)
    if view is not None:
        names = [name for name in view.http_method_names if hasattr(view, name)]
        return bool({"post", "put", "patch", "delete"} & set(names))
    if "^" in route or "(?P" in route:
        return False  # the admin's index of an app, and what no page matches
    path = re.sub(r"<(?:\w+:)?(\w+)>", lambda found: SAMPLES.get(found[1], "x" * 16), route)
    return Client().post(f"/{path}").status_code != 405


def beginning(route: str) -> str:
    known = [each for each in (*AUDITED, *NOT_AUDITED) if route.startswith(each)]
    return max(known, key=len, default="")


def test_every_writing_route_is_audited_or_says_why_not() -> None:
    writing = [route for route, pattern in routes(get_resolver().url_patterns) if writes(route, pattern)]
    assert "account/tokens" in writing
    assert "overview/" not in writing
    unknown = [route for route in writing if not beginning(route)]
    assert not unknown, f"{unknown}: record what they do with store.audit, then name them here"


def test_every_command_is_audited_or_says_why_not() -> None:
    ours = {name for name, app in get_commands().items() if app in ("enhancelog", "content")}
    unknown = ours - COMMANDS.keys() - COMMANDS_NOT_AUDITED.keys()
    assert not unknown, f"{unknown}: record what they do with store.audit, then name them here"
    assert not COMMANDS.keys() & COMMANDS_NOT_AUDITED.keys()


def test_what_is_said_to_be_recorded_are_acts() -> None:
    for recorded in {*AUDITED.values(), *COMMANDS.values()}:
        assert any(act.startswith(recorded) for act in ACTS), recorded


def test_every_act_is_recorded_somewhere() -> None:
    readers = ("domain/audit.py", "web/audit_rows.py")
    folders = [Path(settings.BASE_DIR) / name for name in ("enhancelog", "content")]
    sources = [path for folder in folders for path in folder.rglob("*.py") if not str(path).endswith(readers)]
    code = "\n".join(path.read_text() for path in sources)
    written = {act for act in ACTS if f'"{act}"' in code or act.startswith(("user.", "group."))}
    assert set(ACTS) == written
