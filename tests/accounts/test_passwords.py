"""A process hashes at most four passwords at a time; who waits too long for a turn is told to try again."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any

import pytest
from django.contrib.auth import hashers
from django.contrib.auth.models import User
from django.test import Client

from enhancelog import settings as product
from enhancelog.accounts import passwords
from enhancelog.backends.few_at_once import FewAtOnce
from enhancelog.backends.permit import permit
from tests.pages import read

PASSWORD = "correct horse battery"


@pytest.fixture(autouse=True)
def as_in_production(settings: Any) -> None:
    settings.PASSWORD_HASHERS = product.PASSWORD_HASHERS


class Counting:
    """In the place of argon2: how many hashes were computed at the same time."""

    def __init__(self) -> None:
        self.most = 0
        self._now = 0
        self._lock = threading.Lock()
        self._all_four = threading.Barrier(4, timeout=60)

    def __call__(self, *arguments: Any) -> str:
        with self._lock:
            self._now += 1
            self.most = max(self.most, self._now)
        self._all_four.wait()
        time.sleep(0.02)  # in which a fifth would come
        with self._lock:
            self._now -= 1
        return "argon2$argon2id$v=19$m=102400,t=2,p=8$c2FsdHNhbHQ$hash"


@pytest.mark.parametrize("method", ["encode", "verify"])
def test_four_are_hashed_at_a_time(monkeypatch: pytest.MonkeyPatch, method: str) -> None:
    counting = Counting()
    monkeypatch.setattr(hashers.Argon2PasswordHasher, method, counting)
    hasher = hashers.get_hasher()

    def hash_one(number: int) -> None:
        with permit.held():
            getattr(hasher, method)("password", "c2FsdHNhbHQ")

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(hash_one, range(32)))
    assert counting.most == 4


def test_a_hash_of_before_still_verifies() -> None:
    before = hashers.Argon2PasswordHasher().encode(PASSWORD, "saltsalt")
    assert hashers.check_password(PASSWORD, before)
    assert not hashers.check_password("wrong", before)


@pytest.fixture
def all_taken(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Four hashes are being computed and take longer than anybody waits."""
    few = FewAtOnce(passwords.AT_ONCE, 0.05, passwords.BUSY, passwords.RETRY_AFTER_S)
    monkeypatch.setattr(passwords, "_few", few)
    with ExitStack() as stack:
        for _ in range(passwords.AT_ONCE):
            stack.enter_context(few.slot())
        yield


@pytest.fixture
def ada(db: None) -> User:
    return User.objects.create_superuser("ada", password=PASSWORD)


@pytest.mark.parametrize("path", ["/account/sign-in", "/admin/login/"])
@pytest.mark.parametrize("name", ["ada", "nobody"])
def test_sign_in_without_a_turn_is_503(client: Client, ada: User, all_taken: None, path: str, name: str) -> None:
    response = client.post(path, {"username": name, "password": PASSWORD})
    assert (response.status_code, response["Retry-After"]) == (503, "5")
    assert "Too many passwords are being checked right now" in read(response).words


@pytest.mark.parametrize("path", ["/account/password", "/admin/auth/user/add/", "/admin/auth/user/{pk}/password/"])
def test_other_forms_without_a_turn_change_nothing(client: Client, ada: User, all_taken: None, path: str) -> None:
    client.force_login(ada)
    new = "something else entirely"
    form = {"username": "bob", "usable_password": "true", "old_password": PASSWORD}
    form |= dict.fromkeys(("new_password1", "new_password2", "password1", "password2"), new)
    response = client.post(path.format(pk=ada.pk), form)
    assert (response.status_code, response["Retry-After"]) == (503, "5")
    assert not User.objects.filter(username="bob").exists()
    assert User.objects.get().password == ada.password


def test_a_turn_is_given_back_when_hashing_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*arguments: Any) -> None:
        raise MemoryError

    with monkeypatch.context() as patch:
        patch.setattr(hashers.Argon2PasswordHasher, "encode", fails)
        for _ in range(2 * passwords.AT_ONCE):
            with pytest.raises(MemoryError):
                hashers.make_password(PASSWORD)
    assert hashers.make_password(PASSWORD)
