"""Numbers the kernels speak in: why an account fails, and what stood in the way of trades.  Texts: reasons.py."""

from typing import Final

from shared.contracts.codes import Reason, Restriction

# Why an account cannot be proposed; the names are the published failure codes.
OK: Final = 0
PASSED: Final = 1  # failed before it came here; its own code and text stand
RESTRICTED: Final = 2
NO_TARGET: Final = 3
MISSING_PRICE: Final = 4
VALUE_NOT_POSITIVE: Final = 5
CASH_SHORTFALL: Final = 6
UNBALANCED: Final = 7
TARGET_SUM: Final = 8
DUPLICATE_POSITION: Final = 9
UNKNOWN_SECURITY: Final = 10
NEGATIVE_QUANTITY: Final = 11
OUT_OF_RANGE: Final = 12
MISSING_SUBSTITUTE: Final = 13
DUPLICATE_SECURITY: Final = 14
LOTS_DO_NOT_FIT: Final = 15
SELF_SUBSTITUTE: Final = 16
EDIT_MISFITS: Final = 17

FAILURE_CODES: Final = (
    None,
    None,
    "RESTRICTED",
    "NO_TARGET",
    "MISSING_PRICE",
    "VALUE_NOT_POSITIVE",
    "CASH_SHORTFALL",
    "UNBALANCED",
    "TARGET_SUM",
    "DUPLICATE_POSITION",
    "UNKNOWN_SECURITY",
    "NEGATIVE_QUANTITY",
    "OUT_OF_RANGE",
    "MISSING_SUBSTITUTE",
    "DUPLICATE_SECURITY",
    "LOTS_DO_NOT_FIT",
    "SELF_SUBSTITUTE",
    "EDIT_MISFITS",
)

# Which limit an OUT_OF_RANGE passes; the texts, with the limits themselves, are in reasons.py.
L_RESERVE: Final = 1
L_MINIMUM: Final = 2
L_MINIMUM_WEIGHT: Final = 3
L_CASH_TARGET: Final = 4
L_FLOOR: Final = 5
L_CASH_THRESHOLD: Final = 6
L_CASH: Final = 7
L_PRICE: Final = 8
L_STEP: Final = 9
L_QUANTITY: Final = 10
L_TARGET: Final = 11
L_THRESHOLD: Final = 12
L_PRECISION: Final = 13
L_VALUE: Final = 14
L_UNITS: Final = 15
L_GAIN_BUDGET: Final = 16
L_FACE: Final = 17

# What stood in the way (flags).
B_RESTRICTED: Final = 1
B_MINIMUM: Final = 2
B_CASH: Final = 4
B_STEP: Final = 8
B_ROOM: Final = 16  # cash stays outside its band: nothing has room to place it or to raise it
B_CENT: Final = 64  # what would be traded rounds to $0.00
B_GAINS: Final = 32  # the gain limits of the account
B_EDITED: Final = 128  # a person made an order another one

# Contract enums as plain integers, which kernels take.
FULL_EXIT: Final = int(Reason.FULL_EXIT)
TO_TARGET: Final = int(Reason.TO_TARGET)
TO_EDGE: Final = int(Reason.TO_EDGE)
RAISE_CASH: Final = int(Reason.RAISE_CASH)
PLACE_CASH: Final = int(Reason.PLACE_CASH)
NETTED: Final = int(Reason.NETTED)
SUBSTITUTE: Final = int(Reason.SUBSTITUTE)
DO_NOT_BUY: Final = int(Restriction.DO_NOT_BUY)
NO_BUY: Final = int(Restriction.DO_NOT_BUY | Restriction.DO_NOT_TRADE)
NO_SELL: Final = int(Restriction.DO_NOT_SELL | Restriction.DO_NOT_TRADE)
NO_TRADE: Final = int(Restriction.DO_NOT_TRADE)
