from typing import NamedTuple


class Origin(NamedTuple):
    """``actor_kind``: user, token or command. ``source``: the channel."""

    actor_kind: str
    actor_name: str
    source: str
