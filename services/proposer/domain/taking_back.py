"""What whole steps left of the budgets is used: given-up units are taken back, least gain per dollar first.

Source: product 4, "Tax-aware": as near to target as the gain budget allows.
"""

from services.proposer.domain import layout as at
from services.proposer.domain.gains import Desk
from services.proposer.domain.keeping import GUARD, SHORT, TOTAL, keep_more
from services.proposer.domain.layout import Ints
from shared.fixed_point.arithmetic import compare_products
from shared.fixed_point.compiled import view_kernel


@view_kernel
def take_back(acc: Ints, sec: Ints, pos: Ints, desk: Desk) -> None:
    """Keep more units, up to S_MOST, as the limits allow; a security is done where a stretch of it does not fit whole.

    Ties go by security id, then to the shorter stretch.
    """
    while True:
        best, end, best_gain, best_proceeds = -1, 0, 0, 1
        for security in range(len(sec)):
            if sec[security, at.S_KEPT] == sec[security, at.S_MOST]:
                continue
            for corner in range(sec[security, at.S_ROW], sec[security, at.S_ROW_END]):
                if desk.corners[0, corner] <= sec[security, at.S_KEPT]:
                    continue
                gain = desk.corners[at.S_KEPT_TOTAL - at.S_KEPT, corner] - sec[security, at.S_KEPT_TOTAL]
                proceeds = desk.corners[at.S_KEPT_PROCEEDS - at.S_KEPT, corner] - sec[security, at.S_KEPT_PROCEEDS]
                if best < 0 or compare_products(gain, best_proceeds, best_gain, max(1, proceeds)) < 0:
                    best, end, best_gain, best_proceeds = security, desk.corners[0, corner], gain, max(1, proceeds)
        if best < 0:
            return
        goal = min(end, sec[best, at.S_MOST])
        keep_more(acc, sec, pos, desk, best, goal, GUARD + SHORT + TOTAL)
        if sec[best, at.S_KEPT] < goal:
            sec[best, at.S_MOST] = sec[best, at.S_KEPT]
