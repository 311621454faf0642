"""The databases that releases have stored in ``tests/stored/``, as an installation that stopped has left them."""

import json
import lzma
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Final

from enhancelog.domain.releases import order
from release.store_database import DUMP, FILE, FOLDER

RELEASES: Final = sorted((path.name.removesuffix(FILE) for path in FOLDER.glob(f"*{FILE}")), key=order)


def unpack(release: str, data_dir: Path, database_url: str = "") -> None:
    """Into a new data folder, or into an empty PostgreSQL database."""
    data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not database_url:
        (data_dir / "enhancelog.sqlite3").write_bytes(_content(release, FILE))
        return
    import psycopg

    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(_content(release, DUMP))


def record(release: str, folder: Path) -> dict[str, str]:
    """The parts of its schema, as it recorded them."""
    unpack(release, folder)
    with closing(sqlite3.connect(folder / "enhancelog.sqlite3")) as opened:
        ((parts,),) = opened.execute("SELECT migrations FROM enhancelog_schema").fetchall()
    return dict(json.loads(parts))


def _content(release: str, ending: str) -> bytes:
    return lzma.decompress((FOLDER / f"{release}{ending}").read_bytes())
