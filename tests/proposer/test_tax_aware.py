"""What holds for every tax-aware proposal: gains as taxlot books them keep the limits, and no other logic beats it."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.proposer.columns.proposals import propose
from services.taxlot.columns.bookings import book_trades
from shared.contracts.codes import Logic, LotMethod, Term
from shared.fixed_point.text import scaled, usd
from tests.proposer.books import Shape, generated, taxed
from tests.proposer.build import (
    BF,
    MT,
    TA,
    TRADE_DATE,
    TRADE_DAY,
    WHOLE,
    Account,
    Lot,
    Position,
    Proposal,
    Security,
    account,
    after,
    batch_of,
    lot,
    lots_of,
    position,
    proposals,
    read,
)
from tests.proposer.model_account import Book
from tests.relief import build as relief
from tests.relief.model import relieve

pytestmark = pytest.mark.fast

METHODS = list(LotMethod)
SHAPES = (Shape(), Shape(most_securities=3, sleeves=5, minimum=0.2), Shape(restricted=0.3), Shape(fractional=1.0))
seeds = st.integers(0, 2**40)
accounts = st.builds(lambda seed, shape: picking(taxed(generated(seed, shape))), seeds, st.sampled_from(SHAPES))
TEXTS = ("limit_text", "no_trade_text", "failure_text")
many = settings(deadline=None, max_examples=200)


def picking(account: Account) -> Account:
    """Return the account with some of its lots picked where its method is SPECIFIC; the same always."""
    if account.lot_method != LotMethod.SPECIFIC:
        return account
    dice = random.Random(f"{account.account_id} picks")
    picked = [replace(held_lot, picked_micro=dice.choice((0, held_lot.quantity_micro // 3, held_lot.quantity_micro)))
              for held_lot in lots_of(account)]  # fmt: skip
    return replace(account, lots=picked)


@dataclass(frozen=True)
class Booked:
    """A proposal and the slices that taxlot books of it."""

    proposal: Proposal
    slices: list[dict[str, Any]]
    estimated_cents: int

    @property
    def short_cents(self) -> int:
        """What counts against the short-term budget: unknown basis as gain = proceeds, unknown term when a gain."""
        return sum(
            max(0, cents) if term == Term.UNKNOWN else cents for cents, term in self._counted() if term != Term.LONG
        )

    @property
    def total_cents(self) -> int:
        return sum(cents for cents, _ in self._counted())

    def _counted(self) -> list[tuple[int, Term]]:
        return [
            (
                booked_slice["proceeds_cents"] if booked_slice["gain_cents"] is None else booked_slice["gain_cents"],
                Term(booked_slice["term"]),
            )
            for booked_slice in self.slices
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
            booked_slice
            for booked_slice in self.slices
            if booked_slice["term"] != Term.LONG
            and (booked_slice["gain_cents"] is None or booked_slice["gain_cents"] > 0)
        ]


def booked(given: Sequence[Account]) -> list[dict[Any, Booked]]:
    """Propose for the accounts and book what is proposed as taxlot does."""
    rows = book_trades(propose(batch_of(given), TRADE_DAY), TRADE_DAY).to_pylist()
    return [{logic: _booked(row, logic) for logic in (BF, MT, TA)} for row in rows]


def _booked(row: dict[str, Any], logic: Logic) -> Booked:
    slices = [row_slice for row_slice in row["slices"] if row_slice["logic"] == logic]
    tax = next(taxes for taxes in row["taxes"] if taxes["logic"] == logic)
    return Booked(read(row, logic), slices, tax["estimated_cents"])


def drift(given: Account, result: Proposal) -> Fraction:
    """Sum of |weight - target| x V over the positions after the trades, in dollars, targets after substitution."""
    book = Book(given)
    moved = after(given, result).positions
    now = {(held.security_id, held.sleeve_id): Fraction(held.quantity_micro, 10**6) for held in moved}
    return sum((abs(book.target[p] * book.value - now[p] * book.price[p[0]]) for p in book.positions), Fraction(0))


def _free_of_limits(given: Account) -> Account:
    return replace(given, gain_budget_short_cents=None, gain_budget_total_cents=None, no_short_term_gains=False)


def _with_budget(given: Account, short: bool, cents: int) -> Account:
    return replace(given, gain_budget_short_cents=cents) if short else replace(given, gain_budget_total_cents=cents)


def _is_limited(result: Proposal) -> bool:
    texts = (result.summary[name] or "" for name in ("limit_text", "no_trade_text", "failure_text"))
    return any("gain limits (" in text for text in texts)


@many
@given(accounts)
def test_the_limits_are_kept_as_taxlot_books(account: Account) -> None:
    """Booked gains never pass the budgets, and where short-term gains are not allowed no slice has any."""
    found = booked([account])[0][TA]
    if found.proposal.failure is None:
        assert found.keeps_limits_of(account)


@many
@given(accounts)
def test_neither_other_logic_is_better_in_both(account: Account) -> None:
    """No other logic's result that keeps the limits ends nearer to target and realises less."""
    found = booked([account])[0]
    mine = found[TA]
    for logic in (BF, MT):
        other = found[logic]
        if other.proposal.failure is not None or not other.keeps_limits_of(account):
            continue
        assert mine.proposal.failure is None
        if other.estimated_cents < mine.estimated_cents:
            assert drift(account, other.proposal) >= drift(account, mine.proposal) - Fraction(1, 10**6)


