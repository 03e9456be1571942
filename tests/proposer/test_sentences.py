"""The sentences in full, where a figure, a word or a mark between them could go astray.  Source: product 4 and 5."""

import pytest

from services.proposer.domain import codes
from services.proposer.domain.reasons import failure_text, limit_text, no_trade_text
from services.proposer.domain.records import NO_LIMIT
from shared.contracts.codes import Logic

pytestmark = pytest.mark.fast


@pytest.mark.parametrize(
    ("code", "component", "figure", "limit", "text"),
    [
        (codes.UNBALANCED, "security A", 0, 0, "the trades do not balance (security A); nothing of them is used"),
        (codes.UNBALANCED, "", 0, 0, "the trades do not balance (cash); nothing of them is used"),
        (codes.TARGET_SUM, "", 1, 0, "the target weights, cash included, add up to 0.0000001 %, not to 100 %"),
        (codes.TARGET_SUM, "", 1_100_000_000, 0, "the target weights, cash included, add up to 110 %, not to 100 %"),
        (codes.VALUE_NOT_POSITIVE, "", -1, 0, "the account value is $-0.01; it must be above zero"),
        (
            codes.CASH_SHORTFALL,
            "",
            9_999,
            10_000,
            "all permitted sells bring cash to $99.99 only, below the reserve of $100.00",
        ),
        (
            codes.OUT_OF_RANGE,
            "security A",
            0,
            codes.L_STEP,
            "security A: the tradable step must be 0.000001 to 1,000,000 units",
        ),
        (codes.OUT_OF_RANGE, "", 0, codes.L_CASH_TARGET, "the cash target must be 0 to 100 %"),
    ],
)
def test_why_an_account_fails(code: int, component: str, figure: int, limit: int, text: str) -> None:
    assert failure_text("A-1", code, component, figure, limit) == f"account A-1: {text}"


def test_why_an_account_fails_for_its_gain_limits() -> None:
    assert failure_text("A-1", codes.CASH_SHORTFALL, "", 9_999, 10_000, "They hold.") == (
        "account A-1: the sells that its gain limits allow bring cash to $99.99 only, below the reserve of $100.00."
        " They hold."
    )


BEGIN = "The account's gain limits ("
END = ") do not allow all of Best Fit's sells, which would count $1.00 short-term and $2.00 in all against them"


@pytest.mark.parametrize(
    ("short", "total", "no_short", "held_back", "text"),
    [
        (0, NO_LIMIT, 0, 0, f"{BEGIN}at most $0.00 short-term{END}."),
        (NO_LIMIT, 0, 0, 1, f"{BEGIN}at most $0.00 in all{END}; sells of $0.01 are held back."),
        (NO_LIMIT, NO_LIMIT, 1, 0, f"{BEGIN}no short-term gains{END}."),
        (5, 6, 1, 0, f"{BEGIN}at most $0.05 short-term, at most $0.06 in all, no short-term gains{END}."),
    ],
)
def test_which_gain_limits_hold(short: int, total: int, no_short: int, held_back: int, text: str) -> None:
    assert limit_text(short, total, no_short, 100, 200, held_back) == text


STEP = "what is outside its band is less than one tradable step away from where it should be"
ROOM = "cash is outside its band, and no position has room to place it or to raise it"
REST = "cash is outside its band, and no other position has room to place it or to raise it"
RESTRICTED = "restrictions do not allow what would be traded"


@pytest.mark.parametrize(
    ("logic", "blocked", "text"),
    [
        (
            Logic.BEST_FIT,
            0,
            "Best Fit trades nothing because every position is inside its precision band, and cash inside its own.",
        ),
        (
            Logic.MIN_TRANSACTION,
            0,
            "Min Transaction trades nothing because every position is inside its rebalance band, and cash inside its"
            " own.",
        ),
        (
            Logic.TAX_AWARE,
            codes.B_GAINS,
            "Tax-aware trades nothing because gain limits do not allow what would be sold.",
        ),
        (Logic.MIN_TRANSACTION, codes.B_ROOM, f"Min Transaction trades nothing because {ROOM}."),
        (
            Logic.BEST_FIT,
            codes.B_ROOM | codes.B_STEP,
            f"Best Fit trades nothing because {STEP}; and because {REST}.",
        ),
        (
            Logic.MIN_TRANSACTION,
            codes.B_ROOM | codes.B_RESTRICTED,
            f"Min Transaction trades nothing because {RESTRICTED}; and because {REST}.",
        ),
    ],
)
def test_why_nothing_is_traded(logic: Logic, blocked: int, text: str) -> None:
    assert no_trade_text(logic, blocked) == text
