"""Compare history with its chain, a part at a time, so that no request and no transaction takes long.

Source: docs/decisions/0034-history-is-a-chain.md.
"""

import asyncio
import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

import orjson
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from services.batch.domain.figures import LOGIC_NAMES
from services.batch.domain.history import differences
from services.batch.operations.decide import canonical
from services.batch.store import history, members
from services.batch.store.tables import BATCH
from shared.rules.history_chain import beginning, fault_of_end, faults_of_link

_DECISIONS: Final = 200
_ACCOUNTS: Final = 20_000
Section = Literal["before", "chain"]


@dataclass(frozen=True)
class Finding:
    """What is wrong, and with which batch; None: with the chain itself."""

    batch_id: int | None
    sentence: str


@dataclass(frozen=True)
class Cursor:
    """How far a check has come: decisions of before the chain by number, then links by position."""

    section: Section = "before"
    after: int = 0


@dataclass
class CheckedPart:
    """What a part of a check has found.

    checked: decisions compared; before: of these, those of before the chain; accounts: rows compared; rest: where to go
    on, None at the end; then head: position and hash of the last link, None if nothing was decided since the chain
    began.
    """

    checked: int = 0
    before: int = 0
    accounts: int = 0
    findings: list[Finding] = field(default_factory=list)
    rest: Cursor | None = None
    head: tuple[int, bytes] | None = None

    @property
    def is_enough(self) -> bool:
        """Whether this part took as much as one may."""
        return self.checked >= _DECISIONS or self.accounts >= _ACCOUNTS

    def note(self, batch_id: int | None, sentence: str) -> None:
        """Add a finding."""
        self.findings.append(Finding(batch_id, sentence))


async def check(connection: AsyncConnection, enterprise_id: str, cursor: Cursor) -> CheckedPart:
    """Check the history of an enterprise from a cursor on, in one snapshot: the transaction has done nothing before."""
    await history.hold_still(connection)
    part = CheckedPart()
    if cursor.section == "before":
        for batch_id, digest in await history.next_before(connection, enterprise_id, cursor.after, _DECISIONS):
            await _check_decision(connection, part, batch_id, digest)
            part.before += 1
            if part.is_enough:
                part.rest = Cursor("before", batch_id)
                return part
        cursor = Cursor("chain", 0)
    await _check_chain(connection, part, enterprise_id, cursor.after)
    return part


async def _check_chain(connection: AsyncConnection, part: CheckedPart, enterprise_id: str, after: int) -> None:
    """Check links behind a position, and the end of the chain once it is reached."""
    previous = beginning(enterprise_id) if after == 0 else await history.hash_at(connection, enterprise_id, after)
    last = after, previous or b""
    for link in await history.next_links(connection, enterprise_id, after, _DECISIONS):
        for fault in faults_of_link(link, last[0] + 1, last[1]):
            part.note(link.batch_id, fault)
        await _check_decision(connection, part, link.batch_id, link.decision_sha256)
        last = link.position, link.sha256
        if part.is_enough:
            part.rest = Cursor("chain", link.position)
            return
    part.head = await history.head(connection, enterprise_id)
    if (at_the_end := fault_of_end(part.head, last)) is not None:
        part.note(None, at_the_end)
    for row in await history.added(connection, enterprise_id):
        what = "its decision was added: the chain has no link of it" if row.is_kept else "it has no decision in history"
        part.note(row.batch_id, what)


async def _check_decision(connection: AsyncConnection, part: CheckedPart, batch_id: int, digest: bytes) -> None:
    """Check that a decision is the one of this digest, and the rows of its batch what it says."""
    part.checked += 1
    kept = await history.decision(connection, batch_id)
    if kept is None:
        part.note(batch_id, "its decision is missing")
        return
    stored, manifest = kept
    if stored != digest or await asyncio.to_thread(_digest, manifest) != digest:
        part.note(batch_id, "its decision was changed")
        return
    row = (await connection.execute(select(*BATCH.c).where(BATCH.c.batch_id == batch_id))).one_or_none()
    rows = await members.read_all(connection, batch_id)
    chunks = await history.chunk_digests(connection, batch_id)
    part.accounts += len(rows)

    def compared() -> list[str]:
        document = orjson.loads(manifest)
        fields = document["accounts"][0].keys() if document["accounts"] else ()
        batch = None
        if row is not None:
            named = {
                **row._asdict(),
                "logic": LOGIC_NAMES.get(row.logic, row.logic),
            }  # or as changed
            batch = _as_json(named, document["batch"])
        found = {account.account_id: _as_json(account._asdict(), fields) for account in rows}
        return list(differences(document, batch, found, chunks))

    for sentence in await asyncio.to_thread(compared):
        part.note(batch_id, sentence)


def _as_json(values: Mapping[str, Any], fields: Iterable[str]) -> dict[str, Any]:
    """Return fields of a row as they are after JSON was written and read."""
    document: dict[str, Any] = orjson.loads(canonical({name: values.get(name) for name in fields}))
    return document


def _digest(content: bytes) -> bytes:
    return hashlib.sha256(content).digest()
