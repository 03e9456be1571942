"""The request path's pure half: lots join facts, trades become slices, transfers and sums, columns in and out."""

from typing import Any

import pyarrow as pa
import pytest

from services.taxlot import warm
from services.taxlot.columns.bookings import book_trades
from services.taxlot.columns.holdings import holdings_of, holdings_rows
from services.taxlot.columns.lots import attach
from services.taxlot.domain.holdings import StoredHolding
from services.taxlot.intake.publish import holdings_chunks
from shared.contracts import chunks, codec
from shared.contracts.codes import LotMethod, Term
from shared.kafka.failure_limit import TooMany
from shared.kafka.isolation import OUR_FAULT
from shared.rules.relief import book as relief
from shared.rules.relief.lots import NO_BASIS, NO_DATE
from tests.taxlot.build import (
    TEN,
    TRADE_DAY,
    UNIT,
    document,
    facts_chunk,
    held,
    order,
    positions,
    proposal,
    trade,
    trades,
)
from tests.taxlot.harness import NOW

pytestmark = pytest.mark.fast


@pytest.mark.parametrize(
    ("stored", "code"),
    [
        (StoredHolding(1, None, document(TEN)), None),
        (
            StoredHolding(
                1, None, document(("AAA", "S1", "L1", NO_DATE, 4 * UNIT, NO_BASIS), ("AAA", "S1", "L2", 1, 6 * UNIT, 1))
            ),
            None,
        ),
        (StoredHolding(2, None, document(TEN)), "STALE_LOTS"),  # the facts rest on an older file
        (StoredHolding(1, None, document(("AAA", "S1", "L1", 1, 9 * UNIT, 1))), "STALE_LOTS"),  # units missing
        (StoredHolding(1, None, document(("AAA", "S2", "L1", 1, 10 * UNIT, 1))), "STALE_LOTS"),  # another sleeve
        (
            StoredHolding(1, None, document(("BBB", "S1", "L1", 1, 10 * UNIT, 1))),
            "STALE_LOTS",
        ),  # a security unknown to the facts
        (StoredHolding(1, None, document(TEN, ("BBB", "S1", "L2", 1, UNIT, 1))), "STALE_LOTS"),
        (StoredHolding(1, None, document()), "STALE_LOTS"),
        (StoredHolding(1, "bad.lots, line 2: no", None), "DATA_HOLD"),
        (None, "STALE_LOTS"),
    ],
)
def test_attach(stored: StoredHolding | None, code: str | None) -> None:
    """One account with trouble between two without: it fails alone, with a sentence; theirs stand as stored."""
    facts = facts_chunk([("A", 1), ("B", 1), ("C", 1)])
    known = {"A": StoredHolding(1, None, document(TEN)), "C": StoredHolding(1, None, document(TEN))}
    rows = attach(facts, known | ({"B": stored} if stored else {})).to_pylist()
    assert [row["failure_code"] for row in rows] == [None, code, None]
    assert (rows[1]["failure_text"] is None) == (code is None)
    assert (rows[1]["lots"] == []) == (code is not None)
    assert [entry["lot_id"] for entry in rows[0]["lots"]] == [entry["lot_id"] for entry in rows[2]["lots"]] == ["L1"]


def test_attach_keeps_a_failure_and_marks_what_is_unknown() -> None:
    facts = facts_chunk([("A", 1), ("B", 1)])
    row = facts.to_pylist()
    row[0] |= {"failure_code": "MISSING_PRICE", "failure_text": "AAA has no price"}
    facts = pa.RecordBatch.from_pylist(row, schema=chunks.FACTS)
    lots = (("AAA", "S1", "L1", NO_DATE, 4 * UNIT, NO_BASIS), ("AAA", "S1", "L2", 1, 6 * UNIT, 0))
    done = attach(facts, {name: StoredHolding(1, None, document(*lots)) for name in "AB"}).to_pylist()
    assert (done[0]["failure_code"], done[0]["lots"]) == ("MISSING_PRICE", [])
    assert [(entry["acquired"] is None, entry["basis_cents"]) for entry in done[1]["lots"]] == [
        (True, None),
        (False, 0),
    ]


