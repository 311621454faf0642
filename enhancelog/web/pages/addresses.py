"""``/account/addresses``: one's own e-mail addresses, to which alerts may be sent."""

from typing import Any, Final

from django import forms
from django.contrib import messages
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_variables
from django.views.decorators.http import require_http_methods, require_POST

from enhancelog.accounts.permissions import needs, user_of
from enhancelog.alerts import mail, verified_addresses
from enhancelog.api.allowances import Rate, allowances
from enhancelog.domain.alerts import MAX_ADDRESS
from enhancelog.domain.errors import Invalid
from enhancelog.web.form_errors import refuse
from enhancelog.web.htmx import page

# The mails go to strangers, until they have confirmed.
MAILS: Final[Rate] = (5, 3600)


class AddressForm(forms.Form):
    address = forms.CharField(
        label="E-mail address",
        max_length=MAX_ADDRESS,
        widget=forms.EmailInput({"autocomplete": "email"}),
    )


@require_http_methods(["GET", "HEAD", "POST"])
@needs("account:own")
def address_list(request: HttpRequest) -> HttpResponse:
    user = user_of(request)
    form = AddressForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        address = form.cleaned_data["address"]
        try:
            _ask(user, address)
        except Invalid as broken:
            refuse(form, broken)
        else:
            messages.success(request, f"A link was sent to {address}. Open it within three days.")
            return redirect("address_list")
    context = {"form": form, "found": verified_addresses.of(user), "sends_mail": mail.is_set_up()}
    return page(request, "addresses/page.jinja", context, status=400 if form.errors else 200)


@require_http_methods(["GET", "HEAD", "POST"])
@needs("account:own")
@never_cache
@sensitive_variables("token")
def confirm_address(request: HttpRequest) -> HttpResponse:
    # Reading the page changes nothing: programs open links in mails, too.
    user, token = user_of(request), request.GET.get("token", "")
    asked = verified_addresses.asked(token)
    if not token:
        return page(request, "addresses/confirm.jinja", {"address": ""})
    if asked is None:
        raise Http404("The link is too old or incomplete. Add the address again to get another.")
    if asked.user_id != user.pk:
        raise PermissionDenied("This link is for another user. Sign in as the user who added the address.")
    if request.method == "POST":
        verified_addresses.confirm(user, asked.address)
        messages.success(request, f"{asked.address} is verified. Alerts may be sent to it.")
        return redirect("address_list")
    return page(request, "addresses/confirm.jinja", {"address": asked.address})


@require_POST
@needs("account:own")
def remove_address(request: HttpRequest, address_id: int) -> HttpResponse:
    """404 for others' addresses."""
    removed = verified_addresses.remove(user_of(request), address_id)
    if removed is None:
        raise Http404("You have no such address.")
    messages.success(request, f"{removed} was removed. Nothing is sent to it from now on.")
    return redirect("address_list")


def _ask(user: User, address: str) -> None:
    verified_addresses.check(user, address)
    key: Any = ("mail", "user", user.pk)
    if allowances.ask(key, MAILS).wait_s:
        number, _ = MAILS
        raise Invalid(verified_addresses.FIELD, "rate", f"cannot be added now: at most {number} mails an hour are sent")
    verified_addresses.ask(user, address)
