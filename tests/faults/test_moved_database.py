"""A database that is moved away under a server: nothing is written to it any more, and no empty one takes its place."""

from pathlib import Path

import httpx
import pytest

from enhancelog.backends.sqlite import same_file
from enhancelog.domain import records
from tests.factories import make_entry
from tests.processes import free_port, make_tokens, manage, serving

pytestmark = [pytest.mark.once, pytest.mark.slow]

LOG = "/v1/enhance/log"


def test_a_restore_under_a_server_that_was_not_stopped(tmp_path: Path) -> None:
    data, broken = tmp_path / "data", tmp_path / "broken"
    broken.mkdir()
    bind = f"127.0.0.1:{free_port()}"
    with (tmp_path / "log").open("w") as output, serving("--bind", bind, data_dir=data, output=output):
        (secret,) = make_tokens(1, ["log:append", "log:read"], data)
        headers = {"Authorization": f"Bearer {secret}", "Content-Type": "application/json"}
        with httpx.Client(base_url=f"http://{bind}", timeout=60, trust_env=False, headers=headers) as client:

            def append(issue_id: str) -> int:
                return client.post(LOG, content=records.encode(make_entry(issue_id=issue_id))).status_code

            assert append("before") == 201
            copy = tmp_path / "copy.sqlite3"
            assert manage("backup", str(copy), data_dir=data).returncode == 0
            for path in data.glob("enhancelog.sqlite3*"):
                path.rename(broken / path.name)
            for number in range(4):  # by both workers, on open connections
                assert append(f"lost-{number}") == 503
                assert client.get(f"{LOG}/before").status_code == 503
                assert client.get("/health/ready").status_code == 503
            assert not (data / "enhancelog.sqlite3").exists()
            restored = manage("restore", str(copy), data_dir=data)
            assert restored.returncode == 0, restored.stderr
            assert append("after") == 503  # what the server remembers may be of the other
    assert "stop the server, put the file there, and start" in (tmp_path / "log").read_text()
    with (tmp_path / "again").open("w") as output, serving("--bind", bind, data_dir=data, output=output):
        answer = httpx.post(
            f"http://{bind}{LOG}",
            content=records.encode(make_entry(issue_id="again")),
            headers=headers,
            trust_env=False,
        )
        assert answer.status_code == 201
    assert manage("verify_log", data_dir=data).returncode == 0


def test_only_a_file_that_was_there_is_expected(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(same_file, "_begun", {})
    path = str(tmp_path / "log.sqlite3")
    same_file.begin(path)
    same_file.require(path)
    assert not same_file.has_begun(path)
    Path(path).touch()
    same_file.begin(path)
    same_file.require(path)
    Path(path).rename(tmp_path / "moved")
    with pytest.raises(Exception, match="is not there any more"):
        same_file.require(path)
    Path(path).touch()
    with pytest.raises(Exception, match="is another file than"):
        same_file.require(path)
