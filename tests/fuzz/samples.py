"""A good message of every topic, as bytes; MARK stands in it where a test puts the number of the message."""

from datetime import UTC, date, datetime
from typing import Any, Final

import orjson
import pyarrow as pa

from services.proposer.columns.proposals import propose
from services.taxlot.columns.bookings import book_trades
from shared.contracts import chunks, topics
from tests.inbound.events import ACCOUNT, MODEL, PORTFOLIO, PRICES, SECURITY, Body
from tests.proposer.builders import TRADE_DAY
from tests.proposer.harness import batch_of
from tests.proposer.strategies import generated

MARK: Final = "MARK0000"
META: Final = {"batch_id": "7", "attempt": "1", "trade_date": "2026-01-02", "size": "2", "file_id": "1"}
_KEYS: Final[Body] = {"account_id": MARK, "enterprise_id": "E1", "advisor_id": "V1"}
_DAY: Final = date(2026, 1, 2)

_JSON: Final[dict[str, Body]] = {
    topics.SECURITY.name: SECURITY | {"security_id": MARK},
    topics.PRICE.name: PRICES | {"prices": [{"security_id": MARK, "price": "1.5"}]},
    topics.MODEL.name: MODEL | {"model_id": MARK},
    topics.PORTFOLIO.name: PORTFOLIO | {"portfolio_id": MARK},
    topics.ACCOUNT.name: ACCOUNT | {"account_id": MARK},
    topics.EXECUTION.name: {
        "order_id": "o1", "account_id": MARK, "enterprise_id": "E1", "batch_id": 7, "security_id": "AAA", "version": 1,
        "status": "ACCEPTED", "at": "2026-01-02T10:00:00Z",
    },
    topics.ACCOUNT_FLAG.name: _KEYS | {"version": 1, "state": "CLEAR", "tiles": [], "reasons": []},
    topics.ACCOUNT_STATE.name: _KEYS | {"version": 1, "state": "CLEAR", "since": "2026-01-02T10:00:00Z"},
    topics.QUEUE.name: {"enterprise_id": MARK, "version": 1},
    topics.ANALYSIS.name: {
        "run_id": MARK, "enterprise_id": "E1", "business_date": "2026-01-02", "version": 1, "price_set": 1,
        "accounts": 2, "flagged": 1, "held": 0,
        "advisors": [{"advisor_id": "V1", "accounts": 2, "flagged": 1, "held": 0}],
    },
    topics.PRICE_SETS.name: {
        "price_set": 7, "version": 2, "is_withdrawn": True, "accepted_at": "2026-01-02T10:00:00Z",
        "decided_at": "2026-01-02T11:00:00Z", "reason": MARK,
    },
    topics.CHAIN_HEADS.name: {
        "chain": MARK, "position": 7, "sha256": "ab" * 32, "seen_at": "2026-01-02T10:00:00Z",
    },
    topics.BATCH.name: {
        "batch_id": 7, "enterprise_id": MARK, "version": 1, "status": "WORKING", "logic": "BEST_FIT", "accounts": 2,
        "working": 2, "proposed": 0, "failed": 0, "removed": 0, "requested_by": "kim", "trade_date": "2026-01-02",
    },
    topics.ORDERS.name: _KEYS | {
        "custodian": "C1", "account_number": "1", "batch_id": 7, "version": 1, "trade_date": "2026-01-02",
        "orders": [], "allocations": [], "lots": [], "transfers": [],
    },
}  # fmt: skip


def body_of(topic: topics.Topic) -> Body:
    """Return a good JSON body of the topic."""
    if topic.name in _JSON:
        return _JSON[topic.name]
    return {
        "file_id": MARK, "version": 1, "file_name": "f", "custodian": "C1", "as_of": "2026-01-02", "outcome": "LOADED",
        "at": "2026-01-02T10:00:00Z",
    }  # fmt: skip


def rows_of(schema: pa.Schema) -> pa.RecordBatch:
    """Return two good rows of the contract's schema; the first account is MARK."""
    lots = batch_of([generated(4), generated(5)])
    trades = propose(lots, TRADE_DAY)
    work = {chunks.LOTS: lots, chunks.TRADES: trades, chunks.RESULT: book_trades(trades, TRADE_DAY)}
    for known, rows in work.items():
        if known.equals(schema):
            return _named(rows, schema)
    if set(schema.names) <= set(lots.schema.names):
        return _named(lots, schema)
    return pa.RecordBatch.from_pylist([_other(schema, name) for name in (MARK, "A-5")], schema=schema)


def with_mark(value: bytes, mark: str) -> bytes:
    """Return a JSON message with the mark in the place of MARK."""
    return value.replace(MARK.encode(), mark.encode())


def json_of(body: Body) -> bytes:
    """Return the body as it travels."""
    return orjson.dumps(body)


def _named(rows: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    names = pa.array([MARK, *rows.column("account_id").to_pylist()[1:]])
    columns = [names if field.name == "account_id" else rows.column(field.name) for field in schema]
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def _other(schema: pa.Schema, account: str) -> dict[str, Any]:
    """Return a row of which only the required fields say something."""
    return {field.name: account if field.name == "account_id" else _value(field) for field in schema}


def _value(field: Any) -> Any:
    kind = field.type
    if pa.types.is_list(kind):
        return [{field.name: _value(field) for field in kind.value_type}]
    if pa.types.is_string(kind):
        return "E1"
    if pa.types.is_date(kind):
        return _DAY
    if pa.types.is_timestamp(kind):
        return datetime(2026, 1, 2, tzinfo=UTC)
    return bool(pa.types.is_boolean(kind)) or 1
