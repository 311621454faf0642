import sys

try:
    from enhancelog.agents.cli import main
except ModuleNotFoundError as error:
    if error.name not in ("httpx", "msgspec"):
        raise
    sys.stderr.write(f"enhancelog: {error.name} is not installed; run: python3 -m pip install {error.name}\n")
    sys.exit(2)

if __name__ == "__main__":
    sys.exit(main())
