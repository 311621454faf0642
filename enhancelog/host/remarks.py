"""Anomalies that were reported. They are stored, so that neither the next request nor a restart repeats one."""

from enhancelog.store import followed
from enhancelog.store.followed import Remark


class Remarks:
    def __init__(self, source: str) -> None:
        # Of this object, not of earlier runs.
        self.reported = 0
        self._source = source
        self._known: set[Remark] | None = None
        self._unsaved: list[Remark] = []

    def recall(self) -> None:
        """Before anything else. Raises ``Other``."""
        if self._known is None:
            self._known = followed.remarks(self._source)

    def is_new(self, remark: Remark) -> bool:
        """Also makes it known."""
        assert self._known is not None  # noqa: S101  recalled before anything is taken
        if remark in self._known:
            return False
        self._known.add(remark)
        self._unsaved.append(remark)
        self.reported += 1
        return True

    def returned(self, subjects: set[str]) -> None:
        """If these vanish again, that is new."""
        back = {remark for remark in self._known or () if remark.kind == "vanished" and remark.subject in subjects}
        if back:
            followed.forget_vanished(self._source, [remark.subject for remark in back])
            self._known = (self._known or set()) - back

    def save(self) -> None:
        followed.remember(self._source, self._unsaved)
        self._unsaved.clear()
