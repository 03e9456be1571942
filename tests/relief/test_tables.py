"""Hand-made tables for what the outside cases leave out: MIN_TAX, AVERAGE, unknown basis and date, pools, cents."""

import pytest

from shared.rules.relief import lots as r
from shared.rules.relief.records import CROSS_DIFFERS, LOTS_LACKING, ORDER_DIFFERS
from shared.rules.relief.term import date_from_days, days_from_date, first_long_term_day
from tests.relief.build import Lot, Move, Sale, arrays, day, sell

pytestmark = pytest.mark.fast
UNIT = 1_000_000
DOLLAR = 1_000_000
TODAY = day("2026-01-05") or 0
OLD, NEW = day("2020-01-02"), day("2025-12-01")


@pytest.mark.parametrize(
    ("acquired", "first_day"),
    [
        ("2014-03-01", "2015-03-02"),
        ("2015-02-27", "2016-02-28"),
        ("2015-02-28", "2016-03-01"),  # + 1 day = 1 March, + 1 year
        ("2015-03-01", "2016-03-02"),
        ("2016-02-28", "2017-03-01"),  # + 1 day = 29 February, + 1 year becomes 1 March
        ("2016-02-29", "2017-03-01"),
        ("2019-12-31", "2021-01-01"),
        ("1999-02-28", "2000-03-01"),  # 2000 is a leap year
        ("1899-02-28", "1900-03-01"),  # 1900 is none: + 1 day = 1 March 1899
        ("2100-02-28", "2101-03-01"),
    ],
)
def test_first_long_term_day(acquired: str, first_day: str) -> None:
    assert first_long_term_day(day(acquired) or 0) == day(first_day)


def test_first_long_term_day_of_every_day_of_five_years() -> None:
    """The day after, a year on; the 29th of February becomes the 1st of March, and no other day is moved."""
    from datetime import date, timedelta

    for step in range(5 * 366):
        acquired = date(2019, 1, 1) + timedelta(step)
        after = acquired + timedelta(1)
        leap = (after.month, after.day) == (2, 29)
        due = date(after.year + 1, 3, 1) if leap else after.replace(year=after.year + 1)
        assert first_long_term_day(day(acquired.isoformat()) or 0) == day(due.isoformat()), acquired


@pytest.mark.parametrize(
    ("acquired", "sold", "term"),
    [
        ("2025-01-02", "2026-01-02", r.SHORT),  # 365 days: a year, not more
        ("2025-01-02", "2026-01-03", r.LONG),
        ("2015-02-28", "2016-02-28", r.SHORT),
        ("2015-02-28", "2016-02-29", r.SHORT),  # 366 days: "days > 365" would say long
        ("2015-02-28", "2016-03-01", r.LONG),
        ("2016-02-28", "2017-02-28", r.SHORT),  # 366 days
        ("2016-02-28", "2017-03-01", r.LONG),
        ("2016-02-29", "2017-02-28", r.SHORT),
        ("2016-02-29", "2017-03-01", r.LONG),
        ("2026-01-05", "2026-01-05", r.SHORT),  # bought today
    ],
)
def test_a_slice_is_long_term_from_that_day_on(acquired: str, sold: str, term: int) -> None:
    done = sell(Sale([Lot("a", day(acquired), UNIT, 10)], {0: UNIT}, price=DOLLAR, trade_day=day(sold) or 0))
    assert [part.term for part in done.slices] == [term]


