"""Django settings from the environment (see docs/settings.md). Raises ``ImproperlyConfigured``."""

import os
import secrets
import sys
import tempfile
from datetime import timedelta
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured
from jinja2 import StrictUndefined

from enhancelog import backends
from enhancelog.accounts.cookies import cookie_name
from enhancelog.backends.disk import is_writable
from enhancelog.observing import structured_logs

BASE_DIR = Path(__file__).resolve().parent.parent


def _text(name: str) -> str:
    """The setting, or the content of the file that NAME_FILE names, stripped; empty if unset."""
    path = os.environ.get(f"{name}_FILE")
    if name in os.environ or not path:
        return os.environ.get(name, "").strip()
    try:
        return Path(path).read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "is not text"
        raise ImproperlyConfigured(f"{name}_FILE: cannot read {path}: {reason}") from None


def _boolean(name: str, default: bool = False) -> bool:
    value = _text(name).lower()
    if value in ("", "1", "true", "yes", "on"):
        return default if value == "" else True
    if value in ("0", "false", "no", "off"):
        return False
    raise ImproperlyConfigured(f'{name}: must be true or false, not "{value}"')


def _positive(name: str, default: int) -> int:
    value = _text(name).replace("_", "") or str(default)
    if value.isascii() and value.isdigit() and int(value) > 0:
        return int(value)
    raise ImproperlyConfigured(f'{name}: must be a whole number above 0, not "{value}"')


def _rate(name: str, default: str) -> tuple[int, int] | None:
    """(requests, seconds) for ``6000/min``; ``None`` for ``off``."""
    value = _text(name).lower() or default
    number, _, unit = value.partition("/")
    seconds = {"s": 1, "min": 60, "h": 3600}.get(unit)
    if value == "off":
        return None
    if seconds and number.isascii() and number.isdigit() and 0 < int(number[:10]) < 10**9:
        return int(number), seconds
    raise ImproperlyConfigured(f'{name}: must be like 6000/min, 100/s, 1000/h or off, not "{value}"')


def _networks(name: str) -> list[IPv4Network | IPv6Network]:
    try:
        return [ip_network(part.strip(), strict=False) for part in _text(name).split(",") if part.strip()]
    except ValueError as error:
        raise ImproperlyConfigured(f"{name}: {error}") from None


def _data_dir(path: Path) -> Path:
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise ImproperlyConfigured(
            f"ENHANCELOG_DATA_DIR: cannot create the folder {path}: {error.strerror}; choose another"
        ) from None
    if not is_writable(path) and not _only_reads():
        raise ImproperlyConfigured(f"ENHANCELOG_DATA_DIR: the folder {path} is not writable; choose another")
    return path


def _only_reads() -> bool:
    """Whether the command works on a read-only data folder, to rescue the data."""
    return sys.argv[1:2] in (["backup"], ["export_content"], ["export_log"], ["verify_log"])


def _secret_key(path: Path) -> str:
    """The key from the environment, else from the data folder, where it is created if missing."""
    given = _text("ENHANCELOG_SECRET_KEY")
    if given:
        if len(given) < 32:
            raise ImproperlyConfigured("ENHANCELOG_SECRET_KEY: needs at least 32 characters")
        return given
    try:
        if not path.exists():
            _create_secret_key(path)
        key = path.read_text().strip()
    except OSError as error:
        if _only_reads():
            return secrets.token_urlsafe(50)  # nothing is signed
        raise ImproperlyConfigured(
            f"ENHANCELOG_DATA_DIR: cannot store the secret key {path}: {error.strerror}"
        ) from None
    if not key:  # left by an older release on a full disk
        raise ImproperlyConfigured(f"ENHANCELOG_DATA_DIR: the key {path} is empty; remove it to create a new one")
    return key


def _create_secret_key(path: Path) -> None:
    # A linked file is whole, also on a full disk, and one that another process created first stays.
    descriptor, name = tempfile.mkstemp(dir=path.parent)  # mode 0600
    try:
        with open(descriptor, "w") as file:
            file.write(secrets.token_urlsafe(50))
        os.link(name, path)
    except FileExistsError:
        pass
    except PermissionError:  # a file system without hard links
        os.replace(name, path)
    finally:
        Path(name).unlink(missing_ok=True)


