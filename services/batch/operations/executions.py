"""Take in what the platform reports of the execution of orders.

A report is compared with the order as it was sent, which stands in the result chunk that was approved.  It changes
nothing of the approval, nor does it end that an account is settling: the custodian's file does.  Source: product 3, 6.
"""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from services.batch.columns.executions import OrderKey, orders_sent, rows_of
from services.batch.domain.executions import SentOrder, why_refused
from services.batch.store import executions, results
from services.batch.store.database import read_incarnation
from services.batch.views.executions import execution_views
from shared.contracts.api_proposals import ExecutionView
from shared.contracts.platform import ExecutionReported
from shared.contracts.succession import Known, admit
from shared.contracts.tenancy import Scope


async def take_in(connection: AsyncConnection, reports: Sequence[ExecutionReported]) -> dict[int, str]:
    """Store the newest report of each order; return what was refused: index in the group -> why."""
    orders = await _orders_sent(connection, {(report.batch_id, report.account_id) for report in reports})
    stored = await executions.known(connection, sorted({report.order_id for report in reports}))
    owners: dict[str, OrderKey] = {row.order_id: (row.batch_id, row.account_id, row.security_id) for row in stored}
    refused, true = dict[int, str](), list[int]()
    for index, report in enumerate(reports):
        key = report.batch_id, report.account_id, report.security_id
        reason = why_refused(report, orders.get(key))
        if reason is None and owners.setdefault(report.order_id, key) != key:
            reason = f"order_id is {report.order_id}: it is of another account, batch or security"
        if reason is None:
            true.append(index)
        else:
            refused[index] = reason
    known = {row.order_id: Known(row.version, row.content) for row in stored}
    admitted = admit([reports[index] for index in true], lambda report: report.order_id, known)
    if admitted.newest:
        await executions.put(connection, await asyncio.to_thread(rows_of, admitted.newest, orders))
    return refused | {true[index]: reason for index, reason in admitted.refused.items()}


async def orders_of(connection: AsyncConnection, scope: Scope, batch_id: int, account_id: str) -> list[ExecutionView]:
    """Return the orders that were sent of an account of a batch, with what was reported; none unless it is approved.

    The caller has seen that the account is in scope.
    """
    sent = await _orders_sent(connection, {(batch_id, account_id)})
    reported = {row.security_id: row for row in await executions.read(connection, scope, batch_id, account_id)}
    return execution_views(sent.values(), reported)


async def _orders_sent(connection: AsyncConnection, named: set[tuple[int, str]]) -> Mapping[OrderKey, SentOrder]:
    """Return every order that was sent of the accounts named by batch and account, from their result chunks."""
    by_chunk: dict[int, list[Row[Any]]] = {}
    for member in await executions.approved(connection, named):
        by_chunk.setdefault(member.chunk_id, []).append(member)
    found: dict[OrderKey, SentOrder] = {}
    incarnation = await read_incarnation(connection)

    def add(contents: Mapping[int, bytes]) -> None:
        for number, content in contents.items():
            found.update(orders_sent(by_chunk[number], content, incarnation))

    async for contents in results.read_groups(connection, sorted(by_chunk)):
        await asyncio.to_thread(add, contents)
    return found
