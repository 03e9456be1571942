"""The chain of the audit log and the chains of decisions, through functions that show numbers and hashes only."""

from collections.abc import Mapping
from typing import Final, NamedTuple

from services.auditor.store.database import Snapshot, rows
from shared.rules.history_chain import End, Link

_FOLLOW: Final = "SELECT walked, last, broken_at FROM gateway.audit_follow(%(after)s, %(most)s)"
_AUDIT_ENDS: Final = "SELECT head_seq, head_hash, last_seq, last_hash FROM gateway.audit_ends()"
_HASH_OF: Final = "SELECT gateway.audit_hash_of(%(seq)s) AS hash"
_LINKS: Final = (
    "SELECT enterprise_id, position, batch_id, previous, decision_sha256, sha256, kept_sha256"
    " FROM batch.history_links(%(enterprise)s, %(position)s, %(most)s)"
)
_ENDS: Final = (
    "SELECT enterprise_id, head_position, head_sha256, last_position, last_sha256 FROM batch.history_ends()"
    " ORDER BY enterprise_id"
)
_HASHES: Final = (
    "SELECT l.enterprise_id, l.sha256 FROM batch.decision_link AS l JOIN"
    " unnest(%(names)s::text[], %(positions)s::bigint[]) AS seen (enterprise_id, position)"
    " ON l.enterprise_id = seen.enterprise_id AND l.position = seen.position"
)
_BESIDE: Final = "SELECT walked, last, unlinked FROM batch.history_beside(%(after)s, %(most)s)"


class Followed(NamedTuple):
    """A part of a table that was walked.

    rows: how many; last: number of the last one, None without any; faults: numbers of rows that do not fit.
    """

    rows: int
    last: int | None
    faults: list[int]


class StoredLink(NamedTuple):
    """A link of an enterprise.  kept_sha256: digest of its decision as it is kept, None if it is not."""

    enterprise_id: str
    link: Link
    kept_sha256: bytes | None


class Ends(NamedTuple):
    """The end of a chain: as it was noted, None if it is not; and as its rows are."""

    head: End | None
    last: End | None


async def follow_audit(connection: Snapshot, after: int, most: int) -> Followed:
    """Follow records of the audit log behind a number; of those that do not fit, the first is named."""
    (row,) = await rows(connection, _FOLLOW, after=after, most=most)
    return Followed(row["walked"], row["last"], [] if row["broken_at"] is None else [row["broken_at"]])


async def audit_ends(connection: Snapshot) -> Ends:
    """Return the end of the audit log; before the first record both are number 0."""
    (row,) = await rows(connection, _AUDIT_ENDS)
    return Ends(_end(row["head_seq"], row["head_hash"]), _end(row["last_seq"], row["last_hash"]))


async def audit_hash(connection: Snapshot, seq: int) -> bytes | None:
    """Return the hash of a record; None if there is none of this number."""
    (row,) = await rows(connection, _HASH_OF, seq=seq)
    return None if row["hash"] is None else bytes(row["hash"])


async def links(connection: Snapshot, enterprise_id: str, position: int, most: int) -> list[StoredLink]:
    """Return links of all chains behind one, in the order of enterprises and positions."""
    return [
        StoredLink(
            row["enterprise_id"],
            Link(row["position"], row["batch_id"], row["previous"], row["decision_sha256"], row["sha256"]),
            row["kept_sha256"],
        )
        for row in await rows(connection, _LINKS, enterprise=enterprise_id, position=position, most=most)
    ]


async def history_ends(connection: Snapshot) -> dict[str, Ends]:
    """Return the ends of all chains that have a head, by enterprise."""
    return {
        row["enterprise_id"]: Ends(
            _end(row["head_position"], row["head_sha256"]), _end(row["last_position"], row["last_sha256"])
        )
        for row in await rows(connection, _ENDS)
    }


async def hashes(connection: Snapshot, at: Mapping[str, int]) -> dict[str, bytes]:
    """Return the hash of one link of each enterprise, by its position; nothing where there is no such link."""
    found = await rows(connection, _HASHES, names=list(at), positions=list(at.values()))
    return {row["enterprise_id"]: bytes(row["sha256"]) for row in found}


async def decisions_beside(connection: Snapshot, after: int, most: int) -> Followed:
    """Walk decisions behind a batch's number; those of which a chain has no link do not fit."""
    (row,) = await rows(connection, _BESIDE, after=after, most=most)
    return Followed(row["walked"], row["last"], row["unlinked"] or [])


def _end(position: int | None, sha256: bytes | None) -> End | None:
    return None if position is None or sha256 is None else (position, bytes(sha256))