DEMO = _boolean("ENHANCELOG_DEMO")
DATA_DIR = _data_dir(Path(_text("ENHANCELOG_DATA_DIR") or BASE_DIR / "var").absolute())
SECRET_KEY = _secret_key(DATA_DIR / "secret_key")
DEBUG = False
# For developers: templates and static files are read from the clone on each request.
RELOAD = _boolean("ENHANCELOG_RELOAD") or sys.argv[1:2] == ["runserver"]

PUBLIC_URL = _text("ENHANCELOG_URL").rstrip("/") or "http://127.0.0.1:8000"
_url = urlsplit(PUBLIC_URL)
if _url.scheme not in ("http", "https") or not _url.hostname or _url.path:
    raise ImproperlyConfigured(f'ENHANCELOG_URL: must be a URL like https://log.example.org, not "{PUBLIC_URL}"')
_host = f"[{_url.hostname}]" if ":" in _url.hostname else _url.hostname
ALLOWED_HOSTS = list(dict.fromkeys([_host, "127.0.0.1", "localhost", "[::1]"]))
CSRF_TRUSTED_ORIGINS = [f"{_url.scheme}://{_url.netloc}"]

PUBLIC_READ = DEMO or _boolean("ENHANCELOG_PUBLIC_READ")
TRUSTED_PROXIES = _networks("ENHANCELOG_TRUSTED_PROXIES")
MAX_ENTRY_BYTES = _positive("ENHANCELOG_MAX_ENTRY_BYTES", 1 << 20)
MAX_CONTENT_BYTES = _positive("ENHANCELOG_MAX_CONTENT_BYTES", 1 << 20)
MAX_BULK_BYTES = _positive("ENHANCELOG_MAX_BULK_BYTES", 512 << 20)
MAX_BULK_LINES = _positive("ENHANCELOG_MAX_BULK_LINES", 200_000)
MAX_UPLOADS_BYTES = _positive("ENHANCELOG_MAX_UPLOADS_BYTES", 2 << 30)
WORKERS = _positive("ENHANCELOG_WORKERS", 1)
THREADS = _positive("ENHANCELOG_THREADS", 32)
PIN_WORKERS = _boolean("ENHANCELOG_PIN_WORKERS", True)
BODY_TIMEOUT_S = _positive("ENHANCELOG_BODY_TIMEOUT", 30)
STREAMS = _positive("ENHANCELOG_STREAMS", 64)
POLLS = _positive("ENHANCELOG_POLLS", 1000)
THROTTLE_APPEND = _rate("ENHANCELOG_THROTTLE_APPEND", "6000/min")
THROTTLE_BULK = _rate("ENHANCELOG_THROTTLE_BULK", "60/min")
THROTTLE_READ = _rate("ENHANCELOG_THROTTLE_READ", "off")

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "enhancelog.accounts.apps.SignInAttempts",  # django-axes
    "csp",
    "django_htmx",
    "drf_spectacular_sidecar",
    "knox",
    "rest_framework",
    "enhancelog",
    "content",
]

MIDDLEWARE = [
    "enhancelog.server.proxies.TrustedProxiesMiddleware",
    "enhancelog.server.request_logs.RequestLogMiddleware",
    "enhancelog.web.content_security.PolicyMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "enhancelog.web.compression.CompressionMiddleware",
    "enhancelog.web.failures.RefusalMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "enhancelog.web.reader.ReaderMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "axes.middleware.AxesMiddleware",
    "enhancelog.web.failures.UnavailableMiddleware",
    "enhancelog.web.failures.AdminFormsMiddleware",
]

ROOT_URLCONF = "enhancelog.urls"
WSGI_APPLICATION = "enhancelog.wsgi.application"
APPEND_SLASH = False  # every path is exact, and an id may end in a slash

_CONTEXT_PROCESSORS = [
    "django.template.context_processors.request",
    "django.contrib.auth.context_processors.auth",
    "django.contrib.messages.context_processors.messages",
    "enhancelog.web.theme.in_templates",
    "enhancelog.web.reader.in_templates",
]
TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,  # of the admin
        "OPTIONS": {"context_processors": _CONTEXT_PROCESSORS},
    },
    {
        "BACKEND": "django.template.backends.jinja2.Jinja2",
        "NAME": "jinja",
        "DIRS": [BASE_DIR / "templates"],
        "OPTIONS": {
            "environment": "enhancelog.web.jinja.environment",
            "undefined": StrictUndefined,
            "auto_reload": RELOAD,
            "context_processors": _CONTEXT_PROCESSORS,
        },
    },
]

