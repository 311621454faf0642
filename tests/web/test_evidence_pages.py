"""What people see of the evidence: the receipt of an entry, and the page of the checkpoint."""

from email.message import Message
from pathlib import Path
from typing import Any, Final

import pytest
from django.conf import settings as django_settings
from django.contrib.auth.models import User
from django.test import Client

from enhancelog import links
from enhancelog.agents import cli
from enhancelog.domain.origin import Origin
from enhancelog.evidence import checkpoints, receipts
from enhancelog.evidence.checkpoints import Checkpoint
from enhancelog.evidence.keys import SigningKey
from enhancelog.evidence.receipts import Hidden
from enhancelog.models import Checkpoint as CheckpointModel
from enhancelog.models import Entry
from enhancelog.models import Tile as TileModel
from enhancelog.store import redacting
from tests.evidence.logs import WITNESS, WITNESSED_S, witnessed
from tests.evidence.signing import KEY, settle
from tests.factories import make_rejected
from tests.pages import Element, Page, read
from tests.recording import record_all

pytestmark = pytest.mark.django_db

PAGE: Final = "/evidence/"
FILE: Final = "/evidence/checkpoint"
KEYS: Final = [KEY.verifier]
NEXT_KEY: Final = SigningKey("log-1", b"n" * 32)


@pytest.fixture(autouse=True)
def public(settings: Any) -> None:
    settings.PUBLIC_READ = True
    settings.EVIDENCE_KEY = KEY.secret_text


def append(count: int, first: int = 0) -> None:
    record_all(make_rejected(issue_id=f"h-{number}") for number in range(first, first + count))


def get(client: Client, path: str = PAGE) -> Page:
    response = client.get(path)
    assert response.status_code == 200
    return read(response)


def facts(page: Page) -> dict[str, Element]:
    return dict(zip((term.words for term in page.all("dt")), page.all("dd"), strict=True))


def store(note: bytes, size: int) -> None:
    CheckpointModel.objects.update_or_create(pk=1, defaults={"size": size, "note": note.decode(), "signed_ms": 1})


def file_name(response: Any) -> str:
    message = Message()
    message["Content-Disposition"] = response["Content-Disposition"]
    assert message.get_content_disposition() == "attachment"
    return message.get_filename() or ""


def refusal(response: Any) -> tuple[int, str, str]:
    page = read(response)
    return response.status_code, page.all("h1")[0].words, page.all("main")[0].words


# The receipt of an entry


def test_the_page_of_an_entry_leads_to_its_receipt(client: Client) -> None:
    append(3)
    settle()
    shown = facts(get(client, "/entries/h-1"))["Receipt"]
    assert "proves, also without this server, that the signed log has this entry" in shown.words
    download, page = (link.attributes["href"] for link in shown.all("a"))
    assert page == PAGE
    response = client.get(download)
    assert file_name(response) == "h-1.tlog-proof"
    proven = receipts.verify(response.content, KEYS)
    assert proven.entry is not None
    assert (proven.entry.issue_id, proven.index, proven.checkpoint.size) == ("h-1", 1, 3)


