"""What a batch would do under each trade logic, so that people see it before they put another one in force."""

from collections import defaultdict

from sqlalchemy.ext.asyncio import AsyncConnection

from services.batch.columns.drift import drift_left
from services.batch.domain.drift import DriftSums
from services.batch.domain.figures import LOGIC_NAMES
from services.batch.operations.trades import Members, each_chunk
from services.batch.store import member_pages, members, trades
from services.batch.views.trades import logic_effect
from shared.contracts.api_trades import LogicEffect
from shared.contracts.tenancy import Scope


async def effects(
    connection: AsyncConnection, chunks: AsyncConnection, scope: Scope, batch_id: int
) -> list[LogicEffect]:
    """Return the effect of every logic that was computed for any account of the batch, in the order they are shown.

    chunks: reads the result chunks of accounts that were found in scope.
    """
    drifts: dict[int, DriftSums] = defaultdict(DriftSums)

    def add(of_chunk: Members, content: bytes) -> None:
        for logic, sums in drift_left(content, of_chunk).items():
            drifts[logic] = drifts[logic] + sums

    await each_chunk(chunks, await trades.members(connection, scope, batch_id), add)
    return [
        logic_effect(
            logic,
            await member_pages.read_totals(connection, scope, batch_id, logic),
            drifts[logic],
            unproposed=await trades.unproposed(connection, scope, batch_id, logic),
            is_available=await members.has_logic(connection, batch_id, logic),
        )
        for logic in sorted(drifts.keys() & LOGIC_NAMES.keys())
    ]
