"""Header, trailer, dates and sums of a custodial file, each on its edge, and the message of each refusal.

Source: docs/custodial-files.md; product 2.
"""

from datetime import UTC, date, datetime, timedelta

import pytest

from services.taxlot.domain.codes import FileRefused
from services.taxlot.domain.envelope import ControlTotals, Header, check_date, check_totals, header_of, trailer_of

pytestmark = pytest.mark.fast

MADE = datetime(2026, 6, 11, 23, tzinfo=UTC)
HEADER = Header("NORTH", date(2026, 6, 11), True, MADE)


@pytest.mark.parametrize(("kind", "refreshed"), [("REFRESHED", True), ("UPDATED", False)])
def test_a_header_says_who_when_and_whether_every_account_is_there(kind: str, refreshed: bool) -> None:
    found = header_of(f"H|CUSTODY_LOTS|1|NORTH|2026-06-11|{kind}|2026-06-11T23:00:00Z")
    assert found == Header("NORTH", date(2026, 6, 11), refreshed, MADE)
    assert found.kind == kind


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (
            "X" * 61,
            f"NOT_A_LOT_FILE: the first line must begin with H|CUSTODY_LOTS|1|, it reads '{'X' * 60}'",
        ),
        ("L|CUSTODY_LOTS|1|NORTH|2026-06-11|UPDATED|2026-06-11T23:00:00Z", "NOT_A_LOT_FILE: the first line"),
        ("H|CUSTODY_CASH|1|NORTH|2026-06-11|UPDATED|2026-06-11T23:00:00Z", "NOT_A_LOT_FILE: the first line"),
        ("H|CUSTODY_LOTS|2|NORTH|2026-06-11|UPDATED|2026-06-11T23:00:00Z", "NOT_A_LOT_FILE: the first line"),
        ("H|CUSTODY_LOTS|1|NORTH|2026-06-11|UPDATED", "BAD_HEADER: the header has 6 fields, it needs 7"),
        (
            "H|CUSTODY_LOTS|1|NORTH|2026-06-11|UPDATED|2026-06-11T23:00:00Z|",
            "BAD_HEADER: the header has 8 fields, it needs 7",
        ),
        ("H|CUSTODY_LOTS|1||2026-06-11|UPDATED|2026-06-11T23:00:00Z", "BAD_HEADER: the header names no custodian"),
        (
            "H|CUSTODY_LOTS|1|NORTH|2026-06-11|SOME|2026-06-11T23:00:00Z",
            "BAD_HEADER: the kind is 'SOME', it must be REFRESHED or UPDATED",
        ),
        (
            "H|CUSTODY_LOTS|1|NORTH|2026-06-31|UPDATED|2026-06-11T23:00:00Z",
            "BAD_HEADER: the data date '2026-06-31' is no date such as 2026-01-02",
        ),
        (
            "H|CUSTODY_LOTS|1|NORTH|2026-06-11|UPDATED|yesterday",
            "BAD_HEADER: created at 'yesterday' is no instant such as 2026-01-02T23:10:00Z",
        ),
    ],
)
def test_a_header_that_cannot_be_meant_is_refused(line: str, message: str) -> None:
    with pytest.raises(FileRefused) as refusal:
        header_of(line)
    assert str(refusal.value).startswith(message)


def test_a_trailer_promises_a_count_and_three_sums() -> None:
    found = trailer_of("T|3|10.000001|-2.05|3.5")
    assert found == ControlTotals(3, 10_000_001, -205, 350, {"quantity": 0, "cost_basis": 0, "cash": 0})
    # More decimals are rounded as values are.
    assert trailer_of("T|3|10.0000005|-2.055|3.5049") == ControlTotals(3, 10_000_001, -206, 350)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("C|3|10|2.00|3.00", "the last line is no trailer ('C|3|10|2.00|3.00'): the file was cut off"),
        ("T|3|10|2.00", "the last line is no trailer ('T|3|10|2.00'): the file was cut off"),
        ("T|3|10|2.00|3.00|", "the last line is no trailer ('T|3|10|2.00|3.00|'): the file was cut off"),
        ("T" * 61, f"the last line is no trailer ('{'T' * 60}'): the file was cut off"),
        ("T|3.1|10|2.00|3.00", "the trailer cannot be read: record_count: '3.1' has more than 0 decimals"),
        ("T|3|1O|2.00|3.00", "the trailer cannot be read: total_quantity: '1O' is not a plain decimal number"),
        ("T|3|10|2.00.1|3.00", "the trailer cannot be read: total_cost_basis: '2.00.1' is not a plain decimal number"),
        ("T|3|10|2.00|", "the trailer cannot be read: total_cash: '' is not a plain decimal number"),
    ],
)
def test_a_trailer_that_cannot_be_meant_is_refused(line: str, message: str) -> None:
    with pytest.raises(FileRefused) as refusal:
        trailer_of(line)
    assert str(refusal.value).startswith(f"BAD_TRAILER: {message}")


def refusal_code(today: date, newest: date | None) -> str | None:
    """Return the code that a file of 2026-06-11 is refused with, at most five days old; None if it is accepted."""
    try:
        check_date(HEADER, today, newest, 5)
    except FileRefused as refusal:
        return refusal.code
    return None


