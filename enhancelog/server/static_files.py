import hashlib

from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.core.management import call_command

from enhancelog import __version__

# Files of packages that no page uses; compressing them would take most of the time.
UNUSED = ("rest_framework", "redoc", "swagger-ui-bundle.js.map", "swagger-ui-standalone*", "oauth2-redirect*")


def collect() -> bool:
    """Fill STATIC_ROOT; returns whether anything changed."""
    stamp = settings.DATA_DIR / "static.stamp"
    now = _fingerprint()
    if settings.STATIC_ROOT.is_dir() and stamp.is_file() and stamp.read_text() == now:
        return False
    call_command("collectstatic", verbosity=0, interactive=False, ignore_patterns=[*UNUSED])
    stamp.write_text(now)
    return True


def _fingerprint() -> str:
    digest = hashlib.sha256(__version__.encode())  # of images, all files may have the same time
    for finder in get_finders():
        for path, storage in sorted(finder.list([]), key=lambda found: found[0]):
            modified = storage.get_modified_time(path).timestamp()
            digest.update(f"{storage.path(path)}\0{storage.size(path)}\0{modified}\n".encode())
    return digest.hexdigest()
