import sys
from pathlib import Path

from enhancelog.agents import added_commands


def main() -> int:
    arguments = sys.argv[1:]
    if arguments[:1] == ["help"]:
        arguments = [*arguments[1:], "--help"]
    if added_commands.is_one(arguments):
        return added_commands.run(arguments)
    try:
        from enhancelog.agents.cli import main as run_client  # takes longer to import than all the rest
    except ModuleNotFoundError as error:
        if error.name not in ("httpx", "msgspec"):
            raise
        sys.stderr.write(f"enhancelog: this Python does not have {error.name}; {how_to_install(error.name)}\n")
        return 2
    return run_client(arguments)


def how_to_install(name: str) -> str:
    clone = Path(__file__).resolve().parent.parent
    installed = clone / ".venv" / "bin" / "python"
    if installed.exists():
        return f"run: {installed} -m enhancelog"
    if (clone / "manage.py").exists():
        return "python3 manage.py serve installs it into .venv; after that, run: .venv/bin/python -m enhancelog"
    return f"run: python3 -m pip install {name}"


if __name__ == "__main__":
    sys.exit(main())
