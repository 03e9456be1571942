"""Gain limits: what of each logic's slices counts against them, and by how much they are exceeded."""

from collections.abc import Iterable
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.batch.columns.gain_limits import NAMES, excesses_of
from services.batch.columns.results import columns_of
from services.batch.views.sentences import over_budget
from shared.contracts import chunks
from shared.contracts.api_batches import ExceededLimit
from shared.contracts.codes import Term
from tests.batch import build

pytestmark = pytest.mark.fast

REQUESTED = {"account_id": "A1", "enterprise_id": "E1", "advisor_id": "D1", "epoch": 0, "liquidate": False}
SHORT, LONG, UNKNOWN = (int(term) for term in Term)


def a_slice(logic: int, term: int, gain: int | None, proceeds: int = 100_000) -> dict[str, Any]:
    """A slice with gain and proceeds in cents; no gain: its basis is not known."""
    basis = None if gain is None else proceeds - gain
    known = {"term": term, "gain_cents": gain, "proceeds_cents": proceeds, "basis_cents": basis}
    return {**build.a_result(REQUESTED)["slices"][0], "logic": logic, **known}


def excess(*slices: dict[str, Any], **limits: Any) -> list[int]:
    """Return what an account's two logics are over its limits, in cents."""
    row = build.a_result(REQUESTED, **({"gain_budget_total_cents": None} | limits), slices=list(slices))
    rows = pa.RecordBatch.from_pylist([row], schema=chunks.RESULT)
    return list(excesses_of(rows, np.array([0, 2])).cents.to_pylist())


@pytest.mark.parametrize(
    ("limits", "slices", "over"),
    [
        ({}, [(SHORT, 525_600)], 0),  # no limit
        ({"gain_budget_total_cents": 218_900}, [(LONG, 525_600)], 306_700),
        ({"gain_budget_total_cents": 525_600}, [(LONG, 525_600)], 0),  # the limit itself is kept
        ({"gain_budget_total_cents": 525_599}, [(LONG, 525_600)], 1),
        ({"gain_budget_total_cents": 0}, [(LONG, 50_000), (SHORT, -20_000)], 30_000),  # losses are set off
        ({"gain_budget_short_cents": 0}, [(LONG, 50_000)], 0),  # long-term gains are free
        ({"gain_budget_short_cents": 10_000}, [(SHORT, 30_000), (SHORT, -5_000)], 15_000),
        ({"gain_budget_short_cents": 0}, [(UNKNOWN, 700)], 700),  # may be short-term
        ({"gain_budget_short_cents": 0}, [(SHORT, 700), (UNKNOWN, -700)], 700),  # may be a long-term loss
        ({"gain_budget_total_cents": 0}, [(LONG, None)], 100_000),  # all of it may be gain
        ({"no_short_term_gains": True}, [(SHORT, 700), (SHORT, -900)], 700),  # losses do not make up for a gain
        ({"no_short_term_gains": True}, [(SHORT, -900), (LONG, 900)], 0),
        ({"no_short_term_gains": True, "gain_budget_total_cents": 100}, [(SHORT, 700)], 700),  # the largest
        ({"gain_budget_total_cents": 0, "taxable": False}, [(SHORT, 700)], 0),
    ],
)
def test_gains_are_compared_with_the_limits_of_the_account(
    limits: dict[str, Any], slices: list[tuple[int, int | None]], over: int
) -> None:
    assert excess(*[a_slice(1, term, gain) for term, gain in slices], **limits) == [0, over]
    assert excess(*[a_slice(0, term, gain) for term, gain in slices], **limits) == [over, 0]


def test_no_basis_and_no_proceeds_still_break_the_bar_on_short_term_gains() -> None:
    assert excess(a_slice(0, SHORT, None, 0), no_short_term_gains=True) == [1, 0]


