from collections.abc import Iterator
from typing import Any

import pytest

from enhancelog.accounts import oidc_requests
from tests.accounts import oidc_providers
from tests.accounts.oidc_providers import Running


@pytest.fixture(scope="module")
def server() -> Iterator[Running]:
    with oidc_providers.running() as server:
        yield server


@pytest.fixture(autouse=True)
def provider(server: Running, settings: Any) -> Running:
    oidc_requests.forget()
    server.changed.clear()
    settings.OIDC = server.settings()
    return server
