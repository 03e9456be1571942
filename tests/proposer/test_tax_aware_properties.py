"""What holds for every tax-aware proposal: gains as taxlot books them keep the limits, and no other logic beats it."""

from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.contracts.codes import LotMethod
from shared.fixed_point.text import usd
from tests.proposer.builders import BF, MT, TA, Account
from tests.proposer.harness import Proposal, after, booked, proposals
from tests.proposer.model_account import Book
from tests.proposer.strategies import picking, taxed_accounts

pytestmark = pytest.mark.fast

METHODS = list(LotMethod)
TEXTS = ("limit_text", "no_trade_text", "failure_text")
many = settings(deadline=None, max_examples=200)


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
@given(taxed_accounts)
def test_the_limits_are_kept_as_taxlot_books(account: Account) -> None:
    """Booked gains never pass the budgets, and where short-term gains are not allowed no slice has any."""
    found = booked([account])[0][TA]
    if found.proposal.failure is None:
        assert found.keeps_limits_of(account)


@many
@given(taxed_accounts)
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
@given(taxed_accounts)
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
@given(taxed_accounts, st.booleans())
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


@many
@given(taxed_accounts)
def test_an_account_that_is_not_taxable_has_no_limits(account: Account) -> None:
    """Limits of an account that is not taxable change nothing."""
    account = replace(account, taxable=False)
    with_limits, without = proposals([account, _free_of_limits(account)])
    assert _said(with_limits[TA]) == _said(without[TA])


def _said(result: Proposal) -> tuple[object, ...]:
    said = {name: value for name, value in result.summary.items() if name not in ("logic", *TEXTS)}
    return said, result.trades, result.crossed, result.reasons, result.orders, result.order_reasons
