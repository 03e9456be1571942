"""Deterministic ids: the same facts always give the same id, so a retry repeats it and a consumer can drop it."""

from uuid import UUID, uuid5

_NAMESPACE = UUID("6f0f3a4e-6a53-5d0a-9a55-2f1d2b1c7f10")


def event_id(*parts: object) -> str:
    """Return the UUIDv5 of the parts, e.g. event_id("orders", account_id, epoch)."""
    return str(uuid5(_NAMESPACE, "\x1f".join(str(part) for part in parts)))
