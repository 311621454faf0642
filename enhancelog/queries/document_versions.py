"""The versions of a Blueprint: as its git store lists them, else as the log does."""

from collections.abc import Collection, Iterator, Sequence
from typing import Any, Final, NamedTuple

from django.db.models import Q

from enhancelog.backends import faults
from enhancelog.domain import filters, records
from enhancelog.domain.times import EARLIEST_MS, is_plausible, now_ms
from enhancelog.models import Document, Version
from enhancelog.projections import source_names
from enhancelog.queries import entries, observed
from enhancelog.queries.observed import REDACTED_FORM
from enhancelog.store import documents
from enhancelog.store.documents import Stored

SHOWN_VERSIONS: Final = 50
MOST_OF_DOCUMENT: Final = 20
MOST_SOURCES: Final = 20


class KnownVersion(NamedTuple):
    """A Blueprint's version by its git store. ``form``: as of ``stored_forms``, or ``None`` if none is stored."""

    position: int
    number: int
    hash: str
    made_by: str
    rationale: str
    prev_hash: str
    ts_ms: int | None
    source: str
    form: str | None

    @property
    def is_readable(self) -> bool:
        return self.form not in (None, REDACTED_FORM)


# What a row of the table says.
_COLUMNS: Final = KnownVersion._fields[:-1]


class Page(NamedTuple):
    """The newest first. ``next``: for ``before``; ``None`` on the last page. ``from_log``: no git store is known."""

    versions: list[KnownVersion]
    next: tuple[int, int] | None
    from_log: bool


class Newest(NamedTuple):
    """``later``: the newest version, if its document is not stored or redacted."""

    version: KnownVersion
    document: Stored
    later: KnownVersion | None
    has_sources: bool


class _Dated(NamedTuple):
    version: KnownVersion
    at_ms: int


def page(blueprint_id: str, before: tuple[int, int] | None = None) -> Page:
    found = _listed(blueprint_id, SHOWN_VERSIONS + 1, before)
    if not found and before is None:
        return Page(_logged(blueprint_id), None, from_log=True)
    shown = found[:SHOWN_VERSIONS]
    has_more = len(found) > len(shown)
    following = (shown[-1].number, shown[-1].position) if has_more else None
    return Page(_each_once(shown), following, from_log=False)


def _each_once(versions: Sequence[KnownVersion]) -> list[KnownVersion]:
    """Several sources that are shown under one name may have the same version."""
    return list({(each.source, each.number, each.hash): each for each in versions}.values())


def _listed(blueprint_id: str, size: int, before: tuple[int, int] | None) -> list[KnownVersion]:
    if not records.is_id(blueprint_id, may_be_empty=True):
        return []
    wanted = Version.objects.filter(blueprint_id=blueprint_id)
    if before is not None:
        number, position = before
        wanted = wanted.filter(Q(number__lt=number) | Q(number=number, position__lt=position))
    with faults():
        return _known(list(wanted.order_by("-number", "-position").values_list(*_COLUMNS)[:size]))


def _known(rows: Sequence[Any]) -> list[KnownVersion]:
    forms = observed.stored_forms([row[2] for row in rows])
    return [_version(row, forms.get(row[2])) for row in rows]


def _version(row: Sequence[Any], form: str | None) -> KnownVersion:
    found = KnownVersion(*(*row, form))
    return found._replace(source=source_names.current().shown(found.source))


def newest_stored(blueprint_id: str) -> Newest | None:
    """The version that began last, of all sources; ``None`` if no document is stored. Raises ``Damaged``."""
    if not records.is_id(blueprint_id, may_be_empty=True):
        return None
    of_sources = [_logged(blueprint_id)]
    with faults():
        versions = Version.objects.filter(blueprint_id=blueprint_id)
        for source in versions.order_by("source").values_list("source", flat=True).distinct()[:MOST_SOURCES]:
            rows = versions.filter(source=source).order_by("-number", "-position")
            of_sources.append(_known(list(rows.values_list(*_COLUMNS)[:SHOWN_VERSIONS])))
    dated = [each for versions in of_sources for each in _dated(versions)]
    stored = [each for each in dated if each.version.form]
    readable = [each for each in stored if each.version.is_readable]
    found = max(readable or stored, key=_age, default=None)
    document = documents.find(found.version.hash) if found else None
    if found is None or document is None:
        return None
    newest = max(dated, key=_age).version
    has_sources = len({each.version.source for each in dated}) > 1
    return Newest(found.version, document, None if newest.is_readable else newest, has_sources)


def _age(dated: _Dated) -> tuple[int, int]:
    return dated.at_ms, dated.version.number


# Numbers of several sources have no common order. A version without a time is as new as the one before it.
def _dated(versions: Sequence[KnownVersion]) -> Iterator[_Dated]:
    at_ms = EARLIEST_MS
    for version in reversed(versions):
        if version.ts_ms is not None and is_plausible(version.ts_ms, now_ms()):
            at_ms = max(at_ms, version.ts_ms)
        yield _Dated(version, at_ms)


def has_any(blueprint_id: str) -> bool:
    """Whether a version or a document of the Blueprint is stored."""
    if not records.is_id(blueprint_id, may_be_empty=True):
        return False
    with faults():
        # Each Blueprint's first document is stored whole, and an index leads to those.
        whole = Document.objects.filter(blueprint_id=blueprint_id, base__isnull=True)
        return Version.objects.filter(blueprint_id=blueprint_id).exists() or whole.exists()


def of_document(blueprint_id: str, hash: str) -> list[KnownVersion]:
    """Versions of the Blueprint that had this document, the newest first."""
    wanted = Version.objects.filter(blueprint_id=blueprint_id, hash=hash).order_by("-number", "-position")
    with faults():
        rows: list[Any] = list(wanted.values_list(*_COLUMNS)[:MOST_OF_DOCUMENT])
    return _each_once([_version(row, None) for row in rows])


def by_hand(blueprint_id: str, hashes: Collection[str]) -> dict[str, int | None]:
    """When each of these versions was registered by hand, by hash; ``None``: unknown."""
    if not hashes:
        return {}
    found = Version.objects.filter(blueprint_id=blueprint_id, hash__in=hashes, made_by="hand")
    with faults():
        return dict(found.order_by("position").values_list("hash", "ts_ms"))


# What the newest applied runs made, without numbers: earlier runs may be missing.
def _logged(blueprint_id: str) -> list[KnownVersion]:
    wanted = filters.from_pairs([("blueprint_id", blueprint_id), ("status", "applied")], now_ms())
    found = [entries.Listed(tuple(row)) for row in entries.page(wanted, "desc", SHOWN_VERSIONS).rows]
    forms = observed.stored_forms([each.entry.new_hash for each in found])
    return [
        KnownVersion(
            each.position,
            -1,
            each.entry.new_hash,
            "run",
            each.entry.rationale,
            each.entry.prev_hash,
            each.ts_ms,
            each.source,
            forms.get(each.entry.new_hash),
        )
        for each in found
    ]