@many
@given(accounts)
def test_without_limits_it_is_best_fit(account: Account) -> None:
    """Without a limit every trade is Best Fit's, unless Min Transaction is better in both or alone has the reserve."""
    account = _free_of_limits(account)
    found = booked([account])[0]
    if _said(found[TA].proposal) != _said(found[BF].proposal):
        assert _said(found[TA].proposal) == _said(found[MT].proposal)
        if found[BF].proposal.failure == "CASH_SHORTFALL":
            return
        assert found[MT].estimated_cents < found[BF].estimated_cents
        assert drift(account, found[MT].proposal) < drift(account, found[BF].proposal)


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.name)
@settings(deadline=None, max_examples=60)
@given(accounts, st.booleans())
def test_a_budget_of_what_best_fit_books_changes_nothing_and_a_cent_less_binds(
    method: LotMethod, account: Account, short: bool
) -> None:
    """What the proposer computes is to the cent what taxlot books: the budget binds from the first cent on."""
    account = picking(replace(_free_of_limits(account), taxable=True, lot_method=method))
    free = booked([account])[0][BF]
    counted = free.short_cents if short else free.total_cents
    if free.proposal.failure is not None or counted <= 0:
        return
    enough, less = _with_budget(account, short, counted), _with_budget(account, short, counted - 1)
    found, cut = (results[TA] for results in booked([enough, less]))
    assert not _is_limited(found.proposal)
    assert _is_limited(cut.proposal)
    figures = f"would count ${usd(free.short_cents)} short-term and ${usd(free.total_cents)} in all"
    assert figures in " ".join(filter(None, (cut.proposal.summary[text] for text in TEXTS)))


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.name)
@settings(deadline=None, max_examples=60)
@given(seeds, st.integers(1, 99))
def test_of_sleeves_that_sell_together_one_share_more_would_pass_the_budget(
    method: LotMethod, seed: int, percent: int
) -> None:
    """Sleeves that sell out together are cut pro rata; of the cut that is found one share more is too much.

    Nor is a larger cut allowed at which another lot would begin to leave: what lies behind losses is found too.
    """
    given = picking(replace(_sold_out(seed), lot_method=method))
    full = booked([given])[0][BF].total_cents
    if full <= 0:
        return
    budget = full * percent // 100
    found = booked([_with_budget(given, False, budget)])[0][TA]
    count = -found.proposal.orders.get("A", 0) // WHOLE
    assert found.total_cents <= budget
    assert _gain_of(given, count) == found.total_cents
    assert _gain_of(given, count + 1) > budget
    if method != LotMethod.SPECIFIC:
        assert all(point <= count or _gain_of(given, point) > budget for point in _breakpoints(given))


