"""The order in which lots leave: one sort, several comparisons.

Ties break by acquired date, then lot id, then sleeve; a missing date is the oldest.  Source: product 5.
"""

from shared.columnar import Bytes
from shared.fixed_point.arithmetic import compare_products
from shared.fixed_point.compiled import inner_kernel
from shared.fixed_point.records import Records
from shared.rules.relief.lots import AVERAGE, FIFO, HIFO, LIFO, LOFO, LONG, MIN_TAX, NO_BASIS, SPECIFIC, Lots
from shared.rules.relief.term import term_of

_CENTS_SCALE = 10_000_000_000  # micro-units x micro-dollars in one cent
_NOT_PICKED = 1 << 40  # after every place of a pick
_SHORT_LOSS, _LONG_LOSS, _SHORT_ZERO, _LONG_ZERO, _LONG_GAIN, _SHORT_GAIN, _NO_BASIS_LAST = 0, 1, 2, 3, 4, 5, 6


@inner_kernel
def order_lots(method: int, first: int, last: int, sale: Records, lots: Lots, relief: Records) -> None:
    """Sort relief[first:last].lot (indices of lots of one security) into leaving order.

    sale: its price and trade day decide gain or loss in MIN_TAX.  AVERAGE leaves in FIFO order: it changes the basis.
    SPECIFIC: the picked lots in the order of their picks, of one place oldest first, then the others in FIFO order.
    """
    rule = FIFO if method == AVERAGE else method
    for index in range(first, last):
        lot = relief[index].lot
        relief[lot].rank = _rank(rule, lots.rows[lot], sale)
    width = 1
    while width < last - first:
        for left in range(first, last, 2 * width):
            middle, right = min(left + width, last), min(left + 2 * width, last)
            if middle < right and _leaves_before(rule, relief[middle].lot, relief[middle - 1].lot, lots, relief):
                _merge(rule, left, middle, right, lots, relief)
        width *= 2


@inner_kernel
def _merge(rule: int, left: int, middle: int, right: int, lots: Lots, relief: Records) -> None:
    """Merge the sorted runs [left, middle) and [middle, right) in place."""
    for index in range(left, middle):
        relief[index].spare = relief[index].lot
    ahead, behind = left, middle
    for index in range(left, right):
        if ahead == middle:
            return
        if behind < right and _leaves_before(rule, relief[behind].lot, relief[ahead].spare, lots, relief):
            relief[index].lot = relief[behind].lot
            behind += 1
        else:
            relief[index].lot = relief[ahead].spare
            ahead += 1


@inner_kernel
def _rank(rule: int, lot: Records, sale: Records) -> int:
    """Return the class a lot falls in before any finer comparison; smaller classes leave first."""
    if rule in (FIFO, LIFO):
        return 0
    if rule == SPECIFIC:
        return int(lot.pick) if lot.picked > 0 else _NOT_PICKED
    if lot.basis == NO_BASIS:
        return _NO_BASIS_LAST
    if rule != MIN_TAX:
        return 0
    gain = compare_products(sale.price, lot.quantity, lot.basis, _CENTS_SCALE)
    is_long = term_of(lot.term_from, sale.trade_day) == LONG
    if gain < 0:
        return _LONG_LOSS if is_long else _SHORT_LOSS
    if gain == 0:
        return _LONG_ZERO if is_long else _SHORT_ZERO
    return _LONG_GAIN if is_long else _SHORT_GAIN


@inner_kernel
def _leaves_before(rule: int, lot: int, other: int, lots: Lots, relief: Records) -> bool:
    """Return whether `lot` leaves before `other`."""
    if relief[lot].rank != relief[other].rank:
        return bool(relief[lot].rank < relief[other].rank)
    first, second = lots.rows[lot], lots.rows[other]
    if rule == LIFO and first.acquired != second.acquired:
        return bool(first.acquired > second.acquired)
    if rule in (HIFO, LOFO, MIN_TAX) and relief[lot].rank != _NO_BASIS_LAST:
        # In MIN_TAX too the highest cost per unit leaves first: that is the largest loss or the smallest gain a share.
        dearer = compare_products(first.basis, second.quantity, second.basis, first.quantity)
        if dearer != 0:
            return bool(dearer < 0) if rule == LOFO else bool(dearer > 0)
    if first.acquired != second.acquired:
        return bool(first.acquired < second.acquired)
    by_id = compare_bytes(lots.ids, first.id_first, first.id_end, second.id_first, second.id_end)
    return bool(by_id < 0 or (by_id == 0 and first.sleeve < second.sleeve))


@inner_kernel
def compare_bytes(ids: Bytes, first: int, end: int, other: int, other_end: int) -> int:
    """Return the sign of the text ids[first:end] against ids[other:other_end], byte by byte."""
    for step in range(min(end - first, other_end - other)):
        if ids[first + step] != ids[other + step]:
            return -1 if ids[first + step] < ids[other + step] else 1
    if end - first == other_end - other:
        return 0
    return -1 if end - first < other_end - other else 1
