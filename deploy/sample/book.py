"""The sample's lots and cash, in columns: what each account bought over the years, drifted as the market moved.

Every account was rebalanced to its target `rebalanced_ago` sessions ago at that day's prices. Its lots were bought on
or before that day at the closes of their days. Its positions are valued at the closes of the as-of day.
"""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from deploy.sample import beside
from deploy.sample.accounts import CUSTODIANS, NO_TARGET, People, Story
from deploy.sample.market import UNPRICED, Ints
from deploy.sample.targets import MODEL_SLEEVES, Target
from deploy.sample.universe import Universe
from shared.fixed_point.limits import MICRO

CHUNK_ACCOUNTS: Final = 10_000
SLEEVES: Final = ("APM", *MODEL_SLEEVES)
YEAR: Final = 250
OLDEST_SESSIONS: Final = 15 * YEAR
COVERED_FROM: Final = np.datetime64("2011-01-01")
TACKED: Final = np.timedelta64(300, "D")  # how long before its purchase the term of a tacked lot began
SENTINEL: Final = np.datetime64("1900-01-01")

_LOT_FIELDS: list["pa.Field[Any]"] = [
    pa.field("account_number", pa.string(), nullable=False),
    pa.field("security_id", pa.string(), nullable=False),
    pa.field("lot_id", pa.string(), nullable=False),
    pa.field("acquired", pa.date32()),
    pa.field("quantity_micro", pa.int64(), nullable=False),
    pa.field("basis_cents", pa.int64()),
    pa.field("covered", pa.bool_(), nullable=False),
    pa.field("sleeve_id", pa.string(), nullable=False),
    pa.field("holding_since", pa.date32()),  # null: its term counts from acquired
    pa.field("term", pa.string()),  # LONG: inherited
]
_CASH_FIELDS: list["pa.Field[Any]"] = [
    pa.field("account_number", pa.string(), nullable=False),
    pa.field("cash_cents", pa.int64(), nullable=False),
]
LOTS: Final = pa.schema(_LOT_FIELDS)
CASH: Final = pa.schema(_CASH_FIELDS)

Columns = dict[str, npt.NDArray[Any]]


@dataclass(frozen=True)
class Holdings:
    """Lots and cash of some accounts of one custodian, both in order of the account number."""

    lots: pa.RecordBatch
    cash: pa.RecordBatch


@dataclass(frozen=True)
class _Positions:
    """Flat positions of a chunk: account (row in the chunk), security and sleeve indexes, units in micro."""

    account: Ints
    security: Ints
    sleeve: Ints
    units: Ints


