from hashlib import blake2b


def short_key(data: bytes) -> int:
    # A hash of eight bytes, for an index.
    return int.from_bytes(blake2b(data, digest_size=8).digest(), signed=True)
