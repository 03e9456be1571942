"""Every way in which a record or an account is at fault, without a store: code, line and values shown.

Source: docs/custodial-files.md, "What holds an account".
"""

from datetime import date
from itertools import pairwise

import numpy as np
import pytest

from services.taxlot.columns.records import parse
from services.taxlot.domain import accounts
from services.taxlot.domain.codes import DataHold
from services.taxlot.domain.envelope import ControlTotals
from services.taxlot.domain.records import JudgedRecords, judge
from services.taxlot.domain.treatment import SecurityFacts, divisors, excluded_rows
from shared.contracts.codes import HoldingRole
from shared.contracts.holding_roles import packed_roles
from shared.contracts.platform import SecurityChanged
from shared.fixed_point.text import rounded
from shared.rules.relief.lots import NO_BASIS, NO_DATE
from tests.taxlot.files import DAY, cash, lot

pytestmark = pytest.mark.fast

OPTION = SecurityChanged(security_id="BBB", version=1, name="BBB", kind="OPTION")

DATA_DAY = (date.fromisoformat(DAY) - date(1970, 1, 1)).days  # 2026-06-11
KNOWN = {"AAA", "BBB"}
LONG = "L" * 64


def judged(records: list[str]) -> tuple[JudgedRecords, ControlTotals]:
    """Judge the records, the first of which stands in line 2."""
    table = parse("".join(records).encode(errors="surrogateescape"), 2).table
    totals = ControlTotals()
    known = np.array([name in KNOWN for name in table.security.names] or [False])
    return judge(table, known, DATA_DAY, totals), totals


def held(records: list[str]) -> dict[str, DataHold]:
    """Return the holds by account number."""
    rows, _ = judged(records)
    groups = accounts.group(rows.table)
    return {groups.names[index]: hold for index, hold in accounts.account_holds(rows, groups).items()}


LOT_ONLY = "L|1|AAA|L1|2020-01-02|10|100.00|Y|S1||"
BAD = [
    # what a lot record says of cash, or a cash record of anything else
    (LOT_ONLY + "1.00\n", "BAD_RECORD", ""),
    (LOT_ONLY + "x\n", "BAD_RECORD", ""),
    ("X" + LOT_ONLY[1:] + "\n", "BAD_RECORD", ""),
    ("C|1|AAA||||||||1.00\n", "BAD_RECORD", ""),
    ("C|1||L1|||||||1.00\n", "BAD_RECORD", ""),
    ("C|1|||2020-01-02||||||1.00\n", "BAD_RECORD", ""),
    ("C|1||||1|||||1.00\n", "BAD_RECORD", ""),
    ("C|1|||||1||||1.00\n", "BAD_RECORD", ""),
    ("C|1||||||Y|||1.00\n", "BAD_RECORD", ""),
    ("C|1|||||||S1||1.00\n", "BAD_RECORD", ""),
    ("C|1||||||||1|1.00\n", "BAD_RECORD", ""),
    # identifiers: 64 characters may be, 65 may not
    (lot("1", lot_id=LONG + "L"), "BAD_TEXT", f"lot id: {LONG}"),
    (lot("1", lot_id=""), "BAD_TEXT", "lot id: empty"),
    (lot("1", lot_id="L 1"), "BAD_TEXT", "lot id: L 1"),
    (lot("1", security=""), "BAD_TEXT", "security: empty"),
    (lot("1", security="A*A"), "BAD_TEXT", "security: A*A"),
    (lot("1", sleeve="S,1"), "BAD_TEXT", "sleeve: S,1"),
    (lot("1", sleeve=LONG + "L"), "BAD_TEXT", f"sleeve: {LONG}"),
    # numbers: every field at fault is named, with its value
    (lot("1", quantity=""), "NOT_A_NUMBER", "quantity: empty"),
    (lot("1", quantity="12O.5"), "NOT_A_NUMBER", "quantity: 12O.5"),
    (lot("1", quantity="+1"), "NOT_A_NUMBER", "quantity: +1"),
    (lot("1", quantity="24", basis="$120.00"), "NOT_A_NUMBER", "cost basis: $120.00"),
    (lot("1", quantity="--"), "NOT_A_NUMBER", "quantity: --"),
    (lot("1", quantity="N/A", basis="$1"), "NOT_A_NUMBER", "quantity: N/A; cost basis: $1"),
    (lot("1", quantity="1,000"), "NOT_A_NUMBER", "quantity: 1,000"),
    (cash("1", ""), "NOT_A_NUMBER", "cash: empty"),
    (cash("1", "1.001x"), "NOT_A_NUMBER", "cash: 1.001x"),
    # a millionth, or a cent, beyond the limit
    (lot("1", quantity="1000000000.000001"), "OUT_OF_RANGE", "quantity: 1000000000.000001"),
    (lot("1", basis="100000000000.01"), "OUT_OF_RANGE", "cost basis: 100000000000.01"),
    (cash("1", "100000000000.01"), "OUT_OF_RANGE", "cash: 100000000000.01"),
    (cash("1", "-100000000000.01"), "OUT_OF_RANGE", "cash: -100000000000.01"),
    # signs
    (lot("1", quantity="-0.000001"), "SHORT_POSITION", "quantity: -0.000001"),
    (lot("1", quantity="0", basis="-0.01"), "BAD_SIGN", "cost basis: -0.01"),
    (lot("1", basis="-0.01"), "BAD_SIGN", "cost basis: -0.01"),
    # dates: 2026-06-11 is the file's
    (lot("1", acquired="2024-02-31"), "BAD_DATE", "acquired: 2024-02-31"),
    (lot("1", acquired="20240201"), "BAD_DATE", "acquired: 20240201"),
    (lot("1", acquired="2026-06-12"), "FUTURE_ACQUIRED", "acquired: 2026-06-12"),
    (lot("1", covered=""), "BAD_COVERED", "covered: empty"),
    (lot("1", covered="y"), "BAD_COVERED", "covered: y"),
    (lot("1", security="NOSUCH"), "UNKNOWN_SECURITY", "security: NOSUCH"),
    # of two faults the one judged first is said: the record's form, its texts, its numbers, limits, signs, dates, ...
    (lot("1", quantity="-1", acquired="2026-06-12", covered="X", security="NOSUCH"), "SHORT_POSITION", "quantity: -1"),
    (lot("1", acquired="2026-06-12", covered="X", security="NOSUCH"), "FUTURE_ACQUIRED", "acquired: 2026-06-12"),
    (lot("1", quantity="x", security="N S"), "BAD_TEXT", "security: N S"),
    # a byte that is no text (0xFF) is shown as such
    (lot("1", quantity="1\udcff0"), "NOT_A_NUMBER", "quantity: 1\ufffd0"),
    # what is shown of a record ends after 64 characters
    (lot("1", acquired="9" * 70), "BAD_DATE", "acquired: " + "9" * 64),
]


