"""What people rely on is written down: every setting, command, endpoint and kind."""

import re
import tomllib
from pathlib import Path

import pytest
from django.core.management import get_commands
from django.urls import URLPattern, URLResolver, get_resolver

from content.kinds import KINDS
from enhancelog.agents import added_commands
from enhancelog.domain import records
from enhancelog.domain.audit import ACTS
from enhancelog.domain.badges import badges
from enhancelog.domain.times import now_ms
from enhancelog.management.command_line import GROUP

ROOT = Path(__file__).resolve().parent.parent
TOP = ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md")
DOCS = {path.name: path.read_text() for path in [*ROOT.glob("docs/*.md"), *(ROOT / name for name in TOP)]}
CODE = [*ROOT.glob("enhancelog/**/*.py"), *ROOT.glob("content/**/*.py"), ROOT / "manage.py"]
COMMANDS = sorted(path.stem for path in ROOT.glob("enhancelog/management/commands/[a-z]*.py"))


def settings_in_code() -> set[str]:
    names = {name for path in CODE for name in re.findall(r"\bENHANCELOG_[A-Z_]+[A-Z]\b", path.read_text())}
    return {name.removesuffix("_FILE") for name in names}


@pytest.mark.parametrize("name", sorted(settings_in_code()))
def test_every_setting_is_on_the_page_of_settings(name: str) -> None:
    assert f"`{name}`" in DOCS["settings.md"]


def test_every_documented_setting_exists() -> None:
    documented = set(re.findall(r"^\| `(ENHANCELOG_[A-Z_]+)`", DOCS["settings.md"], re.MULTILINE))
    assert documented - settings_in_code() - {"ENHANCELOG_TEST_DATABASE_URL"} == set()


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_documented(command: str) -> None:
    assert any(re.search(rf"\b{command}\b", text) for text in DOCS.values())


def endpoints(resolver: URLResolver, prefix: str = "/") -> set[str]:
    found: set[str] = set()
    for pattern in resolver.url_patterns:
        path = prefix + re.sub(r"<(?:\w+:)?(\w+)>", r"<\1>", str(pattern.pattern))
        found |= endpoints(pattern, path) if isinstance(pattern, URLResolver) else set()
        if isinstance(pattern, URLPattern) and path.startswith(("/v1/", "/health/", "/metrics")):
            found.add(path)
    return found


@pytest.mark.parametrize("path", sorted(endpoints(get_resolver())))
def test_every_endpoint_is_documented(path: str) -> None:
    assert any(path in text for text in DOCS.values())


@pytest.mark.parametrize("kind", list(KINDS))
def test_every_kind_is_documented(kind: str) -> None:
    assert f"`{kind}`" in DOCS["content.md"]


@pytest.mark.parametrize("name", sorted(DOCS))
def test_every_link_between_documents_leads_somewhere(name: str) -> None:
    folder = ROOT / "docs" if (ROOT / "docs" / name).exists() else ROOT
    for target in re.findall(r"\]\(([^)#:]+?)(?:#[^)]*)?\)", DOCS[name]):
        assert (folder / target).exists(), target


def paths(text: str) -> list[str]:
    """What stands in backticks and looks like a path of this repository; one with NAME stands for many."""
    found = re.findall(r"`([\w.-]+/[\w./-]*)`", text)
    return sorted({path for path in found if "NAME" not in path})


@pytest.mark.parametrize("path", paths(DOCS["CONTRIBUTING.md"]))
def test_what_contributors_are_pointed_to_exists(path: str) -> None:
    assert (ROOT / path).exists()


def test_contributors_are_pointed_to_the_rooms_as_they_are() -> None:
    picture = DOCS["CONTRIBUTING.md"].split("```")[1]
    contract = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"][0]
    rooms = [name for layer in contract["layers"] for name in re.findall(r"\w+", layer)]
    assert [name for name in rooms if not re.search(rf"\b{name}\b", picture)] == ["__main__", "migrations"]


@pytest.mark.parametrize("name", sorted(DOCS))
def test_every_command_in_a_document_exists(name: str) -> None:
    commands = {*get_commands(), "test", "bench", "mcp"}
    assert set(re.findall(r"manage\.py ([a-z]\w+)", DOCS[name])) <= commands
    installed = {*GROUP.shown, *added_commands.CLIENT}
    assert set(re.findall(r"(?:^|`|/)enhancelog ([a-z]\w+)", DOCS[name], re.MULTILINE)) <= installed


def test_how_many_targets_were_met_is_said_above_the_table() -> None:
    above, _, table = DOCS["performance.md"].partition("<!-- written by manage.py bench")
    met, missed = table.count("| met |"), table.count("| **missed** |")
    assert f"met {met} of its {met + missed} targets and missed {missed}" in above


@pytest.mark.parametrize("name", ["README.md", "api.md", "client.md"])
def test_the_first_entry_has_no_badge_and_the_time_at_which_it_is_sent(name: str) -> None:
    (written,) = re.findall(r"\{\s*\"issue_id\": \"h-\d+\", \"blueprint_id\".*?000\}", DOCS[name], re.DOTALL)
    assert re.search(r"""\"ts_ms\": '?\$\(date \+%s\)'?000}""", written)
    entry = records.decode(re.sub(r"'?\$\(date \+%s\)'?", str(now_ms() // 1000), written).encode())
    assert badges(entry, now_ms(), "demo") == ()


def section(name: str, title: str) -> str:
    """Of a document, up to the next heading of any level."""
    (found,) = re.findall(rf"^##+ {re.escape(title)}\n(.*?)(?=^##+ |\Z)", DOCS[name], re.MULTILINE | re.DOTALL)
    return str(found)


@pytest.mark.parametrize("about", sorted({act.partition(".")[0] for act in ACTS}))
def test_what_the_audit_records_is_listed(about: str) -> None:
    listed = section("triage.md", "The audit").lower()
    assert about in listed or f"{about.removesuffix('y')}ies" in listed


def test_each_release_after_the_first_says_which_servers_may_go_on() -> None:
    releases = re.findall(r"^## (\d\S+) .*?\n(.*?)(?=^## |\Z)", DOCS["CHANGELOG.md"], re.MULTILINE | re.DOTALL)
    assert [
        name for name, text in releases[:-1] if not re.search(r"Servers from \S+ on may go on beside it", text)
    ] == []


@pytest.mark.parametrize("name", ["api.md", "operations.md", "scale.md", "settings.md"])
def test_every_section_that_is_pointed_to_exists(name: str) -> None:
    anchors = {
        re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
        for heading in re.findall(r"^##+ (.*)$", DOCS[name], re.MULTILINE)
    }
    for source, text in DOCS.items():
        own = name if source == name else None
        wanted = re.findall(rf"\]\((?:docs/)?{re.escape(name)}#([^)]*)\)", text)
        wanted += re.findall(r"\]\(#([^)]*)\)", text) if own else []
        assert [anchor for anchor in wanted if anchor not in anchors] == [], source


def test_nobody_is_told_to_make_a_database_in_another_way_than_the_first() -> None:
    """Without template0 and UTF8, texts that an entry may have can be refused."""
    for name in ("operations.md", "scale.md"):
        for line in re.findall(
            r"^.*(?:CREATE DATABASE|createdb ).*$", section_free_of_patroni(DOCS[name]), re.MULTILINE
        ):
            assert re.search("template0.*UTF8", line), line


def section_free_of_patroni(text: str) -> str:
    return text.replace(section("scale.md", "Failover without a person"), "")
