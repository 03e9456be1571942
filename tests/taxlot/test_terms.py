"""The second date of a lot and the term that the law fixes: from the file through the store to the sale.

Source: product 2, "A lot may carry a second date".
"""

from datetime import date
from typing import Any

import pyarrow as pa
import pytest

from services.taxlot.columns import documents
from services.taxlot.columns.bookings import book_trades
from services.taxlot.columns.lots import attach
from services.taxlot.columns.purchases import loss_sales_of, with_purchases
from services.taxlot.columns.records import parse
from services.taxlot.domain.holdings import StoredHolding
from services.taxlot.domain.households import HouseholdFacts
from shared.contracts import chunks
from shared.contracts.codes import Term
from shared.rules.relief.lots import ALWAYS_LONG, NO_DATE
from tests.relief.build import day
from tests.taxlot.build import TEN, UNIT, document, facts_chunk, held, order, proposal, seller, trade
from tests.taxlot.files import File, cash, good, lot
from tests.taxlot.harness import Book

SINCE = "2019-02-13"


def longer(record: str, since: str = "", term: str = "") -> str:
    """The record with both fields behind the others."""
    return f"{record.rstrip(chr(10))}|{since}|{term}\n"


def stored(book: Book, number: str) -> list[tuple[str, str, int, int]]:
    """Lot, sleeve, acquired day and the day from which its term counts, as stored."""
    ((content,),) = book.rows("SELECT document FROM lots WHERE account_id = %s", f"A{number}")
    lots, _ = documents.joined([bytes(content)])
    names: list[Any] = [lots.column(name).to_pylist() for name in ("lot_id", "sleeve_id")]
    return list(zip(*names, documents.acquired_days(lots).tolist(), documents.term_days(lots).tolist(), strict=True))


@pytest.mark.fast
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_records_with_and_without_the_two_fields_may_stand_together(end: str) -> None:
    """Eleven fields, thirteen, or some of either; what has neither number of fields is malformed, in its line."""
    plain = [lot("1"), cash("1")]
    both = [lot("1"), longer(lot("1", lot_id="L2"), SINCE), "L|1|short\n", cash("1"), longer(cash("2"), "", "")]
    whole = [longer(lot("1"), SINCE, "LONG"), longer(cash("1"))]
    old, mixed, new = ("".join(records).replace("\n", end).encode() for records in (plain, both, whole))
    assert parse(old, 2).table.holding_since is None
    block = parse(mixed, 2)
    assert (block.records, [record.line for record in block.malformed]) == (5, [4])
    assert block.table.line.tolist() == [2, 3, 5, 6]
    assert block.table.holding_since is not None and block.table.term is not None
    assert block.table.holding_since.lengths().tolist() == [0, 10, 0, 0]
    assert block.table.cash.lengths().tolist() == [0, 0, 5, 5]
    table = parse(new, 2).table
    assert table.term is not None and table.term.where("LONG").tolist() == [True, False]


@pytest.mark.fast
def test_documents_of_lots_without_second_dates_are_those_of_earlier_releases() -> None:
    """So is their digest; a document with the column is read beside them, and by them without it."""
    plain = document(TEN, ("BBB", "S1", "L2", NO_DATE, UNIT, 5))
    lots, _ = documents.joined([plain])
    assert documents.term_days(lots).tolist() == [18_000, NO_DATE]
    columns = [lots.column(name) for name in ("security_id", "sleeve_id", "lot_id")]
    units, basis, covered = (lots.column(name).to_numpy() for name in ("quantity_micro", "basis_cents", "covered"))
    terms = documents.term_days(lots)
    terms[:] = 17_000, ALWAYS_LONG
    dated = documents.batch_of(columns, documents.acquired_days(lots), units, basis, covered, terms)
    both, first = documents.joined([plain, documents.document(dated, 0, 2), documents.document(dated, 0, 0), plain])
    assert first.tolist() == [0, 2, 4, 4, 6]
    assert documents.term_days(both).tolist() == [18_000, NO_DATE, 17_000, ALWAYS_LONG, 18_000, NO_DATE]
    earlier = pa.schema(list(documents.SCHEMA)[:-1])
    for content in (plain, documents.document(dated, 0, 2)):
        read = pa.ipc.read_record_batch(pa.py_buffer(content), earlier)
        assert read.to_pylist() == lots.select(earlier.names).to_pylist()
    digests = list(documents.digests(both, first.tolist(), [1, 1, 1, 1]))
    assert digests[0] == digests[3] != digests[1]


