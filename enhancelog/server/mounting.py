"""The path of the public address is no part of the paths that the application sees."""

from typing import Any


def mount(environ: dict[str, Any], path: str) -> None:
    """Move ``path`` from PATH_INFO to SCRIPT_NAME. Some proxies pass it on, others have cut it off; probes go past
    them without it."""
    if not path or environ.get("SCRIPT_NAME"):
        return
    environ["SCRIPT_NAME"] = path
    given = environ.get("PATH_INFO", "")
    if given == path or given.startswith(f"{path}/"):
        environ["PATH_INFO"] = given[len(path) :] or "/"
