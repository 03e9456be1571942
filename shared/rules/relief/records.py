"""The records of relief: the sale of one security, what its sleeves give up, and what leaves."""

from typing import Final

from shared.fixed_point.records import record

LOGICS: Final = 3
BOOKED: Final = 0
LOTS_LACKING: Final = 1  # a sleeve sells more units than its lots hold
ORDER_DIFFERS: Final = 2  # the sleeve trades of a security do not add up to its market order
CROSS_DIFFERS: Final = 3  # crossed sells and crossed buys of a security differ
PICKS_DIFFER: Final = 4  # a security is sold whose SPECIFIC picks do not fit its lots

SALE: Final = record(
    "account",  # index in the chunk
    "logic",
    "security",  # index among the account's securities
    "first",  # positions [first, last)
    "last",
    "lot",  # lots [lot, lot_end)
    "lot_end",
    "method",  # lot method, of lots.py
    "trade_day",  # days since 1970-01-01, on which terms are judged
    "units",  # micro-units of the market sell
    "price",  # micro-dollars
    "fee",  # cents, lowers the proceeds
    "averages",  # 1: lots of known basis leave at the account's average (AVERAGE, and the security is a fund)
    "average_units",  # left in that average
    "average_basis",  # cents left in it
)
"""The sale of one security, and the state of its average."""

GIVE: Final = record(
    "sleeve",  # rank of the sleeve id
    "units",  # micro-units its sleeve gives up, to market or to another sleeve
)
"""What a position gives up."""

RELIEF: Final = record(
    "lot",  # the order in which lots leave
    "spare",  # scratch of the sort
    "rank",  # class of the lot in the order
    "available",  # micro-units that may leave: of its sleeve, then of the pool
    "taken",  # part of them that leaves: into the pool, then to market
    "basis_gone",  # cents of basis that have left the lot
)
"""By lot, what the present sale takes of it; `lot` and `spare` are indexed by rank in the leaving order."""

SLICE: Final = record(
    "lot",  # index in the chunk
    "units",  # micro-units
    "proceeds",  # cents
    "basis",  # cents, or NO_BASIS
    "term",  # SHORT, LONG or UNKNOWN
    "long_day",  # first day on which its sale is long-term, or NO_DATE
)
"""Units of one lot, sold to market."""

ACCOUNT: Final = record("method", "lot", "position", "trade", "order", "security")
"""An account's lot method, and where its lots, positions, trades, orders and securities begin; one more row ends."""

POSITION: Final = record("security", "sleeve")
"""A position: index among the account's securities, rank of the sleeve id."""

TRADE: Final = record("logic", "position", "quantity", "crossed")
"""A sleeve trade: index among the account's positions, signed micro-units (+ buy), the crossed part of them."""

ORDER: Final = record("logic", "security", "quantity", "price", "fee")
"""A market order: signed micro-units (+ buy), micro-dollars, cents."""

SECURITY: Final = record("price", "is_fund")
"""Micro-dollars; 1 where AVERAGE may pool."""
