"""``/notes/?about=KIND:ID``: all about one thing; ``/notes/<id>``: one, with its versions."""

from typing import Any

from django.contrib import messages
from django.core.exceptions import BadRequest, PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods, require_safe

from enhancelog import links
from enhancelog.accounts.note_owners import owns
from enhancelog.accounts.permissions import needs, origin_of, user_of
from enhancelog.domain.errors import Conflict, Invalid
from enhancelog.domain.notes import NoteSubject, Withdrawn, subject_of
from enhancelog.models import Note
from enhancelog.queries import notes as queries
from enhancelog.store import notes as store
from enhancelog.web import htmx
from enhancelog.web.form_errors import refuse
from enhancelog.web.markdown import markdown
from enhancelog.web.note_form import EditForm, NoteForm
from enhancelog.web.notes_panel import SECTIONS, page_of, panel, rendered, shown
from enhancelog.web.revalidation import revalidated


@require_http_methods(["GET", "HEAD", "POST"])
def note_list(request: HttpRequest) -> HttpResponseBase:
    return _add(request) if request.method == "POST" else _listed(request)


@needs("log:read")
@revalidated()
def _listed(request: HttpRequest) -> HttpResponse:
    return _list_page(request, _subject(request), NoteForm(), request.GET.get("cursor", ""))


@needs("triage:write")
def _add(request: HttpRequest) -> HttpResponseBase:
    # ``back``: the page of the subject, with its query.
    subject, form = _subject(request), NoteForm(request.POST)
    if form.is_valid():
        try:
            note_id = store.add(subject, form.cleaned_data["text"], user_of(request), origin_of(request))
        except Invalid as broken:
            refuse(form, broken)
        else:
            messages.success(request, "The note was added.")
            return redirect(f"{_back(request.POST.get('back', ''), subject)}#note-{note_id}")
    return _list_page(request, subject, form, "", status=400)


@require_safe
@needs("log:read")
@revalidated()
def note_detail(request: HttpRequest, note_id: str) -> HttpResponse:
    note = _known(note_id)
    revisions = queries.revisions(note)
    context = {
        **_about(queries.state(note).subject),
        "shown": shown(request, note),
        "revisions": [(each, markdown(each.text, tuple(each.mentions))) for each in revisions],
        "left_out": note.version - len(revisions) if revisions else 0,
    }
    return htmx.page(request, "notes/note.jinja", context)


@require_http_methods(["GET", "HEAD", "POST"])
@needs("triage:write")
def edit_note(request: HttpRequest, note_id: str) -> HttpResponseBase:
    note = _own(request, note_id)
    if note.withdrawn_ms is not None:
        return _was_withdrawn(request, note)
    form = EditForm(request.POST if request.method == "POST" else None, initial={**_fields(note)})
    if request.method == "POST" and form.is_valid():
        sent = form.cleaned_data["version"]
        try:
            store.edit(note_id, form.cleaned_data["text"], origin_of(request), lambda current: current == sent)
        except Withdrawn:
            return _was_withdrawn(request, note)
        except Conflict:
            return _changed_meanwhile(request, form, _own(request, note_id))
        except Invalid as broken:
            refuse(form, broken)
        else:
            messages.success(request, "The note was changed.")
            return redirect(_anchored(note))
    return _edit_page(request, form, note, status=400 if form.errors else 200)


@require_http_methods(["GET", "HEAD", "POST"])
@needs("triage:write")
def withdraw_note(request: HttpRequest, note_id: str) -> HttpResponseBase:
    note = _own(request, note_id)
    if request.method == "POST" or note.withdrawn_ms is not None:
        store.withdraw(note_id, origin_of(request))
        return _was_withdrawn(request, note)
    context = {**_about(queries.state(note).subject), "shown": shown(request, note), "back_url": _anchored(note)}
    return htmx.page(request, "notes/withdraw.jinja", context)


def _subject(request: HttpRequest) -> NoteSubject:
    try:
        found = queries.known(subject_of(request.GET.get("about", "")))
    except Invalid as error:
        raise BadRequest(str(error)) from None
    if found is None:
        raise Http404("There is nothing with this id that notes could be about.")
    return found


def _known(note_id: str) -> Note:
    found = queries.note(note_id)
    if found is None:
        raise Http404("There is no note with this id.")
    return found


def _own(request: HttpRequest, note_id: str) -> Note:
    note = _known(note_id)
    if not owns(request.user, note):
        raise PermissionDenied("Only who wrote a note may edit or withdraw it.")
    return note


def _back(asked: str, subject: NoteSubject) -> str:
    page = page_of(subject)
    return asked if asked.startswith((f"{page}?", f"{page}&")) else page


def _anchored(note: Note) -> str:
    return f"{page_of(queries.state(note).subject)}#note-{note.pk}"


def _about(subject: NoteSubject) -> dict[str, Any]:
    return {"section": SECTIONS[subject.about], "subject": subject, "subject_url": page_of(subject)}


def _fields(note: Note) -> dict[str, Any]:
    return {"text": note.text, "version": note.version}


def _list_page(
    request: HttpRequest, subject: NoteSubject, form: NoteForm, cursor: str, status: int = 200
) -> HttpResponse:
    try:
        notes = panel(request, subject, cursor)._replace(back="")
    except Invalid as error:
        raise BadRequest(str(error)) from None
    first_url = links.notes(str(subject)) if cursor else ""
    context = {**_about(subject), "notes": notes, "form": form, "first_url": first_url}
    return htmx.page(request, "notes/page.jinja", context, status=status)


def _edit_page(request: HttpRequest, form: EditForm, note: Note, status: int, *, theirs: Any = None) -> HttpResponse:
    subject = queries.state(note).subject
    context = {**_about(subject), "form": form, "note": note, "theirs": theirs, "back_url": _anchored(note)}
    return htmx.page(request, "notes/edit.jinja", context, status=status)


def _changed_meanwhile(request: HttpRequest, form: EditForm, note: Note) -> HttpResponse:
    form.now_editing(note.version)
    return _edit_page(request, form, note, 409, theirs=rendered(note.text, note.mentions))


def _was_withdrawn(request: HttpRequest, note: Note) -> HttpResponseBase:
    messages.success(request, "The note is withdrawn.")
    return redirect(_anchored(note))
