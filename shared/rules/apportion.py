"""Dividing a whole number in proportion: largest remainder.  Source: product 4, "Netting"; product 1 (targets)."""

from collections.abc import Sequence


def apportion(total: int, shares: Sequence[int]) -> list[int]:
    """Return `total` divided in proportion to the shares, exactly; shares and total are not negative.

    Each part is rounded down; what is left goes one by one to the largest remainders, of equal ones to the first.
    Raises ZeroDivisionError if all shares are 0.
    """
    whole = sum(shares)
    floors, remainders = zip(*(divmod(total * share, whole) for share in shares), strict=True)
    found = list(floors)
    by_remainder = sorted(range(len(shares)), key=lambda index: (-remainders[index], index))
    for index in by_remainder[: total - sum(found)]:
        found[index] += 1
    return found
