"""Codes that travel in chunks as small integers; events and the API name them."""

from enum import IntEnum, IntFlag


class Logic(IntEnum):
    """Trade logics in the order they are shown.  Source: product 4."""

    BEST_FIT = 0
    MIN_TRANSACTION = 1
    TAX_AWARE = 2


class Tile(IntFlag):
    """Queue tiles of an account.  Source: product 3."""

    FIRST_REBALANCE = 1
    HIGH_CASH = 2
    LOW_CASH = 4
    POSITION_DRIFT = 8


class FlagState(IntEnum):
    """What an evaluation found.  Only FLAGGED and NO_TARGET accounts stand in the queue."""

    OFF = 0
    CLEAR = 1
    FLAGGED = 2
    HELD = 3
    SETTLING = 4
    NO_TARGET = 5


class Restriction(IntFlag):
    """What may not be done with a security in an account."""

    DO_NOT_BUY = 1
    DO_NOT_SELL = 2
    DO_NOT_TRADE = 4


class HoldingRole(IntEnum):
    """How a held security is treated.  Source: product 1, "holding role", "cash equivalent"."""

    MANAGED = 0
    LOCKED = 1  # counts in V, is never traded and raises no flag
    EXCLUDED = 2  # not in V
    CASH_EQUIVALENT = 3  # managed as cash: counts as cash in every rule and is never traded


class Reason(IntEnum):
    """Why a trade exists; a trade keeps its first reason.  Source: product 4, "Reason codes"."""

    FULL_EXIT = 1
    TO_TARGET = 2
    TO_EDGE = 3
    RAISE_CASH = 4
    PLACE_CASH = 5
    NETTED = 6
    SUBSTITUTE = 7


class Term(IntEnum):
    """Holding period of a relieved slice."""

    SHORT = 0
    LONG = 1
    UNKNOWN = 2


class LotMethod(IntEnum):
    """Which lots leave first.  Source: product 5."""

    FIFO = 0
    LIFO = 1
    HIFO = 2
    LOFO = 3
    MIN_TAX = 4
    AVERAGE = 5
    SPECIFIC = 6


class Bought(IntEnum):
    """Where a purchase near a sale at a loss was seen.  Of one day they are matched in this order."""

    LOT = 0  # a lot a custodian reports
    APPROVED = 1  # an approved buy that no custodial file has shown yet
    PROPOSED = 2  # a buy of the same batch