@pytest.mark.parametrize(
    ("acquired", "since", "sold", "term"),
    [
        ("2025-12-10", "2025-02-13", "2026-02-13", r.SHORT),  # tacked: a year from the second date, not more
        ("2025-12-10", "2025-02-13", "2026-02-14", r.LONG),
        (None, "2025-02-13", "2026-02-14", r.LONG),  # a gift whose date of purchase nobody knows
        ("2020-01-02", "2026-01-02", "2026-01-05", r.SHORT),
        ("2025-09-01", "ALWAYS", "2026-01-02", r.LONG),  # inherited
        ("2026-01-02", "ALWAYS", "2026-01-02", r.LONG),
        (None, "ALWAYS", "2026-01-02", r.LONG),
        (None, None, "2026-01-02", r.UNKNOWN),
    ],
)
def test_term_counts_from_holding_since_and_what_was_inherited_is_long(
    acquired: str | None, since: str | None, sold: str, term: int
) -> None:
    term_from = r.ALWAYS_LONG if since == "ALWAYS" else day(since)
    lot = Lot("a", day(acquired), UNIT, 10, term_from=term_from)
    done = sell(Sale([lot], {0: UNIT}, price=DOLLAR, trade_day=day(sold) or 0))
    assert [part.term for part in done.slices] == [term]


@pytest.mark.parametrize("method", [r.FIFO, r.LIFO, r.HIFO, r.LOFO])
def test_the_order_of_lots_is_that_of_their_purchase(method: int) -> None:
    """Bought first leaves first (or last) whatever the terms count from; cost ties break by purchase too."""
    lots = [
        Lot("new", day("2025-12-10"), UNIT, 500, term_from=day("2019-01-02")),
        Lot("old", day("2024-12-10"), UNIT, 500),
    ]
    done = sell(Sale(lots, {0: UNIT}, method=method, price=DOLLAR, trade_day=day("2026-01-05") or 0))
    assert [part.lot_id for part in done.slices] == ["new" if method == r.LIFO else "old"]


def test_min_tax_classes_by_the_term_that_counts() -> None:
    """Two gains of $5: the tacked lot's is long-term, so it leaves before the one that was bought earlier."""
    lots = [
        Lot("tacked", day("2025-12-10"), UNIT, 500, term_from=day("2024-01-02")),
        Lot("short", day("2025-06-10"), UNIT, 500),
        Lot("inherited", day("2025-12-11"), UNIT, 500, term_from=r.ALWAYS_LONG),
    ]
    sale = Sale(lots, {0: 3 * UNIT}, method=r.MIN_TAX, price=10 * DOLLAR, trade_day=day("2026-01-05") or 0)
    done = sell(sale)
    assert [(part.lot_id, part.term) for part in done.slices] == [
        ("tacked", r.LONG), ("inherited", r.LONG), ("short", r.SHORT)
    ]  # fmt: skip


def test_calendar_equals_the_standard_library() -> None:
    from datetime import date, timedelta

    start = date(1890, 1, 1)
    for step in range(0, 90_000, 13):
        there = start + timedelta(days=step)
        number = (there - date(1970, 1, 1)).days
        assert date_from_days(number) == (there.year, there.month, there.day)
        assert days_from_date(there.year, there.month, there.day) == number


# Every lot: 10 units, price $10, so a basis of $100 is a zero gain. Basis in cents.
MIN_TAX_LOTS = [
    Lot("short-gain", NEW, 10 * UNIT, 9_000),
    Lot("short-gain-small", NEW, 10 * UNIT, 9_900),
    Lot("long-gain", OLD, 10 * UNIT, 5_000),
    Lot("long-gain-small", OLD, 10 * UNIT, 9_990),
    Lot("long-zero", OLD, 10 * UNIT, 10_000),
    Lot("short-zero", NEW, 10 * UNIT, 10_000),
    Lot("long-loss", OLD, 10 * UNIT, 30_000),
    Lot("long-loss-small", OLD, 10 * UNIT, 10_001),
    Lot("short-loss-small", NEW, 10 * UNIT, 10_002),
    Lot("short-loss", NEW, 10 * UNIT, 12_000),
    Lot("dateless-loss", None, 10 * UNIT, 11_000),  # unknown term ranks as short-term
    Lot("no-basis-new", NEW, 10 * UNIT, None),
    Lot("no-basis-old", OLD, 10 * UNIT, None),
]
MIN_TAX_ORDER = [
    "short-loss",
    "dateless-loss",
    "short-loss-small",
    "long-loss",
    "long-loss-small",
    "short-zero",
    "long-zero",
    "long-gain-small",
    "long-gain",
    "short-gain-small",
    "short-gain",
    "no-basis-old",
    "no-basis-new",
]


