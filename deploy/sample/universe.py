"""The sample's securities: 25 real price paths and, where more are wanted, synthetic ones made from them."""

from dataclasses import dataclass
from datetime import date
from math import ceil

import numpy as np

from deploy.sample import beside
from deploy.sample.market import UNPRICED, Ints, Market, paths
from shared.contracts.platform import PricePoint, PricesPublished, SecurityChanged
from shared.fixed_point.text import text_of

FUNDS = ("SIZE", "USMV", "VLUE")
"""Sold in the sample as mutual funds (fractional units), so that both kinds of rounding occur."""
NAMES = {
    "AAPL": "Apple Inc.", "AMD": "Advanced Micro Devices Inc.", "BAC": "Bank of America Corp.",
    "BBY": "Best Buy Co. Inc.",
    "CVX": "Chevron Corp.", "GE": "General Electric Co.", "HD": "Home Depot Inc.", "JNJ": "Johnson & Johnson",
    "JPM": "JPMorgan Chase & Co.", "KO": "Coca-Cola Co.", "LLY": "Eli Lilly & Co.", "MRK": "Merck & Co. Inc.",
    "MSFT": "Microsoft Corp.", "PEP": "PepsiCo Inc.", "PFE": "Pfizer Inc.", "PG": "Procter & Gamble Co.",
    "RRC": "Range Resources Corp.", "UNH": "UnitedHealth Group Inc.", "WMT": "Walmart Inc.", "XOM": "Exxon Mobil Corp.",
    "MTUM": "US momentum factor ETF", "QUAL": "US quality factor ETF", "SIZE": "US size factor fund",
    "USMV": "US minimum volatility fund", "VLUE": "US value factor fund",
}  # fmt: skip


@dataclass(frozen=True)
class Universe:
    """Securities by index, in the order of every price array."""

    ids: tuple[str, ...]
    names: tuple[str, ...]
    kinds: tuple[str, ...]
    market: Market

    @property
    def fractional(self) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
        """Mask of the securities that trade in millionths of a unit."""
        return np.array([kind == "FUND" for kind in self.kinds])

    def events(self) -> list[SecurityChanged]:
        """Return the security master, with what accounts hold beside their portfolios."""
        return [
            SecurityChanged.model_validate(
                {"security_id": sid, "version": 1, "name": name, "kind": kind, "fractional": kind == "FUND"}
            )
            for sid, name, kind in zip(self.ids, self.names, self.kinds, strict=True)
        ] + beside.events()


def universe(as_of: date, size: int = 0) -> Universe:
    """Return the 25 real securities and as many synthetic ones as `size` asks for beyond them.

    A synthetic security (`AAPL.2`) is a real path at another price level; its name says so.
    """
    real = paths().names
    rounds = max(1, ceil(size / len(real)))
    ids, names, kinds, columns, factors = [], [], [], [], []
    for index in range(max(len(real), size)):
        column, turn = index % len(real), index // len(real)
        base = real[column]
        ids.append(base if turn == 0 else f"{base}.{turn + 1}")
        names.append(NAMES[base] if turn == 0 else f"Synthetic: {base} path at another level ({turn + 1})")
        kinds.append("FUND" if base in FUNDS else "ETF" if base in ("MTUM", "QUAL") else "STOCK")
        columns.append(column)
        factors.append(1_000_000 if turn == 0 else 400_000 + 1_200_000 * turn // rounds + 7_919 * column)
    market = Market(as_of, np.array(columns, np.int64), np.array(factors, np.int64))
    return Universe(tuple(ids), tuple(names), tuple(kinds), market)


def price_set(securities: Universe, day: date) -> PricesPublished:
    """Return the closing prices of a session as the platform publishes them; the as-of day has number 1.

    Raises NoPrices when the data do not reach the day.
    """
    closes: Ints = securities.market.close(day)
    number = 1 + securities.market.row_of(day) - securities.market.row_of(securities.market.as_of)
    return PricesPublished(
        price_set=number,
        as_of=day,
        prices=[
            PricePoint(security_id=sid, price=text_of(int(price), 6, trim=True))
            for sid, price in zip(securities.ids, closes, strict=True)
            if price != UNPRICED
        ]
        + beside.prices(),
    )
