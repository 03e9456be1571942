"""A chunk's trades and what was booked of them, as parallel integer arrays."""

from typing import Final, NamedTuple

from shared.rules.relief.lots import Ints

LOGICS: Final = 3
BOOKED: Final = 0
LOTS_LACKING: Final = 1  # a sleeve sells more units than its lots hold
ORDER_DIFFERS: Final = 2  # the sleeve trades of a security do not add up to its market order
CROSS_DIFFERS: Final = 3  # crossed sells and crossed buys of a security differ
PICKS_DIFFER: Final = 4  # a security is sold whose SPECIFIC picks do not fit its lots


class Book(NamedTuple):
    """A chunk's trades.  `*_from` hold per account where its rows begin, with one more entry at the end.

    Positions of an account stand by (security, sleeve id); lots by (security, sleeve id).  Quantities are signed
    micro-units (+ buy), prices micro-dollars, trade_day days since 1970-01-01.
    """

    trade_day: int
    method: Ints  # by account
    lot_from: Ints
    position_from: Ints
    trade_from: Ints
    order_from: Ints
    security_from: Ints
    lot_security: Ints  # index among the account's securities
    picked: Ints  # by lot: micro-units SPECIFIC picks of it, PICKS_MISFIT where the security's picks do not fit
    position_security: Ints
    position_sleeve: Ints  # rank of the sleeve id
    trade_logic: Ints
    trade_position: Ints
    trade_quantity: Ints
    trade_crossed: Ints
    order_logic: Ints
    order_security: Ints
    order_quantity: Ints
    order_price: Ints
    order_fee: Ints  # cents, lowers the proceeds
    security_price: Ints
    security_fund: Ints  # 1 where AVERAGE may pool


class Booked(NamedTuple):
    """What was booked: the first counts[0] slices and counts[1] transfers are filled; lots are the chunk's indices."""

    counts: Ints
    outcome: Ints  # by account x LOGICS: BOOKED or why not
    slice_account: Ints
    slice_logic: Ints
    slice_lot: Ints
    slice_units: Ints
    slice_proceeds: Ints
    slice_basis: Ints  # NO_BASIS: unknown
    slice_term: Ints
    slice_long_day: Ints  # NO_DATE: unknown
    transfer_account: Ints
    transfer_logic: Ints
    transfer_lot: Ints
    transfer_position: Ints  # the buying position, an index of the chunk
    transfer_units: Ints
    transfer_basis: Ints
