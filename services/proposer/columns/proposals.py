"""A chunk of LOTS in, a chunk of TRADES out: the same rows with proposals, sleeve trades and market orders beside."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from services.proposer.columns.tables import Tables, tables_of
from services.proposer.domain import codes, reasons
from services.proposer.domain import layout as at
from services.proposer.domain.engine import LOGICS, run
from services.proposer.domain.layout import Ints
from services.proposer.domain.tax_aware.gains import search_of
from shared.contracts import chunks
from shared.contracts.codes import Logic

_PROPOSAL_NUMBERS = (
    ("value_cents", at.O_VALUE),
    ("begin_cash_cents", at.O_BEGIN),
    ("end_cash_cents", at.O_END),
    ("buys", at.O_BUYS),
    ("buys_cents", at.O_BUYS_CENTS),
    ("sells", at.O_SELLS),
    ("sells_cents", at.O_SELLS_CENTS),
    ("flats", at.O_FLATS),
    ("flats_cents", at.O_FLATS_CENTS),
)


def propose(batch: pa.RecordBatch, trade_day: int, logics: Sequence[Logic] = LOGICS) -> pa.RecordBatch:
    """Return the chunk (schema LOTS) with what each logic proposes for each account (schema TRADES).

    trade_day: the batch's trade date in days since 1970-01-01, on which terms are judged.

    Accounts that cannot be proposed carry a failure code and text, those with nothing to trade say why; every other
    account is computed whatever its neighbours do.  Same input, same output.  Source: product 4.
    Raises ValueError for a logic unknown here.
    """
    unknown = [logic for logic in logics if logic not in LOGICS]
    if unknown or not logics:
        raise ValueError(f"no such trade logic here: {unknown}; known are {[logic.name for logic in LOGICS]}")
    tables = tables_of(batch)
    rows = batch.num_rows
    proposals = np.zeros((rows * len(logics), at.PROPOSAL_COLUMNS), np.int64)
    trades = np.zeros((len(tables.positions) * len(logics), at.TRADE_COLUMNS), np.int64)
    orders = np.zeros((len(tables.securities) * len(logics), at.ORDER_COLUMNS), np.int64)
    trade_starts, order_starts = np.zeros(rows + 1, np.int64), np.zeros(rows + 1, np.int64)
    run(
        tables.accounts, tables.securities, tables.security_starts, tables.positions, tables.position_starts,
        search_of(trade_day, tables.lots, len(tables.positions)), tables.lot_starts,
        np.array([int(logic) for logic in logics], np.int64), proposals, trades, trade_starts, orders, order_starts,
    )  # fmt: skip
    trades, orders = trades[: trade_starts[-1]], orders[: order_starts[-1]]
    _to_chunk_index(trades, trade_starts, tables.position_indexes, tables.position_starts)
    _to_chunk_index(orders, order_starts, tables.security_indexes, tables.security_starts)
    columns = [
        _lists(np.arange(rows + 1) * len(logics), _proposal_rows(batch, tables, proposals), chunks.PROPOSAL_FIELDS),
        _lists(trade_starts, list(trades.T), chunks.SLEEVE_TRADE_FIELDS),
        _lists(order_starts, list(orders.T), chunks.ORDER_FIELDS),
    ]
    given = [batch.column(name) for name in chunks.LOTS.names]
    return pa.RecordBatch.from_arrays([*given, *columns], schema=chunks.TRADES)


def _to_chunk_index(rows: Ints, starts: Ints, indexes: Ints, index_starts: Ints) -> None:
    """Turn the index in column 1 from the tables' order into the chunk's."""
    owner = np.repeat(np.arange(len(starts) - 1), np.diff(starts))
    rows[:, 1] = indexes[index_starts[owner] + rows[:, 1]]


def _lists(starts: Ints, columns: Sequence[Any], fields: Sequence["pa.Field[pa.DataType]"]) -> Any:
    """Return list<struct> of the columns, which are integer arrays or Arrow arrays in the order of the fields."""
    arrays = [
        column if isinstance(column, pa.Array) else pa.array(np.ascontiguousarray(column)).cast(field.type)
        for column, field in zip(columns, fields, strict=True)
    ]
    return pa.ListArray.from_arrays(
        pa.array(starts, pa.int32()), pa.StructArray.from_arrays(arrays, fields=list(fields))
    )


def _proposal_rows(batch: pa.RecordBatch, tables: Tables, proposals: Ints) -> list[Any]:
    limits = _limit_texts(tables, proposals)
    failure_codes, failure_texts = _failures(batch, tables, proposals, limits)
    no_trades = _no_trades(proposals, limits)
    traded = (proposals[:, at.O_FAILURE] == codes.OK) & (proposals[:, at.O_TRADES] > 0)
    return [
        proposals[:, at.O_LOGIC],
        failure_codes,
        failure_texts,
        no_trades,
        pa.array([limits.get(index) if has_traded else None for index, has_traded in enumerate(traded)], pa.string()),
        *(proposals[:, column] for _, column in _PROPOSAL_NUMBERS),
    ]


def _limit_texts(tables: Tables, proposals: Ints) -> dict[int, str]:
    """Return, by row, the sentence about gain limits that bind."""
    found: dict[int, str] = {}
    logics = len(proposals) // max(1, len(tables.accounts))
    figures = [at.O_FREE_SHORT, at.O_FREE_TOTAL, at.O_HELD_BACK_CENTS]
    for index in np.flatnonzero(proposals[:, at.O_LIMITED]).tolist():
        limits = tables.accounts[index // logics, [at.A_BUDGET_SHORT, at.A_BUDGET_TOTAL, at.A_NO_SHORT_GAINS]]
        found[index] = reasons.limit_text(*limits.tolist(), *proposals[index, figures].tolist())
    return found


def _failures(batch: pa.RecordBatch, tables: Tables, proposals: Ints, limits: Mapping[int, str]) -> tuple[Any, Any]:
    """Return codes and texts, null where the account is proposed; an earlier failure keeps its own."""
    found: list[str | None] = [None] * len(proposals)
    texts: list[str | None] = [None] * len(proposals)
    logics = len(proposals) // max(1, batch.num_rows)
    for index in np.flatnonzero(proposals[:, at.O_FAILURE]).tolist():
        row = proposals[index]
        account = index // logics
        failure = int(row[at.O_FAILURE])
        if failure == codes.PASSED:
            found[index] = batch.column("failure_code")[account].as_py()
            texts[index] = batch.column("failure_text")[account].as_py() or found[index]
            continue
        found[index] = codes.FAILURE_CODES[failure]
        texts[index] = reasons.failure_text(
            batch.column("account_id")[account].as_py(),
            failure,
            _component(batch, tables, account, int(row[at.O_WHERE])),
            int(row[at.O_FIGURE]),
            int(row[at.O_LIMIT]),
            limits.get(index),
        )
    return pa.array(found, pa.string()), pa.array(texts, pa.string())


def _component(batch: pa.RecordBatch, tables: Tables, account: int, where: int) -> str:
    """Return the name of the security or position a failure is about, "" for the account as a whole."""
    if where == -1:
        return ""
    securities = batch.column("securities")[account]
    if where >= 0:
        index = int(tables.security_indexes[tables.security_starts[account] + where])
        return f"security {securities[index]['security_id'].as_py()}"
    index = int(tables.position_indexes[tables.position_starts[account] - 2 - where])
    position = batch.column("positions")[account][index].as_py()
    known = securities.is_valid and 0 <= position["security"] < len(securities)
    name = securities[position["security"]]["security_id"].as_py() if known else f"number {position['security']}"
    return f"position {index} (security {name} in sleeve {position['sleeve_id']})"


def _no_trades(proposals: Ints, limits: Mapping[int, str]) -> Any:
    """Return why nothing is traded, null where something is or the account failed."""
    texts: dict[tuple[int, int], str] = {}
    found: list[str | None] = [None] * len(proposals)
    for index in np.flatnonzero((proposals[:, at.O_FAILURE] == codes.OK) & (proposals[:, at.O_TRADES] == 0)).tolist():
        key = int(proposals[index, at.O_LOGIC]), int(proposals[index, at.O_BLOCKED])
        if key not in texts:
            texts[key] = reasons.no_trade_text(Logic(key[0]), key[1])
        found[index] = f"{texts[key]} {limits[index]}" if index in limits else texts[key]
    return pa.array(found, pa.string())
