"""The entries of a price set: an unusable entry is left out alone, never its set.  Source: product 2.

A price of 0 or above the limit counts as missing, because no position is ever valued at zero.  Source: product 3.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Context, Decimal

from shared.contracts.platform import PricePoint
from shared.fixed_point.limits import MAX_PRICE_MICRO, MICRO
from shared.fixed_point.text import text_of

_KEPT = 6  # decimals
_EXACT = Context(prec=80)  # digits: more than a price can have


@dataclass(frozen=True)
class PriceEntries:
    """micro: price in millionths of a dollar by security id.  problems: entries left out.  notes: entries rounded."""

    micro: dict[str, int]
    problems: list[str]
    notes: list[str]


def read_entries(points: Sequence[PricePoint], unread: Sequence[str] = ()) -> PriceEntries:
    """Return the usable prices of a set; of a security with two different prices none is used.

    unread: problems found while decoding, kept in front.
    """
    found, problems, notes = dict[str, set[int]](), list(unread), list[str]()
    for point in points:
        price = micro_of(point.price)
        if not 0 < price <= MAX_PRICE_MICRO:
            limits = f"0.000001 to {MAX_PRICE_MICRO // MICRO}"
            problems.append(f"{point.security_id}: price {point.price} is outside {limits}")
            continue
        found.setdefault(point.security_id, set()).add(price)
        if len(point.price.partition(".")[2].rstrip("0")) > _KEPT:
            notes.append(f"{point.security_id}: price {point.price} is rounded to {text_of(price, _KEPT)}")
    for name, prices in found.items():
        if len(prices) > 1:
            shown = " and ".join(text_of(price, _KEPT, trim=True) for price in sorted(prices))
            problems.append(f"{name}: it has several prices in one set, {shown}")
    return PriceEntries({name: price for name, (price, *more) in found.items() if not more}, problems, notes)


def micro_of(text: str) -> int:
    """Return plain decimal dollars in millionths, rounded half away from zero."""
    return int(_EXACT.scaleb(Decimal(text), _KEPT).quantize(Decimal(1), ROUND_HALF_UP, _EXACT))
