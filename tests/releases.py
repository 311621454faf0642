"""Later releases of the product, which differ from this one in their number and in what the tests give them."""

import shutil
from collections.abc import Mapping
from pathlib import Path

from enhancelog import __version__

MIGRATIONS = Path(__file__).resolve().parent.parent / "enhancelog" / "migrations"

SQL = "operations = [migrations.RunSQL({!r})]"
EXTRA_TABLE = SQL.format("CREATE TABLE enhancelog_extra (number integer)")
EXTRA_COLUMN = SQL.format("ALTER TABLE enhancelog_entry ADD COLUMN extra text")
# Servers of this release may go on beside it.
ADDITIVE = f'write_from = "{__version__}"\n    {EXTRA_COLUMN}'
RAISES = """
    def fail(apps, editor):
        raise ValueError("row 7 cannot be\\nconverted")

    operations = [migrations.RunPython(fail)]
"""
SLEEPS = """
    def sleep(apps, editor):
        import pathlib, time
        pathlib.Path({!r}).touch()
        time.sleep(120)

    operations = [migrations.RunPython(sleep)]
"""


MIGRATION = """
from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("enhancelog", "{before}")]
    {body}
"""
SETTINGS = """
import enhancelog

enhancelog.__version__ = "{version}"
{first}
from enhancelog.settings import *

MIGRATION_MODULES = MIGRATION_MODULES | {{"enhancelog": "{package}"}}
"""


def release(
    folder: Path, name: str, migrations: Mapping[str, str], version: str = "0.2.0", first: str = ""
) -> dict[str, str]:
    """The environment in which ``manage.py`` has these further migrations, in order (name: body of the class), and
    before its settings executes ``first``.
    """
    package = folder / f"{name}_migrations"
    package.mkdir()
    for path in MIGRATIONS.glob("*.py"):
        shutil.copy(path, package)
    before = max(path.stem for path in MIGRATIONS.glob("0*.py"))
    for migration, body in migrations.items():
        (package / f"{migration}.py").write_text(MIGRATION.format(before=before, body=body))
        before = migration
    (folder / f"{name}_settings.py").write_text(SETTINGS.format(package=package.name, version=version, first=first))
    return {"PYTHONPATH": str(folder), "DJANGO_SETTINGS_MODULE": f"{name}_settings"}