def _breakpoints(given: Account) -> list[int]:
    """Return the counts of shares at which, one after the other, the lots of each sleeve are gone."""
    held = {
        int(held_position.sleeve_id[1:]): held_position.quantity_micro // WHOLE for held_position in given.positions
    }
    gone, breakpoints = dict.fromkeys(held, 0), []
    for sold_slice in _sold(given, sum(held.values())):
        gone[sold_slice.sleeve] += sold_slice.units // WHOLE
        breakpoints.append(gone[sold_slice.sleeve] * sum(held.values()) // held[sold_slice.sleeve])
    return breakpoints


def _gain_of(given: Account, count: int) -> int:
    return sum(sold_slice.proceeds - (sold_slice.basis or 0) for sold_slice in _sold(given, count))


def _sold(given: Account, count: int) -> list[relief.Slice]:
    """Return the slices of so many shares sold together by all sleeves, by the plain model of lot relief."""
    held = {held_position.sleeve_id: held_position.quantity_micro // WHOLE for held_position in given.positions}
    shares = {sleeve: divmod(count * units, sum(held.values())) for sleeve, units in held.items()}
    left = count - sum(share for share, _ in shares.values())
    more = sorted(held, key=lambda sleeve: (-shares[sleeve][1], sleeve))[:left]
    sells = {int(sleeve[1:]): (share + (sleeve in more)) * WHOLE for sleeve, (share, _) in shares.items()}
    lots = [
        relief.Lot(
            held_lot.lot_id,
            _day(held_lot.acquired),
            held_lot.quantity_micro,
            held_lot.basis_cents,
            int(held_lot.sleeve_id[1:]),
        )
        for held_lot in lots_of(given)
    ]
    picks = {held_lot.lot_id: held_lot.picked_micro for held_lot in lots_of(given)}
    price = given.securities[0].price_micro or 0
    sale = relief.Sale(lots, sells, {}, int(given.lot_method), price, 0, TRADE_DAY, False, picks)
    return relieve(sale, lots)[0]


def _day(acquired: date | None) -> int | None:
    return None if acquired is None else (acquired - date(1970, 1, 1)).days


def _sold_out(seed: int) -> Account:
    """Return an account whose one security is sold out of two or three sleeves, each of lots in whole shares."""
    dice = random.Random(seed)
    price = dice.randint(1_000, 40_000)
    lots = [
        Lot("A", f"S{sleeve}", f"L{dice.randint(10, 99)}{sleeve}{number}",
            TRADE_DATE - timedelta(days=dice.randint(1, 900)), units * WHOLE,
            units * price * dice.choice((20, 60, 90, 110, 150)) // 100)
        for sleeve in range(dice.randint(2, 3))
        for number, units in enumerate(dice.choices(range(1, 60), k=dice.randint(1, 3)))
    ]  # fmt: skip
    held = {held_lot.sleeve_id: 0 for held_lot in lots}
    for held_lot in lots:
        held[held_lot.sleeve_id] += held_lot.quantity_micro
    return Account(
        [Security("A", price * 10_000)], [Position("A", sleeve, units, 0) for sleeve, units in held.items()],
        cash_target_ppb=10**9, liquidate=True, lots=lots, account_id=f"O-{seed}",
    )  # fmt: skip


@many
@given(accounts)
def test_an_account_that_is_not_taxable_has_no_limits(account: Account) -> None:
    """Limits of an account that is not taxable change nothing."""
    account = replace(account, taxable=False)
    with_limits, without = proposals([account, _free_of_limits(account)])
    assert _said(with_limits[TA]) == _said(without[TA])


@many
@given(st.integers(1, 400), st.integers(100, 90_000), st.integers(1, 2_000_000), st.integers(0, 500_000), st.booleans())
def test_of_one_lot_the_most_shares_are_sold_that_the_budget_allows(
    held: int, price_cents: int, basis_cents: int, budget_cents: int, is_long: bool
) -> None:
    """A full exit of one lot sells the most whole shares whose gain, rounded as booked, is within the budget."""
    acquired = TRADE_DATE - timedelta(days=400 if is_long else 30)
    given = Account(
        [Security("A", price_cents * 10_000)],
        [Position("A", "S1", held * WHOLE, 0)],
        cash_target_ppb=10**9,
        liquidate=True,
        lots=[Lot("A", "S1", "L1", acquired, held * WHOLE, basis_cents)],
    )
    gains = [count * price_cents - half_up(Fraction(basis_cents * count, held)) for count in range(held + 1)]
    most = max(count for count, gain in enumerate(gains) if gain <= budget_cents)
    found = booked([_with_budget(given, not is_long, budget_cents)])[0][TA]
    assert (found.proposal.orders.get("A", 0), found.estimated_cents) == (-most * WHOLE, gains[most])


def half_up(cents: Fraction) -> int:
    return (2 * cents.numerator + cents.denominator) // (2 * cents.denominator)


def _said(result: Proposal) -> tuple[object, ...]:
    said = {name: value for name, value in result.summary.items() if name not in ("logic", *TEXTS)}
    return said, result.trades, result.crossed, result.reasons, result.orders, result.order_reasons


def test_what_the_limits_hold_back_stands_with_the_trades_and_in_sentences() -> None:
    """10 of A would be sold at a gain of 20 each; 100 allow 5: 5 are held back, and 10 of B find no cash."""
    given = account(
        {"A": "100", "B": "50"},
        [position("A", "70", "60"), position("B", "56", "38")],
        lots=[lot("A", "70", "80"), lot("B", "56", "50")],
        cash="200",
        cash_target="2",
    )
    texts = {}
    for budget in ("100.00", "0.00"):
        found = proposals([replace(given, gain_budget_total_cents=scaled(budget, 2))])[0][TA]
        texts[budget] = found.summary["limit_text"], found.summary["no_trade_text"]
        held_back = [trade["held_back_micro"] for trade in found.rows["sleeve_trades"] if trade["logic"] == TA]
        assert held_back == ([5 * WHOLE, 10 * WHOLE] if budget == "100.00" else [])
        assert not any(trade["held_back_micro"] for trade in found.rows["sleeve_trades"] if trade["logic"] != TA)
    says = "do not allow all of Best Fit's sells, which would count $0.00 short-term and $200.00 in all against them; "
    assert texts["100.00"] == (
        f"The account's gain limits (at most $100.00 in all) {says}sells of $500.00 are held back.",
        None,
    )
    assert texts["0.00"] == (
        None,
        "Tax-aware trades nothing because there is no cash to buy with above the reserve and the cash the target keeps;"
        " and because gain limits do not allow what would be sold. The account's gain limits (at most $0.00 in all)"
        f" {says}sells of $1000.00 are held back.",
    )


def test_a_reserve_that_the_limits_do_not_allow_to_reach_fails_this_logic_alone() -> None:
    """Cash is 0 and 200 must stay: 2 of A would have to be sold, for a gain of 40."""
    limits = {"reserve": "200", "gain_budget_total": "39.99"}
    given = account({"A": "100"}, [position("A", "100", "100")], lots=[lot("A", "100", "80")], **limits)
    found = proposals([given, replace(given, gain_budget_total_cents=4_000)])
    assert [found[0][logic].failure for logic in (BF, MT, TA)] == [None, None, "CASH_SHORTFALL"]
    assert found[0][TA].summary["failure_text"] == (
        "account A-1: the sells that its gain limits allow bring cash to $100.00 only, below the reserve of $200.00."
        " The account's gain limits (at most $39.99 in all) do not allow all of Best Fit's sells, which would count"
        " $0.00 short-term and $40.00 in all against them; sells of $100.00 are held back."
    )
    assert [result.failure for result in found[1].values()] == [None, None, None]


def test_lots_that_do_not_suffice_fail_only_what_needs_them() -> None:
    """10 of 70 units would be sold, of 5 in lots: with a limit nothing can be shown, without one it trades."""
    given = account(
        {"A": "100", "B": "50"}, [position("A", "70", "60"), position("B", "56", "38")], lots=[lot("A", "5", "80")],
        cash="200", cash_target="2",
    )  # fmt: skip
    free, limited = proposals([given, replace(given, gain_budget_total_cents=0)])
    assert (free[TA].failure, free[TA].trades) == (None, free[BF].trades)
    assert (limited[BF].failure, limited[TA].failure) == (None, "LOTS_DO_NOT_FIT")
    assert "its gain limits cannot be kept" in limited[TA].summary["failure_text"]
