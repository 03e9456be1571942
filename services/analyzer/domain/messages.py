"""Every sentence about an evaluation that a person reads.  Weights are shown in percent with two decimals."""

from datetime import date
from typing import Final

from services.analyzer.domain import kernel
from services.analyzer.domain.account import BAD_HOLDINGS
from shared.fixed_point.arithmetic import muldiv_half_away
from shared.fixed_point.display import percent
from shared.fixed_point.limits import MAX_VALUE_CENTS
from shared.fixed_point.text import usd

MISSING_PRICE: Final = "MISSING_PRICE"
STALE_PRICE: Final = "STALE_PRICE"
VALUE_NOT_POSITIVE: Final = "VALUE_NOT_POSITIVE"
VALUE_LIMIT: Final = "VALUE_LIMIT"
TARGET_UNKNOWN: Final = "TARGET_UNKNOWN"
BAD_TARGET: Final = "BAD_TARGET"
NO_HOLDINGS: Final = "NO_HOLDINGS"
SETTLING_OVERDUE: Final = "SETTLING_OVERDUE"

_CODES: Final = {
    kernel.H_MISSING_PRICE: MISSING_PRICE,
    kernel.H_STALE_PRICE: STALE_PRICE,
    kernel.H_VALUE_NOT_POSITIVE: VALUE_NOT_POSITIVE,
    kernel.H_VALUE_LIMIT: VALUE_LIMIT,
    kernel.H_SHORT: BAD_HOLDINGS,
    kernel.H_FACE: BAD_HOLDINGS,
}


def hold(code: int, security_id: str | None, price_set: int, as_of: date | None) -> tuple[str, str]:
    """Return (code, sentence) of a hold that the kernel found: one of its H_ numbers except H_NONE and H_TARGET."""
    if as_of is None and code in (kernel.H_MISSING_PRICE, kernel.H_STALE_PRICE):
        return MISSING_PRICE, f"No prices have arrived yet: {security_id} cannot be valued."
    texts = {
        kernel.H_MISSING_PRICE: f"{security_id} has no price in price set {price_set} of {as_of}.",
        kernel.H_STALE_PRICE: f"The newest prices are of {as_of}, too old to value {security_id}.",
        kernel.H_VALUE_NOT_POSITIVE: "The account value is not above $0.00, so weights cannot be told.",
        kernel.H_VALUE_LIMIT: f"The value, with {security_id}, is above the limit of ${usd(MAX_VALUE_CENTS)}."
        if security_id
        else f"The account value is above the limit of ${usd(MAX_VALUE_CENTS)}.",
        kernel.H_SHORT: f"The quantity of {security_id} is negative; a short position can be left out of the account by"
        " setting its holding role to EXCLUDED, for the security or for this account.",
        kernel.H_FACE: f"The quantity of {security_id} has more than four decimals; its price is in percent of face, so"
        " a cent of its value could not be told exactly.",
    }
    return _CODES[code], texts[code]


def target_hold(portfolio_id: str, problem: str | None) -> tuple[str, str]:
    """Return (code, sentence) when a target is not known (problem None, or a missing model) or not valid."""
    if problem is None:
        return TARGET_UNKNOWN, f"Portfolio {portfolio_id} is not known yet."
    code = TARGET_UNKNOWN if problem.endswith("is not known yet") else BAD_TARGET
    return code, f"The target cannot be used: {problem}."


def no_holdings() -> tuple[str, str]:
    """Return (code, sentence) of an account that no custodian file has reported."""
    return NO_HOLDINGS, "No custodian file has reported this account yet."


def settling_overdue(settle_date: date, sessions: int) -> tuple[str, str]:
    """Return (code, sentence) of an account whose fills were not reported within so many sessions."""
    return (
        SETTLING_OVERDUE,
        f"Orders were to be traded on {settle_date}, and no custodian file dated on or after that day"
        f" came within {sessions} sessions.",
    )


def our_fault(kind: str) -> str:
    """Return the sentence of an account at which our own code raised an error of this class name."""
    return (
        f"A fault of the Rebalancer ({kind}) keeps this account from being evaluated; no other account is touched."
        " An operator finds it in the analyzer's log (account.cannot); once its cause is mended, the next analysis"
        " lifts this hold."
    )


def reason(
    security_id: str | None, sleeve_id: str | None, weight_ppb: int, target_ppb: int, low: int, high: int
) -> str:
    """Return why a component triggers.  Weights in ppb, edges of the band in 1e-18; security_id None for cash."""
    what = "Cash" if security_id is None else f"{security_id} in sleeve {sleeve_id}"
    low_ppb, high_ppb = muldiv_half_away(low, 1, 10**9), muldiv_half_away(high, 1, 10**9)
    above = weight_ppb >= high_ppb
    edge = high_ppb if above else low_ppb
    return (
        f"{what} is {percent(weight_ppb)} of the account, target {percent(target_ppb)}:"
        f" {percent(abs(weight_ppb - edge))} {'above' if above else 'below'} its band of"
        f" {percent(low_ppb)} to {percent(high_ppb)}."
    )
