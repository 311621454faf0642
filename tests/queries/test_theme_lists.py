"""The filter ``theme``, its counts and facets, and the themes of an axis."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from enhancelog import themes
from enhancelog.domain import filters
from enhancelog.domain.filters import Order
from enhancelog.domain.times import DAY_MS, HOUR_MS, day_of
from enhancelog.models import DenialTheme, ThemeAxis, ThemeProgress, ThemeWording
from enhancelog.patterns import no_rest
from enhancelog.queries import entries as lists
from enhancelog.queries import reach
from enhancelog.queries.charts import Window
from enhancelog.queries.counts import Count, count
from enhancelog.queries.facets import facets
from enhancelog.queries.horizon import begun
from enhancelog.queries.newest import count_beyond
from enhancelog.queries.patterns.listing import listing as patterns
from enhancelog.queries.themes import listing as theme_listing
from enhancelog.queries.themes import nearest, of_filter, progress
from enhancelog.queries.themes.labels import words_of
from enhancelog.queries.themes.listing import Listing, listing
from enhancelog.queries.themes.progress import standing, themed
from enhancelog.store import host_derivation, theme_counting, theme_derivation
from enhancelog.store.database import last_position
from tests.factories import make_entry, make_rejected
from tests.plans import plans, whole_tables
from tests.prose import DETAILS, append, denied, prose_from_the_second_denial
from tests.recording import record_all
from tests.store.test_redacting_meanwhile import before_next
from tests.strategies import NOW_MS

pytestmark = pytest.mark.django_db

AXIS = "critic"
END = day_of(NOW_MS) + 1
DAYS = (("since", str((END - 4) * DAY_MS)), ("until", str((END - 1) * DAY_MS)))
Pairs = tuple[tuple[str, str], ...]
OTHERS: list[Pairs] = [
    (),
    (("status", "rejected"),),
    (("axis", AXIS),),
    DAYS,
    (*DAYS, ("status", "rejected")),
    (("since", str(NOW_MS - 100 * HOUR_MS)),),
    (("blueprint_id", "main"),),
    (("not_axis", "tone"), ("text", "a")),
]


@pytest.fixture(autouse=True)
def today(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("enhancelog.store.writing.now_ms", lambda: NOW_MS)


@pytest.fixture
def log() -> None:
    """Prose of one axis over ten days, some of it in applied runs, without words, or at no plausible time."""
    entries = denied(DETAILS)
    entries += denied(DETAILS[:40], prefix="applied", status="applied", blueprint_id="other")
    entries += denied(["", "17", "!"], prefix="wordless")
    entries += denied(DETAILS[:3], prefix="implausible", ts_ms=NOW_MS * 2)
    entries += [make_entry(issue_id=f"fine {at}", ts_ms=NOW_MS) for at in range(3)]
    record_all(entries)


def wanted(*pairs: tuple[str, str]) -> filters.EntryFilter:
    return filters.from_pairs(pairs, NOW_MS)


def found(*pairs: tuple[str, str]) -> list[int]:
    return sorted(row[0] for row in lists.page(wanted(*pairs), "desc", 1000).rows)


WAYS = ("merged ranges", "positions", "axis")


def read_by(way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """How denials of a theme are found; the size of the theme and what else is asked decide."""
    if way != "merged ranges":
        monkeypatch.setattr(nearest, "LARGEST", 0)
    if way == "axis":
        monkeypatch.setattr(of_filter, "FEW", 0)


def by_theme() -> dict[int | None, list[int]]:
    """Positions, said in the plainest way."""
    of_wording = dict(ThemeWording.objects.filter(axis=AXIS).values_list("number", "theme"))
    positions: dict[int | None, list[int]] = {}
    rows = DenialTheme.objects.filter(axis=AXIS).order_by("entry_id")
    for position, wording in rows.values_list("entry_id", "wording"):
        positions.setdefault(of_wording[wording], []).append(position)
    return positions


def largest() -> int:
    sizes = {theme: len(positions) for theme, positions in by_theme().items() if theme is not None}
    return max(sizes, key=lambda theme: sizes[theme])


def name(theme: int | None, axis: str = AXIS) -> str:
    return f"{axis}:{theme}"


def listed(since_ms: int | None = None, until_ms: int | None = None, *, hourly: bool = False) -> Listing:
    return listing(AXIS, Window(since_ms, until_ms, hourly=hourly), themed([AXIS]).up_to, NOW_MS + 1)


@pytest.mark.parametrize("way", WAYS)
def test_the_number_of_any_wording_leads_to_its_theme_of_today(
    log: None, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    read_by(way, monkeypatch)
    positions = by_theme()
    assert len(positions) > 5
    of_wordings = list(ThemeWording.objects.filter(axis=AXIS).values_list("number", "theme"))
    assert any(number != theme for number, theme in of_wordings)
    for number, theme in of_wordings:
        assert found(("theme", name(number))) == positions[theme]


@pytest.mark.parametrize("way", WAYS)
def test_list_count_stream_and_rest_agree(log: None, way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    read_by(way, monkeypatch)
    for others in OTHERS:
        check(largest(), others)


def check(theme: int, others: Pairs) -> None:
    here = set(found(*others)) & set(by_theme()[theme])
    assert here
    asked = wanted(("theme", name(theme)), *others)
    page = lists.page(asked, "desc", 1000)
    assert {row[0] for row in page.rows} == here
    assert count(asked, page.up_to) == Count(len(here))
    streamed = [row[0] for chunk in lists.stream(asked, "desc", page.up_to) for row in chunk]
    assert streamed == [row[0] for row in page.rows]
    assert count_beyond(asked, 0, 999) == Count(len(here))
    assert set(found(("not_theme", name(theme)), *others)) == set(found(*others)) - here
    inside = ("matching", f"theme={name(theme)}")
    assert set(found(inside, *others)) == here


def test_several_themes_are_any_of_them(log: None) -> None:
    positions = by_theme()
    one, two, *_ = (theme for theme in positions if theme is not None)
    asked = (("theme", name(one)), ("theme", name(two)))
    assert found(*asked) == sorted(positions[one] + positions[two])
    assert found(*asked, ("theme", "nobody:1")) == found(*asked)


@pytest.mark.parametrize("parameter", ["theme", "not_theme"])
def test_many_themes_of_an_axis_are_one_look_at_each_entry(log: None, parameter: str) -> None:
    def looks(number: int) -> int:
        with CaptureQueriesContext(connection) as captured:
            found(*((parameter, name(theme)) for theme in range(number)))
        return sum(query["sql"].count("enhancelog_denialtheme") for query in captured.captured_queries)

    assert looks(100) == looks(2) > 0


@pytest.mark.parametrize(
    "value",
    [name(9999), name(999_999_999), "noop:0", "nobody:1", "a:b/c %:1", "..:1", f"{'x' * 600}:1", "\0:1", "a b:0"],
)
def test_a_theme_that_is_not_known_has_no_entries(log: None, value: str) -> None:
    assert found(("theme", value)) == []
    assert count(wanted(("theme", value)), last_position()) == Count(0)
    assert found(("not_theme", value)) == found()
    assert words_of([value]) == {}
    assert begun(wanted(("theme", value)))[1] == last_position()


@pytest.mark.parametrize("axis", ["ops/デプロイ %", "a:1", "tone:2:", "<b>", "x" * 512, "critic/themes", "a b"])
def test_an_axis_may_have_any_name(axis: str) -> None:
    with prose_from_the_second_denial():
        record_all(denied(DETAILS[:30], axis))
    number = ThemeWording.objects.filter(axis=axis, theme__isnull=False).values_list("theme", flat=True)[0]
    here = found(("theme", f"{axis}:{number}"))
    assert here
    assert words_of([f"{axis}:{number}"])[f"{axis}:{number}"]
    shown = listing(axis, Window(), last_position(), NOW_MS)
    offered = {each.value for each in facets(wanted(("axis", axis)), last_position()).by["theme"]}
    assert offered == {str(each.id) for each in (*shown.themes, *shown.rare)}


def test_a_denial_whose_theme_is_gone_has_none(log: None) -> None:
    theme = largest()
    gone = by_theme()[theme]
    before = listed()
    ThemeWording.objects.filter(axis=AXIS, theme=theme).update(theme=None)
    assert found(("theme", name(theme))) == []
    assert count(wanted(("theme", name(theme))), last_position()) == Count(0)
    assert set(found(("not_theme", name(theme)))) >= set(gone)
    assert words_of([name(theme)]) == {}
    after = listed()
    assert after.denials == before.denials
    assert after.apart == before.apart + next(each.denials for each in before.themes if each.id.number == theme)


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        ({"is_prose": False, "prose_since": None}, "not prose"),
        ({"is_prose": False}, "too many axes"),
        ({"starts_over": True}, "not known"),
    ],
)
def test_what_is_left_of_an_axis_that_has_no_themes_says_nothing(
    log: None, change: dict[str, bool | None], kind: str
) -> None:
    theme = name(largest())
    ThemeAxis.objects.filter(axis=AXIS).update(**change)
    assert found(("theme", theme)) == []
    assert count(wanted(("theme", theme)), last_position()) == Count(0)
    assert words_of([theme]) == {}
    assert "theme" not in facets(wanted(("axis", AXIS)), last_position()).by
    is_again = "starts_over" in change
    assert standing(AXIS)[0::3] == (kind, 0 if is_again else last_position())
    assert begun(wanted(("not_theme", theme)))[1] == (0 if is_again else last_position())


def test_what_other_rules_derived_says_nothing(log: None) -> None:
    theme = name(largest())
    ThemeProgress.objects.update(rules=themes.RULES_VERSION - 1)
    assert found(("theme", theme)) == []
    assert standing(AXIS)[0::3] == ("not known", 0)
    assert themed([AXIS]).up_to == 0
    ThemeAxis.objects.all().delete()
    assert themed([AXIS]).up_to == 0


def test_a_reading_ends_where_themes_are_derived(log: None, monkeypatch: pytest.MonkeyPatch) -> None:
    theme = name(largest())
    before, end = found(("theme", theme)), last_position()
    append(*denied(DETAILS, prefix="late", ts_ms=NOW_MS))
    append(make_entry(issue_id="later", ts_ms=NOW_MS))
    for pairs in ([("theme", theme)], [("not_theme", theme)], [("matching", f"theme={theme}")]):
        assert begun(wanted(*pairs))[1] == end
    assert begun(wanted(("axis", AXIS)))[1] == last_position()
    assert (found(("theme", theme)), count(wanted(("theme", theme)), end)) == (before, Count(len(before)))
    shown = listed()
    assert shown.denials == len(DETAILS) + 3 + 3
    assert standing(AXIS)[2:] == (last_position(), end)
    # A part of them
    monkeypatch.setattr("enhancelog.store.theme_grouping.DENIALS_AT_ONCE", 20)
    theme_derivation.step()
    assert standing(AXIS).up_to == end + 20
    assert listed().denials == len(DETAILS) + 3 + 3 + 20
    assert len(found(("theme", theme))) == count(wanted(("theme", theme)), end + 20).number
    theme_derivation.settle()
    assert standing(AXIS).to_come == 0
    assert len(found(("theme", theme))) > len(before)


def test_a_denial_that_is_counted_meanwhile_ends_a_reading(log: None, monkeypatch: pytest.MonkeyPatch) -> None:
    end = last_position()
    append(*denied(DETAILS[:5], prefix="late", ts_ms=NOW_MS))
    before_next(monkeypatch, progress, "_counted_to", lambda: theme_counting.step(no_rest))
    assert themed([AXIS]).up_to <= end


def test_what_is_derived_meanwhile_is_not_counted(log: None) -> None:
    theme = name(largest())
    asked, end = wanted(("theme", theme), ("status", "rejected")), last_position()
    before, shown = count(asked, end), listing(AXIS, Window(), end, NOW_MS)
    record_all(denied(DETAILS, prefix="late"))
    assert count(asked, end) == before
    assert count(asked, last_position()).number > before.number
    after = listing(AXIS, Window(), end, NOW_MS)
    assert (after.denials, after.apart) == (shown.denials, shown.apart)
    assert sum(each.denials for each in after.themes) == sum(each.denials for each in shown.themes)


WINDOWS: list[tuple[int | None, int | None, bool]] = [
    (None, None, False),
    (END - 4, END - 1, False),
    (END - 3, None, False),
    (END - 2, END, True),
]


def test_an_axis_has_its_themes_with_their_denials(log: None) -> None:
    for since, until, hourly in WINDOWS:
        check_listing(since, until, hourly=hourly)


def check_listing(since: int | None, until: int | None, *, hourly: bool) -> None:
    window = [None if day is None else day * DAY_MS for day in (since, until)]
    span = [(name, str(ms)) for name, ms in zip(("since", "until"), window, strict=True) if ms is not None]
    shown = listed(*window, hourly=hourly)
    for each in (*shown.themes, *shown.rare):
        here = lists.page(wanted(("theme", str(each.id)), ("status", "rejected"), *span), "desc", 1000).rows
        assert each.denials == len(here)
        plausible = [row for row in here if row[1][:11] != "implausible"]
        assert each.newest is not None
        assert each.newest.issue_id == plausible[0][1]
        assert each.words
    assert shown.denials == len(found(("axis", AXIS), ("status", "rejected"), *span))
    numbers = [each.denials for each in shown.themes]
    assert numbers == sorted(numbers, reverse=True)
    assert min(numbers) >= theme_listing.RARE > max((each.denials for each in shown.rare), default=0)
    assert shown.apart == shown.denials - sum(numbers)
    assert shown.apart >= sum(each.denials for each in shown.rare)


def test_days_of_a_theme_are_those_of_its_denials(log: None) -> None:
    for each in listed().themes[:3]:
        for back, number in enumerate(reversed(each.days)):
            span = (("since", str((END - 1 - back) * DAY_MS)), ("until", str((END - back) * DAY_MS)))
            assert number == len(found(("theme", str(each.id)), ("status", "rejected"), *span))


def test_the_list_is_bounded(log: None, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = listed()
    monkeypatch.setattr(theme_listing, "MOST", 3)
    monkeypatch.setattr(theme_listing, "MOST_WORDINGS", 10)
    shown = listed()
    assert [each.id for each in shown.themes] == [each.id for each in whole.themes[:3]]
    assert (shown.more, shown.more_denials) == (
        len(whole.themes) - 3,
        sum(each.denials for each in whole.themes[3:]),
    )
    assert (shown.denials, shown.apart, shown.all_rare) == (whole.denials, whole.apart, whole.all_rare)
    known = {each.id: each.newest for each in whole.themes}
    assert None in [each.newest for each in shown.themes]
    assert all(each.newest in (None, known[each.id]) for each in shown.themes)


def test_facets_of_a_list_of_one_axis_count_its_themes(log: None) -> None:
    asked: list[list[tuple[str, str]]] = [[("axis", AXIS)], [("axis", AXIS), *DAYS], [("theme", name(largest()))]]
    for pairs in asked:
        up_to = last_position()
        choices = facets(wanted(*pairs), up_to).by["theme"]
        assert choices
        for choice in choices:
            rest = [pair for pair in pairs if pair[0] != "theme"]
            assert count(wanted(*rest, ("theme", choice.value)), up_to) == choice.entries
    for others in ((), (("axis", "noop"),), (("axis", AXIS), ("axis", "noop")), (("status", "rejected"),)):
        assert "theme" not in facets(wanted(*others), up_to).by


def test_themes_narrow_patterns_and_change_none(log: None) -> None:
    before = {each.id: each.count for each in patterns(wanted()).patterns}
    narrowed = patterns(wanted(("theme", name(largest())))).patterns
    assert sum(each.count for each in narrowed) == len(by_theme()[largest()])
    assert all(each.count <= before[each.id] for each in narrowed)


def test_an_axis_stands_where_its_denials_are_counted() -> None:
    assert standing(AXIS) == ("few denials", 0, 0, 0)
    append(*denied(DETAILS[:10]))
    assert standing(AXIS) == ("not known", 0, last_position(), 0)
    theme_derivation.settle()
    assert standing(AXIS) == ("few denials", 10, last_position(), last_position())
    record_all([make_rejected("noop", issue_id=f"noop {at}") for at in range(100)])
    assert standing("noop") == ("not prose", 100, last_position(), last_position())


@pytest.mark.parametrize("way", WAYS)
def test_no_filter_reads_a_whole_table(log: None, way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    read_by(way, monkeypatch)
    theme = ("theme", name(largest()))
    for others in OTHERS[:-1]:
        asked = wanted(theme, *others)
        with CaptureQueriesContext(connection) as captured:
            page = lists.page(asked, "desc", 10)
            count(asked, page.up_to)
            lists.neighbors(asked, lists.Listed(page.rows[0]), page.up_to)
        assert not whole_tables(captured)


def test_the_list_of_themes_reads_no_whole_table(log: None) -> None:
    with CaptureQueriesContext(connection) as captured:
        for window in (
            Window(),
            Window((END - 3) * DAY_MS, END * DAY_MS),
            Window(NOW_MS - HOUR_MS, NOW_MS, hourly=True),
        ):
            listing(AXIS, window, standing(AXIS).up_to, NOW_MS)
    assert not whole_tables(captured)


def test_facets_of_themes_read_no_whole_table(log: None) -> None:
    with CaptureQueriesContext(connection) as captured:
        assert "theme" in facets(wanted(("axis", AXIS)), 10).by
    assert not whole_tables(captured) & {"denialtheme", "themewording", "themetally", "themelabel", "denial"}


def test_many_themes_of_an_axis_are_looked_up_at_once(log: None) -> None:
    for named in ("theme", "not_theme"):
        asked = wanted(*((named, name(number)) for number in range(100)))
        with CaptureQueriesContext(connection) as captured:
            lists.page(asked, "desc", 10)
        assert max(query["sql"].count('FROM "enhancelog_denialtheme"') for query in captured.captured_queries) == 1


def test_a_frequent_theme_is_read_along_its_axis(monkeypatch: pytest.MonkeyPatch) -> None:
    read_by("axis", monkeypatch)
    record_all([*denied(DETAILS), *(make_rejected("noop", issue_id=f"noop {at}", ts_ms=at) for at in range(600))])
    host_derivation.analyze()
    asked = wanted(("theme", name(largest())))
    with CaptureQueriesContext(connection) as captured:
        assert lists.page(asked, "desc", 10).rows
    assert any("denial_axis_ts" in plan for plan in plans(captured).values()), plans(captured)
    assert not any("TEMP B-TREE" in plan for plan in plans(captured).values())


def test_a_scan_is_limited_to_the_denials_of_the_axis(log: None, monkeypatch: pytest.MonkeyPatch) -> None:
    read_by("axis", monkeypatch)
    monkeypatch.setattr(reach, "MOST_ROWS", 50)
    positions, cursor, pages = [], None, 0
    while pages == 0 or cursor:
        page = lists.page(wanted(("theme", name(largest()))), "desc", 10, cursor)
        positions += [row[0] for row in page.rows]
        cursor, pages = page.next and str(page.next), pages + 1
    assert sorted(positions) == by_theme()[largest()]
    assert pages > 3


def test_a_large_theme_is_read_in_parts(log: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reach, "NEAR", 5)
    asked = wanted(("theme", name(largest())), ("status", "rejected"))
    whole = [row[0] for chunk in lists.stream(asked, "desc") for row in chunk]
    orders: tuple[Order, Order] = ("desc", "asc")
    for order in orders:
        page = lists.page(asked, order, 3)
        positions = [row[0] for row in page.rows]
        while page.next is not None:
            assert not page.stopped
            page = lists.page(asked, order, 3, str(page.next))
            positions += [row[0] for row in page.rows]
        assert positions == (whole if order == "desc" else whole[::-1])
    assert count(asked, last_position()) == Count(len(whole))
    assert facets(asked, last_position()).total == Count(len(whole))


def test_merged_ranges_are_read_by_the_index_of_themes(log: None) -> None:
    host_derivation.analyze()
    asked = wanted(("theme", name(largest())), ("blueprint_id", "main"))
    with CaptureQueriesContext(connection) as captured:
        assert lists.page(asked, "desc", 10).rows
    (plan,) = [plan for statement, plan in plans(captured).items() if 'FROM "enhancelog_denialtheme"' in statement]
    assert "denial_theme_ts" in plan
