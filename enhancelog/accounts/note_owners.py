"""Whose a note is."""

from enhancelog.accounts.permissions import Somebody
from enhancelog.models import Note, Token


def owns(user: Somebody, note: Note, token: Token | None = None) -> bool:
    # People change their own and those of their tokens, a token those under its name. Once its user is deleted, a note
    # is nobody's: another may have the name now.
    if note.user_id is None or note.user_id != user.pk:
        return False
    return token is None or (note.actor_kind, note.actor_name) == ("token", token.name)
