"""Request what accounts of a batch wait for: proposals, or the computation of what a person edited."""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from services.batch.columns import edits, messages
from services.batch.store import results
from services.batch.store.database import send


async def request(connection: AsyncConnection, batch: Row[Any], members: Sequence[Row[Any]], now: datetime) -> None:
    """Put the requests for members of a batch into the outbox, with the attempts that stand in their rows."""
    edited = [member for member in members if member.edit is not None]
    plain = [member for member in members if member.edit is None]
    await send(connection, messages.requests(batch, plain, now))
    numbers = sorted({orjson.loads(member.edit)["chunk_id"] for member in edited})
    async for contents in results.read_groups(connection, numbers):
        there = [member for member in edited if orjson.loads(member.edit)["chunk_id"] in contents]
        await send(connection, await asyncio.to_thread(edits.requests, batch, there, contents, now))
