"""The failure of an account whose trades cannot be booked: code and sentence, with account, component and remedy."""

from collections import Counter
from typing import Any, Final

import pyarrow as pa

from services.taxlot.domain.picks import REMEDY, HeldLot, Pick, match_picks
from shared.fixed_point.text import text_of
from shared.rules.relief.records import LOTS_LACKING, PICKS_DIFFER

NOT_BOOKED: Final = "LOTS_DO_NOT_FIT"
PICKS_DO_NOT_FIT: Final = "PICKS_DO_NOT_FIT"
_WHY: Final = (
    "",
    "a sleeve sells more units than its lots hold",
    "the sleeve trades of a security do not add up to its market order",
    "crossed sells and buys of a security differ",
)


def not_booked(trades: pa.RecordBatch, row: int, logic: int, outcome: int) -> tuple[str, str]:
    """Return code and sentence for one logic of the account in a row of TRADES. outcome: of `relief.records`."""
    account = trades.slice(row, 1).to_pylist()[0]
    if outcome == PICKS_DIFFER:
        return PICKS_DO_NOT_FIT, f"account {account['account_id']}: {_misfit(account)}"
    where = _lacking(account, logic) if outcome == LOTS_LACKING else ""
    return NOT_BOOKED, f"account {account['account_id']}: the lots could not be relieved: {_WHY[outcome]}{where}"


def _misfit(account: dict[str, Any]) -> str:
    """Return which picks do not fit the lots of the account, and what to do."""
    names = [security["security_id"] for security in account["securities"]]
    lots = [
        HeldLot(names[lot["security"]], lot["sleeve_id"], lot["lot_id"], lot["quantity_micro"])
        for lot in account["lots"]
    ]
    picks = [
        Pick(pick["security_id"], pick["lot_id"], pick["sleeve_id"], pick["quantity_micro"])
        for pick in account["lot_picks"]
    ]
    problems = match_picks(lots, picks).problems
    return f"{'; '.join(problems[name] for name in sorted(problems))}: {REMEDY}"


def _lacking(account: dict[str, Any], logic: int) -> str:
    """Return the sleeves that sell more units of a security than their lots hold, with both figures."""
    held: Counter[tuple[int, str]] = Counter()
    for lot in account["lots"] or ():
        held[lot["security"], lot["sleeve_id"]] += lot["quantity_micro"]
    text = ""
    for trade in account["sleeve_trades"]:
        position = account["positions"][trade["position"]]
        units, available = -trade["quantity_micro"], held[position["security"], position["sleeve_id"]]
        if trade["logic"] == logic and units > max(0, available):
            name = account["securities"][position["security"]]["security_id"]
            sells, holds = text_of(units, 6, trim=True), text_of(available, 6, trim=True)
            text += f"; {name} in sleeve {position['sleeve_id']} sells {sells} of {holds}"
    return text
