"""Runs the image at ROOT as its own configuration says, and checks what it serves.

As much of ``docker run --read-only --cap-drop ALL --security-opt no-new-privileges`` as namespaces and chroot can do.
.ci/image starts it in a network namespace of its own: port 8000 is free, and nothing outside can be reached.
"""

import http.client
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(sys.argv[1])
SCRATCH: Final = Path(sys.argv[2])
CONFIG: Final[dict[str, Any]] = json.loads((SCRATCH / "image.json").read_text())["Docker"]["config"]
DATA: Final = SCRATCH / "data"
OF_DEMO: Final = SCRATCH / "demo"
START_S: Final = 180  # on a busy machine
STOP_S: Final = 10  # after which a container engine kills
SETTINGS: Final = {
    "ENHANCELOG_URL": "http://127.0.0.1:8000",
    "ENHANCELOG_SECRET_KEY": "of-a-server-that-nobody-else-can-reach",
}
ENTRY: Final = {
    "issue_id": "from-the-image",
    "blueprint_id": "main",
    "intent": "Try the image",
    "prev_hash": "a" * 64,
    "new_hash": "",
    "rationale": "One more sentence in the prompt.",
    "verdicts": [{"axis": "noop", "status": "deny", "detail": "patch is no-op"}],
    "status": "rejected",
    "reasons": ["noop: patch is no-op"],
}

# A container's mounts. The last line becomes its first process.
SETUP: Final = """
root=$1 data=$2; shift 2
mount --bind "$root" "$root"
mount --bind "$data" "$root/data"
mount --rbind /dev "$root/dev"
mount -t proc proc "$root/proc"
mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"
mount -o remount,bind,ro "$root"
exec "$@"
"""


def unprivileged(command: list[str], settings: dict[str, str]) -> list[str]:
    """``command`` as the image's user, inside its root, with its environment and nothing of ours."""
    variables = [*CONFIG["Env"], *(f"{name}={value}" for name, value in settings.items())]
    user, work = CONFIG["User"], CONFIG["WorkingDir"]
    inside = ["sh", "-c", 'cd "$0" && exec "$@"', work, *command]
    chroot = ["chroot", f"--userspec={user}", "--groups=", str(ROOT), "/usr/bin/env", "-i", *variables, *inside]
    return ["setpriv", "--no-new-privs", *chroot]


def container(*arguments: str, data: Path = DATA, **settings: str) -> list[str]:
    command = [*CONFIG["Entrypoint"], *(arguments or CONFIG["Cmd"])]
    namespaces = ["unshare", "--mount", "--pid", "--ipc", "--uts", "--fork"]
    setup = ["sh", "-ec", SETUP, "-", str(ROOT), str(data)]
    return [*namespaces, *setup, *unprivileged(command, {**SETTINGS, **settings})]


def run(*arguments: str, data: Path = DATA, given: str = "", **settings: str) -> str:
    """What ``docker run IMAGE ARGUMENTS`` prints."""
    done = subprocess.run(
        container(*arguments, data=data, **settings), input=given, capture_output=True, text=True, timeout=START_S
    )
    if done.returncode:
        sys.exit(f".ci/image: {' '.join(arguments)}: exit code {done.returncode}: {done.stderr}{done.stdout}")
    return done.stdout


class Running:
    """A container's first process."""

    def __init__(self, command: list[str]) -> None:
        self.unshare = subprocess.Popen(command, stdin=subprocess.DEVNULL)
        self.pid = self._first()

    def _first(self) -> int:
        children = Path(f"/proc/{self.unshare.pid}/task/{self.unshare.pid}/children")
        deadline = time.monotonic() + START_S
        while time.monotonic() < deadline:
            if pids := children.read_text().split():
                return int(pids[0])
            time.sleep(0.05)
        sys.exit(".ci/image: no process came up")

    def exec(self, command: list[str]) -> "subprocess.CompletedProcess[str]":
        """As ``docker exec``."""
        inside = ["nsenter", "--target", str(self.pid), "--mount", "--pid", "--ipc", "--uts"]
        return subprocess.run([*inside, *unprivileged(command, SETTINGS)], capture_output=True, text=True)

    def until_healthy(self) -> None:
        command = CONFIG["Healthcheck"]["Test"][1:]  # after CMD: without a shell
        began = time.monotonic()
        while (checked := self.exec(command)).returncode:
            if self.unshare.poll() is not None or time.monotonic() > began + START_S:
                sys.exit(f".ci/image: not healthy after {time.monotonic() - began:.0f} s: {checked.stderr}")
            time.sleep(0.5)
        print(f"  healthy after {time.monotonic() - began:.1f} s")

    def kill(self) -> None:
        # Its end is the end of every process in its namespace. That of unshare would not be: --kill-child is lost when
        # the user changes.
        if self.unshare.poll() is None:
            os.kill(self.pid, signal.SIGKILL)
            self.unshare.wait()

    def stop(self) -> int:
        began = time.monotonic()
        os.kill(self.pid, signal.SIGTERM)
        try:
            code = self.unshare.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self.kill()
            sys.exit(f".ci/image: still running {STOP_S} s after SIGTERM")
        print(f"  stopped after {time.monotonic() - began:.1f} s")
        return code


