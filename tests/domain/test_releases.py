"""Numbers of releases are compared as people read them."""

from itertools import pairwise

import pytest

from enhancelog import __version__
from enhancelog.domain.releases import order


def test_releases_are_in_order() -> None:
    releases = ["0.1.0.dev0", "0.1.0.dev1", "0.1.0rc1", "0.1.0rc2", "0.1.0", "0.1.1", "0.2.0", "0.10.0", "1.0.0"]
    assert all(order(a) < order(b) for a, b in pairwise(releases))
    assert order(__version__) >= order("0.1.0.dev0")


@pytest.mark.parametrize("text", ["", "1", "1.2", "v1.2.3", "1.2.3.4", "1.2.3 ", "1.2.3\n", "١.2.3", "1" * 5000])
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="must be a release"):
        order(text)