def test_the_command_verifies_what_was_downloaded(
    client: Client, tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    append(3)
    settle()
    response = client.get(links.receipt("h-2"))
    path = tmp_path / file_name(response)
    path.write_bytes(response.content)
    key = get(client).all("pre", id="public-keys")[0].text
    assert cli.main(["verify", str(path), "--key", key.strip()]) == 0
    assert capfdbinary.readouterr().out.startswith(b'valid: entry "h-2" is at index 2 of the log log-1 ')
    path.write_bytes(response.content.replace(b"\nindex 2\n", b"\nindex 1\n"))
    assert cli.main(["verify", str(path), "--key", key.strip()]) == 1


def test_an_entry_that_no_checkpoint_has_says_so(client: Client) -> None:
    append(1)
    settle()
    append(1, 1)
    shown = facts(get(client, "/entries/h-1"))["Receipt"]
    assert shown.words == "Not yet. The next checkpoint usually follows within seconds."
    assert [link.attributes["href"] for link in shown.all("a")] == [PAGE]
    response = client.get(links.receipt("h-1"))
    status, title, words = refusal(response)
    assert (status, title, response["Retry-After"]) == (503, "No receipt yet", "1")
    assert "No checkpoint has this entry yet; the next one usually follows within seconds." in words


def test_an_entry_is_shown_anew_once_it_has_a_receipt(client: Client) -> None:
    append(1)
    client.get("/entries/h-0")  # sets the cookie of forms
    etag = client.get("/entries/h-0")["ETag"]
    assert client.get("/entries/h-0", headers={"If-None-Match": etag}).status_code == 304
    settle()
    response = client.get("/entries/h-0", headers={"If-None-Match": etag})
    assert links.receipt("h-0") in read(response).addresses("Download")


def test_the_receipt_of_a_redacted_entry_shows_no_text(client: Client) -> None:
    append(2)
    settle()
    redacting.redact("h-1", ["details"], "a key in clear", Origin("user", "ada", "page"))
    shown = facts(get(client, "/entries/h-1"))["Receipt"]
    assert "proves the place and the order in time of this entry in the signed log" in shown.words
    assert "It shows no text" in shown.words
    proven = receipts.verify(client.get(links.receipt("h-1")).content, KEYS)
    assert isinstance(proven.leaf, Hidden)
    assert (proven.index, proven.entry) == (1, None)


@pytest.mark.parametrize(
    ("issue_id", "name"),
    [
        ("../../etc/passwd", "_.._etc_passwd.tlog-proof"),
        ("...", "unnamed.tlog-proof"),
        ('a"; filename="b.exe', "a_filename_b.exe.tlog-proof"),
        ("ops/デプロイ 3", "ops_デプロイ_3.tlog-proof"),
        ("\u202eexe.a", "_exe.a.tlog-proof"),
        ("é" * 256, f"{'é' * 60}.tlog-proof"),
    ],
)
def test_the_file_of_a_receipt_has_a_name_that_is_safe_and_short(client: Client, issue_id: str, name: str) -> None:
    record_all([make_rejected(issue_id=issue_id)])
    settle()
    response = client.get(links.receipt(issue_id))
    assert file_name(response) == name
    proven = receipts.verify(response.content, KEYS)
    assert proven.entry is not None
    assert proven.entry.issue_id == issue_id


def test_an_unknown_entry_has_no_receipt(client: Client) -> None:
    status, _, words = refusal(client.get(links.receipt("nobody")))
    assert status == 404
    assert "There is no entry with this id." in words


def test_who_may_not_read_entries_gets_no_receipt(client: Client, settings: Any) -> None:
    settings.PUBLIC_READ = False
    append(1)
    settle()
    for path in (links.receipt("h-0"), FILE):
        assert client.get(path)["Location"].startswith("/account/sign-in?next=/evidence/")
    client.force_login(User.objects.create_user("bob"))
    for path in (links.receipt("h-0"), FILE):
        assert client.get(path).status_code == 200


@pytest.mark.parametrize("path", [links.receipt("h-0"), FILE])
def test_a_file_that_did_not_change_is_not_sent_again(client: Client, path: str) -> None:
    append(1)
    settle()
    response = client.get(path)
    assert response["Cache-Control"] == "private, no-cache"
    again = {"If-None-Match": response["ETag"]}
    assert client.get(path, headers=again).status_code == 304
    append(1, 1)
    settle()
    assert client.get(path, headers=again).status_code == 200


@pytest.mark.parametrize("path", [links.receipt("h-0"), "/v1/evidence/proofs/h-0"])
def test_a_damaged_tree_is_named_in_one_sentence(client: Client, path: str) -> None:
    append(2)
    settle()
    TileModel.objects.update(hashes=b"")
    response = client.get(path)
    assert response.status_code == 503
    said = "The evidence cannot be read: the tree does not fit its checkpoint: tile/0/000.p/2: has 0 bytes, not 64"
    assert said in (read(response).words if path.startswith(PAGE) else response.json()["detail"])


# The page of the checkpoint


def test_the_page_shows_what_was_signed(client: Client) -> None:
    append(3)
    settle()
    page = get(client)
    (note,) = page.all("pre", id="note")
    response = client.get(FILE)
    assert (note.text, file_name(response)) == (response.content.decode(), "log-1-3.checkpoint")
    signed = checkpoints.open_signed(response.content, KEYS).checkpoint
    shown = facts(page)
    assert (shown["Log"].words, shown["Entries"].words) == ("log-1", "3, the whole log")
    assert (shown["Root"].words, shown["Witnesses"].words) == (signed.text.splitlines()[2], "none")
    assert shown["Signed"].all("time")
    assert [each.text for each in page.all("pre", id="public-keys")] == [f"{KEY.verifier}\n"]
    assert not page.all("p", role="alert")
    assert FILE in page.addresses("Download checkpoint")


@pytest.mark.parametrize(
    ("count", "said"), [(0, "0, because the log is empty"), (1, "1, the whole log"), (300, "300, the whole log")]
)
def test_it_says_how_much_the_checkpoint_has(client: Client, count: int, said: str) -> None:
    append(count)
    settle()
    assert facts(get(client))["Entries"].words == said


@pytest.mark.parametrize(
    ("more", "said"), [(1, "1 entry is not in it yet"), (1_200, "1,200 entries are not in it yet")]
)
def test_it_says_how_far_the_tree_is_behind(
    client: Client, monkeypatch: pytest.MonkeyPatch, more: int, said: str
) -> None:
    store(checkpoints.sign(Checkpoint("log-1", 100_000, b"r" * 32), [KEY]), 100_000)
    monkeypatch.setattr("enhancelog.web.pages.evidence.last_position", lambda: 100_000 + more)
    assert facts(get(client))["Entries"].words == f"100,000 of {100_000 + more:,}; {said}"


def test_before_the_first_checkpoint_there_is_nothing_to_keep(client: Client) -> None:
    append(1)
    page = get(client)
    assert "Nothing was signed yet." in page.all("main")[0].words
    assert not page.all("pre", id="note")
    assert not page.all("p", role="alert")
    assert not page.addresses("Download checkpoint")
    response = client.get(FILE)
    status, title, words = refusal(response)
    assert (status, title, response["Retry-After"]) == (503, "No checkpoint yet", "1")
    assert "Nothing was signed yet; the first checkpoint usually follows within seconds." in words


def test_witnesses_are_named_with_their_time(client: Client) -> None:
    append(1)
    settle()
    store(witnessed(CheckpointModel.objects.get().note.encode(), WITNESSED_S), 1)
    shown = facts(get(client))["Witnesses"]
    assert shown.words.startswith(f"{WITNESS.name}, by its clock")


def test_a_key_that_has_not_signed_yet_is_told_apart(client: Client, settings: Any) -> None:
    append(1)
    settle()
    settings.EVIDENCE_KEY = f"{KEY.secret_text}\n{NEXT_KEY.secret_text}"
    page = get(client)
    assert page.all("pre", id="public-keys")[0].text == f"{KEY.verifier}\n{NEXT_KEY.verifier}\n"
    assert "Key 2 of them has not signed the last checkpoint." in page.words
    assert not page.all("p", role="alert")
    settle([KEY, NEXT_KEY])
    assert "has not signed" not in get(client).words


@pytest.mark.parametrize(
    ("keys", "said"),
    [(NEXT_KEY.secret_text, "has not signed the last checkpoint"), ("odd", "This server cannot read its keys.")],
)
def test_a_server_that_cannot_sign_says_so(client: Client, settings: Any, keys: str, said: str) -> None:
    append(1)
    settle()
    settings.EVIDENCE_KEY = keys
    page = get(client)
    assert (
        "Nothing new is signed, because this server does not have the log's key."
        in page.all("p", role="alert")[0].words
    )
    assert said in page.words
    assert "odd" not in page.words


def test_a_server_without_any_key_says_so(client: Client, settings: Any, tmp_path: Path) -> None:
    append(1)
    settle()
    settings.EVIDENCE_KEY, settings.DATA_DIR = "", tmp_path
    page = get(client)
    assert page.all("p", role="alert")
    assert "This server has no key." in page.words


@pytest.mark.parametrize("path", [PAGE, FILE])
def test_a_damaged_checkpoint_is_named_in_one_sentence(client: Client, path: str) -> None:
    store(b"no note", 1)
    response = client.get(path)
    assert response.status_code == 503
    assert "The evidence cannot be read: the stored checkpoint is damaged: note: must be a text" in read(response).words


def test_an_entry_can_be_read_whatever_the_checkpoint_is(client: Client) -> None:
    append(1)
    store(b"no note", 1)
    assert facts(get(client, "/entries/h-0"))["Receipt"].all("a")


@pytest.mark.parametrize("count", [0, 600])
def test_it_asks_three_questions_however_long_the_log(
    client: Client, django_assert_num_queries: Any, count: int
) -> None:
    append(count)
    settle()
    client.get(PAGE)
    with django_assert_num_queries(3):  # two checkpoints, and the last position
        client.get(PAGE)


def test_it_says_what_to_run(client: Client) -> None:
    settle()
    said = "\n".join(block.text for block in get(client).all("pre"))
    for command in ("verify_log --against CHECKPOINT", "export_log --evidence"):
        assert f"{django_settings.PROGRAM} {command}" in said
    assert "enhancelog verify RECEIPT --key KEY" in said
    assert f"{links.absolute('/v1/evidence/checkpoint')}" in said


def test_pages_lead_to_it(client: Client) -> None:
    client.force_login(User.objects.create_superuser("boss"))
    append(1)
    settle()
    assert PAGE in get(client, "/").addresses("Evidence")
    assert PAGE in get(client, "/admin/status/").addresses("1 entry")


def test_the_admin_shows_the_salt_of_an_entry_until_it_is_redacted(client: Client) -> None:
    client.force_login(User.objects.create_superuser("boss"))
    append(1)
    path = f"/admin/enhancelog/entry/{Entry.objects.get().pk}/change/"
    salt = Entry.objects.get().salt
    assert salt
    assert salt in get(client, path).text
    redacting.redact("h-0", ["details"], "a key in clear", Origin("user", "ada", "page"))
    assert salt not in get(client, path).text
