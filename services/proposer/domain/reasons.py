"""Why an account cannot be proposed, or trades nothing, as sentences made of codes and figures.  Source: product 4."""

from typing import Final

from services.proposer.domain import codes
from services.proposer.domain.records import NO_LIMIT
from shared.contracts.codes import Logic
from shared.fixed_point.limits import PPB
from shared.fixed_point.text import text_of, usd

LOGIC_NAMES: Final = {
    Logic.BEST_FIT: "Best Fit",
    Logic.MIN_TRANSACTION: "Min Transaction",
    Logic.TAX_AWARE: "Tax-aware",
}
_TO_400_PERCENT: Final = "must be 0 to 400 % of the target"
_LIMITS: Final = {
    codes.L_RESERVE: "the cash reserve must be $0.00 to $100,000,000,000.00",
    codes.L_MINIMUM: "the minimum trade size must be $0.00 to $100,000,000,000.00",
    codes.L_MINIMUM_WEIGHT: "the minimum trade size must be 0 to 100 % of the account value",
    codes.L_CASH_TARGET: "the cash target must be 0 to 100 %",
    codes.L_FLOOR: "the floor of the rebalance thresholds must be 0 to 100 points",
    codes.L_CASH_THRESHOLD: f"the rebalance threshold of cash {_TO_400_PERCENT}",
    codes.L_CASH: "the available cash must be within $100,000,000,000.00 above or below zero",
    codes.L_PRICE: "the price must be above zero and at most $1,000,000.00",
    codes.L_STEP: "the tradable step must be 0.000001 to 1,000,000 units",
    codes.L_QUANTITY: "the quantity must be at most 1,000,000,000 units",
    codes.L_TARGET: "the target must be 0 to 100 %",
    codes.L_THRESHOLD: f"the rebalance threshold {_TO_400_PERCENT}",
    codes.L_PRECISION: f"the precision threshold {_TO_400_PERCENT}",
    codes.L_VALUE: "the account's value must be at most $100,000,000,000.00",
    codes.L_GAIN_BUDGET: "a gain budget must be $0.00 to $100,000,000,000.00",
    codes.L_FACE: "its price is in percent of face, so its quantities may have four decimals at most",
    codes.L_UNITS: "the account's value must be at most 4,000,000,000,000 units at its price",
}
_BLOCKS: Final = (
    (codes.B_RESTRICTED, "restrictions do not allow what would be traded"),
    (codes.B_MINIMUM, "what would be traded is below the minimum trade size"),
    (codes.B_CENT, "what would be traded rounds to $0.00"),
    (codes.B_CASH, "there is no cash to buy with above the reserve and the cash the target keeps"),
    (codes.B_STEP, "what is outside its band is less than one tradable step away from where it should be"),
    (codes.B_GAINS, "gain limits do not allow what would be sold"),
    (codes.B_ROOM, "cash is outside its band, and no {other}position has room to place it or to raise it"),
)


def failure_text(
    account_id: str, failure: int, component: str, figure: int, limit: int, gain_limits: str | None = None
) -> str:
    """Return why the account cannot be proposed: account, component and limit.

    component: names security or position, "" the account as a whole.  figure: cents, of TARGET_SUM ppb.  limit:
    codes.L_* of OUT_OF_RANGE, the reserve in cents of CASH_SHORTFALL, the rest of the sum in 1e-18 of TARGET_SUM.
    gain_limits: the sentence of `limit_text` where gain limits keep sells from being made.
    """
    cents, percent = usd(figure), text_of(figure * PPB + limit, 16, trim=True)
    permitted = "the sells that its gain limits allow bring" if gain_limits else "all permitted sells bring"
    what = {
        codes.RESTRICTED: "the account is marked do not trade; lift that restriction to propose for it",
        codes.NO_TARGET: "the account has no target; assign a portfolio, or confirm its liquidation",
        codes.MISSING_PRICE: f"{component} has no price; load one and propose again",
        codes.VALUE_NOT_POSITIVE: f"the account value is ${cents}; it must be above zero",
        codes.CASH_SHORTFALL: f"{permitted} cash to ${cents} only, below the reserve of ${usd(limit)}",
        codes.UNBALANCED: f"the trades do not balance ({component or 'cash'}); nothing of them is used",
        codes.TARGET_SUM: f"the target weights, cash included, add up to {percent} %, not to 100 %",
        codes.DUPLICATE_POSITION: f"{component} is listed twice",
        codes.DUPLICATE_SECURITY: f"{component} is listed twice",
        codes.UNKNOWN_SECURITY: f"{component} names a security that is not among the account's securities",
        codes.NEGATIVE_QUANTITY: f"{component} has a negative quantity; short positions are not supported",
        codes.OUT_OF_RANGE: f"{component}{': ' if component else ''}{_LIMITS.get(limit, '')}",
        codes.MISSING_SUBSTITUTE: f"{component} has no position in a sleeve where it is to be bought as a substitute",
        codes.SELF_SUBSTITUTE: f"{component} names itself as its substitute; name another security, or none",
        codes.EDIT_MISFITS: f"what a person made of the order of {component} does not fit its proposal; edit it again",
        codes.LOTS_DO_NOT_FIT: "its lots hold fewer units than would be sold, so its gain limits cannot be kept",
    }
    return f"account {account_id}: {what[failure]}" + (f". {gain_limits}" if gain_limits else "")


def limit_text(
    budget_short: int, budget_total: int, no_short_gains: int, free_short: int, free_total: int, held_back: int
) -> str:
    """Return which gain limits hold and what they keep from being traded.

    budget_*: cents or NO_LIMIT; free_*: cents that Best Fit would count against them; held_back: cents of its sells.
    """
    limits = [] if budget_short == NO_LIMIT else [f"at most ${usd(budget_short)} short-term"]
    limits += [] if budget_total == NO_LIMIT else [f"at most ${usd(budget_total)} in all"]
    limits += ["no short-term gains"] if no_short_gains else []
    sells = f"; sells of ${usd(held_back)} are held back" if held_back else ""
    return (
        f"The account's gain limits ({', '.join(limits)}) do not allow all of Best Fit's sells, which would count"
        f" ${usd(free_short)} short-term and ${usd(free_total)} in all against them{sells}."
    )


def no_trade_text(logic: Logic, blocked: int) -> str:
    """Return why there is nothing to trade; `blocked` holds the codes.B_* flags of what stood in the way."""
    if blocked & codes.B_EDITED:
        return f"Every order that {LOGIC_NAMES[logic]} proposes was edited to nothing."
    other = "" if blocked == codes.B_ROOM else "other "
    found = [text.format(other=other) for flag, text in _BLOCKS if blocked & flag]
    if not found:
        band = "rebalance" if logic == Logic.MIN_TRANSACTION else "precision"
        found = [f"every position is inside its {band} band, and cash inside its own"]
    return f"{LOGIC_NAMES[logic]} trades nothing because {'; and because '.join(found)}."
