"""Every page and list, on a standby alone: no read asks the primary, and none writes, which would be an error there."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import InternalError, connection
from django.test import Client

from enhancelog import links
from tests import standbys
from tests.api.test_authorisation_matrix import ROUTES
from tests.factories import make_entry, make_rejected
from tests.recording import record
from tests.replica.conftest import NAME, default_is, migrated
from tests.web.test_crawl import AFTER, BEFORE, DEAD, LONG, ODD, OWN, SIGNER, STARTS, crawl, hostile, readers

pytestmark = pytest.mark.slow

STAFF_ONLY = ("/audit/", "/triage/reviews/", "/admin/", "/admin/status/", "/admin/auth/user/", "/admin/enhancelog/")


@pytest.fixture(scope="module")
def clients(django_db_blocker: object) -> Iterator[dict[str, Client]]:
    """Signed in on the primary, which is gone when the test begins; what there is to read is hostile."""
    with standbys.pair() as own, django_db_blocker.unblock():  # type: ignore[attr-defined]
        migrated(own)
        with default_is(own.primary.url(NAME)):
            hostile()
            record(make_rejected("noop", issue_id="h-10"), make_entry(issue_id="h-11"))
            found = readers()
        own.wait_until_equal()
        own.primary.kill()
        with default_is(own.standby.url(NAME)):
            yield found


def test_a_write_is_an_error(clients: dict[str, Client]) -> None:
    with pytest.raises(InternalError, match="read-only"), connection.cursor() as cursor:
        cursor.execute("DELETE FROM enhancelog_session")


@pytest.mark.parametrize("role", ["nobody", "reader", "staff"])
def test_every_page_that_links_lead_to(role: str, clients: dict[str, Client], settings: object) -> None:
    settings.PUBLIC_READ = True  # type: ignore[attr-defined]
    more = [links.entry(LONG), links.entry("h-1", [("compare", ODD)]), links.documents(ODD), links.fields(ODD)]
    more += [links.entry("tried"), links.document(AFTER.hash, BEFORE.hash), links.unfinished_run(DEAD)]
    assert crawl(clients[role], [*STARTS, *(OWN if role != "nobody" else OWN[:1]), *more]) > 50


def test_every_list_of_the_api(clients: dict[str, Client], settings: Any) -> None:
    settings.EVIDENCE_KEY = SIGNER.secret_text
    for call in (call for (_, method), call in ROUTES.items() if method == "GET"):
        answer = clients["staff"].get(call.path)
        assert answer.status_code < 500, (call.path, answer.status_code)
        if answer.streaming:
            list(answer)


@pytest.mark.parametrize("path", STAFF_ONLY)
def test_what_staff_alone_may_see(path: str, clients: dict[str, Client]) -> None:
    assert clients["staff"].get(path).status_code < 500
