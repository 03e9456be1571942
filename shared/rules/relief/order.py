"""The order in which lots leave: one sort, several comparisons.

Ties break by acquired date, then lot id, then sleeve; a missing date is the oldest.  Source: product 5.
"""

from shared.fixed_point.arithmetic import compare_products
from shared.fixed_point.compiled import inner_kernel
from shared.rules.relief.lots import AVERAGE, FIFO, HIFO, LIFO, LOFO, LONG, MIN_TAX, NO_BASIS, SPECIFIC, Ints, Lots
from shared.rules.relief.term import term_of

_CENTS_SCALE = 10_000_000_000  # micro-units x micro-dollars in one cent
_SHORT_LOSS, _LONG_LOSS, _SHORT_ZERO, _LONG_ZERO, _LONG_GAIN, _SHORT_GAIN, _NO_BASIS_LAST = 0, 1, 2, 3, 4, 5, 6


@inner_kernel
def order_lots(
    method: int, order: Ints, first: int, last: int, lots: Lots, price: int, trade_day: int, ranks: Ints, spare: Ints
) -> None:
    """Sort order[first:last] (indices of lots of one security) into leaving order.

    price: micro-dollars, decides gain or loss in MIN_TAX.  ranks is scratch by lot, spare scratch by place in `order`.
    AVERAGE and SPECIFIC leave in FIFO order: the average changes the basis, picks are taken before by `take`.
    """
    rule = FIFO if method in (AVERAGE, SPECIFIC) else method
    for place in range(first, last):
        ranks[order[place]] = _rank(rule, order[place], lots, price, trade_day)
    width = 1
    while width < last - first:
        for left in range(first, last, 2 * width):
            middle = min(left + width, last)
            _merge(rule, order, left, middle, min(left + 2 * width, last), lots, ranks, spare)
        width *= 2


@inner_kernel
def _merge(rule: int, order: Ints, left: int, middle: int, right: int, lots: Lots, ranks: Ints, spare: Ints) -> None:
    """Merge the sorted runs [left, middle) and [middle, right) in place."""
    if middle >= right or _compare(rule, order[middle - 1], order[middle], lots, ranks) <= 0:
        return
    for place in range(left, middle):
        spare[place] = order[place]
    one, two = left, middle
    for place in range(left, right):
        if one == middle:
            return
        if two < right and _compare(rule, order[two], spare[one], lots, ranks) < 0:
            order[place] = order[two]
            two += 1
        else:
            order[place] = spare[one]
            one += 1


@inner_kernel
def _rank(rule: int, lot: int, lots: Lots, price: int, trade_day: int) -> int:
    """Return the class a lot falls in before any finer comparison; smaller classes leave first."""
    if rule in (FIFO, LIFO):
        return 0
    if lots.basis[lot] == NO_BASIS:
        return _NO_BASIS_LAST
    if rule != MIN_TAX:
        return 0
    gain = compare_products(price, lots.quantity[lot], lots.basis[lot], _CENTS_SCALE)
    is_long = term_of(lots.acquired[lot], trade_day) == LONG
    if gain < 0:
        return _LONG_LOSS if is_long else _SHORT_LOSS
    if gain == 0:
        return _LONG_ZERO if is_long else _SHORT_ZERO
    return _LONG_GAIN if is_long else _SHORT_GAIN


@inner_kernel
def _compare(rule: int, one: int, two: int, lots: Lots, ranks: Ints) -> int:
    """Return a negative number when lot `one` leaves before lot `two`, positive when after."""
    if ranks[one] != ranks[two]:
        return -1 if ranks[one] < ranks[two] else 1
    if rule == LIFO and lots.acquired[one] != lots.acquired[two]:
        return -1 if lots.acquired[one] > lots.acquired[two] else 1
    if rule in (HIFO, LOFO, MIN_TAX) and ranks[one] != _NO_BASIS_LAST:
        # In MIN_TAX too the highest cost per unit leaves first: that is the largest loss or the smallest gain a share.
        dearer = compare_products(lots.basis[one], lots.quantity[two], lots.basis[two], lots.quantity[one])
        if dearer != 0:
            return dearer if rule == LOFO else -dearer
    return compare_age(one, two, lots)


@inner_kernel
def compare_age(one: int, two: int, lots: Lots) -> int:
    """Return the sign of lot `one` against lot `two` by acquired date, lot id, sleeve."""
    if lots.acquired[one] != lots.acquired[two]:
        return -1 if lots.acquired[one] < lots.acquired[two] else 1
    start1, start2 = lots.id_offsets[one], lots.id_offsets[two]
    length1, length2 = lots.id_offsets[one + 1] - start1, lots.id_offsets[two + 1] - start2
    for step in range(min(length1, length2)):
        byte1, byte2 = lots.id_bytes[start1 + step], lots.id_bytes[start2 + step]
        if byte1 != byte2:
            return -1 if byte1 < byte2 else 1
    if length1 != length2:
        return -1 if length1 < length2 else 1
    if lots.sleeve[one] != lots.sleeve[two]:
        return -1 if lots.sleeve[one] < lots.sleeve[two] else 1
    return 0
