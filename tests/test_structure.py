"""The shape of the code: which modules are where, HTML in templates alone, lines that one can read."""

import ast
import re
import statistics
from collections.abc import Iterator
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
TOP_LEVEL: Final = {"__init__", "__main__", "apps", "urls", "wsgi", "admin", "links", "converters"}
MAKE_MARKUP: Final = {
    "enhancelog/web/markdown.py",
    "enhancelog/admin.py",
    "enhancelog/web/admin_columns.py",
    "enhancelog/transfer/atom.py",
    "content/admin.py",
}
TAGS: Final = "a|b|button|code|dd|del|details|div|dl|dt|form|h[1-6]|i|input|ins|li|mark|nav|ol|p|path|pre|rect|span|svg"
MARKUP: Final = re.compile(rf"</?(?:{TAGS}|t[dhr]|table|time|ul)(?: [a-z-]+=|>|/>)")
MAKERS: Final = {"mark_safe", "SafeString", "format_html", "format_html_join", "Markup", "escape"}
LONGEST_LINE: Final = 160
MEDIAN_LINE: Final = 50
DOCSTRING_WORDS: Final = 40  # per 100 lines


def sources() -> Iterator[Path]:
    for app in ("enhancelog", "content"):
        yield from (path for path in sorted((ROOT / app).rglob("*.py")) if "migrations" not in path.parts)


def templates() -> list[Path]:
    return sorted((ROOT / "templates").rglob("*.jinja"))


def test_only_what_django_looks_for_is_at_the_top() -> None:
    assert {path.stem for path in (ROOT / "enhancelog").glob("*.py")} == TOP_LEVEL


def test_all_pages_are_jinja_templates() -> None:
    assert not list((ROOT / "templates").rglob("*.html"))
    assert len(templates()) > 20


def test_no_python_makes_markup_where_a_template_could() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{line}: {what}"
        for path in sources()
        if str(path.relative_to(ROOT)) not in MAKE_MARKUP
        for line, what in markup_in(ast.parse(path.read_text()))
    ]
    assert not found


def markup_in(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Names that make text safe, and strings with tags, docstrings aside."""
    documentation = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            yield from ((node.lineno, name.name) for name in node.names if name.name in MAKERS)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in documentation:
            yield from ((node.lineno, match[0]) for match in MARKUP.finditer(node.value))


def test_template_lines_are_short_enough_to_read() -> None:
    lines = [(path, line) for path in templates() for line in path.read_text().splitlines() if line.strip()]
    assert not [f"{path.name}: {line[:60]}…" for path, line in lines if len(line) > LONGEST_LINE]
    assert statistics.median(len(line) for _, line in lines) <= MEDIAN_LINE


def test_docstrings_state_the_contract_and_stop() -> None:
    # Those of MCP's tools are what a model reads to choose one.
    texts = [path.read_text() for path in sources() if not path.match("agents/mcp_*_tools.py")]
    words = sum(len(text.split()) for source in texts for text in docstrings(ast.parse(source)))
    assert 100 * words <= DOCSTRING_WORDS * sum(source.count("\n") for source in texts)


def docstrings(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield ast.get_docstring(node) or ""
