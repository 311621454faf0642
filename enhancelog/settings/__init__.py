"""Django settings from the environment (see docs/settings.md). Raises ``ImproperlyConfigured``."""

import sys
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from django.core.exceptions import ImproperlyConfigured
from jinja2 import StrictUndefined

from enhancelog import backends
from enhancelog.accounts import lockout_limits
from enhancelog.accounts.cookies import cookie_name
from enhancelog.observing import structured_logs
from enhancelog.settings import data_folder, reading

BASE_DIR = Path(__file__).resolve().parent.parent.parent

DEMO = reading.boolean("ENHANCELOG_DEMO")
DATA_DIR = data_folder.prepared(Path(reading.text("ENHANCELOG_DATA_DIR") or BASE_DIR / "var").absolute())
SECRET_KEY = data_folder.secret_key(DATA_DIR / "secret_key")
DEBUG = False
# For developers: templates and static files are read from the clone on each request.
RELOAD = reading.boolean("ENHANCELOG_RELOAD") or sys.argv[1:2] == ["runserver"]

PUBLIC_URL_GIVEN = bool(reading.text("ENHANCELOG_URL"))
PUBLIC_URL = reading.text("ENHANCELOG_URL").rstrip("/") or "http://127.0.0.1:8000"
_url = urlsplit(PUBLIC_URL)
if _url.scheme not in ("http", "https") or not _url.hostname or _url.path:
    raise ImproperlyConfigured(f'ENHANCELOG_URL: must be a URL like https://log.example.org, not "{PUBLIC_URL}"')
_host = f"[{_url.hostname}]" if ":" in _url.hostname else _url.hostname
ALLOWED_HOSTS = list(dict.fromkeys([_host, "127.0.0.1", "localhost", "[::1]"]))
CSRF_TRUSTED_ORIGINS = [f"{_url.scheme}://{_url.netloc}"]

PUBLIC_READ = DEMO or reading.boolean("ENHANCELOG_PUBLIC_READ")
TRUSTED_PROXIES = reading.networks("ENHANCELOG_TRUSTED_PROXIES")
MAX_ENTRY_BYTES = reading.positive("ENHANCELOG_MAX_ENTRY_BYTES", 1 << 20)
MAX_CONTENT_BYTES = reading.positive("ENHANCELOG_MAX_CONTENT_BYTES", 1 << 20)
MAX_BULK_BYTES = reading.positive("ENHANCELOG_MAX_BULK_BYTES", 512 << 20)
MAX_BULK_LINES = reading.positive("ENHANCELOG_MAX_BULK_LINES", 200_000)
MAX_UPLOADS_BYTES = reading.positive("ENHANCELOG_MAX_UPLOADS_BYTES", 2 << 30)
WORKERS = reading.positive("ENHANCELOG_WORKERS", 1)
THREADS = reading.positive("ENHANCELOG_THREADS", 32)
PIN_WORKERS = reading.boolean("ENHANCELOG_PIN_WORKERS", True)
BODY_TIMEOUT_S = reading.positive("ENHANCELOG_BODY_TIMEOUT", 30)
STREAMS = reading.positive("ENHANCELOG_STREAMS", 64)
POLLS = reading.positive("ENHANCELOG_POLLS", 1000)
THROTTLE_APPEND = reading.rate("ENHANCELOG_THROTTLE_APPEND", "6000/min")
THROTTLE_BULK = reading.rate("ENHANCELOG_THROTTLE_BULK", "60/min")
THROTTLE_READ = reading.rate("ENHANCELOG_THROTTLE_READ", "off")

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
    "enhancelog.web.security_headers.SecurityHeadersMiddleware",
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
    "enhancelog.web.htmx.RedirectMiddleware",
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
        f"sqlite:///{quote(str(DATA_DIR / 'demo.sqlite3'))}" if DEMO else reading.text("DATABASE_URL"), DATA_DIR
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
AXES_FAILURE_LIMIT = lockout_limits.NAME_FAILURE_LIMIT
AXES_COOLOFF_TIME = lockout_limits.LOCKOUT_TIME
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]  # the handler adds a second, higher limit
AXES_HANDLER = "enhancelog.accounts.lockouts.Handler"
AXES_CLIENT_IP_CALLABLE = "enhancelog.accounts.lockouts.network_of_client"
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

LOG_LEVEL = reading.text("ENHANCELOG_LOG_LEVEL").upper() or "INFO"
if LOG_LEVEL not in ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"):
    raise ImproperlyConfigured(
        f'ENHANCELOG_LOG_LEVEL: must be debug, info, warning, error or critical, not "{LOG_LEVEL}"'
    )
LOGGING = structured_logs.config(LOG_LEVEL)
