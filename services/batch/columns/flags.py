"""Chunks of flags as rows of the tables `flag` and `flag_detail`.  Source: contracts chunks.FLAGS."""

from collections.abc import Sequence
from typing import Any, Final

import orjson
import pyarrow as pa
import pyarrow.compute as pc

from shared.contracts.codes import FlagState

_WITH_DETAIL: Final = (int(FlagState.FLAGGED), int(FlagState.HELD), int(FlagState.SETTLING), int(FlagState.NO_TARGET))


def flags_and_details(chunks: Sequence[pa.RecordBatch]) -> tuple[pa.Table, pa.Table]:
    """Return all flags as narrow columns, and the details of those that have any, nested values as JSON."""
    return pa.Table.from_batches(chunks), pa.concat_tables([_details(chunk) for chunk in chunks])


def enterprises_of(flags: pa.Table) -> list[str]:
    """Return the enterprises of flags, each once."""
    return [str(enterprise) for enterprise in pc.unique(flags.column("enterprise_id")).to_pylist()]


def _details(chunk: pa.RecordBatch) -> pa.Table:
    detailed = chunk.filter(pc.is_in(chunk.column("state"), pa.array(_WITH_DETAIL, chunk.schema.field("state").type)))
    columns = ["account_id", "enterprise_id", "advisor_id", "flag_version", "hold_code", "hold_text"]
    details = pa.Table.from_batches([detailed]).select(columns)
    for name in ("reasons", "causes"):
        texts = [_json(value) for value in detailed.column(name).to_pylist()]
        details = details.append_column(name, pa.array(texts, pa.string()))
    return details


def _json(value: Any) -> str | None:
    return orjson.dumps(value).decode() if value else None
