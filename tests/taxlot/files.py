"""Custodial files for tests: only what matters is named, the trailer follows the records unless told otherwise."""

from dataclasses import dataclass, field
from pathlib import Path

from shared.contracts import custody
from shared.fixed_point.text import InexactText, scaled

DAY = "2026-06-11"


def lot(
    account: str,
    security: str = "AAA",
    lot_id: str = "L1",
    quantity: str = "10",
    basis: str = "100.00",
    acquired: str = "2020-01-02",
    sleeve: str = "S1",
    price: str = "",
    covered: str = "Y",
) -> str:
    """One lot record."""
    return f"L|{account}|{security}|{lot_id}|{acquired}|{quantity}|{basis}|{covered}|{sleeve}|{price}|\n"


def cash(account: str, dollars: str = "50.00") -> str:
    """One cash record."""
    return custody.cash_line(account, dollars)


def good(account: str) -> list[str]:
    """An account with one lot and cash."""
    return [lot(account), cash(account)]


@dataclass
class File:
    """A file of records; header and trailer are right unless given."""

    records: list[str] = field(default_factory=list)
    kind: str = custody.REFRESHED
    day: str = DAY
    custodian: str = "NORTH"
    header: str | None = None
    trailer: str | None = None

    def text(self) -> str:
        """The whole file."""
        header = self.header or custody.header_line(self.custodian, self.day, self.kind, f"{self.day}T23:00:00Z")
        sums = [
            sum(_value(record, index, decimals) for record in self.records)
            for index, decimals in ((5, 6), (6, 2), (10, 2))
        ]
        trailer = self.trailer or custody.trailer_line(len(self.records), *sums)
        return header + "".join(self.records) + trailer

    def write(self, path: Path) -> Path:
        """Write it."""
        path.write_text(self.text())
        return path


def _value(record: str, index: int, decimals: int) -> int:
    fields = record.rstrip("\n").split("|")
    try:
        return scaled(fields[index], decimals) if fields[index] else 0
    except (InexactText, IndexError):
        return 0
