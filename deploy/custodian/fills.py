"""What a custodian does with one account's released orders: a pure function from holdings to holdings.

Sells relieve exactly the instructed lots, sleeve transfers move lots with their dates and basis, buys make new lots.
Quantities in micro units, prices in micro dollars, money in cents; all exact.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from fractions import Fraction

from deploy.sample.beside import SWEEP
from shared.contracts.events import Order, OrdersReleased, SleeveTransfer
from shared.fixed_point.text import scaled

_MICRO_A_CENT = 10_000  # millionths of a unit of the sweep fund


@dataclass(frozen=True)
class Lot:
    """Units of a security bought at one time, in one sleeve. basis_cents None: unknown; acquired None: missing.

    holding_since: the day from which its term counts, None: acquired.  term: LONG where it was inherited.
    """

    security_id: str
    lot_id: str
    sleeve_id: str
    acquired: date | None
    quantity_micro: int
    basis_cents: int | None
    covered: bool
    holding_since: date | None = None
    term: str | None = None


@dataclass(frozen=True)
class Account:
    """Lots by (lot id, sleeve id), and cash."""

    lots: Mapping[tuple[str, str], Lot]
    cash_cents: int


@dataclass(frozen=True)
class Settled:
    """An account after its orders; `refused` says which could not be carried out and why.

    rejected: of these the orders, by id, with the reason alone.
    """

    account: Account
    filled: int
    moved: int
    refused: tuple[str, ...]
    rejected: Mapping[str, str]


class Refused(ValueError):
    """The order or transfer cannot be carried out, not even in part."""


def settle(account: Account, released: OrdersReleased, prices: Mapping[str, int], day: date) -> Settled:
    """Fill all orders at the day's closes and book all transfers: sells first, then transfers, then buys.

    prices: micro dollars by security. An order is filled whole or refused whole; others are not affected. Cash may
    end below zero when prices rose since the proposal; the file then shows negative cash.
    """
    lots, cash = dict(account.lots), account.cash_cents
    refused: list[str] = []
    rejected: dict[str, str] = {}
    filled = moved = 0
    for order in (order for order in released.orders if order.side == "SELL"):
        try:
            cash += _sell(lots, order, released, prices)
            filled += 1
        except Refused as reason:
            rejected[order.order_id] = str(reason)
            refused.append(f"{order.order_id} (sell {order.quantity} {order.security_id}): {reason}")
    for transfer in released.transfers:
        try:
            _move(lots, transfer)
            moved += 1
        except Refused as reason:
            refused.append(f"transfer of {transfer.quantity} {transfer.security_id}: {reason}")
    for order in (order for order in released.orders if order.side == "BUY"):
        try:
            cash -= _buy(lots, order, released, prices, day)
            filled += 1
        except Refused as reason:
            rejected[order.order_id] = str(reason)
            refused.append(f"{order.order_id} (buy {order.quantity} {order.security_id}): {reason}")
    return Settled(Account(lots, cash), filled, moved, tuple(refused), rejected)


def swept(account: Account) -> Account:
    """Return the account with all its cash in its sweep fund, which also pays for what cash lacks: $1 a unit, always.

    An account without a sweep fund stays as it is, and so does one whose fund is used up from then on.
    """
    found = [(key, lot) for key, lot in account.lots.items() if lot.security_id == SWEEP]
    if not found:
        return account
    cents = account.cash_cents + sum(lot.quantity_micro for _, lot in found) // _MICRO_A_CENT
    key, lot = found[0]
    lots = {key: lot for key, lot in account.lots.items() if lot.security_id != SWEEP}
    if cents <= 0:
        return Account(lots, cents)
    return Account(lots | {key: replace(lot, quantity_micro=cents * _MICRO_A_CENT, basis_cents=cents)}, 0)


def value_cents(quantity_micro: int, price_micro: int, factor: Fraction = Fraction(1)) -> int:
    """Return quantity x price x factor in cents, rounded half away from zero (none is negative)."""
    return int(Fraction(quantity_micro * price_micro, 10**10) * factor + Fraction(1, 2))


def part_of_basis(lot: Lot, quantity_micro: int) -> int | None:
    """Return the basis that goes with part of a lot: pro rata to the cent, half up; all units take what remains."""
    if lot.basis_cents is None or quantity_micro == lot.quantity_micro:
        return lot.basis_cents
    return (2 * lot.basis_cents * quantity_micro + lot.quantity_micro) // (2 * lot.quantity_micro)


def new_lot_id(order_id: str) -> str:
    """Return the id of the lot an order buys: the same order always gives the same id."""
    return f"B{hashlib.sha256(order_id.encode()).hexdigest()[:12]}"


def _sell(lots: dict[tuple[str, str], Lot], order: Order, released: OrdersReleased, prices: Mapping[str, int]) -> int:
    wanted = [
        ((lot.lot_id, lot.sleeve_id), _micro(lot.quantity)) for lot in released.lots if lot.order_id == order.order_id
    ]
    quantity = _micro(order.quantity)
    named = sum(units for _, units in wanted)
    if named != quantity:
        raise Refused(f"its lot instructions name {named} micro units, the order {quantity}")
    price = _price(prices, order.security_id)
    remaining = dict(lots)
    for key, units in wanted:
        _take(remaining, key, order.security_id, units)
    lots.clear()
    lots.update(remaining)
    return value_cents(quantity, price, _factor(order))


def _move(lots: dict[tuple[str, str], Lot], transfer: SleeveTransfer) -> None:
    units = _micro(transfer.quantity)
    if transfer.from_sleeve_id == transfer.to_sleeve_id:
        raise Refused("both sleeves are the same")
    taken = _take(lots, (transfer.lot_id, transfer.from_sleeve_id), transfer.security_id, units)
    key = (transfer.lot_id, transfer.to_sleeve_id)
    there = lots.get(key)
    arrived = replace(taken, sleeve_id=transfer.to_sleeve_id)
    lots[key] = arrived if there is None else _merged(there, arrived)


def _buy(
    lots: dict[tuple[str, str], Lot], order: Order, released: OrdersReleased, prices: Mapping[str, int], day: date
) -> int:
    quantity = _micro(order.quantity)
    shares = [
        (allocation.sleeve_id, _micro(allocation.quantity))
        for allocation in released.allocations
        if allocation.security_id == order.security_id
    ]
    allocated = [(sleeve_id, units) for sleeve_id, units in shares if units]
    if sum(units for _, units in allocated) != quantity or any(units < 0 for _, units in allocated):
        raise Refused(f"its sleeve allocations {allocated} (micro units) do not make up the order's {quantity}")
    price = _price(prices, order.security_id)
    lot_id, done, paid = new_lot_id(order.order_id), 0, 0
    for sleeve_id, units in allocated:
        done += units
        # From running totals, so that the sleeves' costs add up to the order's.
        cost = value_cents(done, price, _factor(order)) - paid
        paid += cost
        bought = Lot(order.security_id, lot_id, sleeve_id, day, units, cost, covered=True)
        there = lots.get((lot_id, sleeve_id))
        lots[lot_id, sleeve_id] = bought if there is None else _merged(there, bought)
    return paid


def _take(lots: dict[tuple[str, str], Lot], key: tuple[str, str], security_id: str, units: int) -> Lot:
    """Take units out of a lot and return them as a new lot.  Raises Refused if the lot has fewer."""
    lot = lots.get(key)
    if lot is None or lot.security_id != security_id:
        raise Refused(f"there is no lot {key[0]} of {security_id} in sleeve {key[1]}")
    if not 0 < units <= lot.quantity_micro:
        raise Refused(f"lot {key[0]} in sleeve {key[1]} holds {lot.quantity_micro} micro units, {units} are asked for")
    basis = part_of_basis(lot, units)
    if units == lot.quantity_micro:
        del lots[key]
    else:
        left = None if lot.basis_cents is None or basis is None else lot.basis_cents - basis
        lots[key] = replace(lot, quantity_micro=lot.quantity_micro - units, basis_cents=left)
    return replace(lot, quantity_micro=units, basis_cents=basis)


def _merged(first: Lot, other: Lot) -> Lot:
    known = None if first.basis_cents is None or other.basis_cents is None else first.basis_cents + other.basis_cents
    return replace(first, quantity_micro=first.quantity_micro + other.quantity_micro, basis_cents=known)


def _price(prices: Mapping[str, int], security_id: str) -> int:
    price = prices.get(security_id)
    if price is None:
        raise Refused(f"{security_id} has no closing price")
    return price


def _factor(order: Order) -> Fraction:
    """Return the dollars a unit and price point; events of early releases do not say and mean 1."""
    return Fraction(order.price_factor or "1")


def _micro(quantity: str) -> int:
    return scaled(quantity, 6, "quantity")
