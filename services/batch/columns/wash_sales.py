"""The inputs of the wash-sale check, read from result chunks as flat columns; ids become ranks in sorted order."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy import Row

from services.batch.columns.wash_earlier import Earlier, Used, not_sold, unused
from shared.columnar import Ints, children
from shared.contracts import chunks, codec
from shared.contracts.codes import Bought, Logic
from shared.rules.relief.lots import days_of
from shared.rules.relief.wash import LISTED_DAYS, Losses, Purchases

LOGICS: Final = len(Logic)
_EVERY_EPOCH: Final = 2**31 - 1  # of a purchase from which no approved sale is taken: it is no lot, or not known
IndexedRow = tuple[int, Row[Any]]  # index among the rows, row
ChunkTables = tuple[pa.Table, ...]  # slices that matter, buys, purchases, counts of logics
_NEEDED: Final = pa.schema(
    [chunks.RESULT.field(name) for name in ("securities", "proposals", "orders", "slices", "purchases")]
)


@dataclass(frozen=True)
class Facts:
    """Losses, purchases that remain under each logic, and the tables that describe them.

    The batch's own losses come first: owner, the index of each one's account among the rows, its logic, and slice_of,
    its row in the table `slices`.  The others are approved ones: earlier_of, their rows in the table `earlier`.
    logics: how many logics each account has.  bought: the table that purchases were made from; bought_of: their rows.
    """

    losses: Losses
    purchases: Purchases
    owner: Ints
    logic: Ints
    logics: list[int]
    slices: pa.Table
    slice_of: Ints
    earlier: pa.Table
    earlier_of: Ints
    bought: pa.Table
    bought_of: Ints


def by_chunk(rows: Sequence[Row[Any]]) -> dict[int, list[IndexedRow]]:
    """Return the rows of each chunk with their indexes; the rows are in the order of their chunks."""
    grouped = groupby(enumerate(rows), key=lambda member: member[1].chunk_id)
    return {int(number): list(group) for number, group in grouped}


def tables_of(
    members: Mapping[int, list[IndexedRow]], contents: Mapping[int, bytes], trade_day: int
) -> list[ChunkTables]:
    """Return the tables of some chunks, in their order; trade_day: days since 1970-01-01."""
    return [_chunk(members[number], contents[number], trade_day) for number in members]


def facts_of(rows: Sequence[Row[Any]], tables: Sequence[ChunkTables], trade_day: int, earlier: Earlier) -> Facts:
    """Return the facts of these accounts from the tables of all their chunks, in the order of the rows.

    earlier: what approved batches left to the households of the rows, and to no other.
    """
    slices, buys, stored, logics = (pa.concat_tables(alike) for alike in zip(*tables, strict=True))
    names, household = np.unique([row.household for row in rows], return_inverse=True)
    household = household.astype(np.int64)
    taxable = np.array([row.taxable for row in rows], np.bool_)
    owner, logic, units, gain = (_ints(slices, name) for name in ("owner", "logic", "units", "gain"))
    at_loss = np.flatnonzero((gain < 0) & taxable[owner])
    approved = _approved(earlier.bought, _first_rows(household, names, earlier.bought))
    bought = pa.concat_tables([_numbered(rows, stored), _proposed(rows, buys, taxable, trade_day), approved])
    before, used, again_sold = earlier.losses, earlier.used, earlier.sold
    security, bought_security, lost_security, used_security, sold_security = _ranks(
        *(table.column("security") for table in (slices, bought, before, used, again_sold))
    )
    width = 1 + int(max(ranks.max(initial=0) for ranks in (security, bought_security, lost_security)))
    before_household = np.searchsorted(names, _texts(before, "household"))
    lost = np.concatenate(((household[owner] * width + security)[at_loss], before_household * width + lost_security))
    matter: Ints = np.flatnonzero(np.isin(household[_ints(bought, "owner")] * width + bought_security, lost))
    bought, bought_security = bought.take(matter), bought_security[matter]
    account, bought_account, lost_account, used_account, sold_account = _ranks(
        pa.array([row.account_id for row in rows]),
        *(table.column("account_id") for table in (bought, before, used, again_sold)),
    )
    lot, bought_lot, lost_lot, used_lot, sold_lot = _ranks(
        *(table.column("lot_id") for table in (slices, bought, before, used, again_sold))
    )
    sleeve, bought_sleeve, lost_sleeve, sold_sleeve = _ranks(
        *(table.column("sleeve_id") for table in (slices, bought, before, again_sold))
    )
    today, turn = np.full(len(owner), trade_day), np.full(len(owner), 1 + int(_ints(before, "turn").max(initial=0)))
    sold = (household[owner] * LOGICS + logic, security, today, turn, account[owner], lot, sleeve, units, -gain)
    kind, day, amount, of_logic = (_ints(bought, name) for name in ("kind", "bought", "units", "logic"))
    listed = Purchases(
        household[_ints(bought, "owner")], bought_security, day, kind, bought_account, bought_lot, bought_sleeve, amount
    )
    sold_lots = np.column_stack((sold_account, sold_security, sold_lot, sold_sleeve))
    sales = (sold_lots, _ints(again_sold, "units"), _ints(again_sold, "epoch"))
    listed = listed._replace(units=not_sold(_lots(listed), amount, _ints(bought, "epoch"), *sales))
    gone = _sold(_lots(listed), np.column_stack((account[owner], security, lot, sleeve)), logic, units)
    purchases, chosen = _left(listed, of_logic, gone)
    kinds, days, uses = (_ints(used, name) for name in ("kind", "day", "units"))
    purchases = _without(purchases, Used(used_account, used_security, used_lot, kinds, days, uses))
    again = np.repeat(np.arange(before.num_rows), LOGICS)  # an approved loss meets the purchases of every logic
    under = np.tile(np.arange(LOGICS), before.num_rows)
    when, order, open_units, cents = (_ints(before, name) for name in ("day", "turn", "units", "cents"))
    lost_columns = (lost_security, when, order, lost_account, lost_lot, lost_sleeve, open_units, cents)
    of_before = (before_household[again] * LOGICS + under, *(column[again] for column in lost_columns))
    losses = Losses._make(
        np.concatenate((own[at_loss], approved_before)) for own, approved_before in zip(sold, of_before, strict=True)
    )
    counts = _ints(logics, "count").tolist()
    return Facts(
        losses, purchases, owner[at_loss], logic[at_loss], counts, slices, at_loss, before, again, bought, chosen
    )


def _without(purchases: Purchases, used: Used) -> Purchases:
    """Return the purchases without the units that disallow approved losses, under each logic."""
    if not len(used.units):
        return purchases
    left = purchases.units.copy()
    for logic in range(LOGICS):
        under = np.flatnonzero(purchases.group % LOGICS == logic)
        left[under] = unused(Purchases._make(column[under] for column in purchases), used)
    return purchases._replace(units=left)


def _first_rows(household: Ints, names: Any, bought: pa.Table) -> Ints:
    """Return the index of an account of the household of each approved buy."""
    first = np.unique(household, return_index=True)[1]
    return np.asarray(first[np.searchsorted(names, _texts(bought, "household"))], np.int64)


def _left(listed: Purchases, of_logic: Ints, gone: Ints) -> tuple[Purchases, Ints]:
    """Return what is left of each purchase under each logic, and its index among the listed ones.

    of_logic: the only logic a purchase counts under, -1 all; gone[.., logic]: micro-units of it that are sold.
    """
    once = _once(listed, of_logic)
    is_lot = listed.kind[once, None] == Bought.LOT
    left = np.maximum(listed.units[once, None] - np.where(is_lot, gone[once], 0), 0)
    counts = (of_logic[once, None] < 0) | (of_logic[once, None] == np.arange(LOGICS))
    purchase, under = np.nonzero(counts & (left > 0))
    chosen = once[purchase]
    bought = Purchases._make(column[chosen] for column in listed)
    return bought._replace(group=bought.group * LOGICS + under, units=left[purchase, under]), chosen


def _lots(listed: Purchases) -> Ints:
    return np.column_stack((listed.account, listed.security, listed.lot, listed.sleeve))


def _chunk(members: list[IndexedRow], content: bytes, trade_day: int) -> ChunkTables:
    """Return slices that matter, buys, purchases and counts of logics of some accounts of one chunk."""
    rows, _ = codec.decode_kept(content, _NEEDED)
    indexes = np.full(rows.num_rows, -1, np.int64)  # of each row's account among the rows to check, -1: not checked
    wanted = np.array([row.row_no for _, row in members], np.int64)
    indexes[wanted] = [index for index, _ in members]
    flat = {name: children(rows.column(name)) for name in _NEEDED.names}
    held, security_owner = flat["securities"]
    first, ids = np.searchsorted(security_owner, np.arange(rows.num_rows)), held.field("security_id")

    def table(name: str, chosen: Any, **columns: Any) -> pa.Table:
        values, owner = flat[name]
        at = np.flatnonzero(chosen & (indexes[owner] >= 0))
        values, owner = values.take(pa.array(at)), owner[at]
        index = first[owner] + values.field("security").to_numpy()
        made = {"owner": pa.array(indexes[owner]), "security": ids.take(pa.array(index))}
        return pa.table(made | {new: _plain(values.field(old)) for new, old in columns.items()})

    slices, _ = flat["slices"]
    near = days_of(slices.field("acquired")) >= trade_day - LISTED_DAYS
    lost = slices.field("gain_cents").fill_null(0).to_numpy() < 0
    made, proposal_owner = flat["proposals"]
    logic = _numbers(made.field("logic"))
    failed = np.zeros((rows.num_rows, LOGICS), np.bool_)
    failed[proposal_owner, logic] = np.asarray(pc.is_valid(made.field("failure_code")))
    count = np.zeros(rows.num_rows, np.int64)
    np.maximum.at(count, proposal_owner, logic + 1)
    orders, order_owner = flat["orders"]
    bought = (orders.field("quantity_micro").to_numpy() > 0) & ~failed[order_owner, _numbers(orders.field("logic"))]
    listed, listed_owner = flat["purchases"]
    flat["purchases"] = _with_epochs(listed), listed_owner
    names = {"account_id": "account_id", "account_number": "account_number", "taxable": "taxable", "kind": "kind"}
    lots = {"lot_id": "lot_id", "sleeve_id": "sleeve_id", "units": "quantity_micro"}
    purchases = table("purchases", np.ones(len(listed), np.bool_), **names, **lots, bought="bought", epoch="epoch")
    under_every = pa.array(np.full(purchases.num_rows, -1, np.int64))
    return (
        table("slices", near | lost, logic="logic", **lots, gain="gain_cents"),
        table("orders", bought, logic="logic", units="quantity_micro"),
        purchases.add_column(purchases.num_columns - 1, "logic", under_every),
        pa.table({"count": pa.array(count[wanted])}),
    )


def _with_epochs(stored: Any) -> Any:
    """Return listed purchases, of which those that name no approval show every one."""
    columns = [stored.field(field.name) for field in stored.type]
    at = stored.type.get_field_index("epoch")
    columns[at] = columns[at].fill_null(_EVERY_EPOCH)
    return pa.StructArray.from_arrays(columns, fields=list(stored.type))


def _numbered(rows: Sequence[Row[Any]], stored: pa.Table) -> pa.Table:
    """Return purchases with their account numbers; in a result, an account's own lots come without one."""
    own = pa.array([row.account_number for row in rows], pa.string()).take(stored.column("owner"))
    listed = stored.column("account_number")
    numbers = pc.if_else(pc.equal(listed, pa.scalar("")), own, listed)
    return stored.set_column(stored.column_names.index("account_number"), "account_number", numbers)


