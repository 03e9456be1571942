"""Sums of market orders by security, and the drift that trades leave, from result chunks; no database."""

from collections import Counter
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.batch.columns.drift import drift_left
from services.batch.columns.market_orders import market_orders, sums_of
from services.batch.domain.drift import DriftSums
from services.batch.domain.market_orders import SecuritySums, SideSums, TradeSums, batch_sums
from services.batch.views.proposals import drift_of
from shared.contracts import chunks, codec
from shared.fixed_point.limits import MAX_QUANTITY_MICRO, MAX_VALUE_CENTS
from shared.fixed_point.text import scaled
from tests.batch import build

pytestmark = pytest.mark.fast

NAMES = ("AAA", "BBB")
Order = tuple[int, int, int, int]  # logic, security, signed micro, cents


def _order(logic: int, security: int, micro: int, cents: int) -> dict[str, Any]:
    return {
        "logic": logic, "security": security, "quantity_micro": micro, "price_micro": 100_000_000,
        "value_cents": cents, "reason": 2,
    }  # fmt: skip


def _content(accounts: list[dict[str, Any]]) -> bytes:
    requests = [
        {"account_id": f"A{index}", "enterprise_id": "E1", "advisor_id": "D1", "epoch": 0, "liquidate": False}
        for index in range(len(accounts))
    ]
    rows = [build.a_result(request, **values) for request, values in zip(requests, accounts, strict=True)]
    return build.results(rows, 1).value


def _members(rows: list[int]) -> Any:
    return [SimpleNamespace(row_no=row) for row in rows]


ORDERS = st.lists(
    st.builds(
        lambda logic, security, buys, micro, cents: (logic, security, micro if buys else -micro, cents),
        st.integers(0, 2),
        st.integers(0, 1),
        st.booleans(),
        st.integers(1, MAX_QUANTITY_MICRO),
        st.integers(0, MAX_VALUE_CENTS),
    ),
    max_size=6,
    unique_by=lambda order: (order[0], order[1]),  # one order of an account, logic and security
)


@settings(deadline=None)
@given(st.lists(st.tuples(ORDERS, st.booleans(), st.booleans()), min_size=1, max_size=6), st.integers(0, 2))
def test_sums_are_those_of_the_orders_whatever_their_size(
    accounts: list[tuple[list[Order], bool, bool]], logic: int
) -> None:
    """Of each account: orders, whether it still counts in the batch, and whether a filter leaves it."""
    content = _content([{"orders": [_order(*order) for order in orders]} for orders, _, _ in accounts])
    rows = [row for row, (_, counts, _) in enumerate(accounts) if counts]
    is_filtered = np.array([accounts[row][2] for row in rows], np.int64)
    found: Counter[tuple[str, bool, str, str]] = Counter()
    for name, of_filter, sums in sums_of(market_orders(content, _members(rows), logic), is_filtered):
        for side, of_side in (("buy", sums.buys), ("sell", sums.sells)):
            found += Counter(
                {(name, of_filter, side, what): getattr(of_side, what) for what in ("micro", "cents", "accounts")}
            )
    wanted: Counter[tuple[str, bool, str, str]] = Counter()
    for row in rows:
        for of_logic, security, micro, cents in accounts[row][0]:
            if of_logic == logic:
                key = NAMES[security], accounts[row][2], "buy" if micro > 0 else "sell"
                wanted += Counter({(*key, "micro"): abs(micro), (*key, "cents"): cents, (*key, "accounts"): 1})
    assert found == wanted


def test_sums_beyond_64_bits_stay_exact() -> None:
    many = 10_000
    largest = {"orders": [_order(0, 0, MAX_QUANTITY_MICRO, MAX_VALUE_CENTS)]}
    orders = market_orders(_content([largest]), _members([0] * many), 0)
    ((_, _, sums),) = sums_of(orders, np.ones(many, np.int64))
    assert sums.buys == SideSums(many * MAX_QUANTITY_MICRO, many * MAX_VALUE_CENTS, many)
    assert sums.buys.micro > 2**63


def test_securities_stand_by_value_and_those_that_the_filter_leaves_out_count_in_all_only() -> None:
    bought, sold = TradeSums(buys=SideSums(5, 700, 1)), TradeSums(sells=SideSums(3, 900, 2))
    found = batch_sums(
        [
            SecuritySums("C", TradeSums(), sold),
            SecuritySums("B", bought, bought + sold),
            SecuritySums("A", bought, bought),
            SecuritySums("D", sold, sold),
        ]
    )
    assert [each.security_id for each in found.rows] == ["D", "A", "B"]
    assert (found.filtered, found.securities) == (bought + bought + sold, 4)
    assert found.all == bought + bought + sold + sold + sold


POSITION = st.tuples(st.integers(0, 10**9), st.integers(0, 10**8), st.integers(-(10**9) + 1, 10**9 - 1))


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(
            st.lists(POSITION, min_size=3, max_size=3),
            st.lists(st.integers(-(10**8), 10**8), min_size=3, max_size=3),
            st.integers(0, 10**9),
            st.booleans(),
        ),
        min_size=1,
        max_size=4,
    )
)
def test_drift_left_of_one_account_is_what_its_page_shows_and_sums_are_exact(accounts: list[Any]) -> None:
    """Of each account: positions, what each trades, V in cents, and whether a substitute takes over a target."""
    made = []
    for positions, traded, value, has_substitute in accounts:
        result = build.a_result(
            {"account_id": "A", "enterprise_id": "E1", "advisor_id": "D1", "epoch": 0, "liquidate": False}
        )
        made.append(
            {
                "positions": [
                    position | {"quantity_micro": quantity, "target_ppb": target, "target_rest_edge": rest}
                    for position, (quantity, target, rest) in zip(result["positions"], positions, strict=True)
                ],
                "securities": [
                    security | {"substitute": 1 if has_substitute and index == 0 else -1}
                    for index, security in enumerate(result["securities"])
                ],
                "sleeve_trades": [
                    result["sleeve_trades"][0] | {"position": index, "quantity_micro": quantity}
                    for index, quantity in enumerate(traded)
                    if quantity
                ],
                "proposals": [result["proposals"][0] | {"value_cents": value}],
            }
        )
    content = _content(made)
    total = DriftSums()
    for row, values in enumerate(codec.decode_kept(content, chunks.RESULT)[0].to_pylist()):
        alone = drift_left(content, _members([row]))[0]
        (proposal,) = values["proposals"]
        shown = drift_of(values, values["sleeve_trades"], proposal["value_cents"])
        assert (alone.accounts == 1) == (shown is not None)
        if shown is not None and alone.ppb is not None:
            assert alone.ppb == scaled(shown, 9)
        total = total + alone
    assert drift_left(content, _members(list(range(len(made)))))[0] == total


def test_a_logic_that_could_not_propose_leaves_no_known_drift() -> None:
    result = build.a_result(
        {"account_id": "A", "enterprise_id": "E1", "advisor_id": "D1", "epoch": 0, "liquidate": False}
    )
    refused = result["proposals"][1] | {"failure_code": "CASH_SHORTFALL", "failure_text": "Too little cash."}
    found = drift_left(_content([{"proposals": [result["proposals"][0], refused]}]), _members([0]))
    assert (found[0].accounts, found[1]) == (1, DriftSums())
    assert (DriftSums().ppb, DriftSums().cents) == (None, 0)