@pytest.mark.fast
def test_the_term_of_a_sale_counts_from_the_second_date_and_the_wash_window_from_the_purchase() -> None:
    """Bought 2025-12-10 and holding since 2024-12-30; bought 2025-09-01 and inherited: both are long-term in 2026."""
    trade_day = day("2026-01-02") or 0
    lots = [
        held(0, "S1", "INHERITED", "2025-09-01", UNIT, 9_000) | {"is_long": True},
        held(0, "S1", "TACKED", "2025-12-10", 2 * UNIT, 9_000) | {"holding_since": day("2024-12-30")},
        held(0, "S1", "NEW", "2025-12-11", UNIT, 9_000),
    ]
    sold = {"sleeve_trades": [trade(0, 0, -3 * UNIT)], "orders": [order(0, 0, -3 * UNIT, 20 * UNIT)]}
    row = seller("A", tax_household_id="H1", lots=lots, proposals=[proposal(0)], **sold)
    trades = pa.RecordBatch.from_pylist([row], schema=chunks.TRADES)
    booked = book_trades(trades, trade_day)
    slices = booked.to_pylist()[0]["slices"]
    assert [(each["lot_id"], each["term"]) for each in slices] == [("INHERITED", Term.LONG), ("TACKED", Term.LONG)]
    assert [each["first_long_term_day"] for each in slices] == [None, date(2025, 12, 31)]
    assert [each["holding_since"] for each in slices] == [None, date(2024, 12, 30)]
    facts = HouseholdFacts([], [])
    (found,) = with_purchases(booked, trades, loss_sales_of(booked), facts, trade_day).to_pylist()
    bought = [(each["lot_id"], each["bought"].isoformat()) for each in found["purchases"]]
    assert bought == [("TACKED", "2025-12-10"), ("NEW", "2025-12-11")]


@pytest.mark.fast
def test_lots_carry_their_second_dates_to_the_request() -> None:
    lots, _ = documents.joined([document(TEN)])
    columns = [lots.column(name) for name in ("security_id", "sleeve_id", "lot_id")]
    units, basis, covered = (lots.column(name).to_numpy() for name in ("quantity_micro", "basis_cents", "covered"))
    for given, since, is_long in ((18_000, None, False), (17_000, "2016-07-18", False), (ALWAYS_LONG, None, True)):
        terms = documents.acquired_days(lots)
        terms[:] = given
        dated = documents.batch_of(columns, documents.acquired_days(lots), units, basis, covered, terms)
        holding = StoredHolding(1, None, documents.document(dated, 0, 1))
        (row,) = attach(facts_chunk([("A", 1)]), {"A": holding}).to_pylist()
        ((found,),) = (row["lots"],)
        assert (found["holding_since"] and found["holding_since"].isoformat(), found["is_long"]) == (since, is_long)


@pytest.mark.integration
def test_second_dates_are_stored_and_follow_a_lot_over_its_sleeves(book: Book) -> None:
    book.add_accounts(["1", "2"])
    lots = [
        longer(lot("1", lot_id="L1", acquired="2020-12-10", quantity="4", basis="80.00"), SINCE),
        longer(lot("1", lot_id="L1", acquired="2020-12-10", quantity="6", basis="120.00", sleeve="S2"), SINCE),
        longer(lot("1", lot_id="L2", acquired=""), SINCE),
        longer(lot("1", lot_id="L3"), "1900-01-01"),
        longer(lot("1", lot_id="L4"), SINCE, "LONG"),
    ]
    others = [longer(cash("1")), *good("2")]
    assert book.load(File([*lots, *others], day="2026-06-10")).held == 0
    bought, since, first = (day(text) for text in ("2020-12-10", SINCE, "2020-01-02"))
    kept = [("L2", "S1", NO_DATE, since), ("L3", "S1", first, first), ("L4", "S1", first, ALWAYS_LONG)]
    tacked = [("L1", "S1", bought, since), ("L1", "S2", bought, since)]
    assert sorted(stored(book, "1")) == sorted([*kept, *tacked])
    lots[:2] = [longer(lot("1", lot_id="L1", acquired="2020-12-10", quantity="10", basis="200.00", sleeve=""), SINCE)]
    book.load(File([*lots, *others]))
    assert sorted(stored(book, "1")) == sorted([*kept, *tacked])
    assert book.holding("1")[0] == 1
    lots[0] = lots[0].replace(SINCE, "2019-02-14")
    book.load(File([*lots, *others], day="2026-06-12"))
    assert (book.holding("1")[0], book.holding("2")[0]) == (2, 1)


@pytest.mark.integration
@pytest.mark.parametrize(
    ("since", "term", "code", "says"),
    [
        ("2019-02-30", "", "BAD_DATE", "holding since: 2019-02-30"),
        ("2026-06-12", "", "FUTURE_ACQUIRED", "holding since: 2026-06-12"),
        ("", "SHORT", "BAD_TERM", "term: SHORT"),
        ("", "long", "BAD_TERM", "term: long"),
    ],
)
def test_a_bad_second_date_or_term_holds_its_account(book: Book, since: str, term: str, code: str, says: str) -> None:
    book.add_accounts(["1", "2"])
    assert book.load(File([longer(lot("1"), since, term), cash("1"), *good("2")])).held == 1
    *_, hold, text = book.holding("1")
    assert (hold, says in text) == (code, True)
