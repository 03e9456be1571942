"""Result chunks: kept byte for byte for details and for the record, and put into the accounts that wait for them.

They are read a few at a time: a large batch holds tens of megabytes of them.
"""

import hashlib
from collections.abc import AsyncIterator, Sequence
from typing import Any, Final

import pyarrow as pa
from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.batch.domain.figures import FIGURES
from services.batch.domain.states import AccountState
from services.batch.store.database import copy_table, driver
from services.batch.store.staleness import stale_code, stale_text

_READ_TOGETHER: Final = 16
_ADD: Final = (
    "INSERT INTO result_chunk (batch_id, enterprise_ids, advisor_ids, sha256, value)"
    " VALUES (%(batch_id)s, %(enterprise_ids)s, %(advisor_ids)s, %(sha256)s, %(value)s) RETURNING chunk_id"
)
_READ: Final = "SELECT chunk_id, value FROM result_chunk WHERE chunk_id = ANY(%s)"
_INCOMING_LIKE: Final = (
    "SELECT batch_id, account_id, attempt, epoch, false AS failed, failure_code, failure_text, chunk_id, row_no,"  # noqa: S608  # names
    " taxable, facts_version, lots_version, target_version, price_set, remarks, household, has_loss,"
    " gain_excesses, edit IS NOT NULL AS is_edited,"
    f" {', '.join(FIGURES)}"
    " FROM batch_account"
)
_FIGURES_SET: Final = ", ".join(f"{figure} = r.{figure}" for figure in FIGURES)
_PUT = text(
    "UPDATE batch_account m SET"  # noqa: S608  # column names
    f" state = CASE WHEN r.failed THEN '{AccountState.FAILED}' ELSE '{AccountState.PROPOSED}' END, open = NOT r.failed,"
    " failure_code = r.failure_code, failure_text = r.failure_text, chunk_id = r.chunk_id, row_no = r.row_no,"
    " taxable = r.taxable, facts_version = r.facts_version, lots_version = r.lots_version,"
    " target_version = r.target_version, price_set = r.price_set, remarks = r.remarks, household = r.household,"
    " has_loss = r.has_loss AND NOT r.failed, washes = NULL, earlier_losses = NULL,"
    " gain_excesses = r.gain_excesses,"
    f" stale_code = CASE WHEN NOT r.failed THEN {stale_code('r')} END,"
    f" stale_text = CASE WHEN NOT r.failed THEN {stale_text('r')} END,"
    f" {_FIGURES_SET}"
    " FROM incoming_result r JOIN account a USING (account_id) LEFT JOIN flag f USING (account_id)"
    " WHERE m.batch_id = r.batch_id AND m.account_id = r.account_id AND m.state = 'WORKING'"
    " AND r.attempt >= m.first_attempt AND r.epoch = m.epoch"
    # A release that does not know edits proposes for an edited account as if there was none.
    " AND (r.failed OR r.is_edited = (m.edit IS NOT NULL))"
    " RETURNING m.account_id, m.enterprise_id, m.advisor_id, m.epoch, m.state"
)


async def add_chunks(connection: AsyncConnection, batch: Row[Any], values: Sequence[bytes]) -> list[int]:
    """Keep result chunks as they came; return their numbers, in the order of `values`."""
    of_batch = {
        "batch_id": batch.batch_id,
        "enterprise_ids": batch.enterprise_ids,
        "advisor_ids": batch.advisor_ids,
    }
    psycopg_connection = await driver(connection)
    async with psycopg_connection.cursor() as cursor:
        rows = [of_batch | {"value": value, "sha256": hashlib.sha256(value).digest()} for value in values]
        await cursor.executemany(_ADD, rows, returning=True)
        return [int(number) async for result in cursor.results() async for (number,) in result]


async def put(connection: AsyncConnection, batch_id: int, rows: pa.Table) -> Sequence[Row[Any]]:
    """Put results into the accounts that wait for them; return those accounts with their state.

    rows: columns as in `columns.results.table_of`, with chunk_id.  A result of a superseded request, or for an account
    that no longer waits, changes nothing: a chunk may come any number of times.
    """
    of_batch = rows.append_column("batch_id", pa.array([batch_id] * rows.num_rows, pa.int64()))
    await copy_table(connection, "incoming_result", _INCOMING_LIKE, of_batch)
    return (await connection.execute(_PUT)).all()


async def read_groups(connection: AsyncConnection, numbers: Sequence[int]) -> AsyncIterator[dict[int, bytes]]:
    """Yield chunks in groups of at most 16, by number, in the order given."""
    for start in range(0, len(numbers), _READ_TOGETHER):
        yield await _read(connection, numbers[start : start + _READ_TOGETHER])


async def read_chunk(connection: AsyncConnection, number: int) -> bytes:
    """Return one chunk.  Raises KeyError if there is none of this number."""
    return (await _read(connection, [number]))[number]


async def _read(connection: AsyncConnection, numbers: Sequence[int]) -> dict[int, bytes]:
    psycopg_connection = await driver(connection)
    async with psycopg_connection.cursor(binary=True) as cursor:
        await cursor.execute(_READ, (list(numbers),))
        found = {int(number): bytes(value) for number, value in await cursor.fetchall()}
    return {number: found[number] for number in numbers}
