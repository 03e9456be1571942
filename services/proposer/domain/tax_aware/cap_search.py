"""Cap search: how many units of each relieved sell fit the gain limits."""

from typing import Final

from services.proposer.domain.tax_aware.breakpoints import is_undersized, keep_exactly
from services.proposer.domain.tax_aware.gains import past
from services.proposer.domain.tax_aware.records import Search
from shared.fixed_point.arithmetic import muldiv_floor
from shared.fixed_point.compiled import view_kernel
from shared.fixed_point.records import Records

# Limits; several of them are added up.
BARRED: Final = 1  # against short-term gains, of the one security
SHORT: Final = 2  # the short-term budget
TOTAL: Final = 4  # the budget in all

_TURNS: Final = 32  # trials in a stretch of a sell at most; at least every second one halves the stretch
_FEW: Final = 8  # steps: a shorter stretch is tried step by step
_DOLLAR: Final = 10**12  # micro-units x micro-dollars: a stretch worth less is left alone, but for single steps


@view_kernel
def broken(account: Records, securities: Records, search: Search, index: int, limits: int) -> int:
    """Return the first of the limits that the kept units pass, 0 if they keep all."""
    for limit in (BARRED, SHORT, TOTAL):
        if limits & limit and over(account, securities, search, index, limit) > 0:
            return limit
    return 0


@view_kernel
def over(account: Records, securities: Records, search: Search, index: int, limit: int) -> int:
    """Return by how many cents the kept units pass the limit; 0 or less if they keep it.

    index: the security that BARRED is judged of; the budgets are of the account.
    """
    if limit == BARRED:
        return int(search.kept[index].barred if account.no_short_gains else 0)
    slack, budget = search.progress[0].slack_total, account.budget_total
    if limit == SHORT:
        slack, budget = search.progress[0].slack_short, account.budget_short
    return past(kept_gain(search, len(securities), limit) - slack, budget)


@view_kernel
def kept_gain(search: Search, securities: int, limit: int) -> int:
    """Return the cents that the kept units of so many securities count against the budget SHORT or TOTAL."""
    cents = 0
    for kept in search.kept[:securities]:
        cents += gain_of(kept, limit)
    return cents


@view_kernel
def gain_of(cut: Records, limit: int) -> int:
    """Return the cents that a cut sell counts against the budget SHORT or TOTAL."""
    return int(cut.short if limit == SHORT else cut.total)


@view_kernel
def keep(account: Records, securities: Records, positions: Records, search: Search, index: int, units: int) -> None:
    """Keep `units` of the security's sell; none where that is undersized."""
    if is_undersized(account, securities[index], units):
        units = 0
    if units != search.kept[index].units:
        keep_exactly(account, securities, positions, search, index, units)


@view_kernel
def keep_more(
    account: Records, securities: Records, positions: Records, search: Search, index: int, most: int, limits: int
) -> None:
    """Keep as many more units of the sell as the limits allow, at most `most`; the present units must keep them."""
    kept = search.kept[index]
    least = kept.units
    keep(account, securities, positions, search, index, most)
    while kept.units > least:
        limit = broken(account, securities, search, index, limits)
        if limit == 0:
            return
        units = _most_units(account, securities, positions, search, index, least, limit)
        keep(account, securities, positions, search, index, units)


@view_kernel
def _most_units(
    account: Records, securities: Records, positions: Records, search: Search, index: int, least: int, limit: int
) -> int:
    """Return the most units, at least `least` and in whole steps, that keep one limit.

    Finds the largest breakpoint that keeps it, then searches the stretch up to the next breakpoint.
    """
    price, step, sell = securities[index].price, securities[index].step, search.sells[index]
    low, high, above = least, search.kept[index].units, over(account, securities, search, index, limit)
    point = sell.row_end - 1
    while point >= sell.row and search.breakpoints[point].units > least:
        if search.breakpoints[point].units < high:
            search.kept[index] = search.breakpoints[point]
            cents = over(account, securities, search, index, limit)
            if cents <= 0:
                low = search.breakpoints[point].units
                break
            high, above = search.breakpoints[point].units, cents
        point -= 1
    if low == least:
        keep_exactly(account, securities, positions, search, index, low)
    under = over(account, securities, search, index, limit)
    little = max(step, _DOLLAR // price)
    for turn in range(_TURNS):
        if high - low <= little or (little > step and limit != BARRED and under == 0 and above > 1):
            break
        units = _between(low, under, high, above, price, step, turn)
        keep_exactly(account, securities, positions, search, index, units)
        cents = over(account, securities, search, index, limit)
        if cents <= 0:
            low, under = units, cents
        else:
            high, above = units, cents
    return int(low)


@view_kernel
def _between(low: int, under: int, high: int, above: int, price: int, step: int, turn: int) -> int:
    """Return the next units to try between `low`, which is `under` the limit, and `high`, which is `above` it.

    The gain is nearly linear there, so the trial interpolates.  Over few steps, or one cent above, rounding decides and
    is as good as random from one third of a cent to the next.
    """
    if high - low <= _FEW * step or (above == 1 and turn < _FEW):
        units = high - max(step, _DOLLAR // 300 // price)
    elif above == 1 or turn % 2 == 1:
        units = low + (high - low) // 2
    else:
        units = low + muldiv_floor(high - low, -under, above - under)
    return int(min(max(low + step, units // step * step), (high - 1) // step * step))