def test_min_tax_order() -> None:
    done = sell(Sale(MIN_TAX_LOTS, {0: 130 * UNIT}, method=r.MIN_TAX, price=10 * DOLLAR, trade_day=TODAY))
    assert [part.lot_id for part in done.slices] == MIN_TAX_ORDER


def test_min_tax_class_is_the_exact_sign() -> None:
    """Three units at $3.333333 are worth $9.999999: a basis of $10.00 is a loss, not a zero."""
    lots = [Lot("zero", NEW, 3 * UNIT, 999), Lot("loss", NEW, 3 * UNIT, 1000)]
    done = sell(Sale(lots, {0: UNIT}, method=r.MIN_TAX, price=3_333_333, trade_day=TODAY))
    assert [part.lot_id for part in done.slices] == ["loss"]


def test_min_tax_takes_the_term_of_the_trade_date() -> None:
    """Bought 2025-01-05 at a gain of $1 a unit, in 2020 at $2: from 2026-01-06 on both are long-term."""
    lots = [Lot("new", day("2025-01-05"), UNIT, 900), Lot("old", OLD, UNIT, 800)]
    for sold, first in (("2026-01-05", "old"), ("2026-01-06", "new")):
        sale = Sale(lots, {0: UNIT}, method=r.MIN_TAX, price=10 * DOLLAR, trade_day=day(sold) or 0)
        assert [part.lot_id for part in sell(sale).slices] == [first], sold


@pytest.mark.parametrize("method", [r.HIFO, r.LOFO, r.MIN_TAX])
def test_equal_costs_a_unit_break_by_date_then_lot_id(method: int) -> None:
    """$5 a unit each, whatever the size of the lot; a missing date is the oldest; of one day the lot id decides."""
    lots = [
        Lot("d", 18_000, 2 * UNIT, 1_000),
        Lot("c", 18_000, 1 * UNIT, 500),
        Lot("b", 17_000, 3 * UNIT, 1_500),
        Lot("a", 19_500, 1 * UNIT, 500),
        Lot("e", None, 1 * UNIT, 500),
    ]
    done = sell(Sale(lots, {0: 8 * UNIT}, method=method, price=5 * DOLLAR, trade_day=19_600))
    # MIN_TAX: zero gains, short-term before long-term; "a" is of this year, an unknown term ranks as short-term.
    assert [part.lot_id for part in done.slices] == (
        ["e", "a", "b", "c", "d"] if method == r.MIN_TAX else ["e", "b", "c", "d", "a"]
    )


@pytest.mark.parametrize(
    ("method", "order"),
    [
        # cost a unit: a 5, b 7, c 7, d unknown, e 6 without a date
        (r.FIFO, ["e", "a", "b", "c", "d"]),
        (r.LIFO, ["d", "b", "c", "a", "e"]),  # b and c of one day: lot id breaks the tie
        (r.HIFO, ["b", "c", "e", "a", "d"]),
        (r.LOFO, ["a", "e", "b", "c", "d"]),
    ],
)
def test_orders_with_ties_and_gaps(method: int, order: list[str]) -> None:
    lots = [
        Lot("c", 18_000, 2 * UNIT, 1_400),
        Lot("b", 18_000, 1 * UNIT, 700),
        Lot("a", 17_000, 4 * UNIT, 2_000),
        Lot("d", 19_000, 1 * UNIT, None),
        Lot("e", None, 5 * UNIT, 3_000),
    ]
    done = sell(Sale(lots, {0: 13 * UNIT}, method=method, price=DOLLAR))
    assert [part.lot_id for part in done.slices] == order


