"""A chunk of LOTS in, a chunk of TRADES out: the same rows with proposals, sleeve trades and market orders beside."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from services.proposer.columns.tables import Tables, tables_of
from services.proposer.domain import codes, reasons
from services.proposer.domain.engine import LOGICS, run
from services.proposer.domain.records import ALL_OF_IT, ORDER, PROPOSAL, SLEEVE_TRADE, Ints, Proposals
from services.proposer.domain.tax_aware.records import search_of
from shared.contracts import chunks
from shared.contracts.codes import Logic
from shared.fixed_point.records import Records, records


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
    accounts, rows = tables.accounts, batch.num_rows
    proposals = Proposals(
        rows=records(PROPOSAL, rows * len(logics)),
        trades=records(SLEEVE_TRADE, len(accounts.positions) * len(logics)),
        trade_starts=np.zeros(rows + 1, np.int64),
        orders=records(ORDER, len(accounts.securities) * len(logics)),
        order_starts=np.zeros(rows + 1, np.int64),
    )
    search = search_of(trade_day, tables.lots, len(accounts.securities), len(accounts.positions))
    run(accounts, search, np.array([int(logic) for logic in logics], np.int64), proposals)
    trades, orders = proposals.trades[: proposals.trade_starts[-1]], proposals.orders[: proposals.order_starts[-1]]
    for name in ("quantity_micro", "crossed_micro", "held_back_micro"):
        trades[name] *= _of_account(
            trades.position, proposals.trade_starts, tables.position_divisors, accounts.position_starts
        )
    orders.quantity_micro *= _of_account(
        orders.security, proposals.order_starts, tables.security_divisors, accounts.security_starts
    )
    trades.position = _of_account(
        trades.position, proposals.trade_starts, tables.position_indexes, accounts.position_starts
    )
    orders.security = _of_account(
        orders.security, proposals.order_starts, tables.security_indexes, accounts.security_starts
    )
    texts = _texts(batch, tables, proposals.rows)
    columns = [
        _lists(np.arange(rows + 1) * len(logics), proposals.rows, chunks.PROPOSAL_FIELDS, texts),
        _lists(proposals.trade_starts, trades, chunks.SLEEVE_TRADE_FIELDS),
        _lists(proposals.order_starts, orders, chunks.ORDER_FIELDS),
    ]
    given = [batch.column(name) for name in chunks.LOTS.names]
    return pa.RecordBatch.from_arrays([*given, *columns], schema=chunks.TRADES)


def _of_account(index: Ints, starts: Ints, values: Ints, value_starts: Ints) -> Ints:
    """Return the value at each index of its account, in the order of the tables; starts: where an account's begin."""
    owner = np.repeat(np.arange(len(starts) - 1), np.diff(starts))
    return np.asarray(values[value_starts[owner] + index])


def _lists(
    starts: Ints, rows: Records, fields: Sequence["pa.Field[pa.DataType]"], texts: Mapping[str, Any] | None = None
) -> Any:
    """Return list<struct> of the rows; a field is taken from `texts` (Arrow arrays by name) or from the records."""
    known = texts or {}
    arrays = [
        known[field.name] if field.name in known else pa.array(np.ascontiguousarray(rows[field.name])).cast(field.type)
        for field in fields
    ]
    return pa.ListArray.from_arrays(
        pa.array(starts, pa.int32()), pa.StructArray.from_arrays(arrays, fields=list(fields))
    )


def _texts(batch: pa.RecordBatch, tables: Tables, proposals: Records) -> dict[str, Any]:
    """Return, by the name of the published field, the code and the sentences of each proposal."""
    limits = _limit_texts(tables, proposals)
    failure_codes, failure_texts = _failures(batch, tables, proposals, limits)
    has_traded = (proposals.failure == codes.OK) & (proposals.trades > 0)
    return {
        "failure_code": failure_codes,
        "failure_text": failure_texts,
        "no_trade_text": _no_trades(proposals, limits),
        "limit_text": pa.array(
            [limits.get(index) if traded else None for index, traded in enumerate(has_traded)], pa.string()
        ),
    }


def _limit_texts(tables: Tables, proposals: Records) -> dict[int, str]:
    """Return, by row, the sentence about gain limits that bind."""
    found: dict[int, str] = {}
    accounts = tables.accounts.rows
    logics = len(proposals) // max(1, len(accounts))
    for index in np.flatnonzero(proposals.is_limited).tolist():
        account, row = accounts[index // logics], proposals[index]
        found[index] = reasons.limit_text(
            int(account.budget_short),
            int(account.budget_total),
            int(account.no_short_gains),
            int(row.free_short),
            int(row.free_total),
            int(row.held_back_cents),
        )
    return found


def _failures(batch: pa.RecordBatch, tables: Tables, proposals: Records, limits: Mapping[int, str]) -> tuple[Any, Any]:
    """Return codes and texts, null where the account is proposed; an earlier failure keeps its own."""
    found: list[str | None] = [None] * len(proposals)
    texts: list[str | None] = [None] * len(proposals)
    logics = len(proposals) // max(1, batch.num_rows)
    for index in np.flatnonzero(proposals.failure).tolist():
        row = proposals[index]
        account = index // logics
        failure = int(row.failure)
        if failure == codes.PASSED:
            found[index] = batch.column("failure_code")[account].as_py()
            texts[index] = batch.column("failure_text")[account].as_py() or found[index]
            continue
        found[index] = codes.FAILURE_CODES[failure]
        texts[index] = reasons.failure_text(
            batch.column("account_id")[account].as_py(),
            failure,
            _component(batch, tables, account, int(row.failed_at)),
            int(row.figure),
            int(row.limit),
            limits.get(index),
        )
    return pa.array(found, pa.string()), pa.array(texts, pa.string())


def _component(batch: pa.RecordBatch, tables: Tables, account: int, failed_at: int) -> str:
    """Return the name of the security or position a failure is about, "" for the account as a whole."""
    if failed_at == ALL_OF_IT:
        return ""
    securities = batch.column("securities")[account]
    if failed_at >= 0:
        index = int(tables.security_indexes[tables.accounts.security_starts[account] + failed_at])
        return f"security {securities[index]['security_id'].as_py()}"
    index = int(tables.position_indexes[tables.accounts.position_starts[account] - 2 - failed_at])
    position = batch.column("positions")[account][index].as_py()
    known = securities.is_valid and 0 <= position["security"] < len(securities)
    name = securities[position["security"]]["security_id"].as_py() if known else f"number {position['security']}"
    return f"position {index} (security {name} in sleeve {position['sleeve_id']})"


def _no_trades(proposals: Records, limits: Mapping[int, str]) -> Any:
    """Return why nothing is traded, null where something is or the account failed."""
    texts: dict[tuple[int, int], str] = {}
    found: list[str | None] = [None] * len(proposals)
    for index in np.flatnonzero((proposals.failure == codes.OK) & (proposals.trades == 0)).tolist():
        key = int(proposals[index].logic), int(proposals[index].blocked)
        if key not in texts:
            texts[key] = reasons.no_trade_text(Logic(key[0]), key[1])
        found[index] = f"{texts[key]} {limits[index]}" if index in limits else texts[key]
    return pa.array(found, pa.string())
