"""What holds for every tax-aware proposal: gains as taxlot books them keep the limits, and no other logic beats it."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.proposer.chunk import propose
from services.taxlot.booking import book_trades
from shared.contracts.chunks import Logic, LotMethod, Restriction, Term
from tests.proposer.books import Shape, generated, taxed
from tests.proposer.build import BF, MT, TA, TRADE_DAY, Account, Proposal, after, batch_of, lots_of, proposals, read
from tests.proposer.model_account import Book

pytestmark = pytest.mark.fast

SHAPES = (Shape(), Shape(most_securities=3, sleeves=5, minimum=0.2), Shape(restricted=0.3), Shape(fractional=1.0))
seeds = st.integers(0, 2**40)
accounts = st.builds(lambda seed, shape: taxed(generated(seed, shape)), seeds, st.sampled_from(SHAPES))
many = settings(deadline=None, max_examples=200)


@dataclass(frozen=True)
class Booked:
    """A proposal and the slices that taxlot books of it."""

    proposal: Proposal
    slices: list[dict[str, Any]]
    estimated_cents: int

    @property
    def short_cents(self) -> int:
        """What counts against the short-term budget: unknown basis as gain = proceeds, unknown term when a gain."""
        return sum(max(0, one) if term == Term.UNKNOWN else one for one, term in self._counted() if term != Term.LONG)

    @property
    def total_cents(self) -> int:
        return sum(one for one, _ in self._counted())

    def _counted(self) -> list[tuple[int, Term]]:
        return [
            (one["proceeds_cents"] if one["gain_cents"] is None else one["gain_cents"], Term(one["term"]))
            for one in self.slices
        ]

    def keeps_limits_of(self, given: Account) -> bool:
        if not given.taxable:
            return True
        budgets = (given.gain_budget_short_cents, self.short_cents), (given.gain_budget_total_cents, self.total_cents)
        return not (given.no_short_term_gains and self.short_gains()) and all(
            budget is None or cents <= budget for budget, cents in budgets
        )

    def short_gains(self) -> list[dict[str, Any]]:
        """Slices with a short-term gain, or of which that cannot be ruled out."""
        return [
            one
            for one in self.slices
            if one["term"] != Term.LONG and (one["gain_cents"] is None or one["gain_cents"] > 0)
        ]


def booked(given: Sequence[Account]) -> list[dict[Any, Booked]]:
    """Propose for the accounts and book what is proposed as taxlot does."""
    rows = book_trades(propose(batch_of(given), TRADE_DAY), TRADE_DAY).to_pylist()
    return [{logic: _booked(row, logic) for logic in (BF, MT, TA)} for row in rows]


def _booked(row: dict[str, Any], logic: Logic) -> Booked:
    slices = [one for one in row["slices"] if one["logic"] == logic]
    tax = next(one for one in row["taxes"] if one["logic"] == logic)
    return Booked(read(row, logic), slices, tax["estimated_cents"])


def drift(given: Account, result: Proposal) -> Fraction:
    """Sum of |weight - target| x V over the positions after the trades, in dollars, targets after substitution."""
    book = Book(given)
    moved = after(given, result).positions
    now = {(one.security_id, one.sleeve_id): Fraction(one.quantity_micro, 10**6) for one in moved}
    return sum((abs(book.target[p] * book.value - now[p] * book.price[p[0]]) for p in book.places), Fraction(0))


@many
@given(accounts)
def test_the_limits_are_kept_as_taxlot_books(account: Account) -> None:
    """Booked gains never pass the budgets, and with the guard no slice has a short-term gain."""
    found = booked([account])[0][TA]
    if found.proposal.failure is None:
        assert found.keeps_limits_of(account)
