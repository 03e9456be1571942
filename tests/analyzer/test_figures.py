"""Every figure an evaluation shows, of a chunk whose accounts end in all the ways there are.  Source: product 1, 3.

The rows are the kernel's own: what people are shown of an account and of each component in its triggering list.
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
import pytest

from services.analyzer.domain import kernel
from services.analyzer.domain.layout import (
    AIM,
    HOLDING,
    NONE,
    OFF_SETTINGS,
    OWN_ROLE,
    REASON,
    RESTRICTION,
    Ints,
    Setting,
    Target,
    key_of,
    stack_targets,
)
from services.analyzer.domain.substitution import JUDGED
from shared.contracts.codes import FlagState, Tile
from shared.fixed_point.limits import MAX_VALUE_CENTS, PPB
from shared.fixed_point.records import Kind, Records, as_records, fields_of, records
from shared.rules.bands import shown_weight

pytestmark = pytest.mark.fast

PERCENT: Final = PPB // 100
A, PENNY, C, UNPRICED = (key_of(security, 0) for security in range(4))
PRICES = np.array([10_000_000, 1, 1_000_000], np.int64)  # $10.00, a millionth of a dollar, $1.00, and none of the last
# Cash 10 % with 20 % of it, no floor but 0.5 points; A 60 %, C 30 %, both with the portfolio's 20 %.
BALANCED = Target(
    np.array([10 * PERCENT, 200_000_000, 1, 200_000_000, 40_000_000, 5_000_000, 0]),
    as_records(AIM, [[A, 60 * PERCENT, NONE, NONE, 1, 0], [C, 30 * PERCENT, NONE, NONE, 1, 0]]),
)
# A stands in it with nothing; what has no price follows.
NOT_PRICED = Target(
    np.array([50 * PERCENT, 200_000_000, 1, 200_000_000, 40_000_000, 5_000_000, 0]),
    as_records(AIM, [[A, 0, NONE, NONE, 1, 0], [UNPRICED, 50 * PERCENT, NONE, NONE, 1, 0]]),
)
ALL_CASH = Target(np.array([PPB, 200_000_000, 1, 200_000_000, 40_000_000, 5_000_000, 0]), records(AIM, 0))
HALF_PENNIES = Target(
    np.array([50 * PERCENT, 200_000_000, 1, 200_000_000, 40_000_000, 5_000_000, 0]),
    as_records(AIM, [[PENNY, 50 * PERCENT, NONE, NONE, 1, 0]]),
)
TARGETS = [BALANCED, NOT_PRICED, ALL_CASH, HALF_PENNIES]


@dataclass(frozen=True)
class Case:
    """An account and its row: from STATE to DRIFTED, and its reasons as (key, weight, target, low, high) in ppb."""

    row: tuple[int, ...]
    reasons: tuple[tuple[int, ...], ...] = ()
    held: tuple[tuple[int, int], ...] = ()  # key, units
    cash: int = 0  # cents
    target: int = 0
    eligibility: int = kernel.G_EVALUATE
    on: int = 1
    rebalanced: int = 1
    settings: tuple[tuple[Setting, int], ...] = ()


def no_figures(state: FlagState, hold: int = kernel.H_NONE, security: int = NONE) -> tuple[int, ...]:
    """The row of an account of which nothing is known but its state."""
    return (state, 0, hold, security, *[NONE] * 7, 0)


CASES = [
    Case(no_figures(FlagState.OFF), on=0, cash=500),
    Case(no_figures(FlagState.HELD), eligibility=kernel.G_HELD, cash=500),
    Case(no_figures(FlagState.SETTLING), eligibility=kernel.G_SETTLING, cash=500),
    Case(no_figures(FlagState.HELD, kernel.H_TARGET), target=kernel.T_UNKNOWN, cash=500),
    Case(no_figures(FlagState.HELD, kernel.H_MISSING_PRICE, 3), held=((A, 1),), target=1),
    # what is missing is said, however much cash there is
    Case(no_figures(FlagState.HELD, kernel.H_MISSING_PRICE, 3), cash=MAX_VALUE_CENTS + 1, target=1),
    Case(no_figures(FlagState.HELD, kernel.H_MISSING_PRICE, 3), held=((UNPRICED, 1),), target=2),
    Case(no_figures(FlagState.HELD, kernel.H_VALUE_NOT_POSITIVE), target=2),
    # one cent is an account: 100 % cash of 100 %
    Case((FlagState.CLEAR, 0, 0, NONE, 1, 1, PPB, PPB, 80 * PERCENT, PPB, 0, 0), cash=1, target=2),
    # a million units at a millionth of a dollar are $1.00: 100 %, and cash 0 % is below 80 %
    Case(
        (FlagState.FLAGGED, Tile.LOW_CASH, 0, NONE, 100, 0, 0, PPB, 80 * PERCENT, PPB, PPB, 2),
        ((NONE, 0, PPB, 80 * PERCENT, PPB), (PENNY, PPB, 0, 0, 0)),
        held=((PENNY, 1_000_000),),
        target=2,
    ),
    # a millionth of a dollar is a price for what is not held yet, too: 0 % of 50, and 100 % cash above 60 %
    Case(
        (FlagState.FLAGGED, Tile.HIGH_CASH, 0, NONE, 100, 100, PPB, 50 * PERCENT, 40 * PERCENT, 60 * PERCENT,
         50 * PERCENT, 2),
        ((NONE, PPB, 50 * PERCENT, 40 * PERCENT, 60 * PERCENT), (PENNY, 0, 50 * PERCENT, 40 * PERCENT, 60 * PERCENT)),
        cash=100, target=3,
    ),
    # no target: 10 x $10.00 + $50.00 - $20.00 = $130.00; cash 30 / 130 = 0.2307692307 69..
    Case(
        (FlagState.NO_TARGET, 0, 0, NONE, 13_000, 3_000, 230_769_231, NONE, NONE, NONE, NONE, 0),
        held=((A, 10),), cash=5_000, target=kernel.T_NONE, settings=((Setting.SET_ASIDE_CENTS, 2_000),),
    ),
    # $450 + $350 + $200 = $1,000: cash 20 % above 8 % to 12 %, A 45 % below 48 % to 72 %, C 35 % inside 24 % to 36 %
    Case(
        (FlagState.FLAGGED, Tile.HIGH_CASH, 0, NONE, 100_000, 20_000, 20 * PERCENT, 10 * PERCENT, 8 * PERCENT,
         12 * PERCENT, 15 * PERCENT, 2),
        ((NONE, 20 * PERCENT, 10 * PERCENT, 8 * PERCENT, 12 * PERCENT),
         (A, 45 * PERCENT, 60 * PERCENT, 48 * PERCENT, 72 * PERCENT)),
        held=((A, 45), (C, 350)), cash=20_000,
    ),
    # $450 + $450 + $100: cash at its target, A 45 % below 48 %, C 45 % above 36 %; both are 15 points away
    Case(
        (FlagState.FLAGGED, Tile.POSITION_DRIFT, 0, NONE, 100_000, 10_000, 10 * PERCENT, 10 * PERCENT, 8 * PERCENT,
         12 * PERCENT, 15 * PERCENT, 2),
        ((A, 45 * PERCENT, 60 * PERCENT, 48 * PERCENT, 72 * PERCENT),
         (C, 45 * PERCENT, 30 * PERCENT, 24 * PERCENT, 36 * PERCENT)),
        held=((A, 45), (C, 450)), cash=10_000,
    ),
    # Settings of its own: 10 % of A's 60 % are 54 % to 66 %, of C's 30 % 27 % to 33 %, 50 % of the cash 5 % to 15 %.
    # $500 + $300 + $200, never rebalanced
    Case(
        (FlagState.FLAGGED, Tile.FIRST_REBALANCE | Tile.HIGH_CASH, 0, NONE, 100_000, 20_000, 20 * PERCENT,
         10 * PERCENT, 5 * PERCENT, 15 * PERCENT, 10 * PERCENT, 2),
        ((NONE, 20 * PERCENT, 10 * PERCENT, 5 * PERCENT, 15 * PERCENT),
         (A, 50 * PERCENT, 60 * PERCENT, 54 * PERCENT, 66 * PERCENT)),
        held=((A, 50), (C, 300)), cash=20_000, rebalanced=0,
        settings=((Setting.THRESHOLD_PPB, 100_000_000), (Setting.CASH_THRESHOLD_PPB, 500_000_000)),
    ),
    # A floor of its own, 35 points, is the half-width of all three: cash 0 % to 45 %, A 25 % to 95 %, C 0 % to 65 %
    Case(
        (FlagState.CLEAR, 0, 0, NONE, 100_000, 20_000, 20 * PERCENT, 10 * PERCENT, 0, 45 * PERCENT, 30 * PERCENT, 0),
        held=((A, 30), (C, 500)), cash=20_000, settings=((Setting.FLOOR_PPB, 35 * PERCENT),),
    ),
    # in debt: -$10.00 of $990.00 are -1.01010101 %; A 600 / 990 = 60.606060606 %, C 400 / 990 = 40.404040404 %;
    # cash is 11.0101010 points from its target, C 10.4040404
    Case(
        (FlagState.FLAGGED, Tile.LOW_CASH, 0, NONE, 99_000, -1_000, -10_101_010, 10 * PERCENT, 8 * PERCENT,
         12 * PERCENT, 110_101_010, 2),
        ((NONE, -10_101_010, 10 * PERCENT, 8 * PERCENT, 12 * PERCENT),
         (C, 404_040_404, 30 * PERCENT, 24 * PERCENT, 36 * PERCENT)),
        held=((A, 60), (C, 400)), cash=-1_000,
    ),
    # Edges finer than ppb are shown rounded: 24e-9 x 10 % are 2.4 ppb, 99,999,997.6 to 100,000,002.4
    Case(
        (FlagState.CLEAR, 0, 0, NONE, 100_000, 10_000, 10 * PERCENT, 10 * PERCENT, 99_999_998, 100_000_002, 0, 0),
        held=((A, 60), (C, 300)), cash=10_000,
        settings=((Setting.CASH_THRESHOLD_PPB, 24), (Setting.FLOOR_PPB, 0)),
    ),
    # 26e-9 x 10 % are 2.6 ppb, 99,999,997.4 to 100,000,002.6
    Case(
        (FlagState.CLEAR, 0, 0, NONE, 100_000, 10_000, 10 * PERCENT, 10 * PERCENT, 99_999_997, 100_000_003, 0, 0),
        held=((A, 60), (C, 300)), cash=10_000,
        settings=((Setting.CASH_THRESHOLD_PPB, 26), (Setting.FLOOR_PPB, 0)),
    ),
]  # fmt: skip

_SHOWN: Final = tuple(name for name in fields_of(kernel.RESULT) if name not in ("equivalents", "judged"))


def evaluated(cases: list[Case], stale: int = 0) -> tuple[list[tuple[int, ...]], list[list[tuple[int, ...]]]]:
    """Return the rows and the reasons, edges of the reasons in ppb, of the cases as one chunk."""
    count = len(cases)
    settings = np.tile(OFF_SETTINGS, (count, 1))
    settings[:, Setting.REBALANCER_ON] = [case.on for case in cases]
    for index, case in enumerate(cases):
        for setting, value in case.settings:
            settings[index, setting] = value
    holdings = [sorted((key, units * 1_000_000) for key, units in case.held) for case in cases]
    rows = np.array([row for own in holdings for row in own], np.int64).reshape(-1, 2)
    heads, targets = stack_targets(TARGETS)
    # Rows as an earlier chunk left them: what is not known of an account must be said, not left standing.
    out, starts = used(kernel.RESULT, count), np.full(count + 1, 77, np.int64)
    reasons = used(REASON, len(rows) + 3 * count)
    accounts = kernel.AccountChunk(
        as_records(kernel.SETTINGS, settings), of(cases, "eligibility"), of(cases, "cash"), of(cases, "rebalanced"),
        np.cumsum([0, *map(len, holdings)]), as_records(HOLDING, rows), of(cases, "target"),
        np.zeros(count + 1, np.int64), records(OWN_ROLE, 0), np.zeros(count + 1, np.int64), records(RESTRICTION, 0),
    )  # fmt: skip
    none = np.zeros(0, np.int64)
    aims = kernel.Targets(as_records(kernel.HEAD, heads), targets.starts, targets.data)
    kernel.evaluate(
        accounts,
        aims,
        kernel.SecurityTable(PRICES, none, none),
        stale,
        kernel.Found(out, starts, reasons, records(JUDGED, 1), none),
    )
    shown = [
        [(*reason[:3], reason[3] // PPB, reason[4] // PPB) for reason in reasons[begin:end].tolist()]
        for begin, end in pairwise(starts)
    ]
    assert not out.equivalents.any(), "no account holds a cash equivalent"
    assert not out.judged.any(), "no account names a substitute"
    return [tuple(int(row[name]) for name in _SHOWN) for row in out], shown


def used(kind: Kind, count: int) -> Records:
    """Return records as an earlier chunk left them."""
    return as_records(kind, np.full((count, len(fields_of(kind))), 77, np.int64))


def of(cases: list[Case], name: str) -> Ints:
    """Return a column of the cases."""
    return np.array([getattr(case, name) for case in cases], np.int64)


@pytest.mark.parametrize("index", range(len(CASES)))
def test_the_figures_of_an_account(index: int) -> None:
    case = CASES[index]
    rows, reasons = evaluated([case])
    assert rows[0] == case.row
    assert reasons[0] == list(case.reasons)


@pytest.mark.parametrize("order", [1, -1])
def test_they_are_the_same_beside_every_other_account(order: int) -> None:
    cases = CASES[::order]
    rows, reasons = evaluated(cases)
    assert rows == [case.row for case in cases]
    assert reasons == [list(case.reasons) for case in cases]


def test_a_stale_price_is_said_of_the_first_security_that_needs_one() -> None:
    """Held: PENNY, since of C nothing is held.  Targeted: A of BALANCED, but UNPRICED of NOT_PRICED, where A has 0."""
    cases = [
        Case((), held=((PENNY, 1), (A, 0)), target=2, cash=5),
        Case((), target=0, cash=5),
        Case((), target=1, cash=5),
    ]
    rows, _ = evaluated(cases, stale=1)
    assert rows == [no_figures(FlagState.HELD, kernel.H_STALE_PRICE, security) for security in (1, 0, 3)]


FULL = MAX_VALUE_CENTS // 1_000  # units of A, at $10.00, that are worth the limit


@pytest.mark.parametrize(
    ("held", "cash", "hold", "security"),
    [
        # the limit itself is inside, of positions, of cash, of both
        (((A, FULL),), 0, kernel.H_NONE, NONE),
        ((), MAX_VALUE_CENTS, kernel.H_NONE, NONE),
        (((A, FULL - 1),), 1_000, kernel.H_NONE, NONE),
        (((A, FULL - 1), (C, 10)), 0, kernel.H_NONE, NONE),
        # positions above it are held for the one that passes it, though the debt would bring V below
        (((A, FULL + 1),), -5_000, kernel.H_VALUE_LIMIT, 0),
        (((A, FULL - 1), (C, 11)), -5_000, kernel.H_VALUE_LIMIT, 2),
        # with cash it is nobody's own
        ((), MAX_VALUE_CENTS + 1, kernel.H_VALUE_LIMIT, NONE),
        (((A, FULL),), 1, kernel.H_VALUE_LIMIT, NONE),
    ],
)  # fmt: skip
def test_the_limit_of_value(held: tuple[tuple[int, int], ...], cash: int, hold: int, security: int) -> None:
    rows, _ = evaluated([Case((), held=held, cash=cash, target=kernel.T_NONE)])
    state = FlagState.NO_TARGET if hold == kernel.H_NONE else FlagState.HELD
    found = dict(zip(_SHOWN, rows[0], strict=True))
    assert (found["state"], found["hold"], found["hold_security"]) == (state, hold, security)


@pytest.mark.parametrize(
    ("value", "total", "shown"),
    [
        (1, 2 * PPB, 1),  # half a ppb, away from zero on both sides
        (-1, 2 * PPB, -1),
        (1, 3, 333_333_333),  # 333,333,333.33..
        (-2, 3, -666_666_667),  # 666,666,666.66..
        (100, 1_000, 100_000_000),
        (9_989, 10, 998_900_000_000),  # 998.9
        (9_990, 10, 999 * PPB),
        (9_995, 10, 999 * PPB),  # 999.5 is shown cut
        (-9_995, 10, -999 * PPB),
    ],
)
def test_a_weight_as_it_is_shown(value: int, total: int, shown: int) -> None:
    assert shown_weight(value, total) == shown
