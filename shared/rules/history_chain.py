"""The chain of an enterprise's decisions: what a link is, and what is wrong with one or with the end of a chain.

A link is the SHA-256 of the link before and of the digest of a manifest, both as 32 bytes; before the first stands the
SHA-256 of "history of <enterprise>".  Source: docs/decisions/0034-history-is-a-chain.md.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

End = tuple[int, bytes]
"""Position and hash of a link that is, or was, the last of its chain."""


@dataclass(frozen=True)
class Link:
    """One decision in the chain.  position: from 1; batch_id: what was decided; digests as bytes."""

    position: int
    batch_id: int
    previous: bytes
    decision_sha256: bytes
    sha256: bytes


def beginning(enterprise_id: str) -> bytes:
    """Return what stands before the first link of an enterprise."""
    return hashlib.sha256(f"history of {enterprise_id}".encode()).digest()


def linked(previous: bytes, decision_sha256: bytes) -> bytes:
    """Return the hash of a link."""
    return hashlib.sha256(previous + decision_sha256).digest()


def faults_of_link(link: Link, position: int, previous: bytes) -> Iterator[str]:
    """Yield what is wrong with the link that stands next in a chain.

    position: that it must have; previous: the hash of the one before it.
    """
    if link.position > position:
        missing = (
            f"link {position} is" if link.position == position + 1 else f"links {position} to {link.position - 1} are"
        )
        yield f"{missing} missing from the chain"
    elif link.previous != previous:
        yield f"link {link.position} does not follow the one before it"
    if link.sha256 != linked(link.previous, link.decision_sha256):
        yield f"link {link.position} was changed"


def fault_of_end(head: End | None, last: End) -> str | None:
    """Return what is wrong with the end of a chain, None if nothing is.

    head: as it was noted with the last decision, None if it is not there; last: of the links, position 0 without any.
    """
    if head is None:
        return "the head of the chain is missing" if last[0] > 0 else None
    if head[0] > last[0]:
        return f"the last links are missing: the chain ends at {last[0]}, and its head is {head[0]}"
    return None if head == last else f"the head of the chain is not its last link, {last[0]}"
