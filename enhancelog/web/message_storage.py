"""Stores messages in our own cookie, or in the session if too long."""

from django.conf import settings
from django.contrib.messages.storage import cookie, fallback, session


class CookieStorage(cookie.CookieStorage):
    cookie_name = settings.MESSAGES_COOKIE_NAME


class MessageStorage(fallback.FallbackStorage):
    storage_classes = (CookieStorage, session.SessionStorage)
