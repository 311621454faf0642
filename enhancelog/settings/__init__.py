"""Django settings from the environment (see docs/settings.md). Raises ``ImproperlyConfigured``."""

import sys
from pathlib import Path
from typing import Any
from urllib.parse import quote

from django.core.exceptions import ImproperlyConfigured
from jinja2 import StrictUndefined

from enhancelog import backends
from enhancelog.accounts import lockout_limits
from enhancelog.accounts.cookies import cookie_name
from enhancelog.observing import structured_logs
from enhancelog.settings import (
    data_folder,
    evidence_key,
    in_force,
    installation,
    mail_server,
    names,
    reading,
    remote_user,
    sign_in,
)
from enhancelog.settings import witnesses as witness_list

BASE_DIR = installation.BASE_DIR
PAGES_DIR = installation.PAGES_DIR
PROGRAM = installation.PROGRAM

DEMO = reading.boolean("ENHANCELOG_DEMO")
DATA_DIR = data_folder.prepared(Path(reading.text("ENHANCELOG_DATA_DIR") or installation.default_data_dir()).absolute())
SECRET_KEY = data_folder.secret_key(DATA_DIR / "secret_key")
EVIDENCE_KEY = evidence_key.given()
WITNESSES = witness_list.named(reading.text(witness_list.NAME))
DEBUG = False
# For developers: templates and static files are read from the clone on each request.
RELOAD = reading.boolean("ENHANCELOG_RELOAD") or sys.argv[1:2] == ["runserver"]

PUBLIC_URL_GIVEN = bool(reading.text("ENHANCELOG_URL"))
_public = names.public_address("ENHANCELOG_URL", "http://127.0.0.1:8000")
PUBLIC_URL = _public.url
PUBLIC_ORIGIN = _public.origin
PUBLIC_HOST = _public.netloc
PUBLIC_PATH = _public.path  # empty, or like /enhancelog
COOKIE_PATH = PUBLIC_PATH or "/"
FORCE_SCRIPT_NAME = PUBLIC_PATH or None  # ``server.mounting`` takes it off the requests' paths
OTHER_HOSTS = names.hosts("ENHANCELOG_HOSTS")
ALLOWED_HOSTS = list(dict.fromkeys([_public.host, "127.0.0.1", "localhost", "[::1]", *OTHER_HOSTS]))
CSRF_TRUSTED_ORIGINS = [PUBLIC_ORIGIN]  # forms that another name served come from that name, which needs no trust

PUBLIC_READ = DEMO or reading.boolean("ENHANCELOG_PUBLIC_READ")
TRUSTED_PROXIES = reading.networks("ENHANCELOG_TRUSTED_PROXIES")
REMOTE_USER_HEADER = remote_user.meta_key(reading.text(remote_user.NAME), bool(TRUSTED_PROXIES))
MAX_ENTRY_BYTES = reading.positive("ENHANCELOG_MAX_ENTRY_BYTES", 1 << 20)
MAX_CONTENT_BYTES = reading.positive("ENHANCELOG_MAX_CONTENT_BYTES", 1 << 20)
MAX_BULK_BYTES = reading.positive("ENHANCELOG_MAX_BULK_BYTES", 512 << 20)
MAX_BULK_LINES = reading.positive("ENHANCELOG_MAX_BULK_LINES", 200_000)
MAX_UPLOADS_BYTES = reading.positive("ENHANCELOG_MAX_UPLOADS_BYTES", 2 << 30)
WORKERS = reading.positive("ENHANCELOG_WORKERS", 1)
SERVERS = reading.positive("ENHANCELOG_SERVERS", 1)
WORKERS_GIVEN = bool(reading.text("ENHANCELOG_WORKERS", "1"))
THREADS = reading.positive("ENHANCELOG_THREADS", 32)
PIN_WORKERS = reading.boolean("ENHANCELOG_PIN_WORKERS", True)
BODY_TIMEOUT_S = reading.positive("ENHANCELOG_BODY_TIMEOUT", 30)
STREAMS = reading.positive("ENHANCELOG_STREAMS", 64)
POLLS = reading.positive("ENHANCELOG_POLLS", 1000)
THROTTLE_APPEND = reading.rate("ENHANCELOG_THROTTLE_APPEND", "6000/min")
THROTTLE_BULK = reading.rate("ENHANCELOG_THROTTLE_BULK", "60/min")
THROTTLE_READ = reading.rate("ENHANCELOG_THROTTLE_READ", "off")
BACKUP_EVERY = reading.interval("ENHANCELOG_BACKUP_EVERY", "1d", ("5m", "400d"))  # None: never
BACKUP_KEEP = reading.positive("ENHANCELOG_BACKUP_KEEP", 7)
WEBHOOK_ALLOW = reading.hosts("ENHANCELOG_WEBHOOK_ALLOW")
MAIL_SERVER = mail_server.from_url(reading.text("ENHANCELOG_EMAIL_URL"))
OIDC = sign_in.oidc_provider()
LOCAL_SIGN_IN = sign_in.local(OIDC)

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "enhancelog.accounts.apps.SignInAttempts",  # django-axes
    "allauth.account",  # needed by the next
    "allauth.socialaccount",
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
    "enhancelog.server.host_names.HostNamesMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "enhancelog.web.compression.CompressionMiddleware",
    "enhancelog.web.failures.RefusalMiddleware",
    "enhancelog.web.reading.ReadingMiddleware",
    "enhancelog.web.sessions.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "enhancelog.web.proxy_sign_in.ProxySignInMiddleware",
    "enhancelog.web.reader.ReaderMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "enhancelog.web.htmx.RedirectMiddleware",
    "enhancelog.web.temporary_passwords.TemporaryPasswordMiddleware",
    "axes.middleware.AxesMiddleware",
    "allauth.account.middleware.AccountMiddleware",
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
    "enhancelog.web.mention_count.in_templates",
    "enhancelog.web.reading.in_templates",
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
        "DIRS": [PAGES_DIR / "templates"],
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
READ_DATABASE = backends.replica_from_url(reading.text("ENHANCELOG_READ_URL"), DATABASES["default"])
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "django.contrib.auth.backends.ModelBackend",
    "enhancelog.accounts.oidc_users.OidcUsers",
]
if REMOTE_USER_HEADER:  # without it, sessions that a proxy had started end
    AUTHENTICATION_BACKENDS.append("enhancelog.accounts.remote_users.RemoteUsers")
