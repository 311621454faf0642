"""A server as it is run, which loses its primary under it, and gets it back."""

from pathlib import Path

import httpx
import pytest

from enhancelog.domain import records
from tests import standbys
from tests.factories import make_entry
from tests.processes import free_port, make_tokens, serving
from tests.replica.conftest import NAME
from tests.waiting import wait_for

LOG = "/v1/enhance/log"
JSON = {"Content-Type": "application/json"}


@pytest.mark.heavy
@pytest.mark.slow
def test_a_server_reads_on_without_its_primary_and_recovers(tmp_path: Path) -> None:
    with standbys.pair() as pair, (tmp_path / "log").open("w") as output:
        pair.primary.execute(f"CREATE DATABASE {NAME}")
        bind = f"127.0.0.1:{free_port()}"
        database = {"DATABASE_URL": pair.primary.url(NAME)}
        environment = {**database, "ENHANCELOG_READ_URL": pair.standby.url(NAME), "ENHANCELOG_PUBLIC_READ": "true"}
        with serving("--bind", bind, data_dir=tmp_path, output=output, **environment):
            (secret,) = make_tokens(1, ["log:append"], tmp_path, **database)
            headers = {"Authorization": f"Bearer {secret}", **JSON}
            with httpx.Client(base_url=f"http://{bind}", timeout=60, trust_env=False) as client:

                def append(issue_id: str) -> int:
                    return client.post(
                        LOG, content=records.encode(make_entry(issue_id=issue_id)), headers=headers
                    ).status_code

                assert append("before") == 201
                pair.wait_until_equal()
                assert client.get(f"{LOG}/before").status_code == 200
                pair.primary.kill()
                wait_for(lambda: "Read only since" in client.get("/rejections/").text)
                assert client.get(f"{LOG}/before").status_code == 200
                assert append("meanwhile") == 503
                assert client.get("/health/ready").json()["status"] == "read only"
                pair.primary.start()
                wait_for(lambda: append("after") in (201, 409))
                wait_for(lambda: "Read only since" not in client.get("/rejections/").text)
                assert client.get(f"{LOG}/after").status_code == 200
                assert client.get(f"{LOG}/meanwhile").status_code == 404
