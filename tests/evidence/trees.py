"""Trees as RFC 6962, section 2.1 defines them: by recursion, over all leaves. Nothing here is ours."""

from collections.abc import Callable, Sequence
from functools import cache
from hashlib import sha256

from enhancelog.evidence.merkle import Node

# Of the reference implementation's tests (google/certificate-transparency): the data of eight leaves, the root of each
# tree of them, and proofs. Without them, the recursion below could be wrong in the same way as what it checks.
VECTOR_LEAVES = [
    bytes.fromhex(data)
    for data in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
VECTOR_ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
# (index, size): proof
VECTOR_INCLUSION = {
    (0, 1): [],
    (0, 8): [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ],
    (5, 8): [
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ],
    (2, 3): ["fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"],
    (1, 5): [
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    ],
}
# (old size, new size): proof
VECTOR_CONSISTENCY = {
    (1, 1): [],
    (1, 8): [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ],
    (6, 8): [
        "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ],
    (2, 5): [
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    ],
}


class Tree:
    """MTH, PATH and PROOF of the RFC; ``data`` are the entries D[0] … D[n-1]."""

    def __init__(self, data: Sequence[bytes]) -> None:
        self.data = data
        self.root: Callable[[int, int], bytes] = cache(self._root)

    def _root(self, begin: int, end: int) -> bytes:
        """MTH(D[begin:end])"""
        if begin == end:
            return sha256().digest()
        if end - begin == 1:
            return sha256(b"\x00" + self.data[begin]).digest()
        middle = begin + largest_power_below(end - begin)
        return sha256(b"\x01" + self.root(begin, middle) + self.root(middle, end)).digest()

    def path(self, index: int, begin: int, end: int) -> list[bytes]:
        """PATH(index, D[begin:end])"""
        if end - begin == 1:
            return []
        k = largest_power_below(end - begin)
        if index < k:
            return [*self.path(index, begin, begin + k), self.root(begin + k, end)]
        return [*self.path(index - k, begin + k, end), self.root(begin, begin + k)]

    def proof(self, old: int, new: int) -> list[bytes]:
        return self.subproof(old, 0, new, True)

    def subproof(self, m: int, begin: int, end: int, is_known: bool) -> list[bytes]:
        """SUBPROOF(m, D[begin:end], is_known)"""
        n = end - begin
        if m == n:
            return [] if is_known else [self.root(begin, end)]
        k = largest_power_below(n)
        if m <= k:
            return [*self.subproof(m, begin, begin + k, is_known), self.root(begin + k, end)]
        return [*self.subproof(m - k, begin + k, end, False), self.root(begin, begin + k)]

    def read(self, nodes: Sequence[Node]) -> list[bytes]:
        return [self.root(node.index << node.level, (node.index + 1) << node.level) for node in nodes]


def largest_power_below(n: int) -> int:
    k = 1
    while 2 * k < n:
        k *= 2
    return k


def tree_of(size: int, name: str = "") -> Tree:
    return Tree([f"{name}{number}".encode() for number in range(size)])
