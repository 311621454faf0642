from typing import Final, NamedTuple

# Sources that are optimizers' logs: their programs form a tree, with hashes of their own
OPTIMIZERS: Final = ("openevolve", "gepa")


class Origin(NamedTuple):
    """``actor_kind``: user, token or command. ``source``: the channel."""

    actor_kind: str
    actor_name: str
    source: str
