"""What a tax household bought near a sale at a loss, before the batch's own trades: facts of the wash-sale check.

An account that buys what its household has sold by approval lately needs them as one that sells at a loss does: what
others bought since disallows that loss first.  Only batch knows at a loss or not; taxlot lists for every such sale.

The account's own lots are those the proposal rests on; the lots of other accounts are their last good ones.  Which
units are sold again and what the batch itself buys is known only when the whole batch is proposed: so batch matches.
Source: product 5, "Wash-sale check".
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from services.taxlot.columns import documents
from services.taxlot.domain.households import ApprovedBuy, HouseholdFacts, Member
from shared.columnar import children
from shared.contracts.chunks import RESULT
from shared.contracts.codes import Bought
from shared.rules.relief.lots import Ints, days_of
from shared.rules.relief.wash import LISTED_DAYS, LOSS_DAYS, WASH_DAYS

_EPOCH: Final = date(1970, 1, 1)
_TYPE: Final[Any] = RESULT.field("purchases").type


@dataclass(frozen=True)
class Traded:
    """Securities that accounts of a chunk trade: row of the account, index and id of the security, each pair once."""

    rows: Ints
    security: Ints
    names: list[str]


@dataclass(frozen=True)
class _LookedAt(Traded):
    """Those whose purchases are listed.  first: the first day of them, days since 1970-01-01."""

    first: Ints


@dataclass(frozen=True)
class _Purchases:
    """Purchases of households: of each the code of its household, its security and its other fields."""

    household: Ints
    security: list[str]
    columns: dict[str, Any]  # the other fields of PURCHASE_FIELDS as Arrow arrays


def window(trade_day: int) -> tuple[date, date]:
    """Return the first and last day on which a purchase counts, for a loss of this day or an earlier one."""
    day = _EPOCH + timedelta(days=trade_day)
    return day - timedelta(days=LISTED_DAYS), day + timedelta(days=WASH_DAYS)


def loss_sales_of(booked: pa.RecordBatch) -> Traded:
    """Return what the taxable accounts of a RESULT chunk sell at a loss, in any trade logic."""
    slices, owner = children(booked.column("slices"))
    gain = slices.field("gain_cents").fill_null(0).to_numpy()
    taxable = np.asarray(booked.column("taxable").to_numpy(zero_copy_only=False), np.bool_)
    return _traded(booked, slices, owner, (gain < 0) & taxable[owner])


def buys_of(booked: pa.RecordBatch) -> Traded:
    """Return what the accounts of a RESULT chunk buy on the market, in any trade logic."""
    orders, owner = children(booked.column("orders"))
    return _traded(booked, orders, owner, orders.field("quantity_micro").to_numpy() > 0)


def _traded(booked: pa.RecordBatch, entries: Any, owner: Ints, chosen: Any) -> Traded:
    """Return the securities of the chosen entries.  owner: row of each entry's account."""
    at = np.flatnonzero(chosen)
    security = entries.field("security").to_numpy().astype(np.int64)[at]
    width = int(security.max(initial=0)) + 1
    pairs = np.unique(owner[at] * width + security)
    rows, index = pairs // width, pairs % width
    listed, security_owner = children(booked.column("securities"))
    first = np.searchsorted(security_owner, rows)
    return Traded(rows, index, _texts(listed.field("security_id").take(_array(first + index))))


def households_of(booked: pa.RecordBatch, traded: Traded) -> list[tuple[str, str]]:
    """Return (enterprise, household) of the accounts that trade these and belong to a household."""
    return sorted({pair for pair in _pairs(booked, np.unique(traded.rows)) if pair is not None})


def accounts_of(booked: pa.RecordBatch, traded: Traded) -> list[str]:
    """Return the accounts that trade these."""
    return _texts(booked.column("account_id").take(_array(np.unique(traded.rows))))


