"""The custodian's fills: by hand, and conservation of units, basis and cash over generated accounts."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy.custodian.fills import Account, Lot, new_lot_id, settle, swept, value_cents
from deploy.custodian.reports import reports_of
from deploy.sample.beside import SWEEP
from shared.contracts.events import OrdersReleased
from shared.fixed_point.text import text_of

pytestmark = pytest.mark.fast
DAY = date(2026, 3, 2)
BOUGHT = date(2020, 5, 4)


def a_lot(lot_id: str, units: int, basis_cents: int | None, sleeve: str = "APM", security: str = "AAPL") -> Lot:
    return Lot(security, lot_id, sleeve, BOUGHT, units * 10**6, basis_cents, covered=True)


def an_account(*lots: Lot, cash_cents: int = 100_000) -> Account:
    return Account({(lot.lot_id, lot.sleeve_id): lot for lot in lots}, cash_cents)


def released(**changes: list[dict[str, str]]) -> OrdersReleased:
    """Released orders of one account; what is not named is empty."""
    body = {
        "account_id": "A1", "enterprise_id": "E1", "advisor_id": "D1", "custodian": "SCHW", "account_number": "01",
        "batch_id": 1, "version": 1, "trade_date": "2026-03-02",
        "orders": [], "allocations": [], "lots": [], "transfers": [],
    }  # fmt: skip
    return OrdersReleased.model_validate(body | changes)


def an_order(side: str, quantity: str, security: str = "AAPL") -> dict[str, str]:
    name = {"order_id": f"{side}-{security}", "security_id": security, "side": side}
    return name | {"quantity": quantity, "reference_price": "1"}


def a_pick(lot: str, quantity: str, sleeve: str = "APM", security: str = "AAPL") -> dict[str, str]:
    return {"order_id": f"SELL-{security}", "lot_id": lot, "sleeve_id": sleeve, "quantity": quantity}


def a_transfer(lot: str, quantity: str, to: str = "CORE", security: str = "AAPL") -> dict[str, str]:
    return {"security_id": security, "from_sleeve_id": "APM", "to_sleeve_id": to, "lot_id": lot, "quantity": quantity}


def a_share(sleeve: str, quantity: str, security: str = "AAPL") -> dict[str, str]:
    return {"sleeve_id": sleeve, "security_id": security, "quantity": quantity}


def test_a_sell_relieves_exactly_the_instructed_lots_and_brings_its_proceeds() -> None:
    before = an_account(a_lot("L1", 10, 1_000), a_lot("L2", 10, 2_500), a_lot("L3", 5, None))
    orders = released(orders=[an_order("SELL", "13")], lots=[a_pick("L2", "10"), a_pick("L3", "3")])
    done = settle(before, orders, {"AAPL": 12_345_678}, DAY)
    assert done.account.lots == {("L1", "APM"): a_lot("L1", 10, 1_000), ("L3", "APM"): a_lot("L3", 2, None)}
    assert done.account.cash_cents == 100_000 + 16_049  # 13 x 12.345678 = 160.493814
    assert (done.filled, done.refused) == (1, ())


def test_a_partial_sell_leaves_the_rest_of_the_basis_to_the_cent() -> None:
    orders = released(orders=[an_order("SELL", "1")], lots=[a_pick("L1", "1")])
    done = settle(an_account(a_lot("L1", 3, 1_000)), orders, {"AAPL": 10**6}, DAY)
    assert done.account.lots["L1", "APM"].basis_cents == 667  # 1000 - 333


def test_a_transfer_keeps_dates_and_basis_and_joins_the_same_lot_in_the_other_sleeve() -> None:
    before = an_account(a_lot("L1", 30, 3_001), a_lot("L1", 5, 500, "CORE"))
    done = settle(before, released(transfers=[a_transfer("L1", "10")]), {}, DAY)
    assert done.account.lots == {("L1", "APM"): a_lot("L1", 20, 2_001), ("L1", "CORE"): a_lot("L1", 15, 1_500, "CORE")}
    assert done.account.cash_cents == before.cash_cents
    assert done.moved == 1


def test_a_lot_of_unknown_basis_stays_unknown_when_it_moves() -> None:
    done = settle(an_account(a_lot("L1", 30, None)), released(transfers=[a_transfer("L1", "10")]), {}, DAY)
    assert {lot.basis_cents for lot in done.account.lots.values()} == {None}


def test_a_buy_makes_one_lot_over_sleeves_whose_costs_add_up() -> None:
    orders = released(
        orders=[an_order("BUY", "0.000007", "VLUE")],
        allocations=[a_share("APM", "0.000003", "VLUE"), a_share("CORE", "0.000004", "VLUE")],
    )
    done = settle(an_account(), orders, {"VLUE": 5_000_000_000}, DAY)
    lot_id = new_lot_id("BUY-VLUE")
    costs = {sleeve: lot.basis_cents for (_, sleeve), lot in done.account.lots.items()}
    assert set(done.account.lots) == {(lot_id, "APM"), (lot_id, "CORE")}
    assert costs == {"APM": 2, "CORE": 2}  # 1.5 cents, then 3.5 cents in all, each rounded half up
    assert done.account.cash_cents == 100_000 - 4
    assert {lot.acquired for lot in done.account.lots.values()} == {DAY}


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"orders": [an_order("SELL", "5")], "lots": [a_pick("L1", "4")]}, "lot instructions"),
        ({"orders": [an_order("SELL", "11")], "lots": [a_pick("L1", "11")]}, "holds 10000000"),
        ({"orders": [an_order("SELL", "1")], "lots": [a_pick("NO", "1")]}, "no lot NO"),
        ({"orders": [an_order("SELL", "12")], "lots": [a_pick("L1", "6"), a_pick("L1", "6")]}, "holds 4000000"),
        ({"orders": [an_order("SELL", "1", "KO")], "lots": [a_pick("L1", "1", security="KO")]}, "no closing price"),
        ({"orders": [an_order("BUY", "5")], "allocations": [a_share("APM", "4")]}, "sleeve allocations"),
        ({"transfers": [a_transfer("L1", "1", to="APM")]}, "the same"),
    ],
)  # fmt: skip
def test_what_cannot_be_carried_out_is_refused_whole_and_changes_nothing(
    changes: dict[str, list[dict[str, str]]], says: str
) -> None:
    before = an_account(a_lot("L1", 10, 1_000))
    done = settle(before, released(**changes), {"AAPL": 10**6}, DAY)
    assert done.account == before
    assert says in done.refused[0]
    named = [order["order_id"] for order in changes.get("orders", [])]
    assert sorted(done.rejected) == named
    reports = list(reports_of(released(**changes), done.rejected, {}, DAY))
    assert [(report.order_id, report.status, report.quantity) for report in reports] == [
        (order_id, "REJECTED", "0") for order_id in named
    ]
    assert all(says in str(report.reason) for report in reports)


def test_a_good_order_beside_a_refused_one_is_filled() -> None:
    orders = released(
        orders=[an_order("SELL", "99"), an_order("BUY", "2", "KO")],
        lots=[a_pick("L1", "99")],
        allocations=[a_share("CORE", "2", "KO")],
    )
    done = settle(an_account(a_lot("L1", 10, 1_000)), orders, {"AAPL": 10**6, "KO": 10**6}, DAY)
    assert (done.filled, len(done.refused), done.account.cash_cents) == (1, 1, 99_800)


@st.composite
def settlements(draw: st.DrawFn) -> tuple[Account, OrdersReleased, int]:
    """An account with lots of one security, a sell and transfers within what it holds, and a buy of another."""
    sizes = draw(st.lists(st.integers(2, 10**9), min_size=1, max_size=6))
    lots = [
        Lot("AAPL", f"L{i}", "APM", BOUGHT, size, draw(st.none() | st.integers(0, 10**9)), covered=True)
        for i, size in enumerate(sizes)
    ]
    sold = [draw(st.integers(0, size)) for size in sizes]
    moved = [draw(st.integers(0, size - cut)) for size, cut in zip(sizes, sold, strict=True)]
    shares = draw(st.lists(st.integers(1, 10**9), min_size=1, max_size=3))
    picks = [a_pick(f"L{i}", text_of(units, 6)) for i, units in enumerate(sold) if units]
    orders = [an_order("BUY", text_of(sum(shares), 6), "KO")]
    if picks:
        orders.append(an_order("SELL", text_of(sum(sold), 6)))
    body = released(
        orders=orders,
        lots=picks,
        allocations=[a_share(f"S{i}", text_of(units, 6), "KO") for i, units in enumerate(shares)],
        transfers=[a_transfer(f"L{i}", text_of(units, 6)) for i, units in enumerate(moved) if units],
    )
    return an_account(*lots, cash_cents=draw(st.integers(-(10**6), 10**12))), body, sum(sold)


@given(settlements(), st.integers(1, 10**10), st.integers(1, 10**10))
def test_units_and_cash_are_conserved(case: tuple[Account, OrdersReleased, int], price: int, other: int) -> None:
    """Units before, less sold, plus bought are the units after; cash changes by proceeds less cost and nothing else."""
    before, orders, sold = case
    done = settle(before, orders, {"AAPL": price, "KO": other}, DAY)
    assert done.refused == ()
    held = sum(lot.quantity_micro for lot in before.lots.values())
    after = [lot for lot in done.account.lots.values() if lot.security_id == "AAPL"]
    bought = [lot for lot in done.account.lots.values() if lot.security_id == "KO"]
    assert sum(lot.quantity_micro for lot in after) == held - sold
    assert all(lot.quantity_micro > 0 for lot in done.account.lots.values())
    cost = value_cents(sum(lot.quantity_micro for lot in bought), other)
    assert sum(lot.basis_cents or 0 for lot in bought) == cost
    assert done.account.cash_cents == before.cash_cents + value_cents(sold, price) - cost


@given(settlements())
def test_transfers_conserve_the_basis_of_every_lot(case: tuple[Account, OrdersReleased, int]) -> None:
    """Without sells, the parts of a lot have together the lot's basis to the cent, or both none."""
    before, orders, _ = case
    only_moves = released(transfers=[transfer.model_dump() for transfer in orders.transfers])
    after = settle(before, only_moves, {}, DAY).account
    for (lot_id, _), lot in before.lots.items():
        bases = [part.basis_cents for (name, _), part in after.lots.items() if name == lot_id]
        if lot.basis_cents is None:
            assert bases == [None] * len(bases)
        else:
            assert sum(part for part in bases if part is not None) == lot.basis_cents


@pytest.mark.parametrize(
    ("cash_cents", "swept_cents", "left_cents"),
    [(0, 50_000, 0), (12_345, 62_345, 0), (-49_999, 1, 0), (-50_000, None, 0), (-60_000, None, -10_000)],
)
def test_a_sweep_fund_takes_all_cash_and_pays_what_is_lacking(
    cash_cents: int, swept_cents: int | None, left_cents: int
) -> None:
    """500 units of $1; what the fund cannot pay stays below zero."""
    after = swept(an_account(a_lot("L1", 10, 1_000), a_lot("S", 500, 50_000, security=SWEEP), cash_cents=cash_cents))
    fund = after.lots.get(("S", "APM"))
    assert after.cash_cents == left_cents
    assert (fund and (fund.quantity_micro, fund.basis_cents)) == (
        None if swept_cents is None else (swept_cents * 10_000, swept_cents)
    )
    assert after.lots["L1", "APM"] == a_lot("L1", 10, 1_000)


def test_without_a_sweep_fund_cash_stays() -> None:
    assert swept(an_account(a_lot("L1", 10, 1_000))) == an_account(a_lot("L1", 10, 1_000))