def test_booking_two_logics_and_unknowns() -> None:
    """Best Fit sells 4 (FIFO: 3 long-term, 1 without date), Min Transaction 6 (one unit has no basis)."""
    lots = [
        held(0, "S1", "D", None, UNIT, 1_000),
        held(0, "S1", "L", "2024-01-02", 3 * UNIT, 3_000),
        held(0, "S1", "N", "2026-01-05", UNIT, 2_500),
        held(0, "S1", "U", "2026-02-05", 5 * UNIT, None),
    ]
    account = {
        "lots": lots,
        "proposals": [proposal(0), proposal(1)],
        "sleeve_trades": [trade(0, 0, -4 * UNIT), trade(1, 0, -6 * UNIT)],
        "orders": [order(0, 0, -4 * UNIT, 20 * UNIT), order(1, 0, -6 * UNIT, 20 * UNIT)],
    }
    first, second, third = book_trades(trades({}, account, {}), TRADE_DAY).to_pylist()
    assert (first["slices"], third["transfers"], len(third["taxes"])) == ([], [], 1)
    cuts = [(entry["logic"], entry["lot_id"], entry["gain_cents"], entry["term"]) for entry in second["slices"]]
    assert cuts == [
        (0, "D", 1_000, Term.UNKNOWN),
        (0, "L", 3_000, Term.LONG),
        (1, "D", 1_000, Term.UNKNOWN),
        (1, "L", 3_000, Term.LONG),
        (1, "N", -500, Term.SHORT),
        (1, "U", None, Term.SHORT),
    ]
    assert str(second["slices"][1]["first_long_term_day"]) == "2025-01-03"
    assert second["slices"][0]["first_long_term_day"] is None
    names = ("logic", "short_cents", "long_cents", "unknown_term_cents", "estimated_cents", "no_basis_proceeds_cents")
    assert [tuple(entry[name] for name in names) for entry in second["taxes"]] == [
        (0, 0, 3_000, 1_000, 4_000, 0),
        (1, -500, 3_000, 1_000, 3_500, 2_000),
    ]


def test_booking_moves_crossed_units_by_sleeve_id() -> None:
    """S2 gives 5: 2 to market by HIFO, 3 to S1 and S3 in order of sleeve id; a chunk with failures beside it."""
    account = {
        "lot_method": int(LotMethod.HIFO),
        "positions": positions(("S1", 0), ("S2", 0), ("S3", 0)),
        "lots": [
            held(0, "S2", "cheap", "2020-01-02", 4 * UNIT, 400),
            held(0, "S2", "dear", "2021-01-02", 3 * UNIT, 9_000),
        ],
        "sleeve_trades": [trade(0, 0, UNIT, UNIT), trade(0, 1, -5 * UNIT, -3 * UNIT), trade(0, 2, 2 * UNIT, 2 * UNIT)],
        "orders": [order(0, 0, -2 * UNIT, 20 * UNIT)],
    }
    short = {"lots": [held(0, "S1", "L", "2020-01-02", UNIT, 1)], "sleeve_trades": [trade(0, 0, -2 * UNIT)],
             "orders": [order(0, 0, -2 * UNIT, UNIT)]}  # fmt: skip
    moved, failed = book_trades(trades(account, short), TRADE_DAY).to_pylist()
    assert [(entry["lot_id"], entry["quantity_micro"]) for entry in moved["slices"]] == [("dear", 2 * UNIT)]
    names = ("from_sleeve_id", "to_sleeve_id", "lot_id", "quantity_micro", "basis_cents")
    assert [tuple(entry[name] for name in names) for entry in moved["transfers"]] == [
        ("S2", "S1", "cheap", UNIT, 100),
        ("S2", "S3", "cheap", UNIT, 100),
        ("S2", "S3", "dear", UNIT, 3_000),
    ]
    assert moved["proposals"][0]["failure_code"] is None
    assert (failed["proposals"][0]["failure_code"], failed["slices"]) == ("LOTS_DO_NOT_FIT", [])
    text = failed["proposals"][0]["failure_text"]
    assert text.startswith("account A1: ")
    assert text.endswith("sells more units than its lots hold; AAA in sleeve S1 sells 2 of 1")


def test_what_a_sleeve_sells_is_its_slices_and_its_transfers() -> None:
    """S1 and S2 sell 10 each, S3 buys 10.  FIFO sends S1's old units to market, so all ten crossed come from S2.

    Whatever the proposer took the crossed parts for (here 5 and 5), orders, transfers and sleeve trades agree after it:
    S1 10 to market and none crossed, S2 none to market and 10 crossed.  A failed account and one without stay as given.
    """
    account = {
        "positions": positions(("S1", 0), ("S2", 0), ("S3", 0)),
        "lots": [
            held(0, "S1", "old", "2020-01-02", 10 * UNIT, 400),
            held(0, "S2", "new", "2021-01-02", 10 * UNIT, 9_000),
        ],
        "sleeve_trades": [
            trade(0, 0, -10 * UNIT, -5 * UNIT),
            trade(0, 1, -10 * UNIT, -5 * UNIT),
            trade(0, 2, 10 * UNIT, 10 * UNIT),
        ],
        "orders": [order(0, 0, -10 * UNIT, 20 * UNIT)],
    }
    lacking = account | {"lots": account["lots"][:1]}
    moved, failed, bare = book_trades(trades(account, lacking, {}), TRADE_DAY).to_pylist()
    assert [(entry["sleeve_id"], entry["quantity_micro"]) for entry in moved["slices"]] == [("S1", 10 * UNIT)]
    names = ("from_sleeve_id", "to_sleeve_id", "quantity_micro")
    assert [tuple(entry[name] for name in names) for entry in moved["transfers"]] == [("S2", "S3", 10 * UNIT)]
    crossed = [entry["crossed_micro"] for entry in moved["sleeve_trades"]]
    assert crossed == [0, -10 * UNIT, 10 * UNIT]
    assert [entry["crossed_micro"] for entry in failed["sleeve_trades"]] == [-5 * UNIT, -5 * UNIT, 10 * UNIT]
    assert bare["sleeve_trades"] == []