def test_average_pools_known_basis_of_a_fund() -> None:
    """Known: 10 for $100 and 20 for $350, so $15 a unit; FIFO order; the unknown lot stays unknown.

    12 units: 10 x 450/30 = 150.00, then 2 x 300/20 = 30.00.
    """
    lots = [Lot("a", 15_000, 10 * UNIT, 10_000), Lot("b", 16_000, 20 * UNIT, 35_000), Lot("u", 14_000, 5 * UNIT, None)]
    sale = Sale(lots, {0: 17 * UNIT}, method=r.AVERAGE, price=20 * DOLLAR, fund=True)
    assert [(part.lot_id, part.basis) for part in sell(sale).slices] == [("u", None), ("a", 15_000), ("b", 3_000)]


def test_average_of_all_sleeves() -> None:
    """The pool is the account's: a lot in a sleeve that does not sell counts. (100 + 500) / 20 = $30 a unit."""
    lots = [Lot("a", 15_000, 10 * UNIT, 10_000, sleeve=0), Lot("b", 16_000, 10 * UNIT, 50_000, sleeve=1)]
    done = sell(Sale(lots, {0: 4 * UNIT}, method=r.AVERAGE, price=20 * DOLLAR, fund=True))
    assert [(part.lot_id, part.basis) for part in done.slices] == [("a", 12_000)]


def test_what_moves_between_sleeves_of_an_averaged_fund_keeps_its_recorded_basis() -> None:
    """(100 + 500) / 20 = $30 a unit for the 4 that are sold; of the lot's own $100 these leave 60, 3 of 6 move: $30."""
    lots = [Lot("a", 15_000, 10 * UNIT, 10_000), Lot("b", 16_000, 10 * UNIT, 50_000)]
    done = sell(Sale(lots, {0: 7 * UNIT}, {1: 3 * UNIT}, method=r.AVERAGE, price=20 * DOLLAR, fund=True))
    assert [(part.lot_id, part.units, part.basis) for part in done.slices] == [("a", 4 * UNIT, 12_000)]
    assert done.moves == [Move("a", 0, 1, 3 * UNIT, 3_000)]


def test_average_is_fifo_for_what_is_no_fund() -> None:
    lots = [Lot("a", 15_000, 10 * UNIT, 10_000), Lot("b", 16_000, 20 * UNIT, 35_000)]
    done = sell(Sale(lots, {0: 12 * UNIT}, method=r.AVERAGE, price=20 * DOLLAR, fund=False))
    assert [(part.lot_id, part.basis) for part in done.slices] == [("a", 10_000), ("b", 3_500)]


def test_specific_takes_picks_then_fifo() -> None:
    lots = [Lot("a", 15_000, 10 * UNIT, 1_000), Lot("b", 16_000, 10 * UNIT, 1_000), Lot("c", 17_000, 10 * UNIT, 1_000)]
    sale = Sale(lots, {0: 9 * UNIT}, method=r.SPECIFIC, price=DOLLAR, picks={"c": 3 * UNIT, "b": 4 * UNIT})
    assert sell(sale).left == [("c", 3 * UNIT), ("b", 4 * UNIT), ("a", 2 * UNIT)]


def test_of_more_picked_than_sold_the_first_picks_leave() -> None:
    """5 of c (all that is picked), then 2 of the 4 of b, though a and b are older."""
    lots = [Lot("a", 15_000, 10 * UNIT, 1_000), Lot("b", 16_000, 10 * UNIT, 1_000), Lot("c", 17_000, 10 * UNIT, 1_000)]
    sale = Sale(lots, {0: 7 * UNIT}, method=r.SPECIFIC, price=DOLLAR, picks={"c": 5 * UNIT, "b": 4 * UNIT, "a": UNIT})
    assert sell(sale).left == [("c", 5 * UNIT), ("b", 2 * UNIT)]


