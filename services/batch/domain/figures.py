"""Figures of a proposal: their columns, the API fields they are shown as, and the trade logics they are computed under.

A member row holds each figure as an array with one element per logic, at the index of the logic's number.
Money is in cents; buys, sells and flats are counts.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from shared.contracts.codes import Logic, Tile
from shared.contracts.events import LogicName
from shared.contracts.query import TileChoiceName

PROPOSAL_FIGURES: Final = (
    "value_cents", "begin_cash_cents", "end_cash_cents", "buys", "buys_cents", "sells", "sells_cents", "flats",
    "flats_cents",
)  # fmt: skip
TAX_FIGURES: Final = (
    "short_cents", "long_cents", "unknown_term_cents", "estimated_cents", "no_basis_proceeds_cents",
)  # fmt: skip
WASH_FIGURES: Final = ("wash_cents", "wash_permanent_cents")
"""Losses that a wash sale disallows, and of them those an IRA's purchase makes permanent; null while not checked."""
EARLIER_FIGURES: Final = ("wash_earlier_cents", "wash_earlier_permanent_cents")
"""Losses approved before that the account's buys disallow, and of them those it makes permanent as an IRA."""
LIMIT_FIGURES: Final = ("over_budget_cents",)
"""The largest excess of the gains that count over one of the account's gain limits; 0 within them and without any."""
FIGURES: Final = (*PROPOSAL_FIGURES, *TAX_FIGURES, *WASH_FIGURES, *EARLIER_FIGURES, *LIMIT_FIGURES)

FIGURE_OF: Final[Mapping[str, str]] = {
    "market_value": "value_cents",
    "begin_cash": "begin_cash_cents",
    "end_cash": "end_cash_cents",
    "buys": "buys",
    "buys_value": "buys_cents",
    "sells": "sells",
    "sells_value": "sells_cents",
    "flats": "flats",
    "flats_value": "flats_cents",
    "short_term": "short_cents",
    "long_term": "long_cents",
    "estimated": "estimated_cents",
    "unknown_term": "unknown_term_cents",
    "no_basis_proceeds": "no_basis_proceeds_cents",
    "wash_disallowed": "wash_cents",
    "wash_permanent": "wash_permanent_cents",
    "wash_earlier": "wash_earlier_cents",
    "wash_earlier_permanent": "wash_earlier_permanent_cents",
    "over_budget": "over_budget_cents",
}
"""API field -> figure."""

LOGIC_NAMES: Final[Mapping[int, LogicName]] = {
    Logic.BEST_FIT: "BEST_FIT", Logic.MIN_TRANSACTION: "MIN_TRANSACTION", Logic.TAX_AWARE: "TAX_AWARE",
}  # fmt: skip
LOGIC_NUMBERS: Final[Mapping[LogicName, int]] = {name: int(number) for number, name in LOGIC_NAMES.items()}


@dataclass(frozen=True)
class TileChoice:
    """Tiles that an account must be in, all of them.

    bits: as `flag.tiles` holds them; no_target: also among those without a target, which are in no other queue.
    """

    bits: int = 0
    no_target: bool = False


def tile_choice(names: Sequence[TileChoiceName]) -> TileChoice:
    """Return the choice of the named tiles."""
    bits = 0
    for name in names:
        if name != "NO_TARGET":
            bits |= Tile[name]
    return TileChoice(int(bits), "NO_TARGET" in names)
