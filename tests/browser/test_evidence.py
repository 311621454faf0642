"""What a person does with evidence: takes the receipt of an entry along and verifies it; copies the checkpoint."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from enhancelog.agents import cli
from enhancelog.evidence import checkpoints
from tests.evidence.signing import KEY, settle
from tests.factories import make_rejected
from tests.recording import record

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

FITS = "document.documentElement.scrollWidth <= document.documentElement.clientWidth"


@pytest.fixture(autouse=True)
def log(live_server: Any, settings: Any) -> None:
    settings.PUBLIC_READ = True
    settings.EVIDENCE_KEY = KEY.secret_text
    record(make_rejected("noop", issue_id="a/b"), make_rejected("noop", issue_id="h-2"))
    settle()


def test_a_receipt_is_downloaded_and_verified_without_the_server(
    quiet: "Page", tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    quiet.goto("/entries/a%2Fb")
    link = quiet.get_by_role("link", name="Download the receipt")
    link.focus()
    with quiet.expect_download() as downloading:
        quiet.keyboard.press("Enter")
    assert downloading.value.suggested_filename == "a_b.tlog-proof"
    path = tmp_path / "receipt"
    downloading.value.save_as(path)
    quiet.get_by_role("link", name="signed log").click()
    key = quiet.locator("#public-keys").inner_text()
    monkeypatch.setenv("ENHANCELOG_URL", "not an address")
    assert cli.main(["verify", str(path), "--key", key.strip()]) == 0
    assert capfdbinary.readouterr().out.startswith(b'valid: entry "a/b" is at index 0 of the log log-1 when it had 2')


def test_the_note_is_copied_byte_for_byte(browser: "Browser", live_server: Any) -> None:
    context = browser.new_context(base_url=live_server.url, permissions=["clipboard-read", "clipboard-write"])
    page = context.new_page()
    # The policy forbids pages to read the clipboard, so what would be written is kept here.
    page.add_init_script("navigator.clipboard.writeText = async (text) => { window.written = text; };")
    page.goto("/evidence/")
    page.locator("section", has_text="As it was signed").get_by_role("link", name="Copy").click()
    page.get_by_role("link", name="copied").wait_for()
    note = page.evaluate("window.written").encode()
    assert checkpoints.open_signed(note, [KEY.verifier]).checkpoint.size == 2
    with page.expect_download() as downloading:
        page.get_by_role("link", name="Download checkpoint").click()
    assert downloading.value.suggested_filename == "log-1-2.checkpoint"
    assert downloading.value.path().read_bytes() == note
    context.close()


@pytest.mark.parametrize("width", [320, 768, 1440])
def test_long_lines_wrap_within_their_blocks(page: "Page", width: int) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    page.goto("/evidence/")
    assert page.evaluate(FITS)
    for block in page.locator("main pre").all():
        assert block.evaluate("element => element.scrollWidth <= element.clientWidth")


def test_without_javascript_everything_is_there(browser: "Browser", live_server: Any) -> None:
    page = browser.new_page(java_script_enabled=False, base_url=live_server.url)
    page.goto("/evidence/")
    page.locator("section", has_text="Public key").get_by_role("link", name="Copy").click()
    assert page.url.endswith("#public-keys")
    assert page.locator("#public-keys").is_visible()
    with page.expect_download():
        page.get_by_role("link", name="Download checkpoint").click()
    page.close()


def test_a_receipt_that_is_not_there_yet_is_a_page(page: "Page") -> None:
    record(make_rejected("noop", issue_id="h-3"))
    page.goto("/evidence/receipts/h-3")
    assert page.get_by_role("heading", name="No receipt yet").is_visible()
