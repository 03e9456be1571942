"""The sale of one security: its sleeves' first units form a pool, the lot method takes the market sell from it.

One text for both who ask: the proposer (what would this sell realise) and taxlot (what does it book).
Source: product 4 (Netting, "Which lots"; "Cents"), 5.
"""

from shared.fixed_point.arithmetic import value_cents
from shared.fixed_point.compiled import external_kernel, inner_kernel
from shared.fixed_point.records import Records
from shared.rules.relief.lots import FIFO, NO_BASIS, SPECIFIC, Lots
from shared.rules.relief.order import order_lots
from shared.rules.relief.records import LOTS_LACKING
from shared.rules.relief.term import first_long_term_day, term_of
from shared.rules.relief.units import slice_proceeds, split_basis, take, take_picked


@external_kernel
def relieve(sale: Records, gives: Records, lots: Lots, relief: Records, slices: Records, row: int) -> int:
    """Write the slices of a market sell from `row` on; return the next row, or -LOTS_LACKING if lots do not suffice.

    The slices stand in the order in which their lots begin to leave; the last one takes what the others leave of the
    proceeds.

    sale: a row of SALE, its average is written here.  gives: GIVE by position.  relief: RELIEF by lot, scratch; it says
    afterwards what is pooled and not sold, for `pooled_lots` and `basis_of_moved`.  slices: SLICE.
    """
    if not fill_pool(sale, gives, lots, relief):
        return -LOTS_LACKING
    open_average(sale, lots)
    end = pooled_lots(sale, relief)
    _take_by_method(sale.units, sale.lot, end, sale, lots, relief)
    if sale.method == SPECIFIC:
        order_lots(SPECIFIC, sale.lot, end, sale, lots, relief)
    proceeds_left, units_left = value_cents(sale.units, sale.price) - sale.fee, sale.units
    for index in range(sale.lot, end):
        lot = relief[index].lot
        part = relief[lot].taken
        if part == 0:
            continue
        units_left -= part
        proceeds = proceeds_left if units_left == 0 else slice_proceeds(part, sale.price, sale.fee, sale.units)
        proceeds_left -= proceeds
        basis, recorded = _basis_of_sold(lot, part, sale, lots)
        term_from = lots.rows[lot].term_from
        slices[row].lot, slices[row].units = lot, part
        slices[row].proceeds, slices[row].basis = proceeds, basis
        slices[row].long_day = first_long_term_day(term_from)
        slices[row].term = term_of(term_from, sale.trade_day)
        relief[lot].basis_gone = recorded
        row += 1
    return row


@inner_kernel
def fill_pool(sale: Records, gives: Records, lots: Lots, relief: Records) -> bool:
    """Make available each selling sleeve's first units by the lot method; say whether its lots sufficed.

    Positions and lots of the sale are both in order of sleeve.
    """
    for lot in range(sale.lot, sale.lot_end):
        relief[lot].lot = lot
        relief[lot].available = lots.rows[lot].quantity
        relief[lot].taken = 0
        relief[lot].basis_gone = 0
    start = sale.lot
    for position in range(sale.first, sale.last):
        sleeve = gives[position].sleeve
        while start < sale.lot_end and lots.rows[start].sleeve < sleeve:
            start += 1
        end = start
        while end < sale.lot_end and lots.rows[end].sleeve == sleeve:
            end += 1
        wanted = gives[position].units
        if wanted > 0 and _take_by_method(wanted, start, end, sale, lots, relief) > 0:
            return False
        start = end
    for lot in range(sale.lot, sale.lot_end):
        relief[lot].available = relief[lot].taken
        relief[lot].taken = 0
    return True


@inner_kernel
def _take_by_method(units: int, first: int, last: int, sale: Records, lots: Lots, relief: Records) -> int:
    """Take `units` from the lots relief[first:last].lot by the sale's lot method; return how many units are lacking.

    What SPECIFIC picks goes first, in the order of the picks; what the picks leave is taken in FIFO order.
    """
    rule, lacking = sale.method, units
    while True:
        order_lots(rule, first, last, sale, lots, relief)
        if rule != SPECIFIC:
            return take(lacking, first, last, relief)
        lacking = take_picked(lacking, first, last, lots, relief)
        if lacking == 0:
            return 0
        rule = FIFO


@inner_kernel
def open_average(sale: Records, lots: Lots) -> None:
    """Start the account's average of a fund: all its lots of known basis, in every sleeve."""
    sale.average_units, sale.average_basis = 0, 0
    if sale.averages:
        for lot in range(sale.lot, sale.lot_end):
            if lots.rows[lot].basis != NO_BASIS:
                sale.average_units += lots.rows[lot].quantity
                sale.average_basis += lots.rows[lot].basis


@inner_kernel
def _basis_of_sold(lot: int, units: int, sale: Records, lots: Lots) -> tuple[int, int]:
    """Return the basis in cents at which the first `units` of a lot are sold, and the part of its own that is gone.

    The two differ where an average holds.
    """
    recorded = split_basis(lots.rows[lot].basis, lots.rows[lot].quantity, units)
    if recorded == NO_BASIS or not sale.averages:
        return recorded, recorded
    part = split_basis(sale.average_basis, sale.average_units, units)
    sale.average_units -= units
    sale.average_basis -= part
    return part, recorded


@inner_kernel
def basis_of_moved(lot: int, gone: int, units: int, lots: Lots, relief: Records) -> int:
    """Return the recorded basis in cents of the next `units` of a lot of which `gone` micro-units have left already.

    What moves inside the account keeps it, also where sales are at the average.  Source: product 4, fine points.
    """
    row = lots.rows[lot]
    if row.basis == NO_BASIS:
        return NO_BASIS
    return split_basis(row.basis - relief[lot].basis_gone, row.quantity - gone, units)


@inner_kernel
def pooled_lots(sale: Records, relief: Records) -> int:
    """Write the lots with available units that are not taken to relief[sale.lot:end].lot and return end."""
    end = int(sale.lot)
    for lot in range(sale.lot, sale.lot_end):
        if relief[lot].available > relief[lot].taken:
            relief[end].lot = lot
            end += 1
    return end