@pytest.mark.parametrize(("record", "code", "detail"), BAD, ids=[f"{code}-{n}" for n, (_, code, _) in enumerate(BAD)])
def test_a_bad_record_holds_its_account_alone(record: str, code: str, detail: str) -> None:
    """In line 4, between two accounts that are good; the account is good but for it."""
    rest = [lot("1", lot_id="OTHER")] if record.startswith("C") else [cash("1")]
    before, after = [lot("0"), cash("0")], [lot("2"), cash("2")]
    assert held([*before, record, *rest, *after]) == {"1": DataHold(code, 4, detail)}


GOOD = [
    (lot("1"), 10_000_000, 10_000, 18_263, 0),
    # the limits themselves: 10^15 micro-units, 10^13 cents, 10^12 micro-dollars
    (lot("1", quantity="1000000000", basis="100000000000", price="1000000"), 10**15, 10**13, 18_263, 10**12),
    # the least there may be; a basis of zero is known
    (lot("1", quantity="0.000001", basis="0", price="0.000001"), 1, 0, 18_263, 1),
    (lot("1", basis=""), 10_000_000, NO_BASIS, 18_263, 0),
    # acquired on the file's day; missing
    (lot("1", acquired=DAY), 10_000_000, 10_000, DATA_DAY, 0),
    (lot("1", acquired=""), 10_000_000, 10_000, NO_DATE, 0),
    (lot("1", acquired="1900-01-01"), 10_000_000, 10_000, NO_DATE, 0),
    (lot("1", lot_id=LONG, sleeve="", covered="N"), 10_000_000, 10_000, 18_263, 0),
]


@pytest.mark.parametrize(("record", "quantity", "basis", "acquired", "price"), GOOD)
def test_a_good_record_is_read_to_the_unit(record: str, quantity: int, basis: int, acquired: int, price: int) -> None:
    rows, _ = judged([record, cash("1", "-12.34")])
    assert rows.code.tolist() == [0, 0] and rows.is_lot.tolist() == [True, False]
    assert (rows.quantity[0], rows.basis[0], rows.acquired[0], rows.price[0]) == (quantity, basis, acquired, price)
    assert rows.cash[1] == -1_234
    assert held([record, cash("1", "-12.34")]) == {}


