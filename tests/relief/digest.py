"""Prints a digest of 300 seeded random sales as this process's kernels book them (`python -m tests.relief.digest`)."""

import hashlib
import random

from shared.fixed_point.compiled import PLAIN
from tests.relief.build import Lot, Sale, sell


def some_sale(seed: int) -> Sale:
    """A sale drawn from the seed: any method, gaps in dates and basis, up to three sleeves, perhaps crossing."""
    draw = random.Random(seed)
    lots = [
        Lot(
            f"L{draw.randrange(99)}-{number}",
            draw.choice([None, 18_000, draw.randrange(17_000, 20_000)]),
            draw.choice([1_000_000, draw.randrange(1, 10**10), draw.randrange(1, 10**15)]),
            draw.choice([None, 0, draw.randrange(10**6), draw.randrange(10**13)]),
            draw.randrange(3),
        )
        for number in range(draw.randrange(1, 15))
    ]
    sells = {lot.sleeve: 0 for lot in lots}
    for lot in lots:
        sells[lot.sleeve] += draw.randrange(lot.units + 1)
    total = sum(sells.values())
    crossed = {5: draw.randrange(total + 1)} if draw.random() < 0.5 else {}
    method, price = draw.randrange(7), draw.randrange(1, 10**10)
    return Sale(lots, sells, crossed, method, price, draw.randrange(500), 20_000, draw.random() < 0.5)


def main() -> None:
    digest = hashlib.sha256()
    for seed in range(300):
        digest.update(repr(sell(some_sale(seed))).encode())
    print("plain" if PLAIN else "compiled", 300, digest.hexdigest())


if __name__ == "__main__":
    main()
