"""Reviews on pages: a queue of denials drawn at random, the entry's page, the axis' rate with its rows."""

from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from django.contrib.auth.models import User
from django.test import Client

from enhancelog import links
from enhancelog.domain.intervals import wilson
from enhancelog.domain.origin import Origin
from enhancelog.domain.reviews import NewReview
from enhancelog.models import AuditRecord, Review
from enhancelog.queries import reviews as log
from enhancelog.store import reviews as store
from tests.factories import make_entry, make_rejected
from tests.pages import Element, Page, read
from tests.recording import record, record_all
from tests.strategies import NOW_MS

pytestmark = pytest.mark.django_db

REVIEWS = "/triage/reviews/"
ADA = Origin("user", "ada", "page")


@pytest.fixture(autouse=True)
def anybody_reads(settings: Any) -> None:
    settings.PUBLIC_READ = True


@pytest.fixture
def staff() -> Client:
    return signed_in("ada")


def signed_in(name: str) -> Client:
    client = Client()
    client.force_login(User.objects.create_user(name, is_staff=True))
    return client


def denials(number: int) -> None:
    record_all(make_rejected("noop", issue_id=f"h-{at}", ts_ms=NOW_MS - at, detail=f"no {at}") for at in range(number))


def said(issue_id: str, verdict: Any, who: str = "ada", axis: str = "noop", seed: int | None = None) -> None:
    store.review(log.denied(issue_id, axis), NewReview(verdict=verdict), seed, Origin("user", who, "page"))


def page(client: Client, path: str, **parameters: Any) -> Page:
    response = client.get(path, parameters, follow=True)
    assert response.status_code == 200, response.content
    return read(response)


def form(shown: Page | Element) -> str:
    """Where the form with the three buttons goes."""
    (found,) = [each for each in shown.all("form") if each.all("button", name="verdict")]
    assert [each.attributes["value"] for each in found.all("button")] == ["right", "wrong", "unclear"]
    return found.attributes["action"]


def test_a_queue_is_reviewed_denial_by_denial_without_a_script(staff: Client) -> None:
    denials(30)
    start = staff.get(REVIEWS, {"axis": "noop", "seed": "random"})
    address = start["Location"]
    seen = []
    for left in range(20, 0, -1):
        shown = read(staff.get(address))
        assert f"{left} left" in shown.words
        action = form(shown)
        seen.append(urlsplit(action).path)
        answered = staff.post(action, {"verdict": ("right", "wrong", "unclear")[left % 3], "reason": ""})
        assert (answered.status_code, answered["Location"]) == (302, address)
    assert len(set(seen)) == 20
    assert "0 left" in read(staff.get(address)).words
    seed = int(dict(parse_qsl(urlsplit(address).query))["seed"])
    assert set(Review.objects.values_list("reviewer", "axis", "seed")) == {("ada", "noop", seed)}
    assert AuditRecord.objects.filter(act="review.set").count() == 20


def test_others_are_shown_after_ones_own_review(staff: Client) -> None:
    denials(1)
    said("h-0", "wrong", who="bob")
    shown = page(staff, REVIEWS, axis="noop", seed=1)
    assert "bob" not in shown.words
    staff.post(form(shown), {"verdict": "right"})
    assert "bob" in page(staff, links.review("h-0", [("axis", "noop"), ("seed", "1")])).words


def test_a_chosen_review_is_confirmed_in_the_queue(staff: Client) -> None:
    denials(1)
    said("h-0", "wrong")
    shown = page(staff, REVIEWS, axis="noop", seed=1)
    assert "1 left" in shown.words
    assert "to confirm" in shown.words
    staff.post(form(shown), {"verdict": "wrong"})
    assert Review.objects.get().seed == 1_000_001
    said("h-0", "right")
    assert Review.objects.get().seed == 1_000_001  # it was drawn, whatever is said of it later


def test_the_page_of_an_entry_has_a_form_for_each_denial(staff: Client) -> None:
    record(make_rejected("noop", "tone", issue_id="h-1"))
    shown = page(staff, "/entries/h-1")
    actions = [each.attributes["action"] for each in shown.all("form") if each.all("button", name="verdict")]
    assert actions == [links.review("h-1", [("axis", axis)]) for axis in ("noop", "tone")]
    answered = staff.post(actions[1], {"verdict": "wrong", "reason": "the tone\r\nis <b>"})
    assert answered["Location"] == "/entries/h-1"
    row = Review.objects.get()
    assert (row.axis, row.reason, row.seed) == ("tone", "the tone\nis <b>", None)
    shown = page(staff, "/entries/h-1")
    assert "Reviewed: 1 wrong" in shown.words
    assert "is <b>" in shown.words


def test_readers_see_reviews_and_no_form(client: Client) -> None:
    denials(1)
    said("h-0", "wrong")
    for path in ("/entries/h-0", links.review("h-0", [("axis", "noop")])):
        shown = page(client, path)
        assert not shown.all("button", name="verdict")
        assert "ada" in shown.words
    assert "Was it right?" not in page(client, "/entries/h-0").words