DATABASES = {
    "default": backends.from_url(
        f"sqlite:///{quote(str(DATA_DIR / 'demo.sqlite3'))}" if DEMO else _text("DATABASE_URL"), DATA_DIR
    )
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

AUTHENTICATION_BACKENDS = ["axes.backends.AxesStandaloneBackend", "django.contrib.auth.backends.ModelBackend"]
PASSWORD_HASHERS = ["enhancelog.accounts.passwords.Argon2PasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
    {"NAME": "enhancelog.accounts.events.PasswordChanges"},
]
LOGIN_URL = "sign_in"
LOGIN_REDIRECT_URL = "overview"
LOGOUT_REDIRECT_URL = "sign_in"
AXES_FAILURE_LIMIT = 10
AXES_COOLOFF_TIME = timedelta(minutes=15)
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]  # the handler adds a second, higher limit
AXES_HANDLER = "enhancelog.accounts.lockouts.Handler"
AXES_CLIENT_IP_CALLABLE = "enhancelog.accounts.lockouts.network_of"
AXES_USERNAME_CALLABLE = "enhancelog.accounts.lockouts.name_of"
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False  # or one script would lock out its whole office
AXES_RESET_ON_SUCCESS = True
AXES_LOCKOUT_CALLABLE = "enhancelog.web.failures.locked_out"
AXES_VERBOSE = False

SESSION_COOKIE_NAME = cookie_name("session", _url)
CSRF_COOKIE_NAME = cookie_name("csrf", _url)
THEME_COOKIE_NAME = cookie_name("theme", _url)
READER_COOKIE_NAME = cookie_name("reader", _url)  # read by scripts
MESSAGES_COOKIE_NAME = cookie_name("messages", _url)
MESSAGE_STORAGE = "enhancelog.web.message_storage.MessageStorage"
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_FAILURE_VIEW = "enhancelog.web.failures.csrf_failure"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
HTTPS = _url.scheme == "https"
SECURE_SSL_REDIRECT = SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
SECURE_REDIRECT_EXEMPT = [r"^health/"]
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")  # TrustedProxiesMiddleware drops anybody else's
# Both would apply to the whole domain, which is not this application's decision.
SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W021"]
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "base-uri": [NONE],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
        "object-src": [NONE],
    }
}

LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_TZ = True
USE_I18N = False

STATIC_URL = "static/"
STATIC_ROOT = DATA_DIR / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if RELOAD
        else "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
}
WHITENOISE_AUTOREFRESH = WHITENOISE_USE_FINDERS = RELOAD
WHITENOISE_MAX_AGE = 0 if RELOAD else 60
WHITENOISE_ALLOW_ALL_ORIGINS = False
WHITENOISE_KEEP_ONLY_HASHED_FILES = True  # halves the files and the first start

# A form's encoding makes a value up to 3 times as long, and a conflict sends it twice.
DATA_UPLOAD_MAX_MEMORY_SIZE = 6 * MAX_CONTENT_BYTES + (64 << 10)
LARGE_FORMS = dict.fromkeys(("/content/edit/", "/admin/content/", "/account/resume"), DATA_UPLOAD_MAX_MEMORY_SIZE)
MAX_BODY_BYTES = max(MAX_BULK_BYTES, 64 << 20)  # of any body; the API's views have lower limits
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "enhancelog.api.authentication.TokenAuthentication",  # first: its 401 says which scheme to use
        "enhancelog.api.authentication.SessionAuthentication",
    ],
    "DEFAULT_THROTTLE_CLASSES": ["enhancelog.api.throttles.Throttle"],
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "enhancelog.api.negotiation.AnyAccept",
    "DEFAULT_METADATA_CLASS": None,
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": [],  # views read their bodies themselves, within limits
    "EXCEPTION_HANDLER": "enhancelog.api.errors.problem",
    "URL_FORMAT_OVERRIDE": None,  # ?format= is ours: unknown formats are 400, not 404
}
KNOX_TOKEN_MODEL = "enhancelog.Token"
MIGRATION_MODULES = {"knox": None}  # knox's own table is not used
REST_KNOX = {"TOKEN_PREFIX": "enh_", "TOKEN_TTL": None}

LOG_LEVEL = _text("ENHANCELOG_LOG_LEVEL").upper() or "INFO"
if LOG_LEVEL not in ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"):
    raise ImproperlyConfigured(
        f'ENHANCELOG_LOG_LEVEL: must be debug, info, warning, error or critical, not "{LOG_LEVEL}"'
    )
LOGGING = structured_logs.config(LOG_LEVEL)