def test_what_is_wrong_with_an_account_as_a_whole() -> None:
    """The first bad record is said before it; the line is the account's first, or that of the second of the twins."""
    records = [
        *[lot("A"), cash("A")],
        *[lot("B"), lot("B", lot_id="L2")],  # 4: no cash
        *[cash("C"), lot("C"), cash("C")],  # 6: two
        *[
            lot("D"),
            lot("D", sleeve="S2"),
            lot("D", lot_id="L2"),
            lot("D", security="BBB"),
            lot("D"),
            cash("D"),
        ],  # 13: twice
        *[lot("E"), lot("E", quantity="x")],  # 16: no number, and no cash
        *[lot("F", quantity="x"), lot("F"), lot("F"), cash("F")],  # 17: no number; only good lots are twins
        *[lot("G", lot_id="L12"), lot("G", lot_id="L1"), lot("G", lot_id="L2"), cash("G")],  # all different
        *[lot("H"), cash("H")],  # as A's, which is another account
    ]
    assert held(records) == {
        "B": DataHold("CASH_MISSING", 4),
        "C": DataHold("CASH_TWICE", 6),
        "D": DataHold("DUPLICATE_LOT", 13, "security: AAA; lot id: L1; sleeve: S1"),
        "E": DataHold("NOT_A_NUMBER", 16, "quantity: x"),
        "F": DataHold("NOT_A_NUMBER", 17, "quantity: x"),
    }


def test_what_no_record_of_the_block_says_is_said_of_none() -> None:
    """A block with no cash record, with no lot record, and with no word of cover but the empty one."""
    assert held([lot("1"), lot("1", lot_id="L2")]) == {"1": DataHold("CASH_MISSING", 2)}
    assert held([cash("1")]) == {}
    assert held([lot("1", covered="")]) == {"1": DataHold("BAD_COVERED", 2, "covered: empty")}


def test_many_lots_of_one_account_are_told_apart() -> None:
    """300 ids in 2 sleeves; the 601st record is the only one that stands there twice."""
    records = [lot("1", lot_id=f"L{number}", sleeve=sleeve) for number in range(300) for sleeve in ("S1", "S2")]
    assert held([*records, cash("1")]) == {}
    assert held([*records, lot("1", lot_id="L150"), cash("1")]) == {
        "1": DataHold("DUPLICATE_LOT", 602, "security: AAA; lot id: L150; sleeve: S1")
    }


def test_nothing_at_all_is_wrong_with_no_records() -> None:
    rows, totals = judged(["rubbish\n"])
    groups = accounts.group(rows.table)
    assert (len(groups), accounts.account_holds(rows, groups), totals) == (0, {}, ControlTotals())


def test_the_sums_of_all_records_are_exact() -> None:
    """Good or bad, what can be read is added: 10 lots of 10^15 micro-units and 10^13 cents, and what is small."""
    most = [lot("1", lot_id=f"L{n}", quantity="1000000000", basis="100000000000") for n in range(10)]
    odd = [lot("1", lot_id="A", quantity="-2.5", basis="-0.01"), lot("1", lot_id="B", quantity="0.000001", basis="")]
    lost = [lot("1", lot_id="C", quantity="x", basis="1,999"), lot("1", quantity="2000000000", basis="y", price="z")]
    _, totals = judged([*most, *odd, *lost, cash("1", "-100000000000.00"), cash("2", "0.07"), cash("3", "q")])
    assert totals.quantity_micro == 10 * 10**15 - 2_500_000 + 1
    assert totals.basis_cents == 10 * 10**13 - 1
    assert totals.cash_cents == -(10**13) + 7
    # An empty basis is unknown, not unreadable; what is beyond the limits is not in the sum.
    assert totals.unreadable == {"quantity": 2, "cost_basis": 2, "cash": 1}


def test_sums_go_on_from_block_to_block() -> None:
    table = parse((lot("1", quantity="x") + lot("1", lot_id="L2") + cash("1")).encode(), 2).table
    totals = ControlTotals(3, 1, 2, 3, {"quantity": 4, "cost_basis": 5, "cash": 6})
    judge(table, np.array([True, True]), DATA_DAY, totals)
    assert (totals.quantity_micro, totals.basis_cents, totals.cash_cents) == (10_000_001, 20_002, 5_003)
    assert totals.unreadable == {"quantity": 5, "cost_basis": 5, "cash": 6}