def test_the_axis_shows_its_rates_with_their_rows(client: Client) -> None:
    denials(40)
    record(make_rejected("tone", issue_id="other"))
    for at in range(21):
        said(f"h-{at}", "wrong" if at < 5 else "right", seed=1)
    said("h-30", "unclear")
    said("h-31", "wrong")
    shown = page(client, "/axes/noop")
    low, high = wilson(5, 21)
    assert f"5 of 21; 95 % confidence interval {round(100 * low)} to {round(100 * high)} %" in [
        each.attributes.get("title") for each in shown.all("span")
    ]
    drawn, chosen = ([each.words for each in row.all("td")] for row in rates(shown))
    assert drawn == ["5 of 21", "24 %", f"{round(100 * low)} to {round(100 * high)} %", "16", "0"]
    assert chosen == ["1 of 2", "50 %too few", "9 to 91 %", "0", "1"]
    numbers = [link for row in rates(shown) for link in row.all("a")]
    assert len(numbers) == 6
    for link in numbers:
        address = urlsplit(link.attributes["href"])
        assert len(listed(page(client, address.path, **dict(parse_qsl(address.query))))) == int(link.words)
    assert not any(row.all("a") for row in rates(page(client, "/axes/tone")))


def rates(shown: Page) -> list[Element]:
    (table,) = [
        each for each in shown.all("div", role="region") if each.attributes["aria-label"] == "Rates of wrong denials"
    ]
    return table.all("tr")[1:]


def listed(shown: Page) -> list[Element]:
    return [each for each in shown.all("tr") if "data-row" in each.attributes]


def test_long_lists_go_on(client: Client) -> None:
    denials(60)
    for at in range(60):
        said(f"h-{at}", "right")
    first = page(client, REVIEWS, axis="noop")
    (older,) = first.addresses("Older")
    address = urlsplit(older)
    second = page(client, address.path, **dict(parse_qsl(address.query)))
    assert (len(listed(first)), len(listed(second))) == (50, 10)


def test_the_axes_are_listed(client: Client) -> None:
    assert "nothing to review" in page(client, REVIEWS).words
    denials(3)
    said("h-0", "wrong", seed=1)
    said("h-1", "right")
    (row,) = listed(page(client, REVIEWS))
    assert [each.words for each in row.all("td")][:3] == ["1 of 1", "100 %too few", "0 of 1"]


@pytest.mark.parametrize(
    ("path", "status", "says"),
    [
        (links.review("h-9", [("axis", "noop")]), 404, ""),
        (links.review("h-0", []), 200, "no 0"),
        (links.review("passed", []), 400, "none denied this run"),
        (links.review("h-0", [("axis", "des")]), 400, "passed this run"),
        (links.review("h-0", [("axis", "other")]), 400, "did not judge this run"),
        (links.review("h-0", [("axis", "noop"), ("seed", "x")]), 400, "seed"),
        (links.review("h-0", [("axis", "noop"), ("seed", "9000000")]), 400, "the log ends at 2"),
        (links.reviews([("axis", "noop"), ("review", "odd")]), 400, "right, wrong, unclear"),
        (links.reviews([("axis", "noop"), ("sample", "odd")]), 400, "drawn, chosen"),
        (links.reviews([("axis", "noop"), ("axis", "noop")]), 400, "axis"),
        (links.reviews([("axis", "noop"), ("seed", str(2**60))]), 400, "seed"),
        (links.reviews([("axis", "nobody"), ("seed", "1")]), 200, "Nothing to review"),
        (links.reviews([("axis", "a\0b"), ("seed", "1")]), 200, "Nothing to review"),
        (links.reviews([("axis", "a\0b")]), 200, "no such reviews"),
    ],
)
def test_what_is_asked_wrongly(client: Client, path: str, status: int, says: str) -> None:
    denials(1)
    record(make_entry(issue_id="passed"))
    response = client.get(path)
    assert response.status_code == status
    assert says in read(response).words


def test_a_form_needs_an_axis(staff: Client) -> None:
    denials(1)
    answered = staff.post(links.review("h-0", []), {"verdict": "wrong"})
    assert answered.status_code == 400
    assert "axis: is missing" in read(answered).words


def test_a_wrong_form_is_shown_again(staff: Client) -> None:
    denials(1)
    action = links.review("h-0", [("axis", "noop"), ("seed", "1")])
    for sent in (
        {"verdict": "odd", "reason": "kept"},
        {"reason": "kept"},
        {"verdict": "right", "reason": "kept" * 600},
    ):
        answered = staff.post(action, sent)
        assert answered.status_code == 400
        shown = read(answered)
        assert shown.all("p", role="alert")
        assert shown.all("textarea", name="reason")[0].words.startswith("kept")
    assert not Review.objects.exists()


def test_pages_change_with_a_review(client: Client) -> None:
    denials(1)
    paths = ["/entries/h-0", "/axes/noop", REVIEWS, links.review("h-0", [("axis", "noop")])]
    client.get("/")  # sets the cookie that forms need
    tags = {path: client.get(path)["ETag"] for path in paths}
    for path, tag in tags.items():
        assert client.get(path, headers={"If-None-Match": tag}).status_code == 304
    said("h-0", "wrong")
    for path, tag in tags.items():
        assert client.get(path, headers={"If-None-Match": tag}).status_code == 200


def test_applied_runs_may_have_denials(client: Client) -> None:
    denial = {"axis": "noop", "status": "deny", "detail": "x"}
    record(make_entry(issue_id="h-1", verdicts=[denial]))
    assert "1 of 1" in page(client, REVIEWS, axis="noop", seed=5).words
