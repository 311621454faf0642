"""What a redaction takes out of the outbox, and what it leaves."""

import json
import time
from typing import Any

import pytest

from enhancelog.alerts import outbox, outgoing
from enhancelog.alerts import redacting as outbox_redacting
from enhancelog.alerts.posting import Answer
from enhancelog.alerts.samples import SAMPLES
from enhancelog.domain import alert_events, records
from enhancelog.domain.origin import Origin
from enhancelog.models import Delivery, DeliveryAttempt
from enhancelog.store import pattern_groups, redacting
from enhancelog.store.database import DatabaseEnhanceLogStore
from tests.alerts.outboxes import make_alert, make_delivery
from tests.factories import make_rejected

pytestmark = pytest.mark.django_db

STAFF = Origin("user", "ada", "page")
HOOK = "https://x.example/h"
SECRET = "hunterzwei"
GONE = "[redacted]"


def append(*entries: records.Entry) -> None:
    DatabaseEnhanceLogStore(STAFF).append_batch(list(entries))
    pattern_groups.settle()


def redact(*fields: str, issue_id: str = "s") -> None:
    redacting.redact(issue_id, fields, "a key in clear", STAFF)


def sample(event: str, **changes: Any) -> dict[str, Any]:
    data: dict[str, Any] = json.loads(records.encode_part(SAMPLES[event]))
    return data | changes


def message(event: str, **changes: Any) -> Delivery:
    return make_delivery(make_alert(HOOK, event=event), data=sample(event, **changes))


def said(delivery: Delivery) -> dict[str, Any]:
    delivery.refresh_from_db()
    data: dict[str, Any] = json.loads(delivery.data)
    return data


def words(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [word for each in value.values() for word in words(each)]
    if isinstance(value, list):
        return [word for each in value for word in words(each)]
    return [value] if isinstance(value, str) else []


@pytest.mark.parametrize("event", SAMPLES)
def test_a_text_that_equals_a_word_of_a_message_about_something_else_leaves_it(event: str) -> None:
    found = message(event)
    append(*(make_rejected("x", issue_id=f"s{n}", intent=word) for n, word in enumerate(words(sample(event)))))
    for number in range(len(words(sample(event)))):
        redact("intent", issue_id=f"s{number}")
    assert said(found) == sample(event)


@pytest.mark.parametrize("event", SAMPLES)
def test_of_a_message_about_the_entry_only_its_texts_go(event: str) -> None:
    named = {"about": "entry", "about_id": "h-1"} if event == "mention" else {}
    found = message(event, **named)
    for word in dict.fromkeys(words(said(found))):
        texts = frozenset([word])
        gone = outbox_redacting._Gone("h-1", texts, frozenset())
        left = outbox_redacting._without(event, said(found), gone)
        alert_events.read(event, left)
        changed = {name for name, value in left.items() if value != said(found)[name]}
        assert changed <= {"intent", "reasons", "reason", "template", "note", "text"}
        assert left["alert"] == said(found)["alert"]


def test_the_texts_of_the_entry_go_and_the_message_can_be_sent() -> None:
    about = {"issue_id": "s", "blueprint_id": "main"}
    rejected = message("entry.rejected", **about, intent=SECRET, reasons=[f"leak: {SECRET}", "other"])
    unfinished = message("run.unfinished", **about, intent=SECRET)
    mentioned = message("mention", about="entry", about_id="s", text=SECRET)
    other = message("mention", about="pattern", about_id="s", text=SECRET)
    append(make_rejected("leak", issue_id="s", intent=SECRET, detail=SECRET))
    redact("intent", "details")
    assert (said(rejected)["intent"], said(rejected)["reasons"]) == (GONE, [GONE, "other"])
    assert said(unfinished)["intent"] == GONE
    assert (said(mentioned)["text"], said(other)["text"]) == (GONE, SECRET)
    leased = outbox.lease(rejected.alert_id)
    assert leased is not None
    assert SECRET not in str(outgoing.outgoing(leased))


def test_a_wording_goes_from_messages_about_its_pattern() -> None:
    pattern = {"axis": "leak", "template": f"found {SECRET} in it"}
    new = message("pattern.new", **pattern)
    other = message("pattern.new", **pattern | {"axis": "another"})
    listed = {**sample("digest")["moved"][0], **pattern}
    digest = message("digest", new_patterns=[listed], moved=[listed, sample("digest")["moved"][0]])
    append(make_rejected("leak", issue_id="s", detail=f"found {SECRET} in it"))
    redact("details")
    assert said(new) == sample("pattern.new", **pattern | {"template": GONE})
    assert said(other)["template"] == pattern["template"]
    gone = listed | {"template": GONE}
    assert said(digest) == sample("digest", new_patterns=[gone], moved=[gone, sample("digest")["moved"][0]])


def test_a_wording_that_another_entry_has_too_stays() -> None:
    new = message("pattern.new", axis="leak", template="found a key in it")
    append(*(make_rejected("leak", issue_id=id, detail="found a key in it") for id in ("s", "t")))
    redact("details")
    assert said(new)["template"] == "found a key in it"


@pytest.mark.parametrize(("intent", "kept"), [(SECRET, GONE), ("another", f"bad request: {SECRET}")])
def test_what_a_receiver_answers_after_a_redaction_does_not_bring_the_text_back(intent: str, kept: str) -> None:
    found = message("entry.rejected", issue_id="s", intent=intent)
    append(make_rejected("leak", issue_id="s", intent=SECRET))
    leased = outbox.lease(found.alert_id)
    assert leased is not None
    redact("intent")
    outbox.finish(leased, Answer(500, f"bad request: {SECRET}"), 0, 1)
    assert list(DeliveryAttempt.objects.values_list("answer", flat=True)) == [kept]


def test_many_texts_are_not_looked_for_in_each_message(monkeypatch: pytest.MonkeyPatch) -> None:
    """Formerly 2.6 s."""
    for _ in range(200):
        message("entry.rejected")
    verdicts = [{"axis": "x", "status": "deny", "detail": f"zzqq{number}"} for number in range(12_000)]
    reasons = [f"x: zzqq{number}" for number in range(12_000)]
    append(make_rejected(issue_id="s", verdicts=verdicts, reasons=reasons))
    took = []
    forget = outbox_redacting.forget

    def timed(*given: Any) -> None:
        began = time.process_time()
        forget(*given)
        took.append(time.process_time() - began)

    monkeypatch.setattr(redacting, "_hooks", [timed if hook is forget else hook for hook in redacting._hooks])
    redact("details")
    assert took[0] < 0.5