def order_of(records: list[str], wanted: list[int]) -> list[list[int]]:
    """Return the lines of each wanted account's lots, in the order of the contract."""
    rows, _ = judged(records)
    found = accounts.sorted_lots(rows, accounts.group(rows.table), wanted)
    lines = rows.table.line[found.rows].tolist()
    return [lines[begin:end] for begin, end in pairwise(found.first)]


def test_lots_stand_by_security_sleeve_acquired_and_lot_id() -> None:
    records = [
        cash("A"),
        lot("A", "BBB", "L1", sleeve="S1", acquired="2019-01-01"),  # 3: BBB after AAA, however old
        lot("A", "AAA", "L1", sleeve="S2", acquired="2018-01-01"),  # 4: S2 after S1
        lot("A", "AAA", "L2", sleeve="S1", acquired="2020-01-01"),  # 5
        lot("A", "AAA", "L1", sleeve="S1", acquired="2020-01-01"),  # 6: same day, by lot id
        lot("A", "AAA", "L11", sleeve="S1", acquired="2020-01-01"),  # 7: the longer after its beginning
        lot("A", "AAA", "Z", sleeve="S1", acquired=""),  # 8: a missing date is the oldest
        lot("A", "AAA", "Y", sleeve="S1", acquired="2019-12-31"),  # 9
        lot("A", "AAA", "X", sleeve=""),  # 10: no sleeve before all sleeves
        cash("B"),  # no lots at all
        lot("C", "BBB", "L1"),  # 12
        lot("C", "AAA", "L1", sleeve="S2"),  # 13
        lot("C", "AAA", "L3"),  # 14
        cash("C"),
    ]
    of_a, of_c = [10, 8, 9, 6, 7, 5, 4, 3], [14, 13, 12]
    assert order_of(records, [0, 1, 2]) == [of_a, [], of_c]
    assert order_of(records, [2, 0]) == [of_c, of_a]
    assert order_of(records, [1]) == [[]]


def test_a_lot_id_stands_before_what_it_begins_whatever_their_order_in_the_file() -> None:
    """L1 before L11 before L2, and no more of L1 is read than it has, though L2 follows it."""
    for lot_ids in (["L11", "L1", "L2"], ["L1", "L11", "L2"], ["L2", "L11", "L1"], ["L11", "L2", "L1"]):
        lines = {name: 2 + index for index, name in enumerate(lot_ids)}
        records = [*(lot("1", lot_id=name) for name in lot_ids), cash("1")]
        assert order_of(records, [0]) == [[lines[name] for name in ("L1", "L11", "L2")]], lot_ids


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 7, 8, 9, 31, 32, 33])
def test_any_number_of_lots_is_sorted(count: int) -> None:
    """Ids of one length in a stirred order, 7 n modulo the count (and 3 n where that would repeat)."""
    factor = 7 if count % 7 else 3
    stirred = [f"L{factor * n % count:02}" for n in range(count)]
    lines = {name: n + 2 for n, name in enumerate(stirred)}
    assert order_of([*(lot("1", lot_id=name) for name in stirred), cash("1")], [0]) == [
        [lines[name] for name in sorted(stirred)]
    ]


SECURITIES = {"AAA": SecurityFacts(), "BBB": SecurityFacts(packed_roles(OPTION)), "CCC": SecurityFacts(divisor=100)}


def held_with_roles(records: list[str], own: dict[str, dict[str, int]] | None = None) -> dict[str, DataHold]:
    """Return the holds by account number where BBB is an option and CCC is priced in percent of face."""
    table = parse("".join(records).encode(), 2).table
    known = np.array([name in SECURITIES for name in table.security.names])
    excluded = excluded_rows(table, SECURITIES, own or {})
    rows = judge(table, known, DATA_DAY, ControlTotals(), excluded, divisors(table, SECURITIES))
    groups = accounts.group(rows.table)
    return {groups.names[index]: hold for index, hold in accounts.account_holds(rows, groups).items()}