def _proposed(rows: Sequence[Row[Any]], buys: pa.Table, taxable: npt.NDArray[np.bool_], trade_day: int) -> pa.Table:
    """Return the batch's own buys as purchases."""
    owner, count = _ints(buys, "owner"), buys.num_rows
    of_row = pa.array(owner)
    return pa.table(
        {
            "owner": of_row,
            "security": buys.column("security"),
            "account_id": pa.array([row.account_id for row in rows]).take(of_row),
            "account_number": pa.array([row.account_number for row in rows]).take(of_row),
            "taxable": pa.array(taxable[owner]),
            "kind": pa.array(np.full(count, int(Bought.PROPOSED), np.int64)),
            "lot_id": pa.array([""] * count, pa.string()),
            "sleeve_id": pa.array([""] * count, pa.string()),
            "units": buys.column("units"),
            "bought": pa.array(np.full(count, trade_day, np.int64)),
            "logic": buys.column("logic"),
            "epoch": pa.array(np.full(count, _EVERY_EPOCH, np.int64)),
        }
    )


def _approved(bought: pa.Table, owner: Ints) -> pa.Table:
    """Return buys of other batches as purchases.  owner: index of an account of their household."""
    count, nowhere = bought.num_rows, pa.array([""] * bought.num_rows, pa.string())
    return pa.table(
        {
            "owner": pa.array(owner),
            "security": bought.column("security"),
            "account_id": bought.column("account_id"),
            "account_number": bought.column("account_number"),
            "taxable": bought.column("taxable"),
            "kind": pa.array(np.full(count, int(Bought.APPROVED), np.int64)),
            "lot_id": nowhere,
            "sleeve_id": nowhere,
            "units": bought.column("units"),
            "bought": bought.column("day"),
            "logic": pa.array(np.full(count, -1, np.int64)),
            "epoch": pa.array(np.full(count, _EVERY_EPOCH, np.int64)),
        }
    )