PASSWORD_HASHERS = ["enhancelog.accounts.passwords.Argon2PasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
    {"NAME": "enhancelog.accounts.password_changes.PasswordChanges"},
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

# allauth talks to the provider; the pages are ours, and none of its own is routed.
SOCIALACCOUNT_ADAPTER = "enhancelog.web.oidc_flow.Adapter"
SOCIALACCOUNT_EMAIL_AUTHENTICATION = False  # or an address at the provider would open somebody's account here
ACCOUNT_EMAIL_VERIFICATION = SOCIALACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_RATE_LIMITS = False

SESSION_ENGINE = "enhancelog.accounts.session_store"
SESSION_IDLE = reading.duration("ENHANCELOG_SESSION_IDLE", "14d", ("5m", "400d"))
SESSION_LIFETIME = reading.duration("ENHANCELOG_SESSION_LIFETIME", "90d", ("5m", "400d"))
SESSION_COOKIE_AGE = int(SESSION_LIFETIME.total_seconds())
SESSION_COOKIE_NAME = cookie_name("session", _public)
CSRF_COOKIE_NAME = cookie_name("csrf", _public)
THEME_COOKIE_NAME = cookie_name("theme", _public)
READER_COOKIE_NAME = cookie_name("reader", _public)  # read by scripts
OPERATOR_COOKIE_NAME = cookie_name("operator", _public)
MESSAGES_COOKIE_NAME = cookie_name("messages", _public)
SESSION_COOKIE_PATH = CSRF_COOKIE_PATH = COOKIE_PATH
MESSAGE_STORAGE = "enhancelog.web.message_storage.MessageStorage"
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_FAILURE_VIEW = "enhancelog.web.failures.csrf_failure"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
HTTPS = _public.scheme == "https"
SECURE_SSL_REDIRECT = SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
SECURE_REDIRECT_EXEMPT = [""]  # HostNamesMiddleware redirects: not all names, and no probes
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")  # TrustedProxiesMiddleware drops anybody else's
# Both would apply to the whole domain, which is not this application's decision.
SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W021"]

LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_TZ = True
USE_I18N = False

STATIC_URL = f"{PUBLIC_PATH}/static/"
STATIC_ROOT = DATA_DIR / "static"
STATICFILES_DIRS = [PAGES_DIR / "static"]
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
DATA_UPLOAD_MAX_NUMBER_FIELDS = 1_100  # a list of 1,000 patterns, all ticked, and what to set
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

LOG_LEVEL = reading.text("ENHANCELOG_LOG_LEVEL", "info").upper() or "INFO"
if LOG_LEVEL not in ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"):
    raise ImproperlyConfigured(
        f'ENHANCELOG_LOG_LEVEL: must be debug, info, warning, error or critical, not "{LOG_LEVEL}"'
    )
LOGGING = structured_logs.config(LOG_LEVEL)

SETTINGS_IN_FORCE = in_force.settings(
    {
        "DATABASE_URL": backends.address_of(DATABASES["default"]),
        "ENHANCELOG_DATA_DIR": str(DATA_DIR),
        "ENHANCELOG_READ_URL": backends.address_of(READ_DATABASE) if READ_DATABASE else "",
        "ENHANCELOG_EMAIL_URL": MAIL_SERVER.address if MAIL_SERVER else "",
        "ENHANCELOG_URL": PUBLIC_URL,
    }
)
