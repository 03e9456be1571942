"""Every sentence that users read about a flag, a trade or a result, made from codes and figures.

Weights are shown as percent of account value with two decimals, rounded half away from zero; units exactly.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from shared.contracts.api_batches import ExceededLimit
from shared.contracts.api_proposals import ReasonName
from shared.fixed_point.display import dollars, percent
from shared.fixed_point.text import text_of
from shared.rules.relief.wash import WASH_DAYS

STALE: Final[Mapping[str, str]] = {
    "HELD": "The account is on hold",
    "OFF": "The rebalancer was turned off for this account",
    "LOTS": "The custodian reported newer lots",
    "TARGET": "The target of the account changed",
    "SETTINGS": "Settings of the account changed",
    "PRICES": "It was proposed on prices that were withdrawn",
    "TERMS": "A lot it sells has another term on the day on which its orders would be traded",
    "MOVED": "The account now belongs to another enterprise or advisor",
    "CUSTODIAN": "The account is now held at another custodian or under another number",
    "CUSTODY": "The account changed between taxable and tax-exempt",
    "LOGIC": "The trade logic in force could not propose for this account",
}
_REMEDY: Final = "remove it or have it proposed again before approving."
_MOVED_REMEDY: Final = "remove it before approving."
_EDIT_DROPPED: Final = " Its edited trades are dropped when it is proposed again."
_LOGIC_REMEDY: Final = "remove it or put another logic in force before approving."
_REMEDIES: Final = {"LOGIC": _LOGIC_REMEDY} | dict.fromkeys(("MOVED", "CUSTODIAN", "CUSTODY"), _MOVED_REMEDY)

FAILURES: Final[Mapping[str, str]] = {
    "MISSING_PRICE": "A price is missing.",
    "DATA_HOLD": "The account carries a data hold.",
    "NO_TARGET": "The account has no target, and liquidation was not confirmed.",
    "RESTRICTED": "Trading in this account is restricted.",
    "CASH_SHORTFALL": "Permitted sells cannot raise the cash that is needed.",
    "STALE": "Facts and lots changed while trades were proposed.",
    "TIMEOUT": "No answer came in time; propose the account again.",
}


def part(accounts: int, requested_by: str | None) -> str:
    """Return what somebody is told who sees so many of a batch's accounts; requested_by: None once it is decided."""
    counted = "it" if accounts == 1 else "these"
    seen = f"You see {accounts:,} of the accounts of this request; its counts and figures are of {counted}."
    if requested_by is None:
        return seen
    return f"{seen} Somebody who sees all of them decides: ask {requested_by}, who requested it."


def units(micro: int) -> str:
    """Return millionths of a unit as units, without sign."""
    return text_of(abs(micro), 6, trim=True)


def outside_band(component: str, weight: int, target: int, low: int, high: int) -> str:
    """Return why a component raises a flag; weight, target and edges in ppb of account value."""
    where = "above" if weight > high else "below"
    if target == 0 and high == 0:
        return f"{component} is {percent(weight)} of the account and is not in its target."
    return (
        f"{component} is {percent(weight)} of the account, {where} its band of {percent(low)} to {percent(high)}"
        f" around the target of {percent(target)}."
    )


@dataclass(frozen=True)
class TradeFacts:
    """Figures of one sleeve trade. Quantities are signed millionths (+ buy); weights and edges are ppb.

    replaced: the security this one is bought for; held_back: millionths by which gain limits keep the market order of
    the security below that of Best Fit; is_edited: a person made that order larger or smaller.
    """

    reason: ReasonName
    quantity: int
    crossed: int
    before: int
    after: int
    target: int
    low: int
    high: int
    replaced: str | None = None
    held_back: int = 0
    is_edited: bool = False


def trade(facts: TradeFacts) -> str:
    """Return why a trade exists."""
    crossed = ""
    if facts.crossed and facts.reason != "NETTED":
        crossed = f" {units(facts.crossed)} of {units(facts.quantity)} units are crossed inside the account."
    return _why(facts) + crossed + _held_back(facts)


def _held_back(facts: TradeFacts) -> str:
    if not facts.held_back:
        return ""
    more = f"{units(facts.held_back)} units more of it"
    if facts.quantity < 0:
        return f" The gain limits of the account keep {more} from being sold."
    return f" The gain limits of the account leave no cash for {more}."


