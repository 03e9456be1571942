"""Real daily closes, shifted in time by sessions so that 250 more days follow the last known day.

Session `as_of` of the New York exchange takes the data's row KNOWN_ROWS - 1; every session before or after it takes the
row as many rows before or after. All prices are integers in micro-dollars (1e-6).
"""

import csv
import gzip
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from shared.fixed_point.text import scaled
from shared.rules import trading_calendar

DATA = Path(__file__).resolve().parents[1] / "data"
STOCKS, FACTORS = "sp500_dataset.csv.gz", "factors_dataset.csv.gz"
DAYS_TO_COME = 250
UNPRICED = 0

Ints = npt.NDArray[np.int64]


class NoPrices(ValueError):
    """The data have no price for the day."""


@dataclass(frozen=True)
class Paths:
    """Closes of the real securities: prices[row, column] in micro-dollars, UNPRICED before a security's first day."""

    names: tuple[str, ...]
    prices: Ints

    @property
    def known_rows(self) -> int:
        """Rows up to and including the sample's as-of day."""
        return len(self.prices) - DAYS_TO_COME


@cache
def paths() -> Paths:
    """Return the closes of all 25 real securities, stocks first."""
    days, stocks, prices = _read(STOCKS)
    factor_days, factors, factor_prices = _read(FACTORS)
    first = days.index(factor_days[0])
    if days[first:] != factor_days:
        raise ValueError(f"the days of {STOCKS} and {FACTORS} differ")
    both = np.full((len(days), len(stocks) + len(factors)), UNPRICED, np.int64)
    both[:, : len(stocks)] = prices
    both[first:, len(stocks) :] = factor_prices
    return Paths((*stocks, *factors), both)


@dataclass(frozen=True)
class Market:
    """Prices of a book's securities on exchange sessions.

    as_of: the session that takes the last known row. columns: index into the real paths, per security; factor_ppm: the
    security's price is the path's times factor_ppm / 1e6 (1e6 for a real one).
    """

    as_of: date
    columns: Ints
    factor_ppm: Ints

    def row_of(self, day: date) -> int:
        """Return the data row of a session.  Raises NoPrices when the data do not reach it or `day` is no session."""
        if not trading_calendar.is_session(day):
            raise NoPrices(f"{day} is no session of the New York exchange")
        last = paths().known_rows - 1
        if day >= self.as_of:
            row = last + trading_calendar.sessions_between(self.as_of, day)
        else:
            row = last - trading_calendar.sessions_between(day, self.as_of)
        if not 0 <= row < len(paths().prices):
            raise NoPrices(
                f"{day} lies outside the price data, which end {DAYS_TO_COME} sessions after {self.as_of}: "
                "make a new sample book to go on"
            )
        return row

    def known_days(self) -> npt.NDArray[np.datetime64]:
        """Return the session of each known row that the exchange calendar reaches, oldest first, ending with as_of.

        Raises NoPrices when as_of is no session.
        """
        self.row_of(self.as_of)
        known = trading_calendar.sessions()
        end = known.index(self.as_of) + 1
        return np.array(known[max(0, end - paths().known_rows) : end], dtype="datetime64[D]")

    def history(self) -> Ints:
        """Return prices[day, security] of `known_days`; UNPRICED before a security's first day."""
        real = paths().prices[: paths().known_rows]
        return self._scaled(real[-len(self.known_days()) :])

    def close(self, day: date) -> Ints:
        """Return the closing price of every security on a session.  Raises NoPrices."""
        row = self.row_of(day)
        closes: Ints = self._scaled(paths().prices[row : row + 1])[0]
        return closes

    def _scaled(self, real: Ints) -> Ints:
        chosen = real[:, self.columns]
        moved = chosen * self.factor_ppm // 1_000_000
        return np.where(chosen == UNPRICED, UNPRICED, np.maximum(moved, 1))


def _read(name: str) -> tuple[list[str], list[str], Ints]:
    with gzip.open(DATA / name, "rt", newline="") as file:
        rows = csv.reader(file)
        names = next(rows)[1:]
        days: list[str] = []
        prices: list[list[int]] = []
        for day, *closes in rows:
            days.append(day)
            prices.append(_micro(closes))
    return days, names, np.array(prices, np.int64)


def _micro(closes: Sequence[str]) -> list[int]:
    return [scaled(close, 6, "close") for close in closes]
