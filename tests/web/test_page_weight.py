"""The first load of a page is light: the page and all that it links to, compressed."""

import gzip
from pathlib import Path
from typing import Any

import pytest
from django.contrib.staticfiles import finders
from django.test import Client

from tests.factories import make_rejected
from tests.pages import read
from tests.recording import record_all

pytestmark = [pytest.mark.django_db, pytest.mark.once]

MOST_BYTES = 60_000


@pytest.mark.parametrize("path", ["/", "/rejections/", "/search/", "/blueprints/main", "/entries/h-1", "/content/"])
def test_a_first_load_stays_below_sixty_kilobytes(path: str, client: Client, settings: Any) -> None:
    settings.PUBLIC_READ = True
    record_all(make_rejected(issue_id=f"h-{n}", detail=f"reason {n} " * 20) for n in range(60))
    response = client.get(path)
    page = read(response)
    links = [link.attributes["href"] for link in page.all("link") if link.attributes["href"].startswith("/static/")]
    scripts = [script.attributes["src"] for script in page.all("script")]
    assert len(links) >= 2
    assert len(scripts) >= 2
    files = [Path(str(finders.find(url.removeprefix("/static/")))).read_bytes() for url in (*links, *scripts)]
    assert sum(len(gzip.compress(each)) for each in (response.content, *files)) < MOST_BYTES
