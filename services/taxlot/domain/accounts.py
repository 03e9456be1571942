"""Group judged records into accounts: the hold of each bad account, the lots of each good one in stored order."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from services.taxlot.domain import text
from services.taxlot.domain.codes import ROW_CODES, DataHold, printable
from services.taxlot.domain.records import CODE, LIMITS, JudgedRecords, RecordTable, TextColumn, columns_of
from shared.columnar import Bytes, read_only, starts_of
from shared.fixed_point.compiled import entry_kernel, view_kernel
from shared.rules.relief.lots import Ints
from shared.rules.relief.order import compare_bytes


@dataclass(frozen=True)
class AccountGroups:
    """The accounts of a block.  Account g has the records first[g]:first[g + 1] and the name names[g]."""

    first: Ints
    names: list[str]

    def __len__(self) -> int:
        return len(self.names)


@dataclass(frozen=True)
class SortedLots:
    """Lots of accounts, ordered by (security, sleeve, acquired, lot id) inside each.

    Account k has the lots first[k]:first[k + 1].  rows: the index of each lot's record in the block.
    """

    first: Ints
    rows: Ints


def group(table: RecordTable) -> AccountGroups:
    """Return the accounts of the table: runs of records that have the same account number."""
    codes = table.account.index
    change = np.flatnonzero(codes[1:] != codes[:-1]) + 1
    first = np.concatenate([[0], change, [len(codes)]]).astype(np.int64) if len(codes) else np.zeros(1, np.int64)
    return AccountGroups(first, [table.account.names[codes[begin]] for begin in first[:-1]])


def account_holds(rows: JudgedRecords, groups: AccountGroups) -> dict[int, DataHold]:
    """Return the hold of each bad account, by its index: its first bad record, else its count of cash records."""
    if not len(groups):
        return {}
    _mark_duplicates(rows, groups)
    holds: dict[int, DataHold] = {}
    bad = np.flatnonzero(rows.code)
    if len(bad):
        owners, first_bad = np.unique(np.searchsorted(groups.first, bad, side="right") - 1, return_index=True)
        for owner, row in zip(owners.tolist(), bad[first_bad].tolist(), strict=True):
            holds[owner] = DataHold(ROW_CODES[rows.code[row]], int(rows.table.line[row]), values_at_fault(rows, row))
    cash = np.add.reduceat(rows.table.record.where("C").astype(np.int64), groups.first[:-1])
    for owner in np.flatnonzero(cash != 1).tolist():
        line = int(rows.table.line[groups.first[owner]])
        holds.setdefault(owner, DataHold("CASH_MISSING" if cash[owner] == 0 else "CASH_TWICE", line))
    return holds


def sorted_lots(rows: JudgedRecords, groups: AccountGroups, wanted: list[int]) -> SortedLots:
    """Return the lots of the wanted accounts (indices into `groups`), in that order, sorted inside each."""
    lot_rows = np.flatnonzero(rows.is_lot)
    starts = np.searchsorted(lot_rows, groups.first)
    counts = np.diff(starts)[wanted]
    first = starts_of(counts)
    # Indices of the wanted accounts' lots in lot_rows, without a loop over accounts.
    indices = np.arange(first[-1], dtype=np.int64) + np.repeat(starts[:-1][wanted] - first[:-1], counts)
    order = lot_rows[indices]
    table = rows.table
    key = ranks(table.security.names)[table.security.index] * (len(table.sleeve.names) + 1)
    key += ranks(table.sleeve.names)[table.sleeve.index]
    _sort(first, order, key, rows.acquired, table.lot_id.offsets, read_only(table.lot_id.data), np.empty_like(order))
    return SortedLots(first, order)


def ranks(names: list[str]) -> Ints:
    """Return the rank of each name in the sorted order of the names."""
    ranked = np.zeros(len(names), np.int64)
    ranked[sorted(range(len(names)), key=names.__getitem__)] = np.arange(len(names))
    return ranked


def values_at_fault(rows: JudgedRecords, row: int) -> str:
    """Return each field that the record's code is about, with its value, printable; empty when it is about none."""
    table, code = rows.table, ROW_CODES[rows.code[row]]
    coded = {"account": table.account, "security": table.security, "sleeve": table.sleeve, "covered": table.covered}
    coded |= {} if table.term is None else {"term": table.term}
    texts = {"lot id": table.lot_id, "acquired": table.acquired, **dict(columns_of(table))}
    texts |= {} if table.holding_since is None else {"holding since": table.holding_since}
    shown = []
    for field in _fields_at_fault(rows, row, code):
        value = coded[field].names[int(coded[field].index[row])] if field in coded else text_at(texts[field], row)
        heading = f" (column {table.headings[field]!r})" if field in table.headings else ""
        shown.append(f"{field}{heading}: {printable(value[:_MOST_SHOWN]) or 'empty'}")
    return "; ".join(shown)


_MOST_SHOWN: Final = 64  # characters of a value
_FIELDS: Final[dict[str, tuple[str, ...]]] = {
    "SHORT_POSITION": ("quantity",),
    "BAD_SIGN": ("cost basis",),
    "BAD_TERM": ("term",),
    "BAD_COVERED": ("covered",),
    "UNKNOWN_SECURITY": ("security",),
    "DUPLICATE_LOT": ("security", "lot id", "sleeve"),
}


