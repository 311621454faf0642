"""Files that browsers and crawlers ask for at fixed paths, unasked."""

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.templatetags.static import static
from django.views.decorators.http import require_safe


@require_safe
def robots(request: HttpRequest) -> HttpResponse:
    """A log is nobody's search result."""
    return HttpResponse("User-agent: *\nDisallow: /\n", content_type="text/plain; charset=utf-8")


@require_safe
def favicon(request: HttpRequest) -> HttpResponse:
    """The icon's real address carries a hash of its content, which only the storage knows."""
    return HttpResponseRedirect(static("img/icon.svg"))