def test_what_picks_leave_is_taken_oldest_first_of_picked_lots_too() -> None:
    """2 of c and 1 of a are picked; 6 of 9 are then lacking: a, older than b, gives the 3 it has left, b 3."""
    lots = [Lot("a", 15_000, 4 * UNIT, 400), Lot("b", 16_000, 4 * UNIT, 400), Lot("c", 17_000, 4 * UNIT, 400)]
    sale = Sale(lots, {0: 9 * UNIT}, method=r.SPECIFIC, price=DOLLAR, picks={"c": 2 * UNIT, "a": UNIT})
    assert sell(sale).left == [("c", 2 * UNIT), ("a", 4 * UNIT), ("b", 3 * UNIT)]


def test_the_leftover_cent_falls_to_the_slice_that_leaves_last() -> None:
    """2 x 0.335 = 0.67.  L2 is picked and leaves first: 0.335 = 0.34, less 0.30: ST 0.04.  L1 takes 0.33: LT 0.03."""
    lots = [Lot("L1", day("2020-01-02"), UNIT, 30), Lot("L2", day("2025-06-02"), UNIT, 30)]
    traded = day("2026-01-02") or 0
    done = sell(Sale(lots, {0: 2 * UNIT}, method=r.SPECIFIC, price=335_000, trade_day=traded, picks={"L2": UNIT}))
    assert [(part.lot_id, part.proceeds) for part in done.slices] == [("L2", 34), ("L1", 33)]
    assert (done.gain(r.SHORT), done.gain(r.LONG)) == (4, 3)


def test_unknown_basis_is_not_zero() -> None:
    done = sell(Sale([Lot("a", 15_000, UNIT, None), Lot("z", 16_000, UNIT, 0)], {0: 2 * UNIT}, price=5 * DOLLAR))
    assert [(part.lot_id, part.proceeds, part.basis) for part in done.slices] == [("a", 500, None), ("z", 500, 0)]


def test_missing_date_has_no_term() -> None:
    done = sell(Sale([Lot("a", None, UNIT, 100)], {0: UNIT}, price=DOLLAR))
    assert [(part.term, part.long_day) for part in done.slices] == [(r.UNKNOWN, r.NO_DATE)]


def test_last_slice_takes_what_remains_of_the_proceeds() -> None:
    """Three units at $0.335: the order is worth $1.01 (1.005 rounded up); slices 0.34, 0.34 and the rest 0.33."""
    lots = [Lot(name, 15_000 + days_later, UNIT, 10) for days_later, name in enumerate("abc")]
    done = sell(Sale(lots, {0: 3 * UNIT}, price=335_000))
    assert [part.proceeds for part in done.slices] == [34, 34, 33]


def test_fee_lowers_proceeds_by_units() -> None:
    """Fee $1.00 on 3 units at $10: slices 10 - 1/3 = 9.67 and the rest of $29.00 is 19.33."""
    lots = [Lot("a", 15_000, UNIT, 10), Lot("b", 16_000, 2 * UNIT, 10)]
    done = sell(Sale(lots, {0: 3 * UNIT}, price=10 * DOLLAR, fee=100))
    assert [part.proceeds for part in done.slices] == [967, 1933]


@pytest.mark.parametrize(
    ("units", "price", "fee", "first"),
    [
        (UNIT, 5_000, 0, 1),  # half a cent goes away from zero
        (UNIT, 5_000, 1, 0),  # 0.5 - 0.5 = 0
        (UNIT, 10_000, 1, 1),  # 1 - 0.5 = 0.5, away from zero
        (UNIT, 0, 1, -1),  # -0.5, away from zero
        (UNIT, 0, 2, -1),
        (UNIT, 0, 3, -2),  # -1.5, away from zero
    ],
)
def test_one_rounding_of_value_less_fee(units: int, price: int, fee: int, first: int) -> None:
    """Two equal slices of an order of two units; the first carries half the fee and one rounding."""
    lots = [Lot("a", 15_000, units, 10), Lot("b", 16_000, units, 10)]
    assert sell(Sale(lots, {0: 2 * units}, price=price, fee=fee)).slices[0].proceeds == first


