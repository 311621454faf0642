"""The kinds of ``content/kinds.py`` without what only pages need; a test keeps both equal."""

from dataclasses import dataclass
from typing import Final

from enhancelog.domain.codecs import Codec, Counter, Flag, Json, LineSet, Markdown, Text
from enhancelog.domain.content import Key, check_story_id, kind_in


@dataclass(frozen=True)
class Kind:
    name: str
    meaning: str
    codec: Codec
    suffix: str  # appended to the story id in a raw key
    consumed: bool = False  # readers take the value


def _kind(name: str, meaning: str, codec: Codec, *, bare: bool = False, consumed: bool = False) -> Kind:
    return Kind(name, meaning, codec, "" if bare else f":{name}", consumed)


KINDS: Final = {
    kind.name: kind
    for kind in (
        _kind("story", "Main body of the work item", Markdown(), bare=True),
        _kind("gate_output", "Gate failure output of the last failed agent run", Text()),
        _kind("abort_respawn_count", "Consecutive abort-respawns", Counter()),
        _kind("mergemaster_spawn_count", "Times the mergemaster was spawned again", Counter()),
        _kind("run_tests_ok", "Evidence that run_tests passed during an agent session", Text()),
        _kind(
            "commit_recovery_pending",
            "Respawn in progress: consecutive respawns without a file edit",
            Counter(minimum=1),
        ),
        _kind(
            "commit_recovery_diff_fingerprint",
            "Bytes of the worktree diff at the last respawn trigger",
            Counter(),
        ),
        _kind(
            "commit_recovery_total_attempts",
            "Respawns since the last successful commit, regardless of the fingerprint",
            Counter(),
        ),
        _kind("merge_fixup_pending", "A merge-gate fixup session is in progress", Flag()),
        _kind("merge_failure_kind", "The typed merge failure, written alongside gate_output", Json()),
        _kind("merge_success", "A squash merge succeeded, the story is archived", Flag()),
        _kind("merge_report", "The merge runner's report on success", Json()),
        _kind("commit_recovery_forced_exit", "A session exited with a failure", Flag(), consumed=True),
        _kind("commit_recovery_read_set", "Files read across recovery sessions", LineSet()),
    )
}


def check_key(story_id: str, kind: str) -> Kind:
    """Raises ``Invalid`` if the key cannot be written."""
    check_story_id(story_id)
    return kind_in(KINDS, kind)


def raw_key(key: Key) -> str:
    return key.story_id + kind_in(KINDS, key.kind).suffix