def test_a_file_in_time_is_accepted_from_its_own_date_to_the_last_day_of_its_age() -> None:
    days = [HEADER.data_date + timedelta(days=age) for age in range(-2, 8)]
    codes = [refusal_code(day, None) for day in days]
    assert codes == ["FUTURE_DATE"] * 2 + [None] * 6 + ["STALE_DATE"] * 2


@pytest.mark.parametrize("age", [0, 1, 5])
def test_a_file_in_time_is_accepted_unless_a_newer_one_is_loaded(age: int) -> None:
    """A second file of the same day is accepted as well."""
    today = HEADER.data_date + timedelta(days=age)
    newest = [None, *(HEADER.data_date + timedelta(days=days) for days in (-30, -1, 0, 1, 30))]
    assert [refusal_code(today, day) for day in newest] == [None] * 4 + ["STALE_DATE"] * 2


@pytest.mark.parametrize(
    ("today", "newest", "message"),
    [
        ("2026-06-10", None, "FUTURE_DATE: the data date 2026-06-11 lies after the business date 2026-06-10"),
        (
            "2026-06-12",
            "2026-06-12",
            "STALE_DATE: the data date 2026-06-11 lies before 2026-06-12, already loaded from NORTH",
        ),
        ("2026-06-17", None, "STALE_DATE: the data date 2026-06-11 is more than 5 days before 2026-06-17"),
        ("2026-06-17", "2026-06-11", "STALE_DATE: the data date 2026-06-11 is more than 5 days before 2026-06-17"),
    ],
)
def test_a_file_out_of_time_is_refused(today: str, newest: str | None, message: str) -> None:
    with pytest.raises(FileRefused) as refusal:
        check_date(HEADER, date.fromisoformat(today), date.fromisoformat(newest) if newest else None, 5)
    assert str(refusal.value) == message


def test_before_the_first_record_nothing_is_counted() -> None:
    assert ControlTotals() == ControlTotals(0, 0, 0, 0, {"quantity": 0, "cost_basis": 0, "cash": 0})


def test_nothing_is_remarked_on_sums_that_agree() -> None:
    assert check_totals(ControlTotals(2, 1, -2, 3), ControlTotals(2, 1, -2, 3)) == []


@pytest.mark.parametrize(
    ("found", "message"),
    [
        (ControlTotals(3, 1, 2, 4), "COUNT_MISMATCH: the trailer counts 2 records, the file has 3"),
        (ControlTotals(1, 1, 2, 3), "COUNT_MISMATCH: the trailer counts 2 records, the file has 1"),
        (
            ControlTotals(2, 2, 2, 3),
            "TOTAL_MISMATCH: the trailer's sum of quantity is 0.000001, the records add up to 0.000002; ",
        ),
        (
            ControlTotals(2, 1, 1, 3),
            "TOTAL_MISMATCH: the trailer's sum of cost_basis is 0.02, the records add up to 0.01; ",
        ),
        (ControlTotals(2, 1, 2, 4), "TOTAL_MISMATCH: the trailer's sum of cash is 0.03, the records add up to 0.04; "),
    ],
)
def test_a_file_that_does_not_add_up_to_its_trailer_is_refused(found: ControlTotals, message: str) -> None:
    with pytest.raises(FileRefused) as refusal:
        check_totals(ControlTotals(2, 1, 2, 3), found)
    assert str(refusal.value).startswith(message)


def raised(names: set[str], by: int, unreadable: dict[str, int]) -> ControlTotals:
    """Return the totals (2, 1, 2, 3) with the sums of these columns raised."""
    quantity, basis, cash = (by * (name in names) for name in ("quantity", "cost_basis", "cash"))
    return ControlTotals(2, 1 + quantity, 2 + basis, 3 + cash, unreadable)


@pytest.mark.parametrize("column", ["quantity", "cost_basis", "cash"])
def test_a_column_with_a_value_that_is_no_number_is_not_compared_and_the_others_are(column: str) -> None:
    """Each column in turn holds one such value: its own sum may differ, another's may not."""
    unreadable = {name: int(name == column) for name in ("quantity", "cost_basis", "cash")}
    assert check_totals(ControlTotals(2, 1, 2, 3), raised({column}, 5, unreadable)) == [
        f"{column} holds 1 values that are no numbers; its sum is unchecked"
    ]
    for other in unreadable.keys() - {column}:
        with pytest.raises(FileRefused, match=f"sum of {other} is"):
            check_totals(ControlTotals(2, 1, 2, 3), raised({other}, 1, unreadable))


@pytest.mark.parametrize(
    ("promised", "right"),
    [
        # three values written as 1.004, 1.004 and 1.004 are kept as 1.00 and add up to 3.00, as written to 3.012
        (300, True),
        (301, True),  # rounded or cut
        (302, True),  # rounded up
        (299, False),
        (303, False),
    ],
)
def test_sums_of_values_with_more_decimals_than_are_kept(promised: int, right: bool) -> None:
    found = ControlTotals(3, 0, 300, 0)
    found.rounded["cost_basis"], found.beyond["cost_basis"] = 3, 1_200_000
    wanted = ControlTotals(3, 0, promised, 0)
    if right:
        assert check_totals(wanted, found) == []
    else:
        with pytest.raises(FileRefused, match="TOTAL_MISMATCH"):
            check_totals(wanted, found)
