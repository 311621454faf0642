"""Who wrote, and by which way in."""

from typing import NamedTuple


class Origin(NamedTuple):
    """``actor_kind`` is user, token or command; ``actor_name`` its name at the time; ``source`` the way in."""

    actor_kind: str
    actor_name: str
    source: str
