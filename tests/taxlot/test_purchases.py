"""What a household bought near a sale at a loss: whose lots, which days, which approved buys."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from psycopg import AsyncConnection

from services.taxlot.columns.bookings import book_trades
from services.taxlot.columns.purchases import households_of, loss_sales_of, window, with_purchases
from services.taxlot.domain.households import ApprovedBuy, ApprovedSales, HouseholdFacts, Member
from services.taxlot.store import households
from shared.contracts import chunks
from shared.contracts.codes import Bought, LotMethod
from shared.rules.relief.lots import NO_DATE
from tests.taxlot.build import TRADE_DAY, UNIT, document, held, order, seller, trade
from tests.taxlot.files import File, cash, lot
from tests.taxlot.harness import NOW, Book, approve, run

DAY = date(2026, 6, 12)
Sale = tuple[str, str, date]  # account, security, trade date


def sales(sold: Sequence[Sale]) -> ApprovedSales:
    """Approved sales."""
    days = np.array([(day - date(1970, 1, 1)).days for _, _, day in sold], np.int64)
    return ApprovedSales([account for account, _, _ in sold], [security for _, security, _ in sold], days)


def bought(
    members: list[Member], approved: list[ApprovedBuy], *sellers: dict[str, Any], sold: Sequence[Sale] = ()
) -> list[dict[str, Any]]:
    """RESULT rows of the sellers with what their households bought."""
    trades = pa.RecordBatch.from_pylist(list(sellers), schema=chunks.TRADES)
    booked = book_trades(trades, TRADE_DAY)
    rows: list[dict[str, Any]] = with_purchases(
        booked, trades, loss_sales_of(booked), HouseholdFacts(members, approved, sales(sold)), TRADE_DAY
    ).to_pylist()
    return rows


def seen(row: dict[str, Any]) -> list[tuple[str, str | None, str, int]]:
    """(account, lot, day, units) of a row's purchases."""
    return [
        (entry["account_id"], entry["lot_id"], entry["bought"].isoformat(), entry["quantity_micro"] // UNIT)
        for entry in row["purchases"] or []
    ]


def member(name: str, *lots: tuple[str, str, str, int, int, int], **more: Any) -> Member:
    """An account of household H1 in E1."""
    values: dict[str, Any] = {"enterprise_id": "E1", "household_id": "H1", "taxable": True, "is_seen": True} | more
    return Member(account_id=name, account_number=f"N{name}", document=document(*lots), **values)


@pytest.mark.fast
def test_own_lots_of_the_window_are_those_the_proposal_was_made_on() -> None:
    """30 days before counts, 31 does not; a lot without date does not; the store's lots of it are not read."""
    lots = [
        held(0, "S1", "OLD", "2020-01-02", UNIT, 3_000),
        held(0, "S1", "NONE", None, UNIT, None),
        held(0, "S1", "D31", "2026-05-12", UNIT, 1),
        held(0, "S1", "D30", "2026-05-13", 2 * UNIT, 1),
        held(0, "S1", "NOW", "2026-06-12", 3 * UNIT, 1),
    ]
    a = seller("A", lots=lots, tax_household_id="H1", lot_method=int(LotMethod.HIFO))
    (row,) = bought([member("A", ("AAA", "S1", "STALE", TRADE_DAY, UNIT, 1))], [], a)
    assert seen(row) == [("A", "D30", "2026-05-13", 2), ("A", "NOW", "2026-06-12", 3)]
    assert (row["wash_accounts"], row["wash_unseen"]) == (1, 0)
    assert window(TRADE_DAY) == (date(2026, 3, 14), date(2026, 7, 12))


@pytest.mark.fast
def test_others_of_the_household_and_their_approved_buys() -> None:
    members = [
        member("A"),
        member("B", ("AAA", "S1", "B1", TRADE_DAY - 3, 4 * UNIT, 1), ("BBB", "S1", "B2", TRADE_DAY, UNIT, 1)),
        member("C", ("AAA", "S9", "C1", TRADE_DAY - 30, UNIT, 1), ("AAA", "S9", "C2", NO_DATE, UNIT, 1), taxable=False),
        Member("D", "ND", "E1", "H1", True, False, None),
        member("X", ("AAA", "S1", "X1", TRADE_DAY, UNIT, 1), household_id="H2"),
    ]
    approved = [ApprovedBuy("B", "AAA", date(2026, 6, 10), 5 * UNIT), ApprovedBuy("B", "BBB", date(2026, 6, 10), UNIT)]
    rows = bought(members, approved, seller("Z"), seller("A", tax_household_id="H1"), seller("Y"))
    assert seen(rows[1]) == [
        ("C", "C1", "2026-05-13", 1), ("B", "B1", "2026-06-09", 4), ("B", None, "2026-06-10", 5),
    ]  # fmt: skip
    assert [entry["taxable"] for entry in rows[1]["purchases"]] == [False, True, True]
    assert [entry["kind"] for entry in rows[1]["purchases"]] == [Bought.LOT, Bought.LOT, Bought.APPROVED]
    assert [entry["account_number"] for entry in rows[1]["purchases"]] == ["NC", "NB", "NB"]
    assert (rows[1]["wash_accounts"], rows[1]["wash_unseen"]) == (4, 1)
    assert [(row["purchases"], row["wash_accounts"]) for row in (rows[0], rows[2])] == [([], 1), ([], 1)]


@pytest.mark.fast
def test_only_losses_of_taxable_accounts_are_looked_at() -> None:
    gain = seller("G", lots=[held(0, "S1", "L", "2020-01-02", UNIT, 1_000)])
    zero = seller("Z", lots=[held(0, "S1", "L", "2020-01-02", UNIT, 2_000)])
    bare = seller("U", lots=[held(0, "S1", "L", "2020-01-02", UNIT, None)])
    ira = seller("I", taxable=False, tax_household_id="H9")
    loss = seller("L", tax_household_id="H1")
    booked = book_trades(pa.RecordBatch.from_pylist([gain, zero, bare, ira, loss], schema=chunks.TRADES), TRADE_DAY)
    losing = loss_sales_of(booked)
    assert (losing.rows.tolist(), losing.names) == ([4], ["AAA"])
    assert households_of(booked, losing) == [("E1", "H1")]
    rows = bought([], [], gain, loss)
    assert (rows[0]["purchases"] or [], rows[0]["wash_accounts"]) == ([], None)
    assert rows[1]["wash_accounts"] == 1


def buyer(name: str, household: str | None = "H1", **more: Any) -> dict[str, Any]:
    """A row of TRADES that buys one AAA and sells nothing."""
    orders, trades = [order(0, 0, UNIT, 20 * UNIT)], [trade(0, 0, UNIT)]
    return seller(name, tax_household_id=household, orders=orders, sleeve_trades=trades) | more


@pytest.mark.fast
@pytest.mark.parametrize(
    ("sold", "security", "seen_of_b"),
    [
        (60, "AAA", ["2026-03-14", "2026-06-09"]),
        (61, "AAA", []),
        (1, "BBB", []),
        (1, "AAA", ["2026-03-14", "2026-06-09"]),
    ],
)
def test_a_buy_of_what_the_household_has_sold_lists_its_purchases_from_90_days_before(
    sold: int, security: str, seen_of_b: list[str]
) -> None:
    """B bought 91, 90 and 3 days before: an approved sale of 60 days before is the oldest that can be a loss of now."""
    day = DAY - timedelta(days=sold)
    lots = [("AAA", "S1", f"B{days}", TRADE_DAY - days, UNIT, 1) for days in (91, 90, 3)]
    (row, alone) = bought(
        [member("A"), member("B", *lots), member("C")],
        [],
        buyer("A"),
        buyer("Z", household=None),
        sold=[("C", security, day)],
    )
    assert [entry["bought"].isoformat() for entry in row["purchases"] or []] == seen_of_b
    assert row["wash_accounts"] is None, "nothing is sold at a loss: nothing is claimed of that"
    assert not alone["purchases"]


@pytest.mark.fast
def test_an_account_without_household_that_buys_what_it_sold_lists_its_own_lots() -> None:
    lots = [held(0, "S1", name, day, UNIT, 1) for name, day in (("D91", "2026-03-13"), ("D5", "2026-06-07"))]
    sale = ("Z", "AAA", DAY - timedelta(days=9))
    (row, other) = bought([], [], buyer("Z", None, lots=lots), buyer("Y", None, lots=lots), sold=[sale])
    assert seen(row) == [("Z", "D5", "2026-06-07", 1)]
    assert not other["purchases"]


@pytest.mark.fast
def test_lots_that_cannot_be_read_fail_no_account_that_does_not_need_them() -> None:
    """A buys what nobody has sold: B's lots are there for another account's loss."""
    broken = member("B")._replace(document=b"\x00")
    (row,) = bought([member("A"), broken], [], buyer("A"), sold=[("B", "BBB", DAY)])
    assert not row["purchases"]


@pytest.mark.fast
def test_a_loss_after_an_approved_sale_lists_purchases_from_90_days_before_and_each_once() -> None:
    """An earlier loss takes its own purchases first; the account sells and another logic of it buys."""
    lots = [("AAA", "S1", f"B{days}", TRADE_DAY - days, UNIT, 1) for days in (91, 90, 31)]
    both = seller("A", tax_household_id="H1")
    both["orders"] = [*both["orders"], both["orders"][0] | {"logic": 1, "quantity_micro": UNIT}]
    for sold, found in ((("B", "AAA", DAY), ["B90", "B31"]), (("B", "BBB", DAY), [])):
        (row,) = bought([member("A"), member("B", *lots)], [], both, sold=[sold])
        assert [entry["lot_id"] for entry in row["purchases"] or []] == found
        assert row["wash_accounts"] == 2


def asked(book: Book, names: list[str]) -> list[tuple[str, str, str, int]]:
    """The open approved buys of accounts in the window of 12 June 2026."""

    async def ask() -> list[ApprovedBuy]:
        async with await AsyncConnection.connect(book.url, options="-c search_path=taxlot") as connection:
            return await households.approved(connection, names, date(2026, 5, 13), date(2026, 7, 12))

    return [(buy.account_id, buy.security_id, buy.trade_date.isoformat(), buy.units // UNIT) for buy in run(ask())]


@pytest.mark.integration
def test_an_approved_buy_counts_until_a_good_file_shows_it(book: Book) -> None:
    """ApprovedBuy on the 10th after the file of the 10th was in; crossed units are no purchase; sells are none."""
    book.add_accounts(["1"])
    day = date(2026, 6, 10)
    before = (("A1", 1, "AAA", "S1", day, 7 * UNIT, 2 * UNIT), ("A1", 1, "AAA", "S2", day, -3 * UNIT, -2 * UNIT))
    approve(book, *before, ("A1", 1, "BBB", "S1", day, -UNIT, 0), ("A1", 0, "AAA", "S1", date(2026, 5, 1), UNIT, 0))
    assert asked(book, ["A1"]) == [("A1", "AAA", "2026-06-10", 4)]  # no file at all yet; May is too long ago
    book.load(File([lot("1"), cash("1")], day="2026-06-10"))
    assert asked(book, ["A1"]) == []  # a file of that day came after the approval
    approve(book, ("A1", 2, "AAA", "S1", day, UNIT, 0))
    assert asked(book, ["A1"]) == [("A1", "AAA", "2026-06-10", 1)]  # that file was there before this one
    book.load(File([lot("1", quantity="-1"), cash("1")], day="2026-06-10"))
    assert asked(book, ["A1"])  # a file that holds the account shows nothing
    book.load(File([lot("1", quantity="11"), cash("1")], day="2026-06-11"))
    assert asked(book, ["A1"]) == []


@pytest.mark.fast
def test_each_lot_says_which_approval_it_shows() -> None:
    """Own lots: that with which the account was proposed; of others: as their last good lots; a buy is no lot."""
    own = [held(0, "S1", "OLD", "2020-01-02", UNIT, 3_000), held(0, "S1", "NEW", "2026-06-12", UNIT, 1)]
    a = seller("A", lots=own, tax_household_id="H1", epoch=7)
    others = [member("A"), member("B", ("AAA", "S1", "B1", TRADE_DAY - 3, UNIT, 1), epoch=2), member("C")]
    (row,) = bought(others, [ApprovedBuy("C", "AAA", date(2026, 6, 11), UNIT)], a)
    found = {entry["account_id"]: entry["epoch"] for entry in row["purchases"]}
    assert found == {"A": 7, "B": 2, "C": None}


@pytest.mark.integration
def test_lots_show_the_approvals_before_the_first_that_no_good_file_shows(book: Book) -> None:
    """Approved on the 10th after the file of the 10th: only a later good file shows it, or another of that day."""
    book.add_accounts(["1", "2"], household="H1")
    day = date(2026, 6, 10)

    def shown() -> int:
        async def ask() -> list[Member]:
            async with await AsyncConnection.connect(book.url, options="-c search_path=taxlot") as connection:
                return await households.members(connection, [("E1", "H1")])

        found: list[Member] = run(ask())
        return {member.account_id: member.epoch for member in found}["A1"]

    def approved(epoch: int, *rows: Any) -> None:
        approve(book, *[("A1", epoch, *row) for row in rows])
        note = "INSERT INTO approval VALUES ('A1', %s) ON CONFLICT (account_id) DO UPDATE SET epoch = %s RETURNING 1"
        book.rows(note, epoch, epoch)

    book.load(File([lot("1"), cash("1"), lot("2"), cash("2")], day="2026-06-09"))
    assert shown() == 0
    approved(1, ("AAA", "S1", day, -UNIT, 0))
    assert shown() == 0
    book.load(File([lot("1"), cash("1"), lot("2"), cash("2")], day="2026-06-10"))
    assert shown() == 1
    approved(2, ("AAA", "S1", day, -UNIT, 0))
    approved(3, ("BBB", "S1", date(2026, 6, 11), -UNIT, 0))
    assert shown() == 1
    book.load(File([lot("1", quantity="9"), cash("1"), lot("2"), cash("2")], day="2026-06-10"))
    assert shown() == 2
    book.load(File([lot("1", quantity="-1"), cash("1"), lot("2"), cash("2")], day="2026-06-11"))
    assert shown() == 2, "a file that holds the account shows nothing"
    book.load(File([lot("1", quantity="8"), cash("1"), lot("2"), cash("2")], day="2026-06-11"))
    assert shown() == 3
    approved(4)
    assert shown() == 4, "an approval without trades has nothing to be shown"


@pytest.mark.integration
@pytest.mark.parametrize("is_file_first", [True, False], ids=["the file is taken in first", "the approval is"])
def test_a_file_of_its_day_shows_an_approval_by_the_instants_of_both(book: Book, is_file_first: bool) -> None:
    """A1 was approved before the file of the day came: it shows its sale and its buy.  A2 was approved as it came."""
    book.add_accounts(["1", "2"], household="H1")
    day = date(2026, 6, 10)

    def load(of: str) -> None:
        book.load(File([lot("1"), cash("1"), lot("2"), cash("2")], day=of))  # it comes at NOW

    def take_in_approvals() -> None:
        book.rows("INSERT INTO approval VALUES ('A1', 5), ('A2', 5) RETURNING 1")
        for account, decided_at in (("A1", NOW - timedelta(microseconds=1)), ("A2", NOW)):
            for security, units in (("AAA", -UNIT), ("BBB", UNIT)):
                approve(book, (account, 5, security, "S1", day, units, 0), decided_at=decided_at)

    async def ask() -> list[Member]:
        async with await AsyncConnection.connect(book.url, options="-c search_path=taxlot") as connection:
            return await households.members(connection, [("E1", "H1")])

    def seen() -> tuple[list[int], list[tuple[str, str, str, int]]]:
        members: list[Member] = run(ask())
        return [member.epoch for member in members], asked(book, ["A1", "A2"])

    load("2026-06-09")
    if is_file_first:
        load("2026-06-10")
        take_in_approvals()
    else:
        take_in_approvals()
        load("2026-06-10")
    assert seen() == ([5, 4], [("A2", "BBB", "2026-06-10", 1)])
    load("2026-06-11")
    assert seen() == ([5, 5], [])


@pytest.mark.integration
def test_approved_sales_are_those_to_the_market(book: Book) -> None:
    """Of one approval and security: what crosses between sleeves is no sale, nor is a buy, nor what is too long ago."""
    book.add_accounts(["1", "2"], household="H1")
    day = date(2026, 6, 10)
    approve(book, ("A1", 1, "AAA", "S1", day, -3 * UNIT, -2 * UNIT), ("A1", 1, "AAA", "S2", day, 2 * UNIT, 2 * UNIT))
    approve(book, ("A1", 1, "BBB", "S1", day, -UNIT, -UNIT), ("A1", 1, "BBB", "S2", day, UNIT, UNIT))
    approve(book, ("A2", 1, "AAA", "S1", day, UNIT, 0), ("A2", 2, "CCC", "S1", date(2026, 5, 1), -UNIT, 0))

    async def ask() -> tuple[list[Any], dict[str, tuple[str, str]]]:
        async with await AsyncConnection.connect(book.url, options="-c search_path=taxlot") as connection:
            found = await households.sold(connection, ["A1", "A2"], date(2026, 5, 13), date(2026, 7, 12))
            return list(zip(*(list(column) for column in found), strict=True)), await households.accounts(
                connection, [("E1", "H1"), ("E2", "H1")]
            )

    assert run(ask()) == ([("A1", "AAA", (day - date(1970, 1, 1)).days)], {"A1": ("E1", "H1"), "A2": ("E1", "H1")})


@pytest.mark.integration
def test_members_of_a_household_in_one_enterprise(book: Book) -> None:
    """Held and never reported accounts are members that were not seen; other enterprises' accounts are none."""
    book.add_accounts(["1", "2", "3"], household="H1")
    book.add_accounts(["4"], household="H1", custodian="SOUTH", taxable=False)
    book.add_accounts(["5"], household="H2")
    book.rows("UPDATE account SET enterprise_id = 'E2' WHERE account_id = 'A3' RETURNING 1")
    book.load(File([lot("1"), cash("1"), lot("2", quantity="-1"), cash("2"), lot("5"), cash("5")]))

    async def ask() -> list[Member]:
        async with await AsyncConnection.connect(book.url, options="-c search_path=taxlot") as connection:
            return await households.members(connection, [("E1", "H1"), ("E2", "H2")])  # of the latter there is nobody

    found = run(ask())
    assert [(member.account_id, member.taxable, member.is_seen, member.document is not None) for member in found] == [
        ("A1", True, True, True), ("A2", True, False, False), ("A4", False, False, False),
    ]  # fmt: skip
