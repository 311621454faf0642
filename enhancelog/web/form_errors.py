"""Shows ``Invalid`` in a form, at its field."""

from django.forms import BaseForm

from enhancelog.domain.errors import Invalid


def refuse(form: BaseForm, broken: Invalid) -> None:
    """At the top if the form has no such field."""
    form.add_error(broken.field if broken.field in form.fields else None, sentence(broken))


def sentence(broken: Invalid) -> str:
    return broken.detail[:1].upper() + broken.detail[1:]
