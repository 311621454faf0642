"""The pages for requests that failed: 400, 403, 404, 500 and a missing CSRF token. Under ``/v1/``: problem+json."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """The form's token is missing or old, mostly because the page was open while somebody signed in or out."""
    return render(request, "failures/csrf.html", status=403)
