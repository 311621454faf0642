"""The product's settings with the environment of whoever runs the tests taken out.

ENHANCELOG_TEST_DATABASE says which database: ``sqlite`` (a real file, so that WAL and the write lock are real) or
``postgresql``, which is then at ENHANCELOG_TEST_DATABASE_URL.
"""

import atexit
import os
import shutil
import sys
import tempfile
from pathlib import Path

_KEPT = ("ENHANCELOG_TEST_", "ENHANCELOG_BOOTSTRAP")

for _name in list(os.environ):
    if _name == "DATABASE_URL" or (_name.startswith("ENHANCELOG_") and not _name.startswith(_KEPT)):
        del os.environ[_name]

if "pytest" not in sys.modules:  # a type checker reads this too, and leaves without cleaning up
    os.environ.setdefault("ENHANCELOG_TEST_DATA_DIR", str(Path(__file__).parent.parent / ".mypy_cache" / "data"))
elif "ENHANCELOG_TEST_DATA_DIR" not in os.environ:  # workers share their parent's
    os.environ["ENHANCELOG_TEST_DATA_DIR"] = tempfile.mkdtemp(prefix="enhancelog-test-")
    atexit.register(shutil.rmtree, os.environ["ENHANCELOG_TEST_DATA_DIR"], ignore_errors=True)
os.environ["ENHANCELOG_DATA_DIR"] = os.environ["ENHANCELOG_TEST_DATA_DIR"]
if os.environ.get("ENHANCELOG_TEST_DATABASE") == "postgresql":
    os.environ["DATABASE_URL"] = os.environ["ENHANCELOG_TEST_DATABASE_URL"]

from enhancelog.settings import *
from enhancelog.settings import DATA_DIR, DATABASES, STATIC_ROOT, STORAGES

os.environ.pop("DATABASE_URL", None)  # what tests start gets a database of its own

if DATABASES["default"]["ENGINE"] == "enhancelog.backends.sqlite":
    DATABASES["default"]["TEST"] = {"NAME": str(DATA_DIR / "test.sqlite3")}
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
STORAGES["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
WHITENOISE_USE_FINDERS = WHITENOISE_AUTOREFRESH = True  # asked when needed; else every test client looks through all
STATIC_ROOT.mkdir(exist_ok=True)
