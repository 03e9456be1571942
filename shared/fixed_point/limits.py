"""Limits checked at intake, so that no integer overflows later, and the scales of every integer.

cents: 1e-2 dollars.  micro: 1e-6 units or dollars.  ppb: 1e-9 of account value.  edge: 1e-18 of account value.
"""

CENT = 100
MICRO = 1_000_000
PPB = 1_000_000_000
EDGE = PPB * PPB

MAX_QUANTITY_MICRO = 10**9 * MICRO  # one thousand million units in one position
MAX_PRICE_MICRO = 10**6 * MICRO  # one million dollars a unit
MAX_LOTS = 10_000  # of one account: what every message of a request can carry
MAX_POSITIONS = 2_000  # of one account: securities, each counted once a sleeve
MAX_VALUE_CENTS = 10**11 * CENT  # one hundred thousand million dollars in one account