@pytest.mark.parametrize(
    ("record", "code"),
    [
        # a short option and one without units are taken: options are EXCLUDED unless their account says otherwise
        ({"security": "BBB", "quantity": "-5", "basis": "-120.00"}, None),
        ({"security": "BBB", "quantity": "0"}, None),
        # of what is not EXCLUDED the sign may be wrong
        ({"security": "AAA", "quantity": "-5"}, "SHORT_POSITION"),
        # without units nothing is held, whatever it is
        ({"security": "AAA", "quantity": "0"}, None),
        ({"security": "AAA", "quantity": "0", "basis": ""}, None),
        ({"security": "AAA", "quantity": "0", "basis": "-120.00"}, "BAD_SIGN"),
        ({"security": "BBB", "quantity": "5", "basis": "-120.00"}, "BAD_SIGN"),
    ],
)
def test_what_is_excluded_is_taken_as_it_comes(record: dict[str, str], code: str | None) -> None:
    holds = held_with_roles([lot("1", **record), cash("1")])
    assert (holds["1"].code if "1" in holds else None) == code


@pytest.mark.parametrize(
    ("text", "kept", "is_rounded"),
    [
        ("3000.0001", 3_000_000_100, False),
        ("3000.12345", 3_000_123_500, True),  # x 98.50 x 0.01 = 2,955.1216: $2,955.12
        ("3000.00004", 3_000_000_000, True),
        ("3000.0000499999999", 3_000_000_000, True),  # six decimals would be 3000.000050, and rounded twice 3000.0001
        ("3000.000100", 3_000_000_100, False),  # zeros say nothing
        ("-3000.12345", -3_000_123_500, True),
    ],
)
def test_face_that_is_priced_in_percent_is_kept_to_four_decimals(text: str, kept: int, is_rounded: bool) -> None:
    """Of others six are kept: AAA beside it.  Totals are of six: the trailer knows no price factor."""
    table = parse("".join([lot("1", "CCC", quantity=text), lot("1", quantity="1.12345"), cash("1")]).encode(), 2).table
    totals, excluded = ControlTotals(), np.array([text.startswith("-"), False, False])
    rows = judge(table, np.ones(3, np.bool_), DATA_DAY, totals, excluded, divisors(table, SECURITIES))
    assert (rows.code.tolist(), rows.quantity[:2].tolist()) == ([0, 0, 0], [kept, 1_123_450])
    assert rows.rounded["quantity"].tolist() == [is_rounded, False, False]
    assert rows.shown[:2].tolist() == [4, 5]
    assert totals.quantity_micro == rounded(text, 6) + 1_123_450


def test_face_that_rounds_to_nothing_is_no_lot() -> None:
    table = parse("".join([lot("1", "CCC", quantity="0.00004"), cash("1")]).encode(), 2).table
    rows = judge(table, np.ones(2, np.bool_), DATA_DAY, ControlTotals(), None, divisors(table, SECURITIES))
    assert (rows.is_lot.tolist(), rows.code.tolist()) == ([False, False], [0, 0])


def test_what_an_account_says_goes_before_the_security() -> None:
    """Account 1 excludes AAA, account 2 manages the option; account 3 says nothing."""
    own = {"1": {"AAA": int(HoldingRole.EXCLUDED)}, "2": {"BBB": int(HoldingRole.MANAGED)}}
    short = [lot(number, security=name, lot_id=name, quantity="-1") for number in "123" for name in ("AAA", "BBB")]
    records = [record for index in range(3) for record in (*short[2 * index : 2 * index + 2], cash(str(index + 1)))]
    holds = held_with_roles(records, own)
    assert {number: hold.line for number, hold in holds.items()} == {"2": 5, "3": 8}


def test_a_short_position_says_what_can_be_done() -> None:
    text = held_with_roles([lot("1", quantity="-5"), cash("1")])["1"].text("a.lots")
    assert "can be set to EXCLUDED" in text


@pytest.mark.parametrize(
    ("acquired", "since", "says"),
    [
        ("2026-06-12", "2026-07-01", "acquired: 2026-06-12; holding since: 2026-07-01"),
        ("2026-07-01", "2026-06-12", "acquired: 2026-07-01; holding since: 2026-06-12"),
        ("2026-07-01", "2026-06-11", "acquired: 2026-07-01"),
        ("2026-06-11", "2026-06-12", "holding since: 2026-06-12"),
    ],
)
def test_every_date_after_that_of_the_file_is_named(acquired: str, since: str, says: str) -> None:
    record = lot("1", acquired=acquired).replace("|\n", f"||{since}|\n")
    rows, _ = judged([record, cash("1")])
    (hold,) = accounts.account_holds(rows, accounts.group(rows.table)).values()
    assert (hold.code, hold.detail) == ("FUTURE_ACQUIRED", says)
