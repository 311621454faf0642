"""``/account/mentions``: notes that mention the reader, and whether they are told by e-mail, too."""

from typing import Final, NamedTuple

from django.contrib import messages
from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods

from enhancelog import links
from enhancelog.accounts.permissions import needs, user_of
from enhancelog.alerts import mail, mention_mails, verified_addresses
from enhancelog.domain.notes import NoteSubject
from enhancelog.domain.text import cut
from enhancelog.models import Mention, Note
from enhancelog.queries import mentions as queries
from enhancelog.store import mentions as store
from enhancelog.web.htmx import page
from enhancelog.web.notes_panel import page_of

MOST_CHARACTERS: Final = 300
_LARGEST_ID: Final = 2**63 - 1


class MentionRow(NamedTuple):
    note: Note
    made_ms: int
    subject: NoteSubject
    url: str
    excerpt: str
    is_new: bool


@require_http_methods(["GET", "HEAD", "POST"])
@needs("account:own")
def mention_list(request: HttpRequest) -> HttpResponse:
    """``before``: an id, for older ones. Posted: ``act``, and with ``seen`` the id ``up_to``."""
    user = user_of(request)
    if request.method == "POST":
        messages.success(request, _changed(request))
        return redirect("mention_list")
    reader, before = queries.reader(user), _id(request.GET.get("before"), "before")
    found = queries.page(user, before)
    context = {
        "section": "mentions",
        "rows": [_row(each, reader.seen) for each in found.mentions],
        "newest": found.mentions[0].pk if found.mentions else None,
        "first_url": links.mentions() if before is not None else "",
        "older_url": links.mentions([("before", str(found.older))]) if found.older is not None else "",
        "by_mail": reader.by_mail,
        "address": verified_addresses.first_of(user),
        "has_rule": mention_mails.has_rule(user),
        "sends_mail": mail.is_set_up(),
    }
    return page(request, "mentions/page.jinja", context)


def _changed(request: HttpRequest) -> str:
    user, act = user_of(request), request.POST.get("act", "")
    match act:
        case "seen":
            up_to = _id(request.POST.get("up_to"), "up_to")
            if up_to is None:
                raise BadRequest("up_to: is missing; it is the id of the newest mention that was seen")
            store.mark_seen(user, up_to)
            return "Marked as read."
        case "mail":
            store.choose_mail(user, by_mail=True)
            return "Mentions are sent to you by e-mail, too."
        case "no-mail":
            store.choose_mail(user, by_mail=False)
            return "Mentions are no longer sent by e-mail."
    raise BadRequest(f'act: must be one of seen, mail, no-mail, not "{act[:40]}"')


def _id(given: str | None, name: str) -> int | None:
    if given is None:
        return None
    if given.isascii() and given.isdigit() and len(given) < 20 and int(given) <= _LARGEST_ID:
        return int(given)
    raise BadRequest(f'{name}: must be the id of a mention, not "{given[:40]}"')


def _row(mention: Mention, seen: int) -> MentionRow:
    note = mention.note
    subject = NoteSubject(note.about, note.about_id)
    url = f"{page_of(subject)}#note-{note.pk}"
    return MentionRow(note, mention.made_ms, subject, url, cut(note.text, MOST_CHARACTERS), mention.pk > seen)
