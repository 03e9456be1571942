"""Whether the figures of a result chunk add up: cash, orders, crossings, lots and gains of approved accounts.

Exact integers all through: cents and millionths of a unit.  Source: product 4 (Netting, Summary), 5 ("so that slice =
lot = position = account").
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from services.auditor.store.orders import ApprovedAccount
from shared.columnar import Arrow, Ints, children, lengths_of, starts_of
from shared.contracts import chunks, codec
from shared.contracts.codes import Term

_LISTS: Final = ("proposals", "sleeve_trades", "orders", "slices", "transfers", "taxes")
_READ: Final = pa.schema([chunks.RESULT.field(name) for name in ("securities", "positions", *_LISTS)])
_BY_TERM: Final = {Term.SHORT: "short_cents", Term.LONG: "long_cents", Term.UNKNOWN: "unknown_term_cents"}


class _Entries:
    """The entries of one list column in the logic in force.  owner: index of the account of each."""

    def __init__(self, listed: Arrow, logic: int) -> None:
        entries, owner = children(listed)
        in_force = np.asarray(pc.struct_field(entries, "logic")) == logic
        self._entries: Arrow = entries.filter(pa.array(in_force))
        self.owner: Ints = owner[in_force]

    def column(self, name: str) -> Ints:
        """Return a column of integers, 0 where it is null."""
        values: Ints = np.asarray(pc.struct_field(self._entries, name).fill_null(0), np.int64)
        return values

    def known(self, name: str) -> NDArray[np.bool_]:
        """Return where a column is not null."""
        known: NDArray[np.bool_] = np.asarray(pc.struct_field(self._entries, name).is_valid())
        return known

    def index(self, name: str, firsts: Ints) -> Ints:
        """Return a column of indices into a list of the account as indices into those of all accounts together."""
        return firsts[self.owner] + self.column(name)


def odd_figures(content: bytes, accounts: Sequence[ApprovedAccount]) -> Mapping[str, list[str]]:
    """Return what does not add up, by account, of approved accounts of one result chunk and batch.

    Raises ValueError or pa.ArrowInvalid if the bytes are no result chunk.
    """
    rows, _ = codec.decode_kept(content, _READ)
    rows = rows.take(pa.array([account.row_no for account in accounts], pa.int64()))
    of = {name: _Entries(rows.column(name), accounts[0].logic) for name in _LISTS}
    everyone = np.arange(len(accounts))
    owner_of_security = np.repeat(everyone, lengths_of(rows.column("securities")))
    wrong = [(what, everyone[where]) for what, where in _by_account(of, len(accounts)).items()]
    wrong += [(what, owner_of_security[where]) for what, where in _by_security(of, rows).items()]
    found: dict[str, list[str]] = {}
    for what, owners in wrong:
        for index in np.unique(owners):
            found.setdefault(accounts[index].account_id, []).append(what)
    return found


def _by_security(of: Mapping[str, _Entries], rows: pa.RecordBatch) -> dict[str, NDArray[np.bool_]]:
    """Return where trades, orders, lots and crossings of a security contradict one another, by security of all rows."""
    firsts, first_positions = (starts_of(lengths_of(rows.column(name))) for name in ("securities", "positions"))
    positions, owner = children(rows.column("positions"))
    security_of = firsts[owner] + np.asarray(pc.struct_field(positions, "security"), np.int64)
    trades, orders, slices, moved = of["sleeve_trades"], of["orders"], of["slices"], of["transfers"]
    traded = security_of[trades.index("position", first_positions)]
    crossed, ordered = trades.column("crossed_micro"), orders.column("quantity_micro")
    sold = np.minimum(ordered, 0)

    def total(indices: Ints, values: Ints) -> Ints:
        return _sums(indices, values, int(firsts[-1]))

    def of_lots(entries: _Entries, name: str) -> Ints:
        return total(entries.index("security", firsts), entries.column(name))

    at = orders.index("security", firsts)
    return {
        "crossed units": total(traded, crossed) != 0,
        "units of sleeves and orders": total(traded, trades.column("quantity_micro") - crossed) != total(at, ordered),
        "units sold from lots": of_lots(slices, "quantity_micro") != -total(at, sold),
        "proceeds of lots": of_lots(slices, "proceeds_cents")
        != total(at, np.where(sold < 0, orders.column("value_cents"), 0)),
        "units moved with lots": of_lots(moved, "quantity_micro") != total(traded, np.maximum(crossed, 0)),
    }


def _by_account(of: Mapping[str, _Entries], accounts: int) -> dict[str, NDArray[np.bool_]]:
    """Return where the summary of an account is not that of its parts, by account."""
    orders, slices = of["orders"], of["slices"]
    says, taxes = _sum_by_name(of["proposals"], accounts), _sum_by_name(of["taxes"], accounts)
    ordered, value = orders.column("quantity_micro"), orders.column("value_cents")
    gain, has_basis = slices.column("gain_cents"), slices.known("basis_cents")
    proceeds = slices.column("proceeds_cents")
    own_gain = np.where(has_basis, proceeds - slices.column("basis_cents"), 0)
    sides = {"buys": ordered > 0, "sells": ordered < 0}
    terms = {
        name: _sums(slices.owner, np.where(slices.column("term") == term, gain, 0), accounts)
        for term, name in _BY_TERM.items()
    }
    return {
        "a summary": _sums(of["proposals"].owner, np.ones_like(of["proposals"].owner), accounts) != 1,
        "cash": says("begin_cash_cents") + says("sells_cents") - says("buys_cents") != says("end_cash_cents"),
        **{f"number of {side}": _sums(orders.owner, here, accounts) != says(side) for side, here in sides.items()},
        **{
            f"value of {side}": _sums(orders.owner, np.where(here, value, 0), accounts) != says(f"{side}_cents")
            for side, here in sides.items()
        },
        "gain of a lot": _sums(slices.owner, own_gain != gain, accounts) != 0,
        **{name.removesuffix("_cents") + " gain": total != taxes(name) for name, total in terms.items()},
        "estimated gain": sum(terms.values()) != taxes("estimated_cents"),
        "proceeds without basis": _sums(slices.owner, np.where(has_basis, 0, proceeds), accounts)
        != taxes("no_basis_proceeds_cents"),
    }


def _sum_by_name(entries: _Entries, accounts: int) -> Callable[[str], Ints]:
    """Return a function from the name of a column to its sums by account."""
    return lambda name: _sums(entries.owner, entries.column(name), accounts)


def _sums(owner: Ints, values: Any, size: int) -> Ints:
    """Return exact sums by owner."""
    sums = np.zeros(size, np.int64)
    np.add.at(sums, owner, values)
    return sums