@contextmanager
def served(*arguments: str, data: Path = DATA, **settings: str) -> Iterator[Running]:
    server = Running(container(*arguments, data=data, **settings))
    try:
        server.until_healthy()
        yield server
        check("SIGTERM ends it with exit code 0", server.stop() == 0)
    finally:
        server.kill()


def check(what: str, is_so: bool) -> None:
    if not is_so:
        sys.exit(f".ci/image: not so: {what}")
    print(f"  {what}")


def ask(method: str, path: str, token: str = "", body: object = None) -> tuple[int, str, str]:
    """Status, text and where it leads."""
    server = http.client.HTTPConnection("127.0.0.1", 8000, timeout=60)
    headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
    server.request(method, path, body=json.dumps(body) if body is not None else None, headers=headers)
    answer = server.getresponse()
    return answer.status, answer.read().decode(), answer.getheader("Location") or ""


def main() -> None:
    print("Commands")
    token = run("create_token", "smoke", "--scope", "log:append", "--scope", "log:read").strip()
    check("create_token prints a token", token.startswith("enh_"))

    print("Serving")
    with served() as server:
        look_inside(server)
        status, _, leads_to = ask("GET", "/")
        check(
            "a page without a session leads to the sign-in page",
            status == 302 and leads_to.startswith("/account/sign-in"),
        )
        status, page, _ = ask("GET", leads_to)
        check("the sign-in page is shown", status == 200 and "password" in page)
        check("the log needs a token", ask("GET", "/v1/enhance/log")[0] == 401)
        status, _, _ = ask("POST", "/v1/enhance/log", token, {**ENTRY, "ts_ms": int(time.time() * 1000)})
        check("an entry is stored", status == 201)
        walk_mcp(token)

    print("Serving again")
    with served():
        status, answer, _ = ask("GET", "/v1/enhance/entries/from-the-image", token)
        check("the entry is still there", status == 200 and json.loads(answer)["intent"] == ENTRY["intent"])
    check("verify_log finds nothing", bool(run("verify_log")))

    print("Following a host that does not answer")
    follower = Running(container("follow_log", "http://127.0.0.1:7777"))
    time.sleep(5)
    check("SIGTERM ends it", follower.stop() != 0)

    print("The demo")
    with served("serve", "--demo", data=OF_DEMO):
        status, page, _ = ask("GET", "/")
        check("the overview names a Blueprint", status == 200 and "/blueprints/" in page)
        check("the demo has its entries", len(json.loads(ask("GET", "/v1/enhance/log")[1])) == 478)


def look_inside(server: Running) -> None:
    status = Path(f"/proc/{server.pid}/status").read_text()
    facts = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    check("it runs as 10001", facts["Uid"].split() == ["10001"] * 4 and facts["Gid"].split() == ["10001"] * 4)
    check("without privileges", int(facts["CapEff"], 16) == 0 and facts["NoNewPrivs"] == "1")
    check("as the first process of its namespace", facts["NSpid"].split()[-1] == "1")
    write = server.exec(["python3", "-c", "open('/app/new', 'w')"])
    check("its root is read-only", "Read-only file system" in write.stderr)
    compiled = "import json, enhancelog.wsgi as ours, django as theirs; print(json.__cached__, ours.__cached__)"
    names = server.exec(["python3", "-c", f"{compiled}; print(theirs.__cached__)"]).stdout.split()
    check("its bytecode is in the image", len(names) == 3 and all((ROOT / name[1:]).exists() for name in names))


def walk_mcp(token: str) -> None:
    hello = {
        "protocolVersion": "2025-06-18",
        "capabilities": {},
        "clientInfo": {"name": "smoke", "version": "1"},
    }
    messages = [
        {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": hello},
        {"jsonrpc": "2.0", "method": "notifications/initialized"},
        {"jsonrpc": "2.0", "id": 2, "method": "tools/list"},
    ]
    client = subprocess.Popen(
        container("mcp", ENHANCELOG_TOKEN=token), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    if client.stdin is None or client.stdout is None:
        raise AssertionError("both are pipes")
    client.stdin.write("".join(json.dumps(message) + "\n" for message in messages))
    client.stdin.flush()
    answers = [json.loads(client.stdout.readline()) for _ in range(2)]
    client.stdin.close()
    client.wait(START_S)
    check("the MCP server lists its tools", len(answers[1].get("result", {}).get("tools", [])) > 3)


main()
