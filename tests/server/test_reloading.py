"""What developers run shows what they edit: templates, style sheets and code, with nothing collected or restarted."""

import json
import shutil
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from enhancelog.server.reloading import Sources, short_traceback
from tests.pages import Page
from tests.processes import ROOT, free_port, running
from tests.waiting import wait_for

CLONED = ("manage.py", "enhancelog", "content", "templates", "static")
SIGN_IN = "/account/sign-in"


@dataclass
class Site:
    """A server of a clone."""

    address: str
    clone: Path

    def get(self, path: str) -> str:
        """The body; empty where nobody answers, as while workers restart."""
        try:
            with urllib.request.urlopen(f"http://{self.address}{path}", timeout=10) as answer:
                body: bytes = answer.read()
                return body.decode()
        except OSError:
            return ""

    def log(self) -> str:
        return (self.clone.parent / "log").read_text()

    def edit(self, path: str, old: str, new: str) -> None:
        file = self.clone / path
        text = file.read_text()
        assert old in text
        edited = self.clone.parent / "edited"  # or a file that is half written would count as an edit of its own
        edited.write_text(text.replace(old, new))
        edited.replace(file)

    def wait_for(self, tag: str, words: str) -> None:
        wait_for(lambda: words in [each.words for each in Page(self.get(SIGN_IN)).all(tag)])


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    clone = tmp_path / "clone"
    clone.mkdir()
    for name in CLONED:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, clone / name)
    address = f"127.0.0.1:{free_port()}"
    command = ("serve", "--reload", "--bind", address)
    with (
        (tmp_path / "log").open("w") as output,
        running(
            *command, address=address, data_dir=tmp_path / "data", output=output, root=clone, ENHANCELOG_PUBLIC_READ="1"
        ),
    ):
        yield Site(address, clone)


@pytest.mark.slow
@pytest.mark.once
def test_serve_reload_shows_what_is_edited(site: Site) -> None:
    site.wait_for("h1", "Sign in")
    site.edit("templates/account/sign_in.jinja", "<h1>Sign in</h1>", "<h1>Come in</h1>")
    site.wait_for("h1", "Come in")

    site.edit("static/css/app.css", ":root", "/* edited */ :root")
    assert "/* edited */" in site.get("/static/css/app.css")

    account = "enhancelog/web/pages/account.py"
    site.edit(account, '"User name"', '"Your name"')
    site.wait_for("label", "Your name")
    rejections = "enhancelog/web/pages/rejections.py"  # nothing but the URLconf imports it
    site.edit(rejections, "import", '"import')  # what is broken
    wait_for(lambda: site.get(SIGN_IN) == "")
    wait_for(lambda: "trying again when the code changes" in site.log())
    printed = site.log()
    assert printed.count("Traceback") == 1
    assert "SyntaxError: unterminated string literal" in printed
    assert "frozen importlib" not in printed
    site.edit(rejections, '"import', "import")  # and mended
    site.wait_for("label", "Your name")
    assert site.log().count("could not start") == 1

    with urllib.request.urlopen(f"http://{site.address}/", timeout=10) as overview:
        assert overview.headers["ETag"] is None  # a browser would keep a page whose template has changed
    assert not (site.clone.parent / "data" / "static").exists()


@pytest.mark.slow
@pytest.mark.once
def test_runserver_serves_a_fresh_clone(tmp_path: Path) -> None:
    address = f"127.0.0.1:{free_port()}"
    with (
        (tmp_path / "log").open("w") as output,
        running("runserver", address, address=address, data_dir=tmp_path, output=output, ENHANCELOG_PUBLIC_READ="1"),
    ):
        site = Site(address, ROOT)
        overview = Page(site.get("/"))
        assert "Nothing is logged yet" in overview.words
        sheets = overview.all("link", rel="stylesheet")
        assert len(sheets) == 2
        for sheet in sheets:
            shown = sheet.attributes["href"]
            assert site.get(shown) == (ROOT / shown.lstrip("/")).read_text()


def test_a_change_is_noticed_once(tmp_path: Path) -> None:
    module = tmp_path / "package" / "module.py"
    module.parent.mkdir()
    module.write_text("one = 1\n")
    sources = Sources([tmp_path])
    assert not sources.have_changed()
    for change in (
        lambda: module.write_text("one = 2\n"),
        lambda: module.with_name("other.py").touch(),
        module.unlink,
    ):
        change()
        assert sources.have_changed()
        assert not sources.have_changed()
    module.with_suffix(".txt").touch()
    assert not sources.have_changed()


def test_a_traceback_shows_our_frames_and_the_one_that_raised() -> None:
    try:
        json.loads("[")
    except ValueError as error:
        shown = short_traceback(error)
    assert 'json.loads("[")' in shown
    assert "in raw_decode" in shown
    assert "in decode" not in shown
    assert shown.endswith("JSONDecodeError: Expecting value: line 1 column 2 (char 1)\n")
