"""Why accounts are held: code and sentence of every held account of a chunk.  Source: product 3."""

from collections.abc import Mapping

import numpy as np

from services.analyzer.columns.evaluation import Context, Measurement
from services.analyzer.domain import eligibility, kernel, messages
from services.analyzer.domain.account import BAD_SETTINGS
from services.analyzer.store.facts import AccountRows
from shared.contracts.codes import FlagState


def holds(
    rows: AccountRows,
    context: Context,
    measured: Measurement,
    portfolio_ids: Mapping[int, str],
    security_ids: Mapping[int, str],
) -> tuple[list[str | None], list[str | None]]:
    """Return code and sentence of every held account, None of the others.

    portfolio_ids, security_ids: ids of the numbers that `named` returns.
    """
    out, portfolios, prices = measured.out, rows.ints("a.portfolio_no"), context.prices
    codes: list[str | None] = [None] * len(rows)
    texts: list[str | None] = [None] * len(rows)
    for row in np.flatnonzero(out.state == FlagState.HELD).tolist():
        hold = int(out[row].hold)
        if hold == kernel.H_NONE:
            codes[row], texts[row] = ineligible_hold(rows, row)
        elif hold == kernel.H_TARGET:
            number = int(portfolios[row])
            stored = context.targets.get(number)
            problem = None if stored is None else stored.problem
            codes[row], texts[row] = messages.target_hold(portfolio_ids[number], problem)
        else:
            security = security_ids.get(int(out[row].hold_security))
            codes[row], texts[row] = messages.hold(hold, security, prices.price_set, prices.as_of)
    return codes, texts


def named(rows: AccountRows, measured: Measurement) -> tuple[set[int], set[int]]:
    """Return the numbers of the portfolios and securities that the sentences of `holds` name."""
    out = measured.out
    portfolios = rows.ints("a.portfolio_no")[out.hold == kernel.H_TARGET]
    securities = out.hold_security
    return {int(number) for number in portfolios}, {int(number) for number in securities[securities >= 0]}


def ineligible_hold(rows: AccountRows, row: int) -> tuple[str, str]:
    """Return code and sentence of an account that is held before its numbers are read."""
    hold_code = rows.text("a.hold_code", row)
    if hold_code:
        return hold_code, rows.text("a.hold_text", row)
    problem = rows.text("a.settings_problem", row)
    if problem:
        return BAD_SETTINGS, problem
    if rows.is_null("a.holdings")[row]:
        return messages.no_holdings()
    settle_date = eligibility.day_of(int(rows.days("a.settle_date")[row]))
    return messages.settling_overdue(settle_date, eligibility.SETTLING_SESSIONS)