def test_booking_a_slice_of_a_chunk() -> None:
    """Arrow slices carry offsets; the result is that of the rows alone."""
    account = {"lots": [held(0, "S1", "L", "2020-01-02", 9 * UNIT, 900)], "sleeve_trades": [trade(0, 0, -UNIT)],
               "orders": [order(0, 0, -UNIT, 20 * UNIT)]}  # fmt: skip
    whole = trades({}, account, account, {})
    part = book_trades(whole.slice(2, 2), TRADE_DAY)
    assert part.to_pylist() == book_trades(whole, TRADE_DAY).to_pylist()[2:]


def test_the_first_chunk_finds_its_kernel_compiled() -> None:
    """Arrays that may not be written to are another type to the compiler: the first request waited nine seconds."""
    warm.kernels()
    account = {"lots": [held(0, "S1", "L", "2020-01-02", 9 * UNIT, 900)], "sleeve_trades": [trade(0, 0, -UNIT)],
               "orders": [order(0, 0, -UNIT, 20 * UNIT)]}  # fmt: skip
    read, _ = codec.decode(codec.encode(trades(account), {}), chunks.TRADES)
    book_trades(read, TRADE_DAY)
    kernel: Any = relief._book_chunk
    assert len(kernel.signatures) == 1, kernel.signatures


def test_holdings_add_up_lots_by_sleeve_and_cut_by_accounts() -> None:
    lots = document(
        TEN, ("AAA", "S1", "L2", 1, UNIT, 1), ("AAA", "S2", "L1", 1, UNIT, 1), ("BBB", "S2", "L1", 1, UNIT, 1)
    )
    when = NOW.date()
    good = [(f"A{number:03d}", "E", "V", 1, when, 5, None, None, lots, "9", NOW) for number in range(450)]
    held_one = ("B", "E", "V", 2, when, 5, "BAD_SIGN", "why", None, "8", None)
    bare = ("C", "E", "V", 1, when, 7, None, None, document(), "9", NOW)
    rows = holdings_rows([*good[:1], held_one, bare, *good[1:]])
    first, second, third = rows.slice(0, 3).to_pylist()
    held_units = [
        (entry["security_id"], entry["sleeve_id"], entry["quantity_micro"] // UNIT) for entry in first["holdings"]
    ]
    assert held_units == [("AAA", "S1", 11), ("AAA", "S2", 1), ("BBB", "S2", 1)]
    assert (second["holdings"], second["cash_cents"], second["hold_code"]) == (None, None, "BAD_SIGN")
    assert (third["holdings"], third["cash_cents"]) == ([], 7)
    assert [row["received_at"] for row in (first, second, third)] == [NOW, None, NOW]
    sent = [codec.decode(message.value, chunks.HOLDINGS)[0] for message in holdings_chunks(rows, 9, NOW)]
    assert [part.num_rows for part in sent] == [200, 200, 52]
    assert pa.Table.from_batches(sent).to_pylist() == rows.to_pylist()


def test_an_account_whose_lots_cannot_be_added_up_is_told_of_as_held() -> None:
    when = NOW.date()
    group = [(f"A{number}", "E", "V", 1, when, 5, None, None, document(TEN), "9", NOW) for number in range(5)]
    sound = holdings_of(group).to_pylist()
    hurt = holdings_of([*group[:2], (*group[2][:8], b"\0", "9", NOW), *group[3:]]).to_pylist()
    assert [row for row in hurt if row["account_id"] != "A2"] == [row for row in sound if row["account_id"] != "A2"]
    assert [row["account_id"] for row in hurt] == [row["account_id"] for row in sound]
    assert (hurt[2]["hold_code"], hurt[2]["holdings"], hurt[2]["cash_cents"]) == (OUR_FAULT, None, None)
    assert "account A2" in hurt[2]["hold_text"]
    with pytest.raises(TooMany):
        holdings_of([(*row[:8], b"\0", "9", NOW) for row in group * 5])
