"""The decision about a batch as a document: canonical JSON, so that the same facts are the same bytes.

It holds what was displayed: who decided what and when, every account with its result and its figures under every logic,
and the digests of the result chunks that details are shown from.  Source: product 6, "frozen for ever".
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

FORMAT: Final = 1


@dataclass(frozen=True)
class Manifest:
    """content: canonical JSON in UTF-8. sha256: its digest."""

    content: bytes
    sha256: bytes


def manifest_of(
    batch: Mapping[str, Any],
    accounts: Sequence[Mapping[str, Any]],
    chunk_digests: Mapping[int, str],
    canonical: Callable[[Any], bytes],
) -> Manifest:
    """Return the manifest of a decided batch.

    chunk_digests: SHA-256 in hex by chunk number; canonical: renders sorted keys, no spaces, no floats.
    """
    document = {
        "format": FORMAT,
        "batch": dict(batch),
        "accounts": list(accounts),
        "answers": {str(number): digest for number, digest in sorted(chunk_digests.items())},
    }
    content = canonical(document)
    return Manifest(content, hashlib.sha256(content).digest())
