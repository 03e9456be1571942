"""Requests for edited accounts: the facts of their proposals, as kept, with the edit beside them."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import orjson
import pyarrow as pa
from sqlalchemy import Row

from services.batch.domain.schedule import session_of
from services.batch.settings import SERVICE
from shared.contracts import chunks, codec, topics
from shared.ids import event_id
from shared.kafka.messages import Outgoing, chunk


def requests(
    batch: Row[Any], members: Sequence[Row[Any]], contents: Mapping[int, bytes], at: datetime
) -> list[Outgoing]:
    """Return a message for each edited member.

    contents: result chunks of their proposals, by number; at: now.  The failure that an account had is not handed on.
    """
    return [_request(batch, member, orjson.loads(member.edit), contents, at) for member in members]


def _request(
    batch: Row[Any], member: Row[Any], edit: Mapping[str, Any], contents: Mapping[int, bytes], at: datetime
) -> Outgoing:
    rows, _ = codec.decode_kept(contents[edit["chunk_id"]], chunks.FACTS)
    row = rows.slice(edit["row_no"], 1)
    index = {security["security_id"]: at for at, security in enumerate(row.column("securities")[0].as_py())}
    edits = [
        {
            "logic": edit["logic"],
            "security": index[order["security_id"]],
            "quantity_micro": order["quantity"],
        }
        for order in edit["orders"]
    ]
    columns: list[Any] = [
        pa.array([edits], field.type) if field.name == "edits" else row.column(field.name) for field in chunks.FACTS
    ]
    facts = pa.RecordBatch.from_arrays(columns, schema=chunks.FACTS)
    meta = {
        "batch_id": str(batch.batch_id),
        "attempt": str(member.attempt),
        "trade_date": session_of(at).isoformat(),
        "size": str(batch.accounts),
    }
    name = event_id("edit", member.attempt, batch.batch_id, member.account_id)
    return chunk(topics.WORK_EDITS, member.account_id, facts, meta, event_id=name, source=SERVICE, at=at)
