"""The leaving order of lots, whatever order they come in: ties by date, lot id and sleeve, unknown basis last.

Source: product 5.
"""

from itertools import permutations

import pytest

from shared.fixed_point.records import records_of
from shared.rules.relief import lots as r
from shared.rules.relief.order import order_lots
from shared.rules.relief.records import RELIEF, SALE

pytestmark = pytest.mark.fast

UNIT = DOLLAR = 1_000_000
TODAY = 20_000
Row = tuple[str, int | None, int, int | None, int]  # lot id, acquired, units, basis in cents, sleeve


def left_in(method: int, rows: list[Row]) -> set[tuple[int, ...]]:
    """Return every leaving order of the rows that some order of coming brings about."""
    lots = r.lots_of([row[:4] for row in rows], [row[4] for row in rows])
    found = set()
    for start in permutations(range(len(rows))):
        relief = records_of(RELIEF, lot=start)
        (sale,) = records_of(SALE, price=[10 * DOLLAR], trade_day=[TODAY])
        order_lots(method, 0, len(rows), sale, lots, relief)
        found.add(tuple(relief.lot.tolist()))
    return found


def test_of_one_day_the_lot_id_then_the_sleeve_decides() -> None:
    """K after nothing but the older Z; L1 before what it begins, though L2 stands behind it; of two L1 sleeve 0."""
    rows: list[Row] = [
        ("L1", 18_000, UNIT, 100, 1),
        ("L2", 18_000, UNIT, 100, 0),
        ("L11", 18_000, UNIT, 100, 2),
        ("L1", 18_000, UNIT, 100, 0),
        ("Z", 17_999, UNIT, 100, 3),
        ("K", 18_000, UNIT, 100, 3),
    ]
    for method in (r.FIFO, r.HIFO, r.LOFO, r.MIN_TAX, r.AVERAGE, r.SPECIFIC):
        assert left_in(method, rows) == {(4, 5, 3, 0, 2, 1)}
    assert left_in(r.LIFO, rows) == {(5, 3, 0, 2, 1, 4)}


@pytest.mark.parametrize("method", [r.HIFO, r.LOFO, r.MIN_TAX])
def test_lots_of_unknown_basis_are_last_and_by_age_whatever_their_size(method: int) -> None:
    rows: list[Row] = [
        ("d", 18_004, UNIT, 900, 0),
        ("c", 18_003, 3 * UNIT, None, 0),
        ("b", 18_002, 5 * UNIT, None, 0),
        ("a", 18_001, 2 * UNIT, None, 0),
        ("e", None, 4 * UNIT, None, 0),
    ]
    assert left_in(method, rows) == {(0, 4, 3, 2, 1)}
