"""The kinds of content, declared once; forms, API, rendering, raw keys and documentation come from this table."""

# A key is ``(story_id, kind)``. Its raw form, used by other tools, is the bare id for ``story`` and ``id:kind`` for
# every other kind, so a story id never holds ``:``. ``enhancelog/client/kinds.py`` repeats what programs need.

from dataclasses import dataclass
from typing import Final

from enhancelog.domain.codecs import Codec, Counter, Flag, Json, LineSet, Markdown, Text
from enhancelog.domain.content import Key, check_story_id, is_story_id, kind_in

__all__ = ["KINDS", "Key", "Kind", "check_story_id", "from_raw_key", "is_story_id", "kind_named", "raw_key"]


@dataclass(frozen=True)
class Kind:
    name: str
    label: str
    meaning: str
    codec: Codec
    bare: bool = False  # its raw key is the story id alone
    consumed: bool = False  # its reader takes it

    @property
    def suffix(self) -> str:
        return "" if self.bare else f":{self.name}"

    @property
    def counts(self) -> bool:
        return isinstance(self.codec, Counter)


KINDS: Final = {
    kind.name: kind
    for kind in (
        Kind("story", "Story", "Main body of the work item", Markdown(), bare=True),
        Kind("gate_output", "Gate output", "Gate failure output of the last failed agent run", Text()),
        Kind("abort_respawn_count", "Abort respawns", "Consecutive abort-respawns", Counter()),
        Kind("mergemaster_spawn_count", "Mergemaster spawns", "Times the mergemaster was spawned again", Counter()),
        Kind("run_tests_ok", "Tests passed", "Evidence that run_tests passed during an agent session", Text()),
        Kind(
            "commit_recovery_pending",
            "Respawns without progress",
            "Respawn in progress: consecutive respawns without a file edit",
            Counter(minimum=1),
        ),
        Kind(
            "commit_recovery_diff_fingerprint",
            "Diff size at respawn",
            "Bytes of the worktree diff at the last respawn trigger",
            Counter(),
        ),
        Kind(
            "commit_recovery_total_attempts",
            "Respawns since commit",
            "Respawns since the last successful commit, regardless of the fingerprint",
            Counter(),
        ),
        Kind("merge_fixup_pending", "Merge fixup", "A merge-gate fixup session is in progress", Flag()),
        Kind("merge_failure_kind", "Merge failure", "The typed merge failure, written alongside gate_output", Json()),
        Kind("merge_success", "Merged", "A squash merge succeeded, the story is archived", Flag()),
        Kind("merge_report", "Merge report", "The merge runner's report on success", Json()),
        Kind("commit_recovery_forced_exit", "Forced exit", "A session exited with a failure", Flag(), consumed=True),
        Kind("commit_recovery_read_set", "Files read in recovery", "Files read across recovery sessions", LineSet()),
    )
}


def kind_named(name: str) -> Kind:
    """Raises ``Invalid``, which lists the names."""
    return kind_in(KINDS, name)


def raw_key(key: Key) -> str:
    return key.story_id + kind_named(key.kind).suffix


def from_raw_key(raw: str) -> Key:
    """Splits at the last ``:`` if a kind follows. Raises ``Invalid``."""
    for kind in KINDS.values():
        if kind.suffix and raw.endswith(kind.suffix):
            key = Key(raw.removesuffix(kind.suffix), kind.name)
            break
    else:
        key = Key(raw, next(kind.name for kind in KINDS.values() if kind.bare))
    check_story_id(key.story_id)
    return key