def _why(facts: TradeFacts) -> str:
    verb = "buys" if facts.quantity > 0 else "sells"
    before, after, target = percent(facts.before), percent(facts.after), percent(facts.target)
    moves = f"{verb} from {before} to {after}"
    if facts.is_edited:
        return f"Its order was edited: {moves}; the target is {target}."
    match facts.reason:
        case "FULL_EXIT":
            return f"Sells all of it: it is {before} of the account and not in its target."
        case "TO_TARGET":
            side = "below" if facts.quantity > 0 else "above"
            return f"It is {before}, {side} its target of {target}: {moves}."
        case "TO_EDGE":
            band = f"{percent(facts.low)} to {percent(facts.high)}"
            return f"It is {before}, outside its band of {band}: {moves}, inside the nearest edge."
        case "RAISE_CASH":
            return f"Cash is needed: {moves}; the target is {target}."
        case "PLACE_CASH":
            return f"Cash is to be placed: {moves}; the target is {target}."
        case "NETTED":
            return f"Crossed with another sleeve of this account, without market and without gain: {moves}."
        case "SUBSTITUTE":
            instead = f" in place of {facts.replaced}" if facts.replaced else " as a substitute"
            return f"Bought{instead}: {moves}."


def failed(code: str | None, text: str | None) -> str:
    """Return why an account could not be proposed."""
    return text or FAILURES.get(code or "", "") or f"It could not be proposed ({code or 'no reason given'})."


def stale(code: str, text: str | None, *, is_edited: bool = False) -> str:
    """Return why a proposal cannot be approved as it is, and the remedy.  is_edited: a person edited its trades."""
    cause = STALE.get(code, "Its facts changed") + (f" ({text.rstrip('.')})" if text else "")
    remedy = _REMEDIES.get(code, _REMEDY)
    return f"{cause}: {remedy}{_EDIT_DROPPED if is_edited and remedy == _REMEDY else ''}"


def removed(by: str | None) -> str:
    """Return who removed an account from a batch."""
    return f"Removed by {by}." if by else "Removed."


def over_budget(limit: ExceededLimit, budget: int, gains: int, *, has_unknowns: bool) -> str:
    """Return which gain limit a proposal exceeds and by how much; budget and gains in cents.

    has_unknowns: a cost basis or a term is not known, so the gains may be less than what counts.
    """
    worst = " What is not known of them counts at its worst." if has_unknowns else ""
    if limit == "NO_SHORT_TERM":
        return f"It realises short-term gains of {dollars(gains)}, and the account allows none.{worst}"
    what, name = ("short-term gains", "short-term") if limit == "SHORT_TERM" else ("gains", "total")
    than = f"{dollars(gains - budget)} more than the account's {name} gain budget of {dollars(budget)}"
    return f"It realises {what} of {dollars(gains)}, {than}.{worst}"


def put_aside(*, has_ended: bool) -> str:
    """Return what it means for users that a batch is put aside. has_ended: the end of its day has come."""
    if has_ended:
        return (
            "The end of its day has come, but a fault of ours kept this request from being cancelled. Nothing of it is"
            " lost, no orders were sent, and it cannot be approved any more. You need do nothing: it is tried again by"
            " itself, operations have been told, and its accounts return to the queue when it is cancelled."
        )
    return (
        "A fault of ours keeps this request from getting on. Nothing of it is lost and no orders were sent. You need do"
        " nothing: it is tried again by itself and operations have been told. If it does not get on, it is cancelled at"
        " the end of its day and its accounts return to the queue."
    )


def wash_note(taxable: bool, is_checked: bool, accounts: int | None, unseen: int, buys_checked: bool) -> str:
    """Return what of an account was checked for wash sales, and what was not.

    accounts: number in its tax household, None if it sells nothing at a loss; unseen: of them, how many not covered;
    buys_checked: whether its buys were checked against approved losses.
    """
    buys = f" {BUYS_CHECKED}" if buys_checked else ""
    return _losses_note(taxable, is_checked, accounts, unseen) + buys


BUYS_CHECKED: Final = (
    f"Its buys were checked against losses of its tax household that were approved here in the {WASH_DAYS} days before."
)


def _losses_note(taxable: bool, is_checked: bool, accounts: int | None, unseen: int) -> str:
    if not taxable:
        return "Not checked for wash sales: losses of this account are not taxed."
    if accounts is None and is_checked:
        return "Nothing is sold at a loss, so there was nothing to check for wash sales."
    if not is_checked:
        return "Not checked for wash sales."
    where = "this account" if accounts == 1 else f"the {accounts:,} accounts of its tax household known here"
    left_out = f" {unseen:,} of them could not be looked at (on hold, or no lots reported)." if unseen else ""
    return (
        "Checked for wash sales: reported lots, approved buys and buys of this request of the same security in"
        f" {where}, {WASH_DAYS} days before or after the trade date.{left_out} Not checked: later purchases, accounts"
        " held elsewhere, and securities that are only similar."
    )


NEVER_ANSWERED: Final = "Not proposed before the end of its day."
NO_TRADES: Final = "Nothing needs to be traded."
