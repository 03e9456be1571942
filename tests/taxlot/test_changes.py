"""Changes beyond a limit without trades of ours are reported, or hold the account until its next file."""

from datetime import date

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.taxlot.domain.plausible import ChangeLimit, beyond_limit
from services.taxlot.intake.load import connected
from shared.contracts.codes import HoldingRole
from tests.taxlot.files import File, cash, lot
from tests.taxlot.harness import Book

REPORT, HOLD = ChangeLimit(50), ChangeLimit(50, holds=True)
FIRST, SECOND, THIRD = "2026-06-09", "2026-06-10", "2026-06-11"


@pytest.mark.fast
@given(st.integers(-(10**17), 10**17), st.integers(-(10**17), 10**17), st.integers(1, 100))
def test_beyond_is_exact(before: int, after: int, percent: int) -> None:
    expected = abs(after - before) * 100 > percent * max(abs(before), abs(after))
    assert beyond_limit(np.array([before]), np.array([after]), percent).tolist() == [expected]


def notes(book: Book) -> list[tuple[str, str, str]]:
    return [
        tuple(row)
        for row in book.rows(
            "SELECT severity, account_number, text FROM file_problem WHERE code = 'LARGE_CHANGE' ORDER BY 2, 3"
        )
    ]


def days(book: Book, limit: ChangeLimit, *files: list[str]) -> None:
    """Load one file after another, on consecutive days."""
    for day, records in zip((FIRST, SECOND, THIRD), files, strict=False):
        assert book.load(File(records, day=day), change_limit=limit).status == "LOADED"


@pytest.mark.integration
@pytest.mark.parametrize(
    ("before", "after", "says"),
    [
        pytest.param([lot("1", quantity="100")], [lot("1", quantity="50")], "", id="half is not beyond a half"),
        pytest.param(
            [lot("1", quantity="100")], [lot("1", quantity="49")], "AAA: 100 units, now 49", id="less than half"
        ),
        pytest.param(
            [lot("1", quantity="100")],
            [lot("1", quantity="100"), lot("1", lot_id="L2", quantity="900")],
            "AAA: 100 units, now 1000",
            id="units of all lots count",
        ),
        pytest.param(
            [lot("1", quantity="100")],
            [lot("1", security="BBB", quantity="100")],
            "AAA: 100 units, now 0; BBB: 0 units, now 100",
            id="one security for another",
        ),
        pytest.param(
            [lot("1", basis="1000.00")],
            [lot("1", basis="10.00")],
            "known cost basis: 1000.00, now 10.00",
            id="a cost without its thousands",
        ),
        pytest.param([lot("1", sleeve="S1")], [lot("1", sleeve="S2")], "", id="another sleeve"),
    ],
)
def test_what_is_reported(book: Book, before: list[str], after: list[str], says: str) -> None:
    book.add_accounts(["1"])
    days(book, REPORT, [*before, cash("1")], [*after, cash("1")])
    expected = [("NOTE", "1", f"{says}: without trades of ours")] if says else []
    assert notes(book) == expected
    assert book.holding("1")[3] is None


@pytest.mark.integration
def test_trades_of_ours_explain_a_change(book: Book) -> None:
    book.add_accounts(["1", "2"])
    small = [record for number in ("1", "2") for record in (lot(number, quantity="10"), cash(number))]
    large = [record for number in ("1", "2") for record in (lot(number, quantity="90", basis="900.00"), cash(number))]
    days(book, REPORT, small)
    with connected(book.url) as connection:
        connection.execute(
            "INSERT INTO approved_trade (account_id, epoch, security_id, sleeve_id, trade_date, quantity_micro,"
            " crossed_micro) VALUES ('A1', 1, 'AAA', 'S1', %s, 80000000, 0)",
            (SECOND,),
        )
    assert book.load(File(large, day=SECOND), change_limit=REPORT).status == "LOADED"
    assert [number for _, number, _ in notes(book)] == ["2"]


@pytest.mark.integration
def test_a_cash_equivalent_moves_without_trades_and_is_no_large_change(book: Book) -> None:
    """AAA is a sweep fund: its units and its cost rise and fall with the cash.  Account 2 manages it as a fund."""
    book.add_accounts(["1", "2", "3"])
    sweep = HoldingRole.CASH_EQUIVALENT * 5 | HoldingRole.LOCKED << 4 | HoldingRole.EXCLUDED << 6
    book.rows("UPDATE security SET roles = %s WHERE security_id = 'AAA' RETURNING 1", sweep)
    book.rows("UPDATE account SET holding_roles = '{\"AAA\": 1}' WHERE account_id = 'A2' RETURNING 1")

    def held(number: str, sweep_units: str, stock_units: str) -> list[str]:
        swept = lot(number, quantity=sweep_units, basis=f"{sweep_units}.00", price="1")
        return [swept, lot(number, security="BBB", quantity=stock_units), cash(number)]

    days(
        book,
        REPORT,
        [*held("1", "50000", "10"), *held("2", "50000", "10"), *held("3", "10", "10")],
        [*held("1", "100", "10"), *held("2", "100", "10"), *held("3", "90000", "40")],
    )
    assert notes(book) == [
        ("NOTE", "2", "AAA: 50000 units, now 100; known cost basis: 50100.00, now 200.00: without trades of ours"),
        ("NOTE", "3", "BBB: 10 units, now 40: without trades of ours"),
    ]


@pytest.mark.integration
def test_set_to_hold_it_holds_that_account_until_the_next_file_says_so_too(book: Book) -> None:
    book.add_accounts(["1", "2"])
    before = [lot("1", quantity="100"), cash("1"), lot("2"), cash("2")]
    after = [lot("1", quantity="1"), cash("1"), lot("2"), cash("2")]
    days(book, HOLD, before, after)
    version, as_of, _, code, text = book.holding("1")
    assert (as_of, code) == (date.fromisoformat(FIRST), "LARGE_CHANGE")
    assert "AAA: 100 units, now 1" in text
    assert book.holding("2")[3] is None
    assert book.load(File(after, day=THIRD), change_limit=HOLD).held == 0
    assert book.holding("1")[:4] == (version + 1, date.fromisoformat(THIRD), 5_000, None)
