"""Light, dark or system theme."""

from typing import Any, Final

from django.conf import settings
from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.views.decorators.http import require_POST

from enhancelog import links

SYSTEM: Final = "system"
THEMES: Final = {SYSTEM: "System", "light": "Light", "dark": "Dark"}
KEPT_S: Final = 365 * 86_400


# In a cookie and not in the browser's storage, so that the first paint is right.
def chosen(request: HttpRequest) -> str:
    cookie = request.COOKIES.get(settings.THEME_COOKIE_NAME, "")
    return cookie if cookie in THEMES else SYSTEM


def in_templates(request: HttpRequest) -> dict[str, Any]:
    """Context processor."""
    return {"theme": chosen(request), "themes": THEMES.items()}


@require_POST
def choose_theme(request: HttpRequest) -> HttpResponse:
    theme = request.POST.get("theme", "")
    if theme not in THEMES:
        raise BadRequest(f'theme: must be one of {", ".join(THEMES)}, not "{theme[:40]}"')
    back = request.POST.get("next", "")
    response = HttpResponseRedirect(back if links.is_path_here(back) else links.at("/"))
    if theme == SYSTEM:
        response.delete_cookie(settings.THEME_COOKIE_NAME, path=settings.COOKIE_PATH, samesite="Lax")
    else:
        response.set_cookie(
            settings.THEME_COOKIE_NAME,
            theme,
            max_age=KEPT_S,
            path=settings.COOKIE_PATH,
            samesite="Lax",
            secure=settings.HTTPS,
            httponly=True,
        )
    return response
