"""The one place that makes human sentences of codes and figures: failures, no trades, trades.  Source: product 4."""

from dataclasses import dataclass
from typing import Final

from services.proposer.domain import codes
from shared.contracts.chunks import Logic, Reason
from shared.exact.text import text_of, usd

LOGIC_NAMES: Final = {
    Logic.BEST_FIT: "Best Fit",
    Logic.MIN_TRANSACTION: "Min Transaction",
    Logic.TAX_AWARE: "Tax-aware",
}
_BLOCKS: Final = (
    (codes.B_RESTRICTED, "restrictions do not allow what would be traded"),
    (codes.B_MINIMUM, "what would be traded is below the minimum trade size"),
    (codes.B_CASH, "there is no cash to buy with above the reserve and the cash the target keeps"),
    (codes.B_STEP, "what is outside its band is less than one tradable step away from where it should be"),
    (codes.B_ROOM, "cash is outside its band, and no position has room to place it or to raise it"),
)


@dataclass(frozen=True)
class Drift:
    """Figures of a sleeve trade. Weights in ppb of account value, edges in 1e-18, units in millionths."""

    security_id: str
    sleeve_id: str
    quantity_micro: int  # signed, + buy
    crossed_micro: int  # signed
    before_ppb: int
    after_ppb: int
    target_ppb: int
    reason: Reason


def failure_text(account_id: str, failure: int, component: str, figure_cents: int) -> str:
    """Return why the account cannot be proposed; `component` names security, position or "", figure in cents."""
    what = {
        codes.RESTRICTED: "the account is marked do not trade; lift that restriction to propose for it",
        codes.NO_TARGET: "the account has no target; assign a portfolio, or confirm its liquidation",
        codes.MISSING_PRICE: f"{component} has no price; load one and propose again",
        codes.VALUE_NOT_POSITIVE: f"the account value is ${usd(figure_cents)}; it must be above zero",
        codes.CASH_SHORTFALL: f"all permitted sells bring cash to ${usd(figure_cents)} only, below the reserve",
        codes.UNBALANCED: f"the trades do not balance ({component or 'cash'}); nothing of them is used",
        codes.TARGET_SUM: "the target weights, cash included, do not add up to 100 %",
        codes.DUPLICATE_POSITION: f"{component} is listed twice",
        codes.DUPLICATE_SECURITY: f"{component} is listed twice",
        codes.UNKNOWN_SECURITY: f"{component} names a security that is not among the account's securities",
        codes.NEGATIVE_QUANTITY: f"{component} has a negative quantity; short positions are not supported",
        codes.OUT_OF_RANGE: f"{component or 'a setting, or the account value,'} is outside the documented range",
        codes.MISSING_SUBSTITUTE: f"{component} has no position in a sleeve where it is to be bought as a substitute",
    }
    return f"account {account_id}: {what[failure]}"


def no_trade_text(logic: Logic, blocked: int) -> str:
    """Return why there is nothing to trade; `blocked` holds the codes.B_* flags of what stood in the way."""
    found = [text for flag, text in _BLOCKS if blocked & flag]
    if not found:
        band = "rebalance" if logic == Logic.MIN_TRANSACTION else "precision"
        found = [f"every position is inside its {band} band, and cash inside its own"]
    return f"{LOGIC_NAMES[logic]} trades nothing because {'; and because '.join(found)}."


def trade_text(logic: Logic, drift: Drift) -> str:
    """Return why a sleeve trades, with the figures: logic, units, where, reason, weight before and after."""
    verb = "Buys" if drift.quantity_micro > 0 else "Sells"
    units = text_of(abs(drift.quantity_micro), 6, trim=True)
    weights = f"{percent(drift.before_ppb)} of the account before, {percent(drift.after_ppb)} after"
    why = {
        Reason.FULL_EXIT: "it has no place in the target",
        Reason.TO_TARGET: f"outside its precision band, to the target of {percent(drift.target_ppb)}",
        Reason.TO_EDGE: f"outside its rebalance band around {percent(drift.target_ppb)}, to the nearest edge",
        Reason.RAISE_CASH: "to raise cash",
        Reason.PLACE_CASH: "to place cash",
        Reason.NETTED: "what remains after crossing between sleeves",
        Reason.SUBSTITUTE: "as the substitute of a security that lacks weight",
    }[drift.reason]
    crossed = f"; {text_of(abs(drift.crossed_micro), 6, trim=True)} of it crossed inside the account"
    text = f"{LOGIC_NAMES[logic]}: {verb.lower()} {units} {drift.security_id} in {drift.sleeve_id}, {why} ({weights}"
    return text + (crossed if drift.crossed_micro else "") + ")"


def percent(ppb: int) -> str:
    """Return parts per billion as percent text: percent(125_000_000) == "12.5 %"."""
    return f"{text_of(ppb, 7, trim=True)} %"
