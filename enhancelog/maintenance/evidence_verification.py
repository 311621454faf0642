"""Verifies that the log is what was signed: against its stored tree, and against checkpoints kept elsewhere."""

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from enhancelog.backends import dialect, faults
from enhancelog.domain.errors import Other
from enhancelog.evidence import checkpoints
from enhancelog.evidence.checkpoints import Checkpoint
from enhancelog.evidence.errors import Unproven
from enhancelog.evidence.merkle import EMPTY_ROOT
from enhancelog.maintenance import evidence_keys
from enhancelog.models import Checkpoint as CheckpointModel
from enhancelog.store import evidence
from enhancelog.store.database import last_position
from enhancelog.store.evidence import Stored
from enhancelog.store.evidence_walk import Walk
from enhancelog.store.verification import Part, Progress

ROWS: Final = "signed entries"

_REBUILD: Final = "run rebuild_projections"
_NONE: Final = Checkpoint("", 0, EMPTY_ROOT)


class Known(NamedTuple):
    """A checkpoint whose signature was verified. ``name``: of its file."""

    name: str
    checkpoint: Checkpoint


class Run:
    """One verification. ``said``: lines that are no findings, once it has ended."""

    def __init__(self, known: Sequence[Known] = ()) -> None:
        self.said: list[str] = []
        self._known = sorted(known, key=lambda each: each.checkpoint.size)

    @property
    def part(self) -> Part:
        return Part(ROWS, _size, self._findings)

    def _findings(self, progress: Progress) -> Iterator[str]:
        with faults(), dialect().reading_any_text():
            stored = None
            try:
                stored = evidence.stored()
            except Other as error:
                yield str(error)
            if stored:
                yield from self._of_signature(stored)
            signed = stored.checkpoint if stored else _NONE
            walk = Walk(signed.size, last_position(), [each.checkpoint.size for each in self._known])
            walk.run(progress)
            yield from _of_tree(walk, signed)
            if walk.has_more_tiles_than(_size()):
                yield f"there are tiles beyond the tree; {_REBUILD}" if stored else "there are tiles, but no checkpoint"
            yield from self._of_known(walk, stored)
            if walk.last > signed.size:
                self.said.append(
                    f"the tree of the evidence has {signed.size:,} of {walk.last:,} entries, which is not an error: "
                    "a running server adds the rest"
                )

    def _of_signature(self, stored: Stored) -> Iterator[str]:
        size = CheckpointModel.objects.filter(pk=evidence.ROW).values_list("size", flat=True).first()
        if size != stored.checkpoint.size:
            yield f"the stored checkpoint has {stored.checkpoint.size:,} entries, but its row says {size!r}"
        try:
            keys = evidence_keys.verifiers()
            if keys:
                checkpoints.open_signed(stored.note, keys)
            else:
                self.said.append("the signature of the stored checkpoint was not verified: this server has no key")
        except (Other, Unproven) as error:
            yield f"the stored checkpoint is not known to be this server's: {error}"

    def _of_known(self, walk: Walk, stored: Stored | None) -> Iterator[str]:
        unchanged: Known | None = None
        size_here = stored.checkpoint.size if stored else 0
        for known in self._known:
            size, root = known.checkpoint.size, known.checkpoint.root
            if size > walk.last:
                yield (
                    f"{known.name}: the log has {walk.last:,} entries, but {size:,} were signed: the newest were "
                    "removed, or an older copy was restored"
                )
            elif root == (found := walk.at[size]).root:
                unchanged = known
                self.said.append(f"{known.name}: the first {size:,} entries are those that were signed")
                if found.redacted:
                    self.said[-1] += _redacted(found.redacted)
            else:
                yield (
                    f"{known.name}: the first {size:,} entries have another root: entries were changed, removed or "
                    f"put in between, or the log was written anew; {_where(walk, known, unchanged)}"
                )
            if stored is None or size > size_here:
                here = f"that of {size_here:,} entries" if stored else "none"
                yield (
                    f"{known.name}: the checkpoint of {size:,} entries is newer than the stored one, {here}: it was "
                    "removed or replaced, or an older copy was restored"
                )


def _of_tree(walk: Walk, signed: Checkpoint) -> Iterator[str]:
    if walk.last < signed.size:
        yield f"the log has {walk.last:,} entries, but the stored checkpoint {signed.size:,}: the newest were removed"
    are_tiles_signed = walk.tiles_root == signed.root
    log = walk.at.get(signed.size)
    is_log_signed = log is not None and log.root == signed.root
    if where := walk.differing.up_to(signed.size):
        if are_tiles_signed:
            yield f"these entries are missing, or are not those that were signed: {where}"
        elif is_log_signed:
            yield f"these entries are those that were signed, but the stored tree has other hashes: {where}; {_REBUILD}"
        else:
            yield f"log and tree differ, and neither is what was signed: {where}"
    elif not is_log_signed and walk.last >= signed.size:
        yield f"the first {signed.size:,} entries have another root than the stored checkpoint"
    yield from (
        f"{tile} is damaged, or does not follow from the tiles below it; {_REBUILD}" for tile in walk.wrong_tiles
    )


def _where(walk: Walk, known: Known, unchanged: Known | None) -> str:
    size = known.checkpoint.size
    if walk.root_of_tiles(size) == known.checkpoint.root and (where := walk.differing.up_to(size)):
        return f"the stored tree still has that root, and these differ: {where}"
    if unchanged:
        first = unchanged.checkpoint.size + 1
        return f"the first of them is at one of the positions {first:,} to {size:,}, because {unchanged.name} is right"
    return "the stored tree does not have that root either, so only an older copy or export tells which"


def _redacted(number: int) -> str:
    if number == 1:
        return (
            "; 1 of them is redacted, which changes no root: that it was there is proven, but what is left of it is not"
        )
    return (
        f"; {number:,} of them are redacted, which changes no root: that they were there is proven, but what is left "
        "of them is not"
    )


def _size() -> int:
    try:
        found = evidence.stored()
    except Other:
        return 0
    return found.checkpoint.size if found else 0


PART: Final = Part(ROWS, _size, lambda progress: Run().part.findings(progress))
