"""Columns of the integer tables one account is computed on: `acc[A_*]`, `sec[security, S_*]`, `pos[position, P_*]`.

All tables are int64.  Scales: cents; micro = millionths of a unit or dollar; ppb = 1e-9 of account value V; weight =
1e-18 of V; money = dollars x 10^12 / grain, where the account's grain is 1 up to about four million dollars, so that
quantity x price is exact, and a power of ten above: what is shared there is exact to a few grains (below a millionth of
a dollar for the largest account there may be).  Positions of one security stand together, in order of sleeve id.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]

# acc: input
A_CASH: Final = 0  # available cash in cents: cash less set-aside
A_RESERVE: Final = 1  # cents
A_CASH_TARGET: Final = 2  # ppb
A_CASH_THRESHOLD: Final = 3  # ppb, relative
A_FLOOR: Final = 4  # ppb of V, least half-width of a band
A_MIN_CENTS: Final = 5
A_MIN_PPB: Final = 6
A_DO_NOT_TRADE: Final = 7
A_LIQUIDATE: Final = 8
A_GIVEN: Final = 9  # codes.* of a failure found before the kernel, 0 none; A_WHERE then stands
# acc: prepared
A_VALUE: Final = 10  # V in cents
A_LOW: Final = 11  # cents: cash below it is too low, max(reserve, lower edge)
A_AIM: Final = 12  # cents: max(reserve, cash target)
A_HIGH: Final = 13  # cents: cash above it is too high, max(reserve, upper edge)
A_MIN: Final = 14  # cents: a market order below it is undersized
A_GRAIN: Final = 15  # 10^12 / grain money units a dollar
A_FAILURE: Final = 16  # codes.OK or the failure
A_WHERE: Final = 17  # what the failure is about: security index, -2 - position index, or -1 the whole account
# acc: of one logic
A_NOW: Final = 18  # available cash in cents as the logic goes on
A_BLOCKED: Final = 19  # codes.B_* flags
# acc: prepared, in 1e-10 of a cent: what rounding to whole cents added to these limits, or took from the upper one
A_LOW_PART: Final = 20
A_AIM_PART: Final = 21
A_HIGH_PART: Final = 22
A_MIN_PART: Final = 23
A_LIMIT: Final = 24  # codes.L_* of an OUT_OF_RANGE
A_TARGETS: Final = 25  # ppb: sum of all target weights, cash included
# acc: input of the tax-aware logic
A_TAXABLE: Final = 26
A_METHOD: Final = 27  # LotMethod
A_BUDGET_SHORT: Final = 28  # cents, NO_LIMIT none
A_BUDGET_TOTAL: Final = 29
A_NO_SHORT_GAINS: Final = 30
# acc: of the tax-aware logic
A_OTHER_DRIFT: Final = 31  # money: drift that Min Transaction leaves; OTHER_FAILED, or OTHER_UNKNOWN before it has run
A_LIMITED: Final = 32  # 1: gain limits bind: less is traded than by Best Fit
A_FREE_SHORT: Final = 33  # cents: what Best Fit would count against the short-term budget
A_FREE_TOTAL: Final = 34
A_STAGE: Final = 35  # what the present run of another logic is for
A_ROUNDS: Final = 36  # rounds in which sells were cut
A_FAILED: Final = 37  # codes.OK or why the logic fails
A_CUT_FAILED: Final = 38  # the same, and the estimated gain in cents, of the run inside the limits
A_GAIN: Final = 39
A_MORE_SHORT: Final = 40  # cents of slack beyond the budgets, from losses of what is sold instead
A_MORE_TOTAL: Final = 41
A_SLACK_SHORT: Final = 42  # slack of the present restart, 0 after its first reduce
A_SLACK_TOTAL: Final = 43
A_LOOK: Final = 44  # restarts with slack so far
A_LACK: Final = 45  # of the previous restart: cents that cash lacks to the reserve, and the drift in money
A_DRIFT: Final = 46
A_STEP_SHORT: Final = 47  # slack that the last restart added
A_STEP_TOTAL: Final = 48
ACCOUNT_COLUMNS: Final = 49

NO_LIMIT: Final = -1
FAR_WITHIN: Final = -(1 << 60)  # cents left of a budget that is none
OTHER_FAILED: Final = -1
OTHER_UNKNOWN: Final = -2

# sec: input
S_PRICE: Final = 0  # micro, 0 none
S_STEP: Final = 1  # micro
S_RESTRICTION: Final = 2
S_SUBSTITUTE: Final = 3  # index of the security bought instead of this security, below 0 none
S_FUND: Final = 4  # 1 where AVERAGE may pool
# sec: prepared
S_FIRST: Final = 5  # positions S_FIRST..S_END-1 of the account
S_END: Final = 6
S_LOT: Final = 7  # lots S_LOT..S_LOT_END-1 of the chunk
S_LOT_END: Final = 8
# sec: of the tax-aware logic, over all its runs; micro-units
S_CAP: Final = 9  # most units its market sell may have, in whole steps, NO_CAP: no limit
S_CAP_KEPT: Final = 10  # the cap while another logic is looked at without it
S_FREE_SELL: Final = 11  # market sell and buy of Best Fit without limits
S_FREE_BUY: Final = 12
S_ROW: Final = 13  # rows S_ROW..S_ROW_END-1 of the slices, later of the breakpoints, are of its sell
S_ROW_END: Final = 14
S_MOST: Final = 15  # most of the sell that may be kept
S_KEPT: Final = 16  # part of the sell that is kept while sells are cut: micro-units
S_KEPT_PROCEEDS: Final = 17  # cents of that part: proceeds
S_KEPT_SHORT: Final = 18  # what it counts against the short-term budget
S_KEPT_TOTAL: Final = 19  # against the budget in all
S_KEPT_BARRED: Final = 20  # against the bar on short-term gains
# sec: of one logic, in micro-units unless said otherwise
S_CROSSED: Final = 21
S_EXIT: Final = 22  # 1: one of its sleeve sells is a full exit
S_PLAN: Final = 23  # market sell that netting left
S_SELL: Final = 24  # market sell now
S_BUY: Final = 25  # market buy now
S_BASE: Final = 26  # market buy that stood before the present sharing
S_FULL: Final = 27  # most that the present sharing may give
S_SHORT: Final = 28  # money: shortfall that the present sharing goes by
S_GOT: Final = 29  # what the present sharing gave
S_DROPPED: Final = 30  # 1: undersized in the present sharing
S_PLANNED: Final = 31  # 1: had a market order before cash was raised or placed
S_REASON: Final = 32  # Reason of the market order, 0 none
S_HANDED: Final = 33  # while prepared, 1: has given what its target lacks to its substitute
SECURITY_COLUMNS: Final = 34

NO_CAP: Final = 1 << 60
BREAKPOINT_ROWS: Final = S_KEPT_BARRED - S_KEPT + 1  # S_KEPT to S_KEPT_BARRED of a sell cut there

# pos: input
P_SECURITY: Final = 0
P_QUANTITY: Final = 1  # micro
P_TARGET: Final = 2  # ppb
P_THRESHOLD: Final = 3  # ppb, relative
P_PRECISION: Final = 4  # ppb, relative
P_SLEEVE: Final = 5  # number that is equal for equal sleeve ids of the chunk
# pos: prepared
P_VALUE: Final = 6  # cents
P_AIM: Final = 7  # weight: the target after substitution; a substitute's is no multiple of 1e-18, here rounded down
P_AIM_UP: Final = 8  # the same rounded up: the two let a count that is whole come out whole
P_LOW: Final = 9  # weight: lower edge of the rebalance band, rounded down
P_HIGH: Final = 10  # upper edge, rounded up
P_EXIT: Final = 11  # 1: held with target 0
P_SIDE: Final = 12  # -1 below, 0 inside, 1 above the rebalance band
P_PRECISE: Final = 13  # the same for the precision band
P_REPLACES: Final = 14  # 1: has a target of the security it is a substitute for; -1: gave its target to one
P_AIM_MONEY: Final = 15  # money: the aim x V, of a substitute and of what it replaces too without their rounding
# pos: of one logic, in micro-units unless said otherwise
P_WANT: Final = 16  # signed: what the sleeve wants before netting
P_TRADE: Final = 17  # signed: what the sleeve trades
P_CROSS: Final = 18  # signed part of it that is crossed
P_REASON: Final = 19
P_KEY: Final = 20  # scratch: what the present pass orders by
P_ROOM: Final = 21  # scratch: what the present pass may trade, 0 when it takes no part
P_WHOLE: Final = 22  # scratch of apportioning
P_PART: Final = 23
POSITION_COLUMNS: Final = 24

# proposals: one row per account and logic
O_LOGIC: Final = 0
O_FAILURE: Final = 1
O_WHERE: Final = 2
O_BLOCKED: Final = 3
O_VALUE: Final = 4
O_BEGIN: Final = 5
O_END: Final = 6
O_BUYS: Final = 7
O_BUYS_CENTS: Final = 8
O_SELLS: Final = 9
O_SELLS_CENTS: Final = 10
O_FLATS: Final = 11
O_FLATS_CENTS: Final = 12
O_TRADES: Final = 13  # sleeve trades
O_FIGURE: Final = 14  # figure of the failure: cents, or ppb of TARGET_SUM
O_LIMIT: Final = 15  # the limit it passes: codes.L_*, or the reserve in cents of CASH_SHORTFALL
O_LIMITED: Final = 16  # 1: gain limits bind: less is traded than by Best Fit
O_FREE_SHORT: Final = 17  # cents: what Best Fit would count against the limits
O_FREE_TOTAL: Final = 18
O_HELD_BACK_CENTS: Final = 19  # value of the market sells that the limits keep from being made
PROPOSAL_COLUMNS: Final = 20

# sleeve trades: logic, position, quantity, crossed, reason, before ppb, after ppb, units its order is held back by
TRADE_COLUMNS: Final = 8
# market orders: logic, security, signed quantity, price, value, reason
ORDER_COLUMNS: Final = 6
