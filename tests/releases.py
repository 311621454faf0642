"""Other releases of the product, which differ from this one in the migrations that the tests give them."""

import shutil
from collections.abc import Mapping
from pathlib import Path

MIGRATIONS = Path(__file__).resolve().parent.parent / "enhancelog" / "migrations"

SQL = "operations = [migrations.RunSQL({!r})]"
EXTRA_TABLE = SQL.format("CREATE TABLE enhancelog_extra (number integer)")
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
from enhancelog.settings import *

MIGRATION_MODULES = MIGRATION_MODULES | {{"enhancelog": "{package}"}}
"""


def release(folder: Path, name: str, migrations: Mapping[str, str]) -> dict[str, str]:
    """The environment in which ``manage.py`` has these further migrations, in order (name: body of the class)."""
    package = folder / f"{name}_migrations"
    package.mkdir()
    for path in MIGRATIONS.glob("*.py"):
        shutil.copy(path, package)
    before = max(path.stem for path in MIGRATIONS.glob("0*.py"))
    for migration, body in migrations.items():
        (package / f"{migration}.py").write_text(MIGRATION.format(before=before, body=body))
        before = migration
    (folder / f"{name}_settings.py").write_text(SETTINGS.format(package=package.name))
    return {"PYTHONPATH": str(folder), "DJANGO_SETTINGS_MODULE": f"{name}_settings"}
