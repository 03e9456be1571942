"""The cash of each account: its cash rows added up, each kind once; money of a sweep that stands in both counted once.

Source: product 1, "cash equivalent"; product 2, "Each custodian writes its own format".
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from services.taxlot.columns.records import MalformedRecord
from services.taxlot.domain import text
from services.taxlot.domain.accounts import text_at
from services.taxlot.domain.codes import printable
from services.taxlot.domain.records import CodedColumn
from services.taxlot.mapping import fields
from services.taxlot.mapping.account_rows import CASH, LOT, RowsOfAccounts, unlisted, unreadable
from services.taxlot.mapping.model import FormatMapping
from services.taxlot.mapping.raw_rows import RawRows
from shared.columnar import Ints
from shared.fixed_point.limits import MAX_VALUE_CENTS
from shared.fixed_point.text import text_of

_DECIMALS: Final = 6
_LIMIT: Final = MAX_VALUE_CENTS * 10_000


@dataclass(frozen=True)
class Balances:
    """The cash of accounts.  rows: the row it stands at; texts: dollars, or what is no number, as it stands there."""

    rows: Ints
    texts: list[str]
    faults: list[MalformedRecord]


def balances(mapping: FormatMapping, found: RowsOfAccounts, security: CodedColumn) -> Balances:
    """Return the cash of every account.  security: of every lot row."""
    every = np.flatnonzero(found.kind == CASH)
    rows = found.rows.take(every)
    account = found.account[every]
    amounts = fields.numbers(mapping, rows, mapping.cash.amount, None, False)
    values, status = text.decimals(amounts.offsets, amounts.data, _DECIMALS, _LIMIT)
    kinds = _kinds(mapping, rows)
    faults = _twice(found, every, kinds)
    if mapping.cash.kind is not None and mapping.cash.kinds is not None:
        faults += unlisted(found, every, mapping.cash.kind, mapping.cash.kinds)
    if (sign := mapping.cash.amount.sign) is not None:
        faults += unlisted(found, every, sign.column, (*sign.negative, *sign.positive))
    taken, unread = _swept(mapping, found, security)
    faults += unread
    # The rows of an account, first to last: accounts stand together.
    owners, first, counts = np.unique(account, return_index=True, return_counts=True)
    order = np.argsort(account, kind="stable")
    begins = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    sums = np.add.reduceat(values[order], begins[:-1]) if len(owners) else values
    plain = (counts == 1) & ~np.isin(owners, list(taken))
    texts: list[str] = []
    for number, owner in enumerate(owners.tolist()):
        mine = order[begins[number] : begins[number + 1]]
        bad = mine[status[mine] != text.GOOD]
        if plain[number] or len(bad):
            texts.append(text_at(amounts, int(bad[0] if len(bad) else mine[0])))
        else:
            texts.append(text_of(int(sums[number]) - taken.get(owner, 0), _DECIMALS, trim=True))
    at = every[first] if len(owners) else every
    if mapping.cash.absent == "zero":
        lots = np.flatnonzero(found.kind == LOT)
        without, last = np.unique(found.account[lots][::-1], return_index=True)
        lacking = ~np.isin(without, owners)
        at = np.concatenate([at, lots[::-1][last[lacking]]])
        texts += [text_of(-taken.get(owner, 0), _DECIMALS, trim=True) for owner in without[lacking].tolist()]
    in_order = np.argsort(at, kind="stable")
    return Balances(at[in_order], [texts[index] for index in in_order.tolist()], faults)


def _kinds(mapping: FormatMapping, rows: RawRows) -> tuple[Ints, list[str]]:
    if mapping.cash.kind is None:
        return np.zeros(len(rows), np.int64), [""]
    return rows.coded(mapping.cash.kind)


def _twice(found: RowsOfAccounts, every: Ints, kinds: tuple[Ints, list[str]]) -> list[MalformedRecord]:
    """Return the rows that claim the same cash as an earlier one: of the same account, rule and kind."""
    index, names = kinds
    key = (found.account[every] * (len(names) + 1) + index) * (int(found.rule.max(initial=0)) + 2) + found.rule[every]
    _, first, inverse = np.unique(key, return_index=True, return_inverse=True)
    again = np.flatnonzero(first[inverse] != np.arange(len(every)))
    faults = []
    for row in again.tolist():
        line, before = int(found.rows.line[every[row]]), int(found.rows.line[every[first[inverse[row]]]])
        kind = f" ({printable(names[index[row]][:64])})" if names[index[row]] else ""
        detail = f"the cash{kind} stands in line {before} already"
        faults.append(MalformedRecord(line, (found.numbers[found.account[every[row]]],), "CASH_TWICE", detail))
    return faults


def _swept(
    mapping: FormatMapping, found: RowsOfAccounts, security: CodedColumn
) -> tuple[dict[int, int], list[MalformedRecord]]:
    """Return by account what its sweep lots are worth, in micro-dollars, where the lots count and not the cash.

    A value that cannot be read is reported and takes nothing out: its account is held.
    """
    sweep = mapping.sweep
    if sweep is None or sweep.counts == "cash" or sweep.value is None:
        return {}, []
    swept = np.array([name in sweep.securities for name in security.names], np.bool_)[security.index]
    every = np.flatnonzero(found.kind == LOT)[swept]
    column = fields.numbers(mapping, found.rows.take(every), sweep.value, None, False)
    values, status = text.decimals(column.offsets, column.data, _DECIMALS, _LIMIT)
    faults = unreadable(found, every, f"value of the sweep fund (column {sweep.value.column!r})", column, status)
    if (sign := sweep.value.sign) is not None:
        faults += unlisted(found, every, sign.column, (*sign.negative, *sign.positive))
    worth: dict[int, int] = {}
    for owner, value in zip(found.account[every].tolist(), values.tolist(), strict=True):
        worth[owner] = worth.get(owner, 0) + value
    return worth, faults
