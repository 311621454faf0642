"""Opens files that others name, which may be no files."""

import os
import stat
from pathlib import Path
from typing import BinaryIO

from enhancelog.backends.copies import BadCopy


def open_regular(path: Path) -> BinaryIO:
    """Never waits for the other end of a pipe or for a device. Raises ``BadCopy`` or ``OSError``."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    try:
        mode = os.fstat(descriptor).st_mode
        if not stat.S_ISREG(mode):
            raise BadCopy(f"{path} is {'a folder' if stat.S_ISDIR(mode) else 'a pipe or a device'}, not a file")
        return open(descriptor, "rb")
    except BaseException:
        os.close(descriptor)
        raise
