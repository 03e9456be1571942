"""The records of the tax-aware search, and the search itself: one account's state and room to relieve its sells in."""

from typing import Final, NamedTuple

from shared.fixed_point.records import Records, record, records, room_for
from shared.rules.relief.lots import Lots
from shared.rules.relief.records import GIVE, RELIEF, SALE, SLICE

FAR_WITHIN: Final = -(1 << 60)  # cents left of a budget that is none
DRIFT_FAILED: Final = -1
DRIFT_UNKNOWN: Final = -2

PROGRESS: Final = record(
    "purpose",  # what the present run of another logic is for
    "failure",  # codes.OK or why the logic fails
    "min_transaction_drift",  # cents: what it leaves; DRIFT_FAILED, or DRIFT_UNKNOWN before it has run
    "min_transaction_drift_part",  # 1e-18 of a cent
    "is_limited",  # 1: gain limits bind: less is traded than by Best Fit
    "free_short",  # cents: what Best Fit would count against the short-term budget without limits
    "free_total",
    "rounds",  # in which sells were cut
    "restarts",  # with slack so far
    "more_short",  # cents of slack beyond the budgets, from losses of what is sold instead
    "more_total",
    "slack_short",  # slack of the present restart, 0 after its first reduce
    "slack_total",
    "added_short",  # slack that the last restart added
    "added_total",
    "lack",  # of the run before it: cents that cash lacks to the reserve
    "drift",  # and the drift in cents
    "drift_part",
    "cut_failure",  # of the run inside the limits: codes.OK or why it fails
    "cut_gain",  # and its estimated gain in cents
)
"""How far the search for one account is."""

SELL: Final = record(
    "lot",  # lots [lot, lot_end) of the chunk are of its security
    "lot_end",
    "free_sell",  # micro-units: market sell and buy of Best Fit without limits
    "free_buy",
    "cap_before",  # the cap while another logic is looked at without it
    "row",  # rows [row, row_end) of the slices, later of the breakpoints, are of the sell
    "row_end",
    "most",  # most micro-units of the sell that may be kept
)
"""The market sell of one security."""

CUT: Final = record(
    "units",  # micro-units of the sell that are kept
    "proceeds",  # cents
    "short",  # cents that these units count against the short-term budget
    "total",  # against the budget in all
    "barred",  # against the bar on short-term gains
)
"""A sell cut to some of its units."""


class Search(NamedTuple):
    """The chunk's lots, by (account, security, sleeve), and the state of the search for one account."""

    trade_day: int  # days since 1970-01-01
    lots: Lots  # their `security` is an index in the order of the tables
    progress: Records  # PROGRESS, one row
    sells: Records  # SELL, by security of one account
    kept: Records  # CUT, by security of one account: what is kept while sells are cut
    breakpoints: Records  # CUT: see breakpoints.py
    sale: Records  # SALE, one row
    gives: Records  # GIVE, by position of one account: the units its sleeve sells
    relief: Records  # RELIEF, by lot of the chunk
    slices: Records  # SLICE


def search_of(trade_day: int, lots: Lots, securities: int, positions: int) -> Search:
    """Return the lots of a chunk with room for as many securities and positions as it has."""
    count = len(lots.rows)
    return Search(
        trade_day,
        lots,
        records(PROGRESS, 1),
        records(SELL, securities),
        records(CUT, securities),
        room_for(CUT, count),
        records(SALE, 1),
        records(GIVE, positions),
        records(RELIEF, count),
        room_for(SLICE, count),
    )
