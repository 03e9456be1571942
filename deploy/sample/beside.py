"""What some accounts of the sample hold beside their portfolio: a sweep fund for their cash, a pension fund that is
locked, a bond kept at the client's wish, an option sold.

Their prices never change.  Source: product 1, "cash equivalent", "holding role", "price factor".
"""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from deploy.sample.market import Ints
from shared.contracts.platform import PricePoint, SecurityChanged
from shared.fixed_point.limits import MICRO

SWEEP: Final = "SWEEP"
PENSION, BOND, OPTION = "STABLE", "TNOTE31", "AAPL-C250"
_SECURITIES: Final[tuple[tuple[dict[str, Any], str], ...]] = (
    ({"name": "Government money-market sweep fund", "kind": "FUND", "fractional": True, "cash_equivalent": True}, "1"),
    ({"name": "Stable value pension fund", "kind": "FUND", "fractional": True, "role": "LOCKED"}, "10.25"),
    ({"name": "US Treasury note 4.25% 2031", "kind": "BOND", "lot_size": 1000, "price_factor": "0.01"}, "98.5"),
    ({"name": "AAPL call 250", "kind": "OPTION"}, "12.4"),
)  # fmt: skip
IDS: Final = (SWEEP, PENSION, BOND, OPTION)
_EVERY: Final = np.array([10, 40, 40, 40])
_FIRST: Final = np.array([3, 7, 17, 27])
"""Of each security: the first account that holds it, and each how many accounts another does."""
_LONG_AGO: Final = 800  # sessions


@dataclass(frozen=True)
class Lots:
    """One lot a row.  account: row among those asked for; security: index into IDS; basis in cents, -1: unknown."""

    account: Ints
    security: Ints
    quantity_micro: Ints
    basis_cents: Ints


def events() -> list[SecurityChanged]:
    """Return the securities."""
    return [
        SecurityChanged.model_validate({"security_id": name, "version": 1, **body})
        for name, (body, _) in zip(IDS, _SECURITIES, strict=True)
    ]


def prices() -> list[PricePoint]:
    """Return their prices of every day."""
    return [PricePoint(security_id=name, price=price) for name, (_, price) in zip(IDS, _SECURITIES, strict=True)]


def settings(account: int) -> dict[str, Any]:
    """Return what an account says of its holdings: the bond stays."""
    is_kept = account % _EVERY[2] == _FIRST[2]
    return {"holding_roles": [{"security_id": BOND, "role": "LOCKED"}]} if is_kept else {}


def lots_of(accounts: Ints, value_cents: Ints, cash_cents: Ints) -> tuple[Lots, Ints]:
    """Return what these accounts hold beside their portfolios, and the cash that is left to them.

    value_cents: about what each is worth.  A sweep holds all the cash of its account, which then has none.
    """
    holds = accounts[:, None] % _EVERY == _FIRST
    holds[:, 0] &= cash_cents > 0
    account, security = np.nonzero(holds)
    worth, cash = value_cents[account], cash_cents[account]
    bonds = np.maximum(worth // 50 // 98_500, 1)  # about 2 % of the account, of $1,000 of face
    quantity = np.choose(
        security,
        [
            cash * (MICRO // 100),
            worth * 3 // 100 * (MICRO // 100) // 10_250 * 1_000,  # 3 % of the account
            bonds * 1_000 * MICRO,
            np.full(len(account), -2 * MICRO),
        ],
    )
    basis = np.choose(security, [cash, worth * 27 // 1_000, bonds * 97_250, np.full(len(account), -1)])
    left = np.where(holds[:, 0], 0, cash_cents)
    return Lots(account, security, quantity, basis), left


def acquired(days: np.ndarray[Any, np.dtype[np.datetime64]]) -> np.datetime64:
    """Return the day on which all of it was bought.  days: sessions, ending with the as-of day."""
    day: np.datetime64 = days[max(0, len(days) - 1 - _LONG_AGO)]
    return day
