"""Units of a security divided among its sleeves: largest remainder in whole steps.  Source: product 4, "Netting"."""

from shared.fixed_point.arithmetic import divmod_product
from shared.fixed_point.compiled import view_kernel
from shared.fixed_point.records import Records


@view_kernel
def apportion(sleeves: Records, total: int, step: int) -> None:
    """Divide `total` units in proportion to `asked` into `share`; total is at most the sum of what is asked.

    Whole steps go by largest remainder, ties by sleeve id; what is less than a step goes to the next in that order;
    no sleeve gets more than it asked for.
    """
    asked = 0
    for sleeve in sleeves:
        asked += sleeve.asked
    left = total
    for sleeve in sleeves:
        sleeve.share = sleeve.asked
        sleeve.spare = 0
        if total == asked or sleeve.asked == 0:
            continue
        exact, sleeve.remainder = divmod_product(total, sleeve.asked, asked)
        sleeve.share = exact // step * step
        sleeve.below_step = exact - sleeve.share
        sleeve.spare = sleeve.asked - sleeve.share
        left -= sleeve.share
    if total != asked:
        _hand_out(sleeves, left, step)


@view_kernel
def _hand_out(sleeves: Records, left: int, step: int) -> None:
    while left > 0:
        best = -1
        for index in range(len(sleeves)):
            if sleeves[index].spare > 0 and (best < 0 or _is_larger(sleeves[index], sleeves[best])):
                best = index
        units = min(left, step, sleeves[best].spare)
        sleeves[best].share += units
        sleeves[best].spare -= units
        sleeves[best].below_step = -1 - abs(sleeves[best].below_step)  # after those that have got nothing yet
        left -= units


@view_kernel
def _is_larger(sleeve: Records, best: Records) -> bool:
    if sleeve.below_step != best.below_step:
        return bool(sleeve.below_step > best.below_step)
    return bool(sleeve.remainder > best.remainder)
