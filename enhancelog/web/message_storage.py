"""Stores messages in our own cookie, or in the session if too long."""

from django.conf import settings
from django.contrib.messages.storage import cookie, fallback, session
from django.http import HttpResponseBase


class CookieStorage(cookie.CookieStorage):
    cookie_name = settings.MESSAGES_COOKIE_NAME

    def _update_cookie(self, encoded_data: str, response: HttpResponseBase) -> None:
        super()._update_cookie(encoded_data, response)  # type: ignore[misc]  # the stubs lack it
        if self.cookie_name in response.cookies:
            response.cookies[self.cookie_name]["path"] = settings.COOKIE_PATH  # Django sets none


class MessageStorage(fallback.FallbackStorage):
    storage_classes = (CookieStorage, session.SessionStorage)