def test_pool_and_market_and_moves() -> None:
    """Sleeve 0 sells 6, sleeve 1 sells 4; 3 are crossed to sleeves 2 (2) and 3 (1); 7 go to market.

    FIFO pool: sleeve 0 gives a 5, b 1; sleeve 1 gives c 4. Ages a 1, c 2, b 3: market takes a 5, c 2.
    Left c 2, b 1, oldest first: c 2 to sleeve 2, b 1 to sleeve 3. c costs 10.00 for 3 units of 4... of which
    market took 2 (5.00), so the 2 left carry 5.00.
    """
    lots = [
        Lot("a", 1, 5 * UNIT, 500, sleeve=0),
        Lot("b", 3, 5 * UNIT, 100, sleeve=0),
        Lot("c", 2, 4 * UNIT, 1_000, sleeve=1),
    ]
    done = sell(Sale(lots, {0: 6 * UNIT, 1: 4 * UNIT}, {2: 2 * UNIT, 3: UNIT}, price=DOLLAR))
    assert [(part.lot_id, part.units, part.basis) for part in done.slices] == [
        ("a", 5 * UNIT, 500),
        ("c", 2 * UNIT, 500),
    ]
    assert done.moves == [Move("c", 1, 2, 2 * UNIT, 500), Move("b", 0, 3, UNIT, 20)]


def test_pool_holds_each_sleeves_own_first_units() -> None:
    """HIFO: sleeve 1's lot is in the pool though sleeve 0 holds dearer ones; market takes the dearest pooled."""
    lots = [
        Lot("a", 1, 5 * UNIT, 5_000, sleeve=0),
        Lot("b", 2, 5 * UNIT, 4_500, sleeve=0),
        Lot("c", 3, 5 * UNIT, 500, sleeve=1),
    ]
    done = sell(Sale(lots, {0: 5 * UNIT, 1: UNIT}, {2: UNIT}, method=r.HIFO, price=DOLLAR))
    assert done.left == [("a", 5 * UNIT)]
    assert [(part.lot_id, part.to) for part in done.moves] == [("c", 2)]


def test_partial_move_splits_basis_and_the_last_units_take_the_rest() -> None:
    """$1.00 over three units to three sleeves: 0.33, then half of 0.67 = 0.34 (away from zero), then 0.33."""
    done = sell(Sale([Lot("a", 1, 3 * UNIT, 100)], {0: 3 * UNIT}, {1: UNIT, 2: UNIT, 3: UNIT}))
    assert [(part.to, part.basis) for part in done.moves] == [(1, 33), (2, 34), (3, 33)]
    assert done.slices == []


def test_what_moves_keeps_an_unknown_basis_unknown() -> None:
    done = sell(Sale([Lot("a", 1, 3 * UNIT, None)], {0: 3 * UNIT}, {1: UNIT}, price=DOLLAR))
    assert [(part.lot_id, part.basis) for part in done.moves] == [("a", None)]
    assert [(part.units, part.proceeds, part.basis) for part in done.slices] == [(2 * UNIT, 200, None)]


def test_more_than_the_sleeve_holds() -> None:
    lots = [Lot("a", 1, UNIT, 100, sleeve=0), Lot("b", 1, 9 * UNIT, 100, sleeve=1)]
    assert sell(Sale(lots, {0: 2 * UNIT}, price=DOLLAR)).code == LOTS_LACKING


def test_trades_that_contradict_each_other_are_not_booked() -> None:
    from shared.rules.relief.book import book

    sale = Sale([Lot("a", 1, 9 * UNIT, 100)], {0: 5 * UNIT}, {1: 2 * UNIT}, price=DOLLAR)
    trades, lots, _, _ = arrays(sale)
    trades.orders.quantity -= 1
    assert book(trades, lots).outcome[0] == ORDER_DIFFERS
    trades.orders.quantity += 1
    trades.trades[1].crossed += 1
    assert book(trades, lots).outcome[0] == CROSS_DIFFERS
