"""Why an account's trades could not be booked: code and sentence, with account, component and what to do."""

from collections import Counter
from typing import Any, Final

import pyarrow as pa

from services.taxlot.domain.picks import REMEDY, Held, Pick, fit
from shared.fixed_point.text import text_of
from shared.rules.relief.columns import LOTS_LACKING, PICKS_DIFFER

NOT_BOOKED: Final = "LOTS_DO_NOT_FIT"
PICKS_DO_NOT_FIT: Final = "PICKS_DO_NOT_FIT"
_WHY: Final = (
    "",
    "a sleeve sells more units than its lots hold",
    "the sleeve trades of a security do not add up to its market order",
    "crossed sells and buys of a security differ",
)


def not_booked(trades: pa.RecordBatch, row: int, logic: int, outcome: int) -> tuple[str, str]:
    """Return code and sentence for one logic of the account in a row of TRADES. outcome: of `relief.columns`."""
    account = trades.slice(row, 1).to_pylist()[0]
    if outcome == PICKS_DIFFER:
        return PICKS_DO_NOT_FIT, f"account {account['account_id']}: {_misfit(account)}"
    where = _lacking(account, logic) if outcome == LOTS_LACKING else ""
    return NOT_BOOKED, f"account {account['account_id']}: the lots could not be relieved: {_WHY[outcome]}{where}"


def _misfit(account: dict[str, Any]) -> str:
    """Return which picks name what the account does not hold."""
    names = [one["security_id"] for one in account["securities"]]
    lots = [
        Held(names[lot["security"]], lot["sleeve_id"], lot["lot_id"], lot["quantity_micro"]) for lot in account["lots"]
    ]
    picks = [
        Pick(one["security_id"], one["lot_id"], one["sleeve_id"], one["quantity_micro"]) for one in account["lot_picks"]
    ]
    _, problems = fit(lots, picks)
    return f"{'; '.join(problems[name] for name in sorted(problems))}: {REMEDY}"


def _lacking(account: dict[str, Any], logic: int) -> str:
    """Return which sleeves sell how many units more of what than their lots hold."""
    held: Counter[tuple[int, str]] = Counter()
    for lot in account["lots"] or ():
        held[lot["security"], lot["sleeve_id"]] += lot["quantity_micro"]
    found = ""
    for trade in account["sleeve_trades"]:
        position = account["positions"][trade["position"]]
        units, there = -trade["quantity_micro"], held[position["security"], position["sleeve_id"]]
        if trade["logic"] == logic and units > max(0, there):
            name = account["securities"][position["security"]]["security_id"]
            sells, holds = text_of(units, 6, trim=True), text_of(there, 6, trim=True)
            found += f"; {name} in sleeve {position['sleeve_id']} sells {sells} of {holds}"
    return found