def _once(listed: Purchases, of_logic: Ints) -> Ints:
    """Return the index of each purchase once: accounts of a household may list the same one, the largest counts."""
    names = np.column_stack((*listed[:-1], of_logic))
    order = np.lexsort((-listed.units, *names.T))
    keys = names[order]
    new = np.ones(len(order), np.bool_)
    new[1:] = (keys[1:] != keys[:-1]).any(axis=1)
    return np.asarray(order[new], np.int64)


def _sold(bought: Ints, sold: Ints, logic: Ints, units: Ints) -> Ints:
    """Return the micro-units sold of each bought lot under each logic; lots by (account, security, lot, sleeve)."""
    code = np.zeros(len(bought) + len(sold), np.int64)
    for ranks in np.concatenate((bought, sold)).T:  # one number a lot, kept small at every step
        code = np.unique(code * (int(ranks.max(initial=0)) + 1) + ranks, return_inverse=True)[1]
    sums = np.zeros((int(code.max(initial=-1)) + 1, LOGICS), np.int64)
    np.add.at(sums, (code[len(bought) :], logic), units)
    return np.asarray(sums[code[: len(bought)]], np.int64)


def _ranks(*columns: Any) -> list[Ints]:
    """Return the texts of all columns as ranks in their common order."""
    texts = [pa.concat_arrays([pa.array([], pa.string()), *getattr(column, "chunks", [column])]) for column in columns]
    coded: Any = pc.dictionary_encode(pa.concat_arrays(texts))
    rank = np.empty(len(coded.dictionary), np.int64)
    rank[np.asarray(pc.sort_indices(coded.dictionary))] = np.arange(len(rank))
    ranks = rank[np.asarray(coded.indices, np.int64)]
    return list(np.split(ranks, np.cumsum([len(column) for column in texts])[:-1]))


def _plain(column: Any) -> Any:
    """Return numbers and dates as int64 without nulls (0), texts without nulls (empty)."""
    if pa.types.is_boolean(column.type):
        return column
    if pa.types.is_string(column.type):
        return column.fill_null("")
    return pa.array(_numbers(column))


def _numbers(column: Any) -> Ints:
    values = column.cast(pa.int32()) if pa.types.is_date32(column.type) else column
    return np.asarray(values.cast(pa.int64()).fill_null(0), np.int64)


def _ints(table: pa.Table, name: str) -> Ints:
    return np.asarray(table.column(name), np.int64)


def _texts(table: pa.Table, name: str) -> Any:
    return np.asarray(table.column(name).to_pylist(), np.str_)