def _fields_at_fault(rows: JudgedRecords, row: int, code: str) -> list[str]:
    """Return the fields for which `judge` gave this code: those of a single row are read once more."""
    table = rows.table
    is_lot = table.record.names[int(table.record.index[row])] == "L"
    if code == "BAD_TEXT":
        names = {"account": table.account.names[int(table.account.index[row])]}
        names |= {"security": table.security.names[int(table.security.index[row])]} if is_lot else {}
        names |= {"lot id": text_at(table.lot_id, row)} if is_lot else {}
        bad = [field for field, name in names.items() if not text.is_identifier(name)]
        sleeve = table.sleeve.names[int(table.sleeve.index[row])]
        return [*bad, "sleeve"] if sleeve and not text.is_identifier(sleeve) else bad
    if code in ("BAD_DATE", "FUTURE_ACQUIRED"):
        return _dates_at_fault(rows, row, code)
    if code not in ("NOT_A_NUMBER", "OUT_OF_RANGE"):
        return list(_FIELDS.get(code, ()))
    read = {field: _number(column, row, *LIMITS[field]) for field, column in columns_of(table)}
    if code == "NOT_A_NUMBER":
        needed = "quantity" if is_lot else "cash"
        mine = ("quantity", "cost basis") if is_lot else ("cash",)
        return [f for f in mine if read[f][1] == text.MALFORMED or (f == needed and read[f][1] == text.EMPTY)]
    return [field for field, (_, status) in read.items() if status == text.TOO_LARGE and field != "price"]


def _dates_at_fault(rows: JudgedRecords, row: int, code: str) -> list[str]:
    """Return which dates of a row are none, or lie after the date of the file."""
    table = rows.table
    if table.holding_since is None:
        return ["acquired"]
    columns = {"acquired": table.acquired, "holding since": table.holding_since}
    read = {name: text.dates(column.offsets[row : row + 2], column.data) for name, column in columns.items()}
    if code == "BAD_DATE":
        return [name for name, (_, status) in read.items() if status[0] == text.MALFORMED]
    return [name for name, (days, _) in read.items() if days[0] > rows.data_day]


def _number(column: TextColumn, row: int, decimals: int, limit: int) -> tuple[int, int]:
    values, status = text.decimals(column.offsets[row : row + 2], column.data, decimals, limit)
    return int(values[0]), int(status[0])


def text_at(column: TextColumn, row: int) -> str:
    """Return the text of one row; bytes that are no UTF-8 are replaced."""
    return bytes(column.data[column.offsets[row] : column.offsets[row + 1]]).decode(errors="replace")


def _mark_duplicates(rows: JudgedRecords, groups: AccountGroups) -> None:
    """Give the code DUPLICATE_LOT to every good lot whose security, lot id and sleeve occur earlier in its account."""
    table = rows.table
    longest = int(np.diff(groups.first).max())
    size = 1 << (2 * longest).bit_length()
    good = (rows.is_lot & (rows.code == 0)).astype(np.uint8)
    _find_duplicates(
        groups.first,
        good,
        table.security.index * max(len(table.sleeve.names), 1) + table.sleeve.index,
        table.lot_id.offsets,
        read_only(table.lot_id.data),
        np.full(size, -1, np.int64),
        rows.code,
        CODE["DUPLICATE_LOT"],
    )


@entry_kernel
def _find_duplicates(
    first: Ints, good: Bytes, position: Ints, offsets: Ints, data: Bytes, slots: Ints, code: Bytes, mark: int
) -> None:
    """Put each account's lots into an open-addressed table; a lot whose key is there already is a duplicate.

    position: one number for each security and sleeve.
    """
    mask = len(slots) - 1
    for owner in range(len(first) - 1):
        for row in range(first[owner], first[owner + 1]):
            if good[row] == 0:
                continue
            slot = _hash(row, position, offsets, data) & mask
            # Slots filled by earlier accounts count as empty.
            while slots[slot] >= first[owner]:
                if _same_key(slots[slot], row, position, offsets, data):
                    code[row] = mark
                    break
                slot = (slot + 1) & mask
            else:
                slots[slot] = row


@view_kernel
def _hash(row: int, position: Ints, offsets: Ints, data: Bytes) -> int:
    value = 2166136261 ^ position[row]
    for byte in range(offsets[row], offsets[row + 1]):
        value = ((value ^ data[byte]) * 16777619) & 0xFFFFFFFF
    return int(value ^ (value >> 15))


@view_kernel
def _same_key(left: int, right: int, position: Ints, offsets: Ints, data: Bytes) -> bool:
    return bool(
        position[left] == position[right]
        and compare_bytes(data, offsets[left], offsets[left + 1], offsets[right], offsets[right + 1]) == 0
    )


@view_kernel
def _before(left: int, right: int, key: Ints, acquired: Ints, offsets: Ints, data: Bytes) -> bool:
    if key[left] != key[right]:
        return bool(key[left] < key[right])
    if acquired[left] != acquired[right]:
        return bool(acquired[left] < acquired[right])
    return bool(compare_bytes(data, offsets[left], offsets[left + 1], offsets[right], offsets[right + 1]) < 0)


@entry_kernel
def _sort(first: Ints, order: Ints, key: Ints, acquired: Ints, offsets: Ints, data: Bytes, spare: Ints) -> None:
    """Sort the rows of each account by key, acquired, lot id: a merge sort that skips runs already in order."""
    for owner in range(len(first) - 1):
        begin, end = first[owner], first[owner + 1]
        width = 1
        while width < end - begin:
            for left in range(begin, end, 2 * width):
                middle, right = min(left + width, end), min(left + 2 * width, end)
                if middle >= right or not _before(order[middle], order[middle - 1], key, acquired, offsets, data):
                    continue
                for index in range(left, middle):
                    spare[index] = order[index]
                low, high = left, middle
                for index in range(left, right):
                    if low == middle:
                        break
                    if high < right and _before(order[high], spare[low], key, acquired, offsets, data):
                        order[index] = order[high]
                        high += 1
                    else:
                        order[index] = spare[low]
                        low += 1
            width *= 2
