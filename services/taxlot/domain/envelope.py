"""Header and trailer of a custodial file, and the checks that refuse a whole file.  Source: docs/custodial-files.md."""

import re
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Final

from services.taxlot.domain.codes import FileRefused
from shared.contracts import custody
from shared.fixed_point.limits import MICRO
from shared.fixed_point.text import InexactText, rounded, scaled, text_of

_PACKED: Final = {"gzip": b"\x1f\x8b", "zip": b"PK\x03\x04", "bzip2": b"BZh", "xz": b"\xfd7zXZ", "zstd": b"(\xb5/\xfd"}
_IDENTIFIER = re.compile(r"[A-Za-z0-9._:@-]{1,64}\Z")


@dataclass(frozen=True)
class Header:
    """First line: who reports, as of which day, and whether the file holds every account (`refreshed`)."""

    custodian: str
    data_date: date
    refreshed: bool
    created_at: datetime

    @property
    def kind(self) -> str:
        """Return REFRESHED or UPDATED."""
        return custody.REFRESHED if self.refreshed else custody.UPDATED


def _per_column() -> dict[str, int]:
    return {"quantity": 0, "cost_basis": 0, "cash": 0}


@dataclass
class ControlTotals:
    """Count and sums over the records as they are kept.

    By column: unreadable: how many values are no numbers and not in the sum.  rounded: how many have more decimals than
    are kept; beyond: what that took away in all, in millionths of the unit.  lacking: of promised totals, those
    ("records" or a column) that the file does not state.
    """

    records: int = 0
    quantity_micro: int = 0
    basis_cents: int = 0
    cash_cents: int = 0
    unreadable: dict[str, int] = field(default_factory=_per_column)
    rounded: dict[str, int] = field(default_factory=_per_column)
    beyond: dict[str, int] = field(default_factory=_per_column)
    lacking: frozenset[str] = frozenset()


def refuse_packed(first: bytes) -> None:
    """Raise FileRefused if the file is compressed, and say how: a small one may unpack to gigabytes."""
    for kind, begin in _PACKED.items():
        if first.startswith(begin):
            raise FileRefused("NOT_A_LOT_FILE", f"the file is packed ({kind}); unpack it and put it in again")


def header_of(line: str) -> Header:
    """Return the header.  Raises FileRefused with NOT_A_LOT_FILE or BAD_HEADER."""
    fields = line.split("|")
    if fields[:3] != [custody.HEADER, custody.FILE_TYPE, custody.FORMAT_VERSION]:
        begin = f"{custody.HEADER}|{custody.FILE_TYPE}|{custody.FORMAT_VERSION}|"
        raise FileRefused("NOT_A_LOT_FILE", f"the first line must begin with {begin}, it reads {line[:60]!r}")
    if len(fields) != len(custody.HEADER_FIELDS):
        raise FileRefused("BAD_HEADER", f"the header has {len(fields)} fields, it needs {len(custody.HEADER_FIELDS)}")
    _, _, _, custodian, data_date, kind, created_at = fields
    if not custodian:
        raise FileRefused("BAD_HEADER", "the header names no custodian")
    if not _IDENTIFIER.match(custodian):
        raise FileRefused(
            "BAD_HEADER", f"the custodian is {custodian[:80]!r}; at most 64 of A-Z a-z 0-9 . _ : @ - are allowed"
        )
    if kind not in (custody.REFRESHED, custody.UPDATED):
        raise FileRefused("BAD_HEADER", f"the kind is {kind!r}, it must be {custody.REFRESHED} or {custody.UPDATED}")
    try:
        day = date.fromisoformat(data_date)
    except ValueError as error:
        raise FileRefused("BAD_HEADER", f"the data date {data_date!r} is no date such as 2026-01-02") from error
    try:
        made = datetime.fromisoformat(created_at)
    except ValueError as error:
        raise FileRefused(
            "BAD_HEADER", f"created at {created_at!r} is no instant such as 2026-01-02T23:10:00Z"
        ) from error
    return Header(custodian, day, kind == custody.REFRESHED, made)


def trailer_of(line: str) -> ControlTotals:
    """Return the totals that the trailer promises, rounded as values are.  Raises FileRefused with BAD_TRAILER."""
    fields = line.split("|")
    if fields[0] != custody.TRAILER or len(fields) != len(custody.TRAILER_FIELDS):
        raise FileRefused(
            "BAD_TRAILER",
            f"the last line is no trailer ({line[:60]!r}): the file was cut off; ask the custodian to send it again",
        )
    try:
        records = scaled(fields[1], 0, custody.TRAILER_FIELDS[1])
        quantity, basis, cash = (
            rounded(text, decimals, name)
            for text, decimals, name in zip(fields[2:], (6, 2, 2), custody.TRAILER_FIELDS[2:], strict=True)
        )
    except InexactText as error:
        raise FileRefused("BAD_TRAILER", f"the trailer cannot be read: {error}") from error
    return ControlTotals(records, quantity, basis, cash)


def check_date(header: Header, today: date, newest_loaded: date | None, max_age_days: int) -> None:
    """Refuse a file of the future (FUTURE_DATE), and one too old or older than the newest loaded (STALE_DATE).

    today: the present business date.  newest_loaded: data date of the newest file loaded from this custodian.
    Raises FileRefused.  Source: product 2.
    """
    day = header.data_date
    if day > today:
        raise FileRefused("FUTURE_DATE", f"the data date {day} lies after the business date {today}")
    if newest_loaded is not None and day < newest_loaded:
        raise FileRefused(
            "STALE_DATE", f"the data date {day} lies before {newest_loaded}, already loaded from {header.custodian}"
        )
    if (today - day).days > max_age_days:
        raise FileRefused("STALE_DATE", f"the data date {day} is more than {max_age_days} days before {today}")


def check_totals(promised: ControlTotals, found: ControlTotals) -> list[str]:
    """Refuse a file whose records do not add up to what it promises; return a remark per sum that was not compared.

    Where values have more decimals than are kept, a trailer is right that adds up what is kept, and one that adds up
    what is written: its last decimal may then be rounded or cut.

    Raises FileRefused (COUNT_MISMATCH, TOTAL_MISMATCH): nothing of the file is applied.  Source: product 2.
    """
    if "records" not in promised.lacking and promised.records != found.records:
        raise FileRefused(
            "COUNT_MISMATCH", f"the trailer counts {promised.records} records, the file has {found.records}"
        )
    remarks = ["the file states no count of its records; it is unchecked"] if "records" in promised.lacking else []
    for column, decimals, wanted, got in (
        ("quantity", 6, promised.quantity_micro, found.quantity_micro),
        ("cost_basis", 2, promised.basis_cents, found.basis_cents),
        ("cash", 2, promised.cash_cents, found.cash_cents),
    ):
        if column in promised.lacking:
            remarks.append(f"the file states no sum of {column}; it is unchecked")
        elif found.unreadable[column]:
            remarks.append(
                f"{column} holds {found.unreadable[column]} values that are no numbers; its sum is unchecked"
            )
        elif wanted != got and not (found.rounded[column] and _is_sum_as_written(wanted, got, found.beyond[column])):
            raise FileRefused(
                "TOTAL_MISMATCH",
                f"the trailer's sum of {column} is {text_of(wanted, decimals)}, the records add up to "
                f"{text_of(got, decimals)}; nothing was applied, ask the custodian for a correct file",
            )
    return remarks


def _is_sum_as_written(wanted: int, kept: int, beyond: int) -> bool:
    """Say whether a sum lies less than one unit from the sum as written; beyond: in millionths of the unit."""
    return abs((wanted - kept) * MICRO - beyond) < MICRO