def with_purchases(
    booked: pa.RecordBatch,
    trades: pa.RecordBatch,
    losing: Traded,
    facts: HouseholdFacts,
    trade_day: int,
) -> pa.RecordBatch:
    """Return the RESULT chunk with the purchases of every account in `losing`, and of those that buy what was sold.

    Accounts in `losing` have the counts of their households too.  trades: the chunk of TRADES it was booked from, with
    the lots.  facts: cover all households_of(booked, losing), those that have sold what an account of them buys, and
    the days of `window(trade_day)`; more of either is ignored.  trade_day: days since 1970-01-01.
    """
    buys = buys_of(booked)
    rows = np.unique(np.concatenate((losing.rows, buys.rows)))
    pairs = dict(zip(rows.tolist(), _pairs(booked, rows), strict=True))
    codes = {pair: code for code, pair in enumerate(sorted({pair for pair in pairs.values() if pair is not None}))}
    household = np.full(booked.num_rows, -1, np.int64)
    for row, pair in pairs.items():
        household[row] = -1 if pair is None else codes[pair]
    members = [member for member in facts.members if (member.enterprise_id, member.household_id) in codes]
    code_of = {member.account_id: codes[member.enterprise_id, member.household_id] for member in members}
    looked_at = _looked_at(booked, (losing, buys), household, facts, code_of, trade_day)
    needed = set(household[looked_at.rows].tolist())  # no account fails for lots of others that it does not need
    members = [member for member in members if code_of[member.account_id] in needed]
    code_of = {member.account_id: code_of[member.account_id] for member in members}
    begin, end = window(trade_day)
    approved = [buy for buy in facts.approved if buy.account_id in code_of and begin <= buy.trade_date <= end]
    tables = [_own(booked, trades, looked_at, trade_day)]
    for bought in (_lots(members, code_of, trade_day), _approved(members, approved, code_of)):
        tables.append(_of_households(booked, looked_at, household, bought))
    table = pa.concat_tables(tables).sort_by([(name, "ascending") for name in ("row", "bought", "kind", "account_id")])
    counts = _counts(booked, np.unique(losing.rows), household, members, code_of)
    made = {"purchases": _listed(table, booked.num_rows)} | counts
    return pa.RecordBatch.from_arrays([made.get(name, booked.column(name)) for name in RESULT.names], schema=RESULT)


def _looked_at(
    booked: pa.RecordBatch,
    traded: tuple[Traded, Traded],
    household: Ints,
    facts: HouseholdFacts,
    code_of: Mapping[str, int],
    trade_day: int,
) -> _LookedAt:
    """Return the losses, and the buys of what their household has sold: their purchases are listed from earlier on.

    traded: losses, buys.  household: code of each account's household, -1 for none: the account is one by itself.
    """
    when = facts.sold.trade_day
    near = _array(np.flatnonzero((when >= trade_day - LOSS_DAYS) & (when <= trade_day + WASH_DAYS)))
    account, sold = (
        _array(column, pa.string()).take(near) for column in (facts.sold.account_id, facts.sold.security_id)
    )
    alone = int(household.max(initial=-1)) + 1 + np.arange(booked.num_rows)
    owner = np.where(household < 0, alone, household)
    sellers = _numbers_of(account, code_of, booked.column("account_id"), owner)
    rows, security = (np.concatenate([getattr(part, name) for part in traded]) for name in ("rows", "security"))
    names = [name for part in traded for name in part.names]
    ids: Any = pc.dictionary_encode(pa.concat_arrays([_array(names, pa.string()), sold]))
    code, width = np.asarray(ids.indices, np.int64), len(ids.dictionary) + 1
    was_sold = np.isin(owner[rows] * width + code[: len(rows)], sellers * width + code[len(rows) :])
    listed = np.flatnonzero(was_sold | (np.arange(len(rows)) < len(traded[0].rows)))
    at = listed[np.unique(rows[listed] * width + code[listed], return_index=True)[1]]
    begin = trade_day - np.where(was_sold[at], LISTED_DAYS, WASH_DAYS)
    return _LookedAt(rows[at], security[at], [names[index] for index in at.tolist()], begin)


def _numbers_of(accounts: Any, code_of: Mapping[str, int], booked: Any, owner: Ints) -> Ints:
    """Return the number of each account: of its household if it has one, else of its own row, else -1."""
    of_members = _array([*code_of.values(), -1], pa.int64())
    of_rows = _array(np.append(owner, -1), pa.int64())
    member = pc.index_in(accounts, value_set=_array(list(code_of), pa.string()))
    row = pc.index_in(accounts, value_set=booked)
    numbers = pc.coalesce(of_members.take(member), of_rows.take(row), pa.scalar(-1, pa.int64()))
    return np.asarray(numbers, np.int64)


