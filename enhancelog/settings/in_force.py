"""The settings in force, for the operator: no value of a setting that could be secret."""

from typing import Final

from enhancelog.domain.installation import Setting
from enhancelog.settings import reading

# The value of any other setting is not shown, so that a new one is secret until it is added here.
SHOWN: Final = frozenset(
    {
        "ENHANCELOG_BACKUP_EVERY",
        "ENHANCELOG_BACKUP_KEEP",
        "ENHANCELOG_BODY_TIMEOUT",
        "ENHANCELOG_DEMO",
        "ENHANCELOG_HOSTS",
        "ENHANCELOG_LOCAL_SIGN_IN",
        "ENHANCELOG_LOG_LEVEL",
        "ENHANCELOG_MAX_BULK_BYTES",
        "ENHANCELOG_MAX_BULK_LINES",
        "ENHANCELOG_MAX_CONTENT_BYTES",
        "ENHANCELOG_MAX_ENTRY_BYTES",
        "ENHANCELOG_MAX_UPLOADS_BYTES",
        "ENHANCELOG_OIDC_GROUPS_CLAIM",
        "ENHANCELOG_OIDC_ISSUER",
        "ENHANCELOG_OIDC_READER_GROUPS",
        "ENHANCELOG_OIDC_SCOPES",
        "ENHANCELOG_OIDC_STAFF_GROUPS",
        "ENHANCELOG_PIN_WORKERS",
        "ENHANCELOG_POLLS",
        "ENHANCELOG_PUBLIC_READ",
        "ENHANCELOG_RELOAD",
        "ENHANCELOG_REMOTE_USER_HEADER",
        "ENHANCELOG_SERVERS",
        "ENHANCELOG_SESSION_IDLE",
        "ENHANCELOG_SESSION_LIFETIME",
        "ENHANCELOG_STREAMS",
        "ENHANCELOG_THREADS",
        "ENHANCELOG_THROTTLE_APPEND",
        "ENHANCELOG_THROTTLE_BULK",
        "ENHANCELOG_THROTTLE_READ",
        "ENHANCELOG_TRUSTED_PROXIES",
        "ENHANCELOG_WEBHOOK_ALLOW",
        "ENHANCELOG_WITNESSES",
        "ENHANCELOG_WORKERS",
    }
)


def settings(without_secrets: dict[str, str]) -> list[Setting]:
    """``without_secrets``: what to show of settings that can contain a password."""
    return [_shown(asked, without_secrets) for _, asked in sorted(reading.asked.items())]


def _shown(asked: Setting, without_secrets: dict[str, str]) -> Setting:
    if asked.name in SHOWN:
        return asked
    hidden = "set" if asked.origin != "default" else asked.value
    return Setting(asked.name, without_secrets.get(asked.name, hidden), asked.origin)
