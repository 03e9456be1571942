"""What comes in for batches: answers to requests, and flags that make proposals stale. Also what does not come in.

Both sides take the lock of the batch before they look at each other's rows, so that an answer and a flag that arrive
together cannot miss one another.  Source: architecture "Stale", "Request path".
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from services.batch.columns import messages as outgoing
from services.batch.columns.results import answers_of
from services.batch.domain.counts import happening_of
from services.batch.domain.states import DECIDED, AccountHappening, AccountState, Happening, Status, batch_after
from services.batch.operations.decide import SYSTEM_ACTOR, close
from services.batch.operations.wash_sales import check
from services.batch.settings import Settings
from services.batch.store import batches, members
from services.batch.store.database import send
from services.batch.store.tables import PROPOSAL_FIGURES, TAX_FIGURES, WASH_FIGURES
from shared.columnar import joined
from shared.contracts.tenancy import SYSTEM
from shared.kafka.isolation import failed, replace_faulty_rows
from shared.kafka.messages import BadMessage, Chunk
from shared.runtime.clock import Clock

_VERSIONS: Final = ("taxable", "facts_version", "lots_version", "target_version", "price_set")
_OWN: Final = ("account_id", "enterprise_id", "tax_household_id", "epoch", "failure_code", "failure_text")
READ: Final = frozenset((*_OWN, *_VERSIONS, "wash_accounts", "proposals", "taxes"))
"""The columns of an answer that are read when it comes; the others are read when somebody looks at them."""
_TIMEOUT: Final = {"failure_code": "TIMEOUT", "failure_text": "No answer came in time; propose the account again."}


@dataclass(frozen=True)
class Collector:
    """Takes answers in, and notices when they stay away."""

    settings: Settings
    clock: Clock

    async def results(self, connection: AsyncConnection, batch_id: int, answered: Sequence[Chunk]) -> None:
        """Put the answered chunks of one batch into it; what is late, repeated or not asked for changes nothing."""
        batch = await batches.lock(connection, SYSTEM, batch_id)
        if batch is None or Status(batch.status) is not Status.WORKING:
            return
        now = self.clock.now()
        async with connection.begin_nested() as taking_in:
            numbers, table = await asyncio.gather(
                members.add_chunks(connection, batch, [chunk.value for chunk in answered]),
                asyncio.to_thread(_table, answered, batch.logic),
            )
            owner = np.repeat(numbers, [chunk.rows.num_rows for chunk in answered])
            accounts = await members.answer(connection, batch_id, table.append_column("chunk_id", pa.array(owner)))
            if not accounts:
                await taking_in.rollback()  # nobody waited for it: it is not kept
                return
        failed = [row for row in accounts if row.state == AccountState.FAILED]
        messages = outgoing.returned(batch_id, failed, "FAILED", batch.version + 1, now)
        await send(connection, messages)
        if batch.working > len(accounts):
            await self._progress(connection, batch, len(accounts), len(failed), now)
        else:
            await self._settle(connection, batch, now)

    async def look_for_stale(self, connection: AsyncConnection) -> None:
        """After flags were stored in this transaction: mark proposals stale that rest on older facts."""
        for batch_id in await members.batches_touched(connection):
            await self.mark_stale(connection, batch_id)

    async def lock_moved(self, connection: AsyncConnection) -> list[int]:
        """Before accounts are stored: lock the batches in which one of them will not be what it was."""
        touched = await members.batches_touched_by_accounts(connection)
        for batch_id in touched:
            await batches.lock(connection, SYSTEM, batch_id)
        return touched

    async def mark_stale(self, connection: AsyncConnection, batch_id: int) -> None:
        """Mark proposals of an undecided batch stale, and tell of it."""
        batch = await batches.lock(connection, SYSTEM, batch_id)
        if batch is None or Status(batch.status) in DECIDED or not await members.mark_stale(connection, batch_id):
            return
        counted = await batches.count(connection, batch_id, batch.logic)
        now = self.clock.now()
        after = await batches.change(connection, batch, told_at=now, **counted.columns())
        await send(connection, [outgoing.batch_changed(after, now)])

    def silent_since(self) -> datetime:
        """Return the instant before which an account must have been sent to be sent again."""
        return self.clock.now() - timedelta(seconds=self.settings.answer_within_s)

    async def ask_again(self, connection: AsyncConnection, batch: Row[Any], before: datetime, now: datetime) -> int:
        """Send accounts of a locked batch again that were sent before `before` and not answered, and fail those that
        were sent often enough; return how many.

        Nothing is sent again while other answers of the same batch still come in: it is only waiting its turn.
        """
        batch_id = batch.batch_id
        again = await members.wait_again(connection, batch_id, before, self.settings.attempts, now)
        lost = await members.happen(
            connection,
            batch_id,
            AccountHappening.FAILURE,
            members.sent_too_often(before, self.settings.attempts),
            **_TIMEOUT,
        )
        messages = outgoing.requests(batch, again, now)
        messages += outgoing.returned(batch_id, lost, "FAILED", batch.version + 1, now)
        await send(connection, messages)
        await self._settle(connection, batch, now)
        return len(again) + len(lost)

    async def _progress(
        self, connection: AsyncConnection, batch: Row[Any], answered: int, failed: int, now: datetime
    ) -> None:
        """Note that some accounts are answered, and tell of it a few times a second; gains are summed at the end.

        Nobody else changes the batch meanwhile, so nothing needs to be counted anew.
        """
        columns = {
            "answered_at": now,
            "working": batch.working - answered,
            "proposed": batch.proposed + answered - failed,
            "failed": batch.failed + failed,
        }
        if now - batch.told_at < timedelta(seconds=self.settings.progress_every_s):
            await batches.touch(connection, batch.batch_id, columns)
            return
        after = await batches.change(connection, batch, told_at=now, **columns)
        await send(connection, [outgoing.batch_changed(after, now)])

    async def _settle(self, connection: AsyncConnection, batch: Row[Any], now: datetime) -> None:
        """Count, and let what the counts say happen to a batch in work."""
        counted = await batches.count(connection, batch.batch_id, batch.logic)
        what = happening_of(counted.tally)
        if what is Happening.ANSWERED:
            await check(connection, batch)
            status = batch_after(Status(batch.status), what)
            after = await batches.change(connection, batch, status=str(status), told_at=now, **counted.columns())
        elif what is not None:
            await close(connection, batch, what, SYSTEM_ACTOR, now)
            return
        else:
            after = await batches.change(connection, batch, told_at=now, **counted.columns())
        await send(connection, [outgoing.batch_changed(after, now)])


def batch_of(chunk: Chunk) -> int:
    """Return the batch an answered chunk belongs to.  Raises BadMessage when it does not say."""
    try:
        return int(chunk.meta["batch_id"])
    except (KeyError, ValueError) as error:
        raise BadMessage("no_batch", "the chunk names no batch_id in its metadata") from error


def _table(answered: Sequence[Chunk], logic: int) -> pa.Table:
    """Return the chunks as rows of the table of incoming answers, but for the numbers of the chunks.

    An account whose answer our own code cannot read fails alone.
    """
    sizes = [chunk.rows.num_rows for chunk in answered]
    rows, answers = replace_faulty_rows(
        "take answers in",
        joined([chunk.rows for chunk in answered]),
        lambda part: answers_of(part, logic, PROPOSAL_FIGURES, TAX_FIGURES),
        _unread,
    )
    has_loss = pc.is_valid(rows.column("wash_accounts"))
    columns: dict[str, Any] = {
        "account_id": rows.column("account_id"),
        "attempt": pa.array(np.repeat([_attempt(chunk) for chunk in answered], sizes), pa.int32()),
        "epoch": rows.column("epoch"),
        "failed": answers.failed,
        "failure_code": answers.failure_code,
        "failure_text": answers.failure_text,
        "row_no": pa.array(np.concatenate([np.arange(size) for size in sizes]), pa.int32()),
        "remarks": answers.remarks,
        "household": _households(rows),
        "has_loss": has_loss,
        **{name: rows.column(name) for name in _VERSIONS},
        **answers.figures,
    }
    # Where nothing is sold at a loss there is nothing to check; the others are checked when all are there.
    checked = pc.if_else(has_loss, pa.scalar(None, pa.string()), answers.zeros)
    return pa.table(columns | dict.fromkeys(WASH_FIGURES, checked))


def _unread(row: pa.RecordBatch, code: str, text: str) -> pa.RecordBatch:
    """Return an answer as failed, and without figures."""
    row = failed(row, code, text)
    empty: list[Any] = [
        pa.array([[]], field.type) if field.name in ("proposals", "taxes") else row.column(field.name)
        for field in row.schema
    ]
    return pa.RecordBatch.from_arrays(empty, schema=row.schema)


def _attempt(chunk: Chunk) -> int:
    try:
        return int(chunk.meta["attempt"])
    except (KeyError, ValueError) as error:
        raise BadMessage("no_attempt", "the chunk names no attempt in its metadata") from error


def _households(rows: pa.RecordBatch) -> Any:
    """Return the tax household of each account: of its enterprise, or its own where it names none."""
    join: Any = pc.binary_join_element_wise
    named = join(rows.column("enterprise_id"), rows.column("tax_household_id"), "/")
    return pc.coalesce(named, join(rows.column("enterprise_id"), rows.column("account_id"), "//"))
