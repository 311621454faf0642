"""A broken rule, said in a form at the field that breaks it."""

from django.forms import BaseForm

from enhancelog.domain.errors import Invalid


def refuse(form: BaseForm, broken: Invalid) -> None:
    """At the top of the form where it has no such field."""
    form.add_error(broken.field if broken.field in form.fields else None, sentence(broken))


def sentence(broken: Invalid) -> str:
    """What is wrong with the field, without its name."""
    return broken.detail[:1].upper() + broken.detail[1:]