def _own(booked: pa.RecordBatch, trades: pa.RecordBatch, looked_at: _LookedAt, trade_day: int) -> pa.Table:
    """Return the accounts' own lots of the window, of the securities that are looked at."""
    lots, owner = children(trades.column("lots"))
    day = days_of(lots.field("acquired"))
    security = lots.field("security").to_numpy().astype(np.int64)
    width = int(max(security.max(initial=0), looked_at.security.max(initial=0))) + 1
    keys = looked_at.rows * width + looked_at.security
    order = np.argsort(keys)
    begin = np.append(looked_at.first[order], trade_day + WASH_DAYS + 1)
    wanted = owner * width + security
    at = np.searchsorted(keys[order], wanted)
    is_wanted = np.append(keys[order], -1)[at] == wanted
    chosen = np.flatnonzero(is_wanted & (begin[at] <= day) & (day <= trade_day + WASH_DAYS))
    lots, owner = lots.take(_array(chosen)), owner[chosen]
    of_account = _array(owner)
    numbers = _array([""] * len(chosen), pa.string())  # readers of the account know its own number
    return _table(
        owner,
        security[chosen],
        booked.column("account_id").take(of_account),
        numbers,
        booked.column("taxable").take(of_account),
        _array(np.full(len(chosen), int(Bought.LOT)), pa.int8()),
        lots.field("lot_id"),
        lots.field("sleeve_id"),
        lots.field("acquired"),
        lots.field("quantity_micro"),
        booked.column("epoch").take(of_account),  # an account is proposed once its lots show every approval of it
    )


def _lots(members: Sequence[Member], code_of: dict[str, int], trade_day: int) -> _Purchases:
    """Return the lots of the window of all members."""
    held = [member for member in members if member.document is not None]
    lots, first = documents.joined([member.document or b"" for member in held])
    day = documents.acquired_days(lots)
    is_near = (trade_day - LISTED_DAYS <= day) & (day <= trade_day + WASH_DAYS)
    near = np.flatnonzero(is_near & (lots.column("quantity_micro").to_numpy() > 0))  # a short position bought nothing
    owner = np.repeat(np.arange(len(held)), np.diff(first))[near]
    lots = lots.take(_array(near))
    return _Purchases(
        np.array([code_of[member.account_id] for member in held], np.int64)[owner] if held else np.zeros(0, np.int64),
        _texts(lots.column("security_id")),
        {
            **_account_fields(held, owner),
            "kind": _array(np.full(len(owner), int(Bought.LOT)), pa.int8()),
            "lot_id": lots.column("lot_id"),
            "sleeve_id": lots.column("sleeve_id"),
            "bought": lots.column("acquired").cast(pa.date32()),
            "quantity_micro": lots.column("quantity_micro"),
            "epoch": _array([held[index].epoch for index in owner.tolist()], pa.int32()),
        },
    )


def _approved(members: Sequence[Member], approved: Sequence[ApprovedBuy], code_of: dict[str, int]) -> _Purchases:
    """Return the approved buys, each of an account in `members`."""
    index_of = {member.account_id: index for index, member in enumerate(members)}
    owner = np.array([index_of[buy.account_id] for buy in approved], np.int64)
    return _Purchases(
        np.array([code_of[buy.account_id] for buy in approved], np.int64),
        [buy.security_id for buy in approved],
        {
            **_account_fields(members, owner),
            "kind": _array(np.full(len(owner), int(Bought.APPROVED)), pa.int8()),
            "lot_id": pa.nulls(len(owner), pa.string()),
            "sleeve_id": pa.nulls(len(owner), pa.string()),
            "bought": _array([buy.trade_date for buy in approved], pa.date32()),
            "quantity_micro": _array([buy.units for buy in approved], pa.int64()),
            "epoch": pa.nulls(len(owner), pa.int32()),
        },
    )


def _account_fields(members: Sequence[Member], owner: Ints) -> dict[str, Any]:
    """Return the fields of a purchase that describe its account.  owner: index of each purchase's account."""
    owners = [members[index] for index in owner.tolist()]
    return {
        "account_id": _array([member.account_id for member in owners], pa.string()),
        "account_number": _array([member.account_number for member in owners], pa.string()),
        "taxable": _array([member.taxable for member in owners], pa.bool_()),
    }