def test_a_result_says_which_limits_each_logic_exceeds() -> None:
    """Best Fit realises $100.00 long-term in one account with a total budget of $0.00; the other has none."""
    rows = [build.a_result(REQUESTED), build.a_failure(REQUESTED), build.a_result(REQUESTED, taxable=False)]
    found = columns_of(pa.RecordBatch.from_pylist(rows, schema=chunks.RESULT), 0)
    assert found.figures["over_budget_cents"].to_pylist() == ["{10000,5000}", "{}", "{0,0}"]
    first, *others = found.gain_excesses.to_pylist()
    assert orjson.loads(first) == [[["TOTAL", 0, 10_000]], [["TOTAL", 0, 5_000]]]
    assert others == [None, None]


@pytest.mark.parametrize(
    ("limit", "sentence"),
    [
        ("SHORT_TERM", "It realises short-term gains of $5,256.00, $3,067.00 more than the account's short-term gain"
                       " budget of $2,189.00."),
        ("TOTAL", "It realises gains of $5,256.00, $3,067.00 more than the account's total gain budget of $2,189.00."),
        ("NO_SHORT_TERM", "It realises short-term gains of $5,256.00, and the account allows none."),
    ],
)  # fmt: skip
def test_the_sentence_has_both_figures_and_says_when_something_is_not_known(
    limit: ExceededLimit, sentence: str
) -> None:
    assert over_budget(limit, 218_900, 525_600, has_unknowns=False) == sentence
    worst = f"{sentence} What is not known of them counts at its worst."
    assert over_budget(limit, 218_900, 525_600, has_unknowns=True) == worst


CENTS = st.integers(-(10**9), 10**9)
SLICES = st.lists(
    st.tuples(st.integers(0, 1), st.sampled_from([SHORT, LONG, UNKNOWN]), st.none() | CENTS, st.integers(0, 10**9))
)
LIMITS = st.fixed_dictionaries(
    {
        "taxable": st.booleans(),
        "gain_budget_short_cents": st.none() | st.integers(0, 10**9),
        "gain_budget_total_cents": st.none() | st.integers(0, 10**9),
        "no_short_term_gains": st.booleans(),
    }
)
ACCOUNTS = st.lists(st.tuples(LIMITS, SLICES), min_size=1, max_size=4)


@given(ACCOUNTS)
def test_many_accounts_agree_with_the_rule_read_slice_by_slice(accounts: list[tuple[dict[str, Any], Any]]) -> None:
    rows = [
        build.a_result(REQUESTED, **limits, slices=[a_slice(*slice_) for slice_ in slices])
        for limits, slices in accounts
    ]
    batch = pa.RecordBatch.from_pylist(rows, schema=chunks.RESULT)
    found = excesses_of(batch, np.arange(0, 2 * len(rows) + 1, 2))
    wanted = [_plain(limits, [piece for piece in slices if piece[0] == logic])
              for limits, slices in accounts for logic in (0, 1)]  # fmt: skip
    assert found.cents.to_pylist() == [max((gains - limit for _, limit, gains in over), default=0) for over in wanted]
    documents = [orjson.loads(text) if text else [[], []] for text in found.documents.to_pylist()]
    assert [over for by_logic in documents for over in by_logic] == wanted


def _plain(limits: dict[str, Any], slices: Iterable[tuple[int, int, int | None, int]]) -> list[list[Any]]:
    short = total = barred = 0
    for _, term, gain, proceeds in slices:
        worst = proceeds if gain is None else gain
        total += worst
        short += worst if term == SHORT or (term == UNKNOWN and worst > 0) else 0
        barred += 0 if term == LONG else max(worst, 1 if gain is None else 0)
    bar = 0 if limits["no_short_term_gains"] else None
    pairs = zip(NAMES, (limits["gain_budget_short_cents"], limits["gain_budget_total_cents"], bar), strict=True)
    over = [
        [name, limit, gains]
        for (name, limit), gains in zip(pairs, (short, total, barred), strict=True)
        if limit is not None and gains > limit
    ]
    return over if limits["taxable"] else []
