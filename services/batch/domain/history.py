"""The chain of an enterprise's decisions, and what of a decided batch differs from its manifest.

A link is the SHA-256 of the link before and of the digest of a manifest, both as 32 bytes; before the first stands the
SHA-256 of "history of <enterprise>".  Source: docs/decisions/0034-history-is-a-chain.md.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

_NAMED_AT_MOST = 10


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


def differences(
    document: Mapping[str, Any],
    batch: Mapping[str, Any] | None,
    accounts: Mapping[str, Mapping[str, Any]],
    chunks: Mapping[str, str],
) -> Iterator[str]:
    """Yield how the rows of a decided batch differ from its manifest.

    document: the manifest; batch, accounts by id: the rows as JSON has them, with every field that the manifest names;
    chunks: SHA-256 in hex of the result chunks as they are, by number.
    """
    if batch is None:
        yield "the row of the batch is missing"
    else:
        changed = sorted(name for name, value in document["batch"].items() if batch[name] != value)
        if changed:
            yield f"the row of the batch was changed: {', '.join(changed)}"
    then = {account["account_id"]: account for account in document["accounts"]}
    yield from _accounts("missing", sorted(then.keys() - accounts.keys()))
    yield from _accounts("added", sorted(accounts.keys() - then.keys()))
    for name in sorted(then.keys() & accounts.keys()):
        changed = sorted(field for field, value in then[name].items() if accounts[name][field] != value)
        if changed:
            yield f"the row of account {name} was changed: {', '.join(changed)}"
    digests: Mapping[str, str] = document["answers"]
    for number in sorted(digests.keys() | chunks.keys(), key=int):
        if number not in chunks:
            yield f"result chunk {number} is missing"
        elif number not in digests:
            yield f"result chunk {number} was added"
        elif digests[number] != chunks[number]:
            yield f"result chunk {number} was changed"


def _accounts(what: str, names: Sequence[str]) -> Iterator[str]:
    if names:
        more = f" and {len(names) - _NAMED_AT_MOST} more" if len(names) > _NAMED_AT_MOST else ""
        rows = "the row of account" if len(names) == 1 else "the rows of accounts"
        yield f"{rows} {', '.join(names[:_NAMED_AT_MOST])}{more} {'is' if len(names) == 1 else 'are'} {what}"
