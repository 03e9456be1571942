"""The records of proposals: an account, its securities and positions, and what is proposed.

All fields are int64.  Scales: cents; micro = millionths of a unit or dollar; ppb = 1e-9 of account value V; weight =
1e-18 of V; part = 1e-18 of a cent, which makes an exact amount with the cents before it (shared.fixed_point.amounts).
Positions of one security stand together, in order of sleeve id.
"""

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from shared.fixed_point.records import Records, record

Ints = NDArray[np.int64]

NO_LIMIT: Final = -1  # a gain budget that is none
NO_CAP: Final = 1 << 60  # a sell that may have any number of units
ALL_OF_IT: Final = -1  # failed_at: the account as a whole

ACCOUNT: Final = record(
    # given
    "cash",  # cents available: cash and cash equivalents less set-aside
    "locked",  # cents of what is LOCKED: counts in V only
    "untraded_target",  # weight: target weights of what is LOCKED or EXCLUDED, taken as what is held
    "reserve",  # cents
    "cash_target",  # weight, with the target weights of cash equivalents
    "cash_threshold",  # ppb, relative
    "drift_floor",  # ppb of V: least half-width of a band
    "minimum_cents",  # minimum trade size
    "minimum_weight",  # ppb of V: the same as a weight; the larger of the two counts
    "do_not_trade",
    "liquidate",
    "taxable",
    "lot_method",
    "budget_short",  # cents, NO_LIMIT none
    "budget_total",
    "no_short_gains",
    "given_failure",  # codes.* of a failure found before, OK none; `failed_at` is given too then
    # prepared
    "value",  # V in cents
    "grain",  # 1e-10 of a cent: what amounts are cut to where a share is estimated, so that they fit 62 bits
    "target_sum",  # ppb: sum of all target weights, cash included, rounded down
    "target_sum_rest",  # weight: what it is more
    "cash_low",  # cents: cash below it is too low, max(reserve, lower edge)
    "cash_aim",  # cents: max(reserve, cash target)
    "cash_high",  # cents: cash above it is too high, max(reserve, upper edge)
    "minimum",  # cents, at least one: a market order below it is undersized
    "cash_low_rounding",  # 1e-18 of a cent that rounding to whole cents added to the limit
    "cash_aim_rounding",
    "cash_high_rounding",  # 1e-10 of a cent that it took from this one
    "minimum_rounding",  # and added to this
    "failure",  # codes.OK or the failure
    "failed_at",  # what it is about: a security's index, -2 - a position's index, or ALL_OF_IT
    "passed_limit",  # codes.L_* of an OUT_OF_RANGE
    # of one logic
    "cash_now",  # available cash in cents as the logic goes on
    "blocked",  # codes.B_* flags
)

SECURITY: Final = record(
    # given
    "price",  # micro, 0 none
    "step",  # micro
    "restriction",
    "substitute",  # index of the security bought instead of this security, below 0 none
    "is_fund",  # 1 where AVERAGE may pool
    "edit_of",  # 1 + the logic of whose market order a person made `edit`, 0 none
    "edit",  # signed micro-units, + buy
    # prepared
    "first",  # positions [first, end) of the account
    "end",
    "has_handed_over",  # 1: has given what its target lacks to its substitute
    # of the tax-aware search, over all its runs
    "cap",  # most micro-units its market sell may have, in whole steps, or NO_CAP
    # of one logic, in micro-units unless said otherwise
    "crossed",
    "has_exit",  # 1: one of its sleeve sells is a full exit
    "planned_sell",  # market sell that netting left
    "brings",  # cents: the most that sells of it can bring for buys
    "sell",  # market sell now
    "buy",  # market buy now
    "buy_before",  # market buy that stood before the present sharing
    "full_buy",  # most that the present sharing may give
    "shortfall",  # cents: what the present sharing goes by
    "shortfall_part",  # 1e-18 of a cent
    "shared",  # what the present sharing gave
    "is_dropped",  # 1: undersized in the present sharing
    "was_planned",  # 1: had a market order before cash was raised or placed
    "reason",  # Reason of the market order, 0 none
)

POSITION: Final = record(
    # given
    "security",  # index among the account's securities
    "quantity",  # micro
    "target",  # weight
    "threshold",  # ppb, relative
    "precision",  # ppb, relative
    "sleeve",  # number that is equal for equal sleeve ids of the chunk
    # prepared
    "value",  # cents
    "aim",  # cents: the target after substitution x V
    "aim_part",  # 1e-18 of a cent: the rest of that amount
    "low",  # cents: lower edge of the rebalance band x V, rounded up to 1e-18 of a cent
    "low_part",
    "high",  # upper edge, rounded down to it
    "high_part",
    "is_exit",  # 1: held with target 0
    "side",  # -1 below, 0 inside, 1 above the rebalance band
    "precise_side",  # the same for the precision band
    "replaces",  # 1: has a target of the security it is a substitute for; -1: gave its target to one
    # of one logic, in micro-units unless said otherwise
    "want",  # signed: what the sleeve wants before netting
    "trade",  # signed: what the sleeve trades
    "crossed",  # signed part of it that is crossed
    "reason",
    "room",  # what the present pass may trade, 0 when the position takes no part
    "priority",  # cents: the largest is first in the present pass
    "priority_part",  # 1e-18 of a cent
    "asked",  # what the present apportioning divides in proportion to, 0 when the sleeve takes no part
    "share",  # what it gives
    "spare",  # what it may still give
    "below_step",  # part of the exact share beyond whole steps, in whole micro-units
    "remainder",  # the rest of that part
)

PROPOSAL: Final = record(
    "logic",
    "failure",  # codes.OK or why the account fails
    "failed_at",
    "blocked",
    "value_cents",
    "begin_cash_cents",
    "end_cash_cents",
    "buys",
    "buys_cents",
    "sells",
    "sells_cents",
    "flats",
    "flats_cents",
    "trades",  # sleeve trades
    "figure",  # figure of the failure: cents, or ppb of TARGET_SUM
    "limit",  # the limit it passes: codes.L_*, or the reserve in cents of CASH_SHORTFALL
    "is_limited",  # 1: gain limits bind: less is traded than by Best Fit
    "free_short",  # cents: what Best Fit would count against the limits
    "free_total",
    "held_back_cents",  # value of the market sells that the limits keep from being made
)
"""One account and logic; a field that is named as one of `chunks.PROPOSAL_FIELDS` is published as it is."""

SLEEVE_TRADE: Final = record(
    "logic", "position", "quantity_micro", "crossed_micro", "reason", "before_ppb", "after_ppb", "held_back_micro"
)
"""As in `chunks.SLEEVE_TRADE_FIELDS`."""

ORDER: Final = record("logic", "security", "quantity_micro", "price_micro", "value_cents", "reason")
"""As in `chunks.ORDER_FIELDS`."""


class Accounts(NamedTuple):
    """The n accounts of a chunk; *_starts[n + 1]: where the rows of each account begin."""

    rows: Records  # ACCOUNT
    securities: Records  # SECURITY, of an account in order of security id
    security_starts: Ints
    positions: Records  # POSITION, of an account in order of (security, sleeve id)
    position_starts: Ints
    lot_starts: Ints


class Proposals(NamedTuple):
    """Room for what is proposed; sleeve trades and orders stand by account, then logic."""

    rows: Records  # PROPOSAL: row i is of account i // logics and logic i % logics
    trades: Records  # SLEEVE_TRADE
    trade_starts: Ints  # [n + 1], by account
    orders: Records  # ORDER
    order_starts: Ints