class BookMaker:
    """Makes lots and cash for ranges of accounts; each chunk draws from its own seed, so memory stays bounded.

    lots: so many a position; more: whether some accounts hold something beside their portfolios.
    """

    def __init__(
        self, held: Universe, who: People, targets: list[Target], seed: int, lots: int | None, *, more: bool = False
    ) -> None:
        self._held, self._who, self._seed, self._lots, self._more = held, who, seed, lots, more
        self._ids = pa.array([*held.ids, *beside.IDS])
        self._prices = held.market.history()
        self._days = held.market.known_days()
        self._first_row = (self._prices != UNPRICED).argmax(axis=0)
        self._start = np.cumsum([0, *(len(target.securities) for target in targets)])
        self._securities = np.array([i for target in targets for i in target.securities])
        self._sleeves = np.array([i for target in targets for i in target.sleeves])
        self._weights = np.array([i for target in targets for i in target.weights_ppb])
        self._cash_ppb = np.array([target.cash_ppb for target in targets] + [10**9])  # the last: no target, all cash
        self._number = np.array([who.number(i) for i in range(len(who))])

    def chunk(self, first: int) -> dict[str, Holdings]:
        """Return the holdings of accounts first .. first + CHUNK_ACCOUNTS by custodian."""
        accounts = np.arange(first, min(first + CHUNK_ACCOUNTS, len(self._who)))
        rng = np.random.default_rng([self._seed, 77, first])
        positions = self._positions(rng, accounts)
        cash = self._cash(rng, accounts, positions)
        lots = self._lot_columns(rng, accounts, positions)
        if self._more:
            lots, cash = self._with_more(accounts, lots, cash)
        found = {}
        for index, custodian in enumerate(CUSTODIANS):
            mine = self._who.custodian[accounts] == index
            chosen = mine[lots["account"]]
            found[custodian] = Holdings(
                self._lot_batch(accounts, {name: column[chosen] for name, column in lots.items()}),
                pa.record_batch([pa.array(self._number[accounts[mine]]), pa.array(cash[mine])], schema=CASH),
            )
        return found

    def _positions(self, rng: np.random.Generator, accounts: Ints) -> _Positions:
        who = self._who
        target = who.target[accounts]
        sizes = np.where(target == NO_TARGET, 0, self._start[target + 1] - self._start[target])
        row = np.repeat(np.arange(len(accounts)), sizes)
        target_row = np.arange(len(row)) - np.repeat(np.cumsum(sizes) - sizes, sizes) + self._start[target[row]]
        security, sleeve, weight = self._securities[target_row], self._sleeves[target_row], self._weights[target_row]
        story = who.story[accounts]
        brought = np.where(story[row] == Story.FIRST, np.exp(rng.normal(0.0, 0.3, len(row))), 1.0)
        # The advisor's sleeve once had another share of the account: what it has too much, the other sleeves lack.
        tilt = np.where(np.isin(story, (Story.DRIFTED, Story.FIRST)) & (rng.random(len(story)) < 0.6), 0.35, 0.0)
        brought *= np.where(sleeve == 0, 1.0 + tilt[row], 1.0 - tilt[row] / 2)
        extra = np.flatnonzero((story == Story.FIRST) | (target == NO_TARGET))
        extra = np.repeat(extra, np.where(target[extra] == NO_TARGET, 3, rng.integers(0, 3, len(extra))))
        row = np.concatenate([row, extra])
        order = np.argsort(row, kind="stable")
        security = np.concatenate([security, rng.integers(0, len(self._held.ids), len(extra))])[order]
        sleeve = np.concatenate([sleeve, np.zeros(len(extra), np.int64)])[order]
        share = np.concatenate([weight * brought / 1e9, rng.uniform(0.03, 0.1, len(extra))])[order]
        row = row[order]
        price = self._prices[-1 - who.rebalanced_ago[accounts[row]], security]
        units = (share * who.value_cents[accounts[row]] * 10_000 / price * MICRO).astype(np.int64)
        whole = ~self._held.fractional[security]
        units[whole] = (units[whole] + MICRO // 2) // MICRO * MICRO
        held = units > 0
        return _Positions(row[held], security[held], sleeve[held], units[held])

    def _cash(self, rng: np.random.Generator, accounts: Ints, held: _Positions) -> Ints:
        """Return cash in cents: near its target, well above or well below it, by the account's first-day state."""
        worth = np.bincount(held.account, held.units / MICRO * self._prices[-1, held.security] / 10_000, len(accounts))
        goal = self._cash_ppb[self._who.target[accounts]] / 1e9
        half = np.maximum(goal * 0.2, 0.005)
        story = self._who.story[accounts]
        deposit = goal + half + rng.uniform(0.01, 0.06, len(accounts))
        withdrawal = np.maximum(0.0, goal - half) * rng.uniform(0.0, 0.5, len(accounts))
        near = np.maximum(0.0, goal + half * rng.uniform(-0.5, 0.5, len(accounts)))
        high = (story == Story.HIGH_CASH) | ((story == Story.FIRST) & (rng.random(len(accounts)) < 0.4))
        low = (story == Story.LOW_CASH) | ((story == Story.FIRST) & (rng.random(len(accounts)) < 0.1) & ~high)
        weight = np.where(goal >= 1.0, 0.04, np.where(high, deposit, np.where(low, withdrawal, near)))
        cash: Ints = (weight / (1 - weight) * worth).round().astype(np.int64) + self._who.set_aside_cents[accounts]
        return cash

    def _lot_columns(self, rng: np.random.Generator, accounts: Ints, held: _Positions) -> Columns:
        step = np.where(self._held.fractional[held.security], 1, MICRO)
        wanted = np.full(len(held.units), self._lots) if self._lots else rng.integers(1, 6, len(held.units))
        position = np.repeat(np.arange(len(held.units)), np.minimum(wanted, held.units // step))
        quantity = _divided(rng, held.units // step, position) * step[position]
        some = quantity > 0
        position, quantity = position[some], quantity[some]
        security, account = held.security[position], held.account[position]
        age = np.where(
            rng.random(len(position)) < 0.35,
            rng.integers(0, YEAR, len(position)),
            rng.integers(YEAR, OLDEST_SESSIONS, len(position)),
        )
        bought = len(self._days) - 1 - self._who.rebalanced_ago[accounts[account]] - age
        bought = np.maximum(bought, self._first_row[security])
        acquired = self._days[bought]
        basis = cents(quantity, self._prices[bought, security])
        unknown, undated, sentinel = (rng.random(len(position)) < share for share in (0.03, 0.01, 0.005))
        return {
            "account": account,
            "security": security,
            "sleeve": held.sleeve[position],
            "quantity": quantity,
            "basis": basis,
            "known": ~unknown,
            "acquired": np.where(sentinel, SENTINEL, acquired),
            "dated": ~undated,
            "covered": (acquired >= COVERED_FROM) & ~unknown & ~undated & ~sentinel,
            "lot": np.arange(len(account)) - np.searchsorted(account, account) + 1,
        }

    def _with_more(self, accounts: Ints, lots: Columns, cash: Ints) -> tuple[Columns, Ints]:
        """Return lots and cash with what accounts hold beside their portfolios, after each account's other lots."""
        more, left = beside.lots_of(accounts, self._who.value_cents[accounts], cash)
        rows = len(more.account)
        bought = np.full(rows, beside.acquired(self._days))
        columns = {
            "account": more.account,
            "security": len(self._held.ids) + more.security,
            "sleeve": np.zeros(rows, np.int64),
            "quantity": more.quantity_micro,
            "basis": more.basis_cents,
            "known": more.basis_cents >= 0,
            "acquired": bought,
            "dated": np.ones(rows, np.bool_),
            "covered": more.basis_cents >= 0,
            "lot": np.zeros(rows, np.int64),
        }
        joined = {name: np.concatenate([column, columns[name]]) for name, column in lots.items()}
        order = np.argsort(joined["account"], kind="stable")
        return {name: column[order] for name, column in joined.items()}, left

    def _some(self, accounts: Ints, lot: Columns, every: int) -> npt.NDArray[np.bool_]:
        """Say which lots are the first of every so-many-th account, and dated."""
        number = accounts[lot["account"]]
        dated = lot["dated"] & (lot["acquired"] != SENTINEL)
        some: npt.NDArray[np.bool_] = (number % every == every // 2) & (lot["lot"] == 1) & dated
        return some

    def _lot_batch(self, accounts: Ints, lot: Columns) -> pa.RecordBatch:
        ids = pa.array([f"L{number}" for number in range(int(lot["lot"].max(initial=0)) + 1)])
        return pa.record_batch(
            [
                pa.array(self._number).take(accounts[lot["account"]]),
                self._ids.take(lot["security"]),
                ids.take(lot["lot"]),
                pa.array(lot["acquired"].astype("datetime64[D]"), pa.date32(), mask=~lot["dated"]),
                pa.array(lot["quantity"]),
                pa.array(lot["basis"], mask=~lot["known"]),
                pa.array(lot["covered"]),
                pa.array(SLEEVES).take(lot["sleeve"]),
                pa.array(
                    (lot["acquired"] - TACKED).astype("datetime64[D]"), pa.date32(), mask=~self._some(accounts, lot, 97)
                ),
                pa.array(np.full(len(lot["lot"]), "LONG"), mask=~self._some(accounts, lot, 101)),
            ],
            schema=LOTS,
        )


def cents(quantity_micro: Ints, price_micro: Ints) -> Ints:
    """Return quantity x price in cents, rounded half away from zero; both above or equal to zero.

    Exact in 64 bits: whole units and the millionths of one unit are multiplied apart.
    """
    whole, part = quantity_micro // MICRO, quantity_micro % MICRO
    micro_dollars = whole * price_micro + part * price_micro // MICRO
    result: Ints = (micro_dollars + 5_000) // 10_000
    return result


def _divided(rng: np.random.Generator, units: Ints, position: npt.NDArray[np.intp]) -> Ints:
    """Divide each position's steps over its lots at random; exact, and some lots may get nothing."""
    raw = rng.integers(100, 1_000, len(position))
    running = np.cumsum(raw)
    start = np.searchsorted(position, np.arange(len(units)))
    before = np.concatenate([[0], running])[start][position]
    total = np.bincount(position, raw, len(units)).astype(np.int64)[position]
    upto = units[position] * (running - before) // total
    first = np.concatenate([[True], position[1:] != position[:-1]])[: len(position)]
    result: Ints = upto - np.where(first, 0, np.concatenate([[0], upto[:-1]])[: len(position)])
    return result
