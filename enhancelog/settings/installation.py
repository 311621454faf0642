"""A clone, or the installed package: where its files and its data are, and what it is called."""

import os
from pathlib import Path
from typing import Final

from django.core.exceptions import ImproperlyConfigured

BASE_DIR: Final = Path(__file__).resolve().parent.parent.parent
# Where the package of the server has the folders that are at the top of a clone: see release/server/.
_PACKAGED: Final = BASE_DIR / "enhancelog" / "web"
IS_INSTALLED: Final = (_PACKAGED / "templates").is_dir()
# Contains ``templates`` and ``static``.
PAGES_DIR: Final = _PACKAGED if IS_INSTALLED else BASE_DIR
# What users start; it stands before a command in what they are told to run.
PROGRAM: Final = "enhancelog" if IS_INSTALLED else "python3 manage.py"


def default_data_dir() -> Path:
    """Raises ``ImproperlyConfigured``."""
    if not IS_INSTALLED:
        return BASE_DIR / "var"
    given = Path(os.environ.get("XDG_DATA_HOME", ""))
    if given.is_absolute():  # otherwise the XDG specification ignores it
        return given / "enhancelog"
    try:
        return Path.home() / ".local" / "share" / "enhancelog"
    except RuntimeError:
        raise ImproperlyConfigured("ENHANCELOG_DATA_DIR: must be set, because this user has no home folder") from None
