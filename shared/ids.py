"""Deterministic ids: the same facts always give the same id, so a retry repeats it and a consumer can drop it."""

from hashlib import sha1
from uuid import UUID

_NAMESPACE = UUID("6f0f3a4e-6a53-5d0a-9a55-2f1d2b1c7f10").bytes


def event_id(*facts: object) -> str:
    """Return the UUIDv5 of the facts, e.g. event_id("orders", account_id, epoch).

    Written out rather than by uuid.uuid5, which takes three times as long: a large approval makes 300,000 of them.
    """
    name = "\x1f".join(map(str, facts)).encode()
    digest = bytearray(sha1(_NAMESPACE + name, usedforsecurity=False).digest()[:16])
    digest[6] = digest[6] & 0x0F | 0x50  # version 5
    digest[8] = digest[8] & 0x3F | 0x80  # the variant of RFC 9562
    text = digest.hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