def _of_households(booked: pa.RecordBatch, looked_at: _LookedAt, household: Ints, bought: _Purchases) -> pa.Table:
    """Return every purchase, once for each account of its household for which its security is looked at.

    household: code of each account's household, -1 for none.  An account's own lots are left out: `_own` has them.
    """
    ids: Any = pc.dictionary_encode(_array([*looked_at.names, *bought.security], pa.string()))
    names = np.asarray(ids.indices, np.int64)
    width = len(ids.dictionary) + 1
    wanted = np.where(
        household[looked_at.rows] < 0, -1, household[looked_at.rows] * width + names[: len(looked_at.names)]
    )
    order = np.argsort(wanted, kind="stable")
    keys = bought.household * width + names[len(looked_at.names) :]
    begin = np.searchsorted(wanted[order], keys)
    counts = np.searchsorted(wanted[order], keys, side="right") - begin
    purchase = np.repeat(np.arange(len(keys)), counts)
    in_group = np.arange(len(purchase)) - np.repeat(np.cumsum(counts) - counts, counts)
    pair = order[np.repeat(begin, counts) + in_group]
    fields = {name: column.take(_array(purchase)) for name, column in bought.columns.items()}
    seller = booked.column("account_id").take(_array(looked_at.rows[pair]))
    is_own = pc.equal(fields["account_id"], seller)
    own_lot = pc.and_(is_own, pc.equal(fields["kind"], pa.scalar(int(Bought.LOT), pa.int8())))
    is_late = _array(days_of(fields["bought"]) >= looked_at.first[pair])
    table = _table(looked_at.rows[pair], looked_at.security[pair], *fields.values())
    return table.filter(pc.and_(is_late, pc.invert(own_lot)))


def _table(rows: Ints, security: Ints, *fields: Any) -> pa.Table:
    """Return purchases as a table: row of the account in the chunk, then PURCHASE_FIELDS."""
    names = ["row", *(field.name for field in _TYPE.value_type)]
    return pa.table([_array(rows), _array(security, pa.int32()), *fields], names=names)


def _listed(table: pa.Table, rows: int) -> Any:
    first = np.searchsorted(table.column("row").to_numpy(), np.arange(rows + 1))
    columns = [
        pa.concat_arrays(table.column(field.name).chunks or [_array([], field.type)]) for field in _TYPE.value_type
    ]
    listed: Any = pa.ListArray
    entries = pa.StructArray.from_arrays(columns, fields=list(_TYPE.value_type))
    return listed.from_arrays(_array(first.astype(np.int32)), entries, type=_TYPE)


def _counts(
    booked: pa.RecordBatch, rows: Ints, household: Ints, members: Sequence[Member], code_of: dict[str, int]
) -> dict[str, Any]:
    """Return the size of each checked account's household, itself included, and how many of it are not seen."""
    all_of: dict[int, set[str]] = {}
    unseen: dict[int, set[str]] = {}
    for member in members:
        all_of.setdefault(code_of[member.account_id], set()).add(member.account_id)
        if not member.is_seen:
            unseen.setdefault(code_of[member.account_id], set()).add(member.account_id)
    accounts: list[int | None] = [None] * booked.num_rows
    missing: list[int | None] = [None] * booked.num_rows
    names: list[Any] = booked.column("account_id").to_pylist()
    for row in rows.tolist():
        code, own = int(household[row]), {names[row]}
        accounts[row] = len(all_of.get(code, own) | own)
        missing[row] = len(unseen.get(code, own) - own)
    return {"wash_accounts": _array(accounts, pa.int32()), "wash_unseen": _array(missing, pa.int32())}


def _pairs(booked: pa.RecordBatch, rows: Ints) -> list[tuple[str, str] | None]:
    """Return (enterprise, household) of each row, None for an account without a household."""
    enterprises = _texts(booked.column("enterprise_id").take(_array(rows)))
    households = _texts(booked.column("tax_household_id").take(_array(rows)))
    pairs = zip(enterprises, households, strict=True)
    return [None if household is None else (enterprise, household) for enterprise, household in pairs]


def _texts(column: Any) -> list[Any]:
    return list(column.to_pylist())


def _array(values: Any, kind: pa.DataType | None = None) -> Any:
    return pa.array(values, kind)
