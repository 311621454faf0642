import sys
from pathlib import Path

try:
    from enhancelog.agents.cli import main
except ModuleNotFoundError as error:
    if error.name not in ("httpx", "msgspec"):
        raise
    clone = Path(__file__).resolve().parent.parent
    installed = clone / ".venv" / "bin" / "python"
    if installed.exists():
        advice = f"run: {installed} -m enhancelog"
    elif (clone / "manage.py").exists():
        advice = "python3 manage.py serve installs it into .venv; after that, run: .venv/bin/python -m enhancelog"
    else:
        advice = f"run: python3 -m pip install {error.name}"
    sys.stderr.write(f"enhancelog: this Python does not have {error.name}; {advice}\n")
    sys.exit(2)

if __name__ == "__main__":
    sys.exit(main())
