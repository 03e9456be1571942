"""The custodial lot file, as docs/custodial-files.md describes it: what writers and the reader of it share.

UTF-8 text, one record a line, fields parted by `|`, nothing quoted or escaped.  First line HEADER, last line TRAILER,
between them only LOT and CASH records, all with the same COLUMNS, so that the body is one table.
Source: product 2, "Custodial lot files".
"""

from collections.abc import Iterable
from typing import Final

from shared.fixed_point.text import text_of

FILE_TYPE: Final = "CUSTODY_LOTS"
FORMAT_VERSION: Final = "1"

HEADER: Final = "H"  # H|CUSTODY_LOTS|1|custodian|data_date|REFRESHED or UPDATED|created_at
LOT: Final = "L"
CASH: Final = "C"
TRAILER: Final = "T"  # T|record_count|sum_of_quantity|sum_of_cost_basis|sum_of_cash

REFRESHED: Final = "REFRESHED"  # every account of the custodian is in the file; one that is missing is held
UPDATED: Final = "UPDATED"  # only the accounts in the file have changed

HEADER_FIELDS: Final = ("record", "file_type", "format_version", "custodian", "data_date", "kind", "created_at")
TRAILER_FIELDS: Final = ("record", "record_count", "total_quantity", "total_cost_basis", "total_cash")
COLUMNS: Final = (
    "record",  # L or C
    "account_number",  # text: leading zeros count
    "security_id",  # L
    "lot_id",  # L, the custodian's name of the lot
    "acquired",  # L, YYYY-MM-DD; empty or on or before 1900-01-01: missing
    "quantity",  # L, units; 6 decimals are kept
    "cost_basis",  # L, dollars of the whole lot, 2 decimals are kept; empty: unknown, which is not zero
    "covered",  # L, Y or N
    "sleeve_id",  # L, may be empty: our last known split of the lot holds
    "price",  # L, dollars a unit, 6 decimals are kept, may be empty: a check, never a valuation
    "cash",  # C, dollars, 2 decimals are kept, may be negative; exactly one C record an account
)
# Both or neither behind the others.
MORE_COLUMNS: Final = (
    "holding_since",  # L, YYYY-MM-DD: its term counts from this day; empty: from acquired
    "term",  # L, LONG: long-term whatever the date; else empty
)

QUANTITY_DECIMALS: Final = 6
MONEY_DECIMALS: Final = 2


def header_line(custodian: str, data_date: str, kind: str, created_at: str) -> str:
    """Return the first line.

    data_date is YYYY-MM-DD, kind REFRESHED or UPDATED, created_at an instant such as 2026-01-02T22:10:00Z.
    """
    return "|".join((HEADER, FILE_TYPE, FORMAT_VERSION, custodian, data_date, kind, created_at)) + "\n"


def lot_line(
    account_number: str,
    security_id: str,
    lot_id: str,
    acquired: str,
    quantity: str,
    cost_basis: str,
    covered: bool,
) -> str:
    """Return one LOT record without sleeve and price; every value is already text (see COLUMNS)."""
    mark = "Y" if covered else "N"
    unit = f"{security_id}|{lot_id}|{acquired}|{quantity}|{cost_basis}|{mark}"
    return f"{LOT}|{account_number}|{unit}|||\n"


def cash_line(account_number: str, cash: str) -> str:
    """Return the CASH record of an account; cash is dollars with two decimals."""
    return f"{CASH}|{account_number}|||||||||{cash}\n"


def trailer_line(records: int, quantity_micro: int, basis_cents: int, cash_cents: int) -> str:
    """Return the last line.  records counts L and C records; a lot of unknown basis adds nothing to basis_cents."""
    fields: Iterable[str] = (
        TRAILER,
        str(records),
        text_of(quantity_micro, QUANTITY_DECIMALS, trim=True),
        text_of(basis_cents, MONEY_DECIMALS),
        text_of(cash_cents, MONEY_DECIMALS),
    )
    return "|".join(fields) + "\n"
