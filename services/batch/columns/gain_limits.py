"""By how much the proposals of accounts exceed their gain limits, under every logic.

Only the tax-aware logic keeps the limits; the others are measured against them, in the same way: what is not known
counts at its worst, so a slice of unknown basis as gain = proceeds, a gain of unknown term as short-term, a loss of
unknown term in the total only.  Accounts that are not taxable have no limits.  Source: product 4, "Tax-aware".
"""

from typing import Any, Final, NamedTuple

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc

from shared.columnar import Ints, children
from shared.contracts.codes import Term

LIMITS: Final = ("gain_budget_short_cents", "gain_budget_total_cents", "no_short_term_gains")
NAMES: Final = ("SHORT_TERM", "TOTAL", "NO_SHORT_TERM")
_NO_LIMIT: Final = 2**63 - 1


class Excesses(NamedTuple):
    """One element per account and logic. cents: the largest excess over a limit, 0 within them.

    documents: by account, JSON or null: by logic, what is exceeded as [name of the limit, limit, what counts] in cents.
    """

    cents: Any
    documents: Any


def excesses_of(rows: pa.RecordBatch, first: Ints) -> Excesses:
    """Return the excesses of RESULT rows.  first: where the elements of each account begin, one per logic."""
    short, total, barred = _counted(rows, first)
    owner = np.repeat(np.arange(rows.num_rows), np.diff(first))
    taxable = rows.column("taxable").to_numpy(zero_copy_only=False)[owner]
    budgets = [_budget(rows, name)[owner] for name in LIMITS[:2]]
    bar = np.where(rows.column(LIMITS[2]).to_numpy(zero_copy_only=False)[owner], 0, _NO_LIMIT)
    limits, counted = np.stack([*budgets, bar]), np.stack([short, total, barred])
    is_over = taxable & (counted > limits)
    excess = np.where(is_over, counted - np.where(is_over, limits, 0), 0)
    return Excesses(pa.array(excess.max(axis=0, initial=0)), _documents(first, is_over, limits, counted))


def _budget(rows: pa.RecordBatch, name: str) -> Ints:
    return rows.column(name).fill_null(_NO_LIMIT).to_numpy().astype(np.int64)


def _counted(rows: pa.RecordBatch, first: Ints) -> tuple[Ints, Ints, Ints]:
    """Return the cents that count against the short-term budget, the total budget and the bar on short-term gains."""
    slices, owner = children(rows.column("slices"))
    logic = slices.field("logic").to_numpy().astype(np.int64)
    known = np.flatnonzero(logic < np.diff(first)[owner])
    slices, element = slices.take(pa.array(known)), (first[owner] + logic)[known]
    has_basis = pc.is_valid(slices.field("gain_cents")).to_numpy(zero_copy_only=False)
    proceeds = slices.field("proceeds_cents").to_numpy()
    gain = np.where(has_basis, slices.field("gain_cents").fill_null(0).to_numpy(), proceeds)
    term = slices.field("term").to_numpy()
    is_short = (term == Term.SHORT) | ((term != Term.LONG) & (gain > 0))
    barred = np.where(term == Term.LONG, 0, np.maximum(gain, np.where(has_basis, 0, 1)))

    def summed(cents: Ints) -> Ints:
        sums = np.zeros(int(first[-1]), np.int64)
        np.add.at(sums, element, cents)
        return sums

    return summed(np.where(is_short, gain, 0)), summed(gain), summed(barred)


def _documents(first: Ints, is_over: Any, limits: Ints, counted: Ints) -> Any:
    """Return the JSON of each account with an excess; few have any."""
    over = np.flatnonzero(is_over.any(axis=0))
    accounts = np.unique(np.searchsorted(first, over, side="right") - 1)
    documents: list[str | None] = [None] * (len(first) - 1)
    for account in accounts.tolist():
        by_logic = [
            [
                [name, int(limits[index, element]), int(counted[index, element])]
                for index, name in enumerate(NAMES)
                if is_over[index, element]
            ]
            for element in range(first[account], first[account + 1])
        ]
        documents[account] = orjson.dumps(by_logic).decode()
    return pa.array(documents, pa.string())
