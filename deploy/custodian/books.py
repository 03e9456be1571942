"""The books of the custodian: lots and cash of all accounts in Arrow files, one folder a day."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute

from deploy.custodian.fills import Account, Lot, settle, swept
from deploy.custodian.reports import reports_of
from deploy.sample.book import CASH, LOTS, Holdings
from deploy.sample.files import file_name, write_file
from deploy.sample.make import BookFile, read_book
from shared.contracts.events import OrdersReleased
from shared.contracts.platform import ExecutionReported
from shared.fixed_point.text import text_of

compute: Any = pyarrow.compute


@dataclass
class Outcome:
    """Totals of a day's orders over all accounts, and what is reported of each order."""

    accounts: int = 0
    filled: int = 0
    moved: int = 0
    refused: list[str] = field(default_factory=list)
    reports: list[ExecutionReported] = field(default_factory=list)


def close_day(
    before: Path,
    after: Path,
    custodians: Sequence[str],
    released: Sequence[OrdersReleased],
    prices: Mapping[str, int],
    day: date,
) -> Outcome:
    """Write the books and lot files of `day` into `after`: those of `before` with all released orders settled.

    prices: the day's closes in micro dollars, by security.
    """
    outcome = Outcome()
    shown = {security_id: text_of(price, 6, trim=True) for security_id, price in prices.items()}
    for custodian in custodians:
        orders: dict[str, list[OrdersReleased]] = defaultdict(list)
        for event in released:
            if event.custodian == custodian:
                orders[event.account_number].append(event)
        with BookFile(after, custodian) as book:
            for part in read_book(before, custodian):
                book.add(_settled(part, orders, prices, day, outcome))
        for number, unknown in orders.items():
            _reject(outcome, unknown, f"no account {number} at {custodian}", day)
        write_file(after / file_name(custodian, day), custodian, day, read_book(after, custodian), shown)
    known = set(custodians)
    for event in released:
        if event.custodian not in known:
            _reject(outcome, [event], f"no custodian {event.custodian}", day)
    return outcome


def accounts_of(part: Holdings) -> dict[str, Account]:
    """Return the accounts of some rows as objects, by account number."""
    lots: dict[str, dict[tuple[str, str], Lot]] = defaultdict(dict)
    for row in part.lots.to_pylist():
        number = row.pop("account_number")
        lots[number][row["lot_id"], row["sleeve_id"]] = Lot(**row)
    return {
        row["account_number"]: Account(lots[row["account_number"]], row["cash_cents"]) for row in part.cash.to_pylist()
    }


def rows_of(accounts: Mapping[str, Account]) -> Holdings:
    """Return accounts as rows, in the order given."""
    lots = [
        {"account_number": number, **{name: getattr(lot, name) for name in LOTS.names[1:]}}
        for number, account in accounts.items()
        for lot in account.lots.values()
    ]
    cash = [{"account_number": number, "cash_cents": account.cash_cents} for number, account in accounts.items()]
    return Holdings(pa.RecordBatch.from_pylist(lots, schema=LOTS), pa.RecordBatch.from_pylist(cash, schema=CASH))


def _settled(
    part: Holdings, orders: dict[str, list[OrdersReleased]], prices: Mapping[str, int], day: date, outcome: Outcome
) -> Holdings:
    """Return the rows after the orders of their accounts; accounts without orders are copied as whole columns."""
    touched = pa.array(list(orders), pa.string())
    in_lots = compute.is_in(part.lots["account_number"], value_set=touched)
    in_cash = compute.is_in(part.cash["account_number"], value_set=touched)
    accounts = accounts_of(Holdings(part.lots.filter(in_lots), part.cash.filter(in_cash)))
    if not accounts:
        return part
    for number, account in accounts.items():
        current = account
        for released in sorted(orders.pop(number), key=lambda released: released.version):
            done = settle(current, released, prices, day)
            current = done.account
            outcome.accounts += 1
            outcome.filled += done.filled
            outcome.moved += done.moved
            outcome.refused += [f"account {number}: {reason}" for reason in done.refused]
            outcome.reports += reports_of(released, done.rejected, prices, day)
        accounts[number] = swept(current)
    changed = rows_of(accounts)
    return Holdings(
        _joined(part.lots.filter(compute.invert(in_lots)), changed.lots),
        _joined(part.cash.filter(compute.invert(in_cash)), changed.cash),
    )


def _reject(outcome: Outcome, released: Sequence[OrdersReleased], reason: str, day: date) -> None:
    outcome.refused.append(reason)
    for event in released:
        outcome.reports += reports_of(event, {order.order_id: reason for order in event.orders}, {}, day)


def _joined(first: pa.RecordBatch, other: pa.RecordBatch) -> pa.RecordBatch:
    return pa.Table.from_batches([first, other]).combine_chunks().to_batches()[0] if len(other) else first
