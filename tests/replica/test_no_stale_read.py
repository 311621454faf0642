"""Thousands of times: append, then read. A replica that lags, by whatever, never answers with less."""

import itertools
from collections import Counter
from typing import Any, Final

import pytest
from django.contrib.auth.models import User
from django.test import Client

from enhancelog.accounts import api_tokens
from enhancelog.backends import reading
from enhancelog.domain import records
from tests.factories import make_entry
from tests.standbys import Pair

LOG: Final = "/v1/enhance/log"
PAIRS: Final = 2_000
DELAYS_MS: Final = (0, 2, 10, 20, 500)  # some within the patience of a request, some beyond it


@pytest.mark.heavy
@pytest.mark.timeout(1800)  # a minute of CPU, on a machine that may be busy
def test_every_append_is_read_at_once(
    replicated: Pair, client: Client, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.THROTTLE_APPEND = None
    owner, _ = User.objects.get_or_create(username="appends", is_staff=True)
    _, secret = api_tokens.make(api_tokens.Wanted("appends", api_tokens.SCOPES), owner, made_by="tests")
    headers = {"Authorization": f"Bearer {secret}"}
    used: Counter[bool] = Counter()
    original = reading._replica_at

    def counted(wanted: reading.Source) -> Any:
        found = original(wanted)
        used[found is not None] += 1
        return found

    monkeypatch.setattr(reading, "_replica_at", counted)
    delays = itertools.cycle(DELAYS_MS)
    stale = []
    for number in range(PAIRS):
        if number % (PAIRS // 50) == 0:
            replicated.delay(next(delays))
        body = records.encode(make_entry(issue_id=f"pair-{number}", ts_ms=1_795_000_000_000 + number))
        sent = client.post(LOG, body, content_type="application/json", headers=headers)
        assert sent.status_code == 201
        if number % 2:
            is_read = client.get(f"{LOG}/pair-{number}", headers=headers).status_code == 200
        else:
            newest = client.get(f"{LOG}?order=desc&page_size=1", headers=headers).json()
            is_read = [entry["issue_id"] for entry in newest] == [f"pair-{number}"]
        if not is_read:
            stale.append(number)
    replicated.delay(0)
    assert not stale
    assert min(used[True], used[False]) > PAIRS // 20, used  # both servers were read
