"""Product 4 where cents decide: counts are unrounded until cut to the step, while orders are rounded to cents.

The arithmetic stands beside each case; trades in units, cash in dollars.
"""

import pytest

from tests.proposer.accounts import NO_SELL, NO_TRADE
from tests.proposer.builders import BF, FRACTIONAL, MT, account, position, security
from tests.proposer.harness import Case, check

pytestmark = pytest.mark.fast

CASES = [
    # V 906.69 + 300.49.  A to its edge of 81 % (977.8158): 278 (-71.24), cash 229.25, the upper edge of cash 181.077;
    # 48.173 / 0.256273 = 187.98: 188.  466 x 0.256273 = 119.42.  Up to 181.07 in cents it would have been 189.
    Case(
        "cash is placed no further than its unrounded edge",
        account(
            {"A": "0.256273"},
            [position("A", "3538", "90", threshold="10")],
            cash="300.49",
            cash_target="10",
            cash_threshold="50",
        ),
        MT,
        {"A": "466"},
        "181.07",
    ),
    # V 100.01.  A to 72 %: 72.0072 / 3 = 24.0024 (-72.01), cash 28.00; the edge is 12.0012: 15.9988 / 3 = 5.332934.
    Case(
        "a fraction that places cash is counted to the unrounded edge",
        account(
            [security("A", "3", step_micro=FRACTIONAL)],
            [position("A", "0", "90")],
            cash="100.01",
            cash_target="10",
        ),
        MT,
        {"A": "29.335334"},
        "12.00",
    ),
    # V 191.51, cash may be 0 only: 23.83 / 0.294254 = 80.98, so 81; they are worth 23.8346, which is paid with 23.83.
    Case(
        "the order that is paid to the last cent is bought",
        account(
            [security("A", "0.294254"), security("B", "100", restriction=NO_TRADE)],
            [position("A", "230", "90", threshold="80"), position("B", "1", "10")],
            cash="23.83",
            cash_target="0",
            floor="0",
        ),
        MT,
        {"A": "81"},
        "0.00",
    ),
    # V 200.03, aim 20.003: 80.027 for two shortfalls of 90.0135: 40.0135 each; / 3 = 13.337833, / 7 = 5.716214.
    Case(
        "what is shared is cash less the unrounded target",
        account(
            [
                security("A", "3", step_micro=FRACTIONAL),
                security("B", "7", step_micro=FRACTIONAL),
                security("C", "100", restriction=NO_SELL),
            ],
            [position("A", "0", "45"), position("B", "0", "45"), position("C", "1", "0")],
            cash="100.03",
            cash_target="10",
        ),
        BF,
        {"A": "13.337833", "B": "5.716214"},
        "20.01",
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.logic.name} {case.rule}")
def test_cents(case: Case) -> None:
    check(case)
