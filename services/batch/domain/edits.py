"""May a person make these orders of an account's proposal what they ask for?

Compared with the account's kept result, so that a refusal names the figures that are on screen.  The proposer computes
what follows, by the same limits.  Source: product 4, "Always"; product 6; docs/decisions/0035-edited-trades.md.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from shared.contracts.codes import HoldingRole
from shared.fixed_point.arithmetic import value_cents
from shared.fixed_point.limits import MAX_VALUE_CENTS, PPB
from shared.fixed_point.text import text_of, usd

ResultRow = Mapping[str, Any]
"""A row of the RESULT contract as Python values."""
WHOLE: Final = 1_000_000


class EditError(ValueError):
    """The orders cannot be made what was asked for; the sentence says why and what to do."""


@dataclass(frozen=True)
class EditedOrder:
    """An order as proposed and as edited: signed millionths of a unit, + buy; 0: no order."""

    security_id: str
    proposed: int
    quantity: int


@dataclass(frozen=True)
class _Line:
    """An order of the proposal and its security.  held: millionths that may be sold of it."""

    security: ResultRow
    proposed: int
    held: int

    def cents(self, units: int) -> int:
        """Return what so many millionths are worth."""
        divisor = int(self.security["price_divisor"] or 1)
        return value_cents(abs(units) // divisor, int(self.security["price_micro"]))


def edited_orders(result: ResultRow, logic: int, wanted: Sequence[tuple[str, int]]) -> list[EditedOrder]:
    """Return the orders that become other ones, by security.

    result: of the proposal, as it was before any edit; wanted: security and millionths of a unit without sign.
    Raises EditError.
    """
    lines = _lines(result, logic)
    asked: dict[str, int] = {}
    for name, units in wanted:
        if name in asked:
            raise EditError(f"{name} is named twice: give each security one quantity.")
        if name not in lines:
            raise EditError(
                f"No trade of {name} is proposed for this account: only what is proposed can be made smaller or larger."
            )
        asked[name] = units
    proposal = next(row for row in result["proposals"] if row["logic"] == logic)
    least = max(int(result["min_trade_cents"]), -(-int(result["min_trade_ppb"]) * int(proposal["value_cents"]) // PPB))
    changed = []
    for name, units in sorted(asked.items()):
        line = lines[name]
        if units == abs(line.proposed):
            continue
        _check(name, line, units, least)
        changed.append(EditedOrder(name, line.proposed, units if line.proposed > 0 else -units))
    _check_cash(result, int(proposal["begin_cash_cents"]), lines, changed)
    return changed


def _lines(result: ResultRow, logic: int) -> dict[str, _Line]:
    securities, positions = result["securities"] or (), result["positions"] or ()
    trades = {int(row["position"]): row for row in result["sleeve_trades"] or () if row["logic"] == logic}
    lines = {}
    for order in result["orders"] or ():
        if order["logic"] != logic:
            continue
        sleeves = [
            (int(position["quantity_micro"]), trades.get(index))
            for index, position in enumerate(positions)
            if position["security"] == order["security"]
        ]
        crossed = sum(max(0, int(trade["crossed_micro"])) for _, trade in sleeves if trade)
        held = sum(units for units, trade in sleeves if trade is None or trade["quantity_micro"] <= 0)
        security = securities[order["security"]]
        if (security["role"] or HoldingRole.MANAGED) == HoldingRole.MANAGED:
            lines[str(security["security_id"])] = _Line(security, int(order["quantity_micro"]), held - crossed)
    return lines


def _check(name: str, line: _Line, units: int, least: int) -> None:
    """Raise EditError if the order cannot be one of so many millionths, whatever the cash.  least: cents."""
    is_sell = line.proposed < 0
    if is_sell and units > line.held:
        raise EditError(
            f"Selling {_units(units)} {name} is more than the {_units(line.held)} that the account can sell of it:"
            " sell at most these."
        )
    is_all = is_sell and units == line.held
    step, divisor = int(line.security["step_micro"]), int(line.security["price_divisor"] or 1)
    if units % step and not is_all:
        of = "whole units" if step == WHOLE else f"steps of {_units(step)} units"
        raise EditError(f"{name} trades in {of}, and {_units(units)} is none of them: round it.")
    if units % divisor:
        raise EditError(f"{name} is priced in percent of face: give its quantity at most four decimals.")
    cents = line.cents(units)
    if units and not is_all and cents < max(1, least):
        raise EditError(
            f"{_verb(line.proposed)} {_units(units)} {name} is a trade of ${usd(cents)}, less than the account's"
            f" minimum trade size of ${usd(max(1, least))}: make it larger, or 0."
        )


def _check_cash(result: ResultRow, begin: int, lines: Mapping[str, _Line], changed: Sequence[EditedOrder]) -> None:
    """Raise EditError if the orders leave less cash than the reserve."""
    orders = {name: line.proposed for name, line in lines.items()} | {row.security_id: row.quantity for row in changed}
    worth = {name: lines[name].cents(units) for name, units in orders.items()}
    if max(worth.values(), default=0) > MAX_VALUE_CENTS:
        raise EditError("A trade of more than $100,000,000,000.00 cannot be made: make it smaller.")
    cash = begin + sum(-worth[name] if units > 0 else worth[name] for name, units in orders.items())
    reserve = int(result["reserve_cents"])
    if not changed or cash >= reserve:
        return
    lacking = usd(reserve - cash)
    keeps = f"the account's cash above its reserve of ${usd(reserve)}" if reserve else "the account's cash"
    larger = [row for row in changed if row.proposed > 0 and row.quantity > row.proposed]
    smaller = [row for row in changed if row.proposed < 0 and row.quantity > row.proposed]
    if len(larger) == 1 and not smaller:
        what = f"Buying {_units(larger[0].quantity)} {larger[0].security_id} needs ${lacking} more than {keeps}"
    elif len(smaller) == 1 and not larger:
        what = (
            f"Selling {_units(smaller[0].quantity)} {smaller[0].security_id} brings too little: the buys then need"
            f" ${lacking} more than {keeps}"
        )
    else:
        what = f"The trades together need ${lacking} more than {keeps}"
    raise EditError(f"{what}: buy less, or sell more.")


def _verb(units: int) -> str:
    return "Buying" if units > 0 else "Selling"


def _units(micro: int) -> str:
    return text_of(abs(micro), 6, trim=True)
