"""A source that is renamed while two servers run on its database; and another team's instance, which knows nothing."""

from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Final, NamedTuple

import httpx
import pytest

from enhancelog.domain import records
from tests.factories import make_entry
from tests.processes import free_port, manage, serving
from tests.waiting import wait_for

pytestmark = [pytest.mark.heavy, pytest.mark.once]

OPEN: Final = {"ENHANCELOG_PUBLIC_READ": "true", "ENHANCELOG_WORKERS": "1"}


class Instances(NamedTuple):
    """``red``: two servers on one data folder."""

    folder: Path
    red: tuple[httpx.Client, httpx.Client]
    blue: httpx.Client


@pytest.fixture(scope="module")
def instances(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Instances]:
    red, blue = tmp_path_factory.mktemp("red"), tmp_path_factory.mktemp("blue")
    with ExitStack() as stack:
        clients = []
        for number, folder in enumerate((red, red, blue)):
            bind = f"127.0.0.1:{free_port()}"
            output = stack.enter_context((folder / f"output-{number}").open("w"))
            url = f"http://{bind}"
            stack.enter_context(serving("--bind", bind, data_dir=folder, output=output, ENHANCELOG_URL=url, **OPEN))
            clients.append(stack.enter_context(httpx.Client(base_url=url, timeout=60)))
        yield Instances(red, (clients[0], clients[1]), clients[2])


def listed(client: httpx.Client) -> set[str]:
    return {entry["issue_id"] for entry in client.get("/v1/enhance/log", params={"source": "host-a"}).json()}


def test_every_server_of_a_database_shows_the_new_name_and_no_other_instance(instances: Instances) -> None:
    folder, red, blue = instances
    (folder / "log.ndjson").write_bytes(records.encode(make_entry(issue_id="h-1")))
    done = manage("import_log", str(folder / "log.ndjson"), "--source", "hots-a", data_dir=folder)
    assert done.returncode == 0, done.stderr
    page = "/entries/h-1"
    etags = [client.get(page).headers["ETag"] for client in red]
    assert [listed(client) for client in red] == [set(), set()]
    done = manage("sources", "--rename", "hots-a", "host-a", "--why", "mistyped", data_dir=folder)
    assert done.returncode == 0, done.stderr
    for client, etag in zip(red, etags, strict=True):
        answer = client.get(page, headers={"If-None-Match": etag})
        assert answer.status_code == 200
        assert "recorded as" in answer.text
        wait_for(partial(follows, client))
        known = client.get("/v1/enhance/entries/h-1").json()
        assert (known["source"], known["shown_as"]) == ("hots-a", "host-a")
    assert blue.get(page).status_code == 404
    assert blue.get("/v1/enhance/log").json() == []


def follows(client: httpx.Client) -> bool:
    return listed(client) == {"h-1"}
