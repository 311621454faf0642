"""Coroutines in tests, also beside Playwright, whose loop runs in the main thread of a test process."""

import asyncio
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

T = TypeVar("T")


def beside(function: Callable[..., T], *arguments: Any) -> T:
    """Call what runs a loop of its own."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(function, *arguments).result()


def run(coroutine: Coroutine[Any, Any, T]) -> T:
    """``asyncio.run`` in a thread of its own."""
    result: T = beside(asyncio.run, coroutine)
    return result
