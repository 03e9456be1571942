"""From judged records to accounts: who is held and why, and every good account's lots in the order of the contract."""

from dataclasses import dataclass

import numpy as np

from services.taxlot.domain.codes import ROW_CODES, Hold, printable
from services.taxlot.domain.rows import CODE, Rows, Table, Text
from shared.fixed_point.compiled import entry_kernel, view_kernel
from shared.rules.relief.lots import Bytes, Ints


@dataclass(frozen=True)
class Groups:
    """The accounts of a block.  Account g has the records first[g]:first[g + 1] and the name names[g]."""

    first: Ints
    names: list[str]

    def __len__(self) -> int:
        return len(self.names)


@dataclass(frozen=True)
class LotColumns:
    """Lots of accounts, ordered by (security, sleeve, acquired, lot id) inside each.

    Account k has the lots first[k]:first[k + 1].  rows: each lot's place among the block's records.
    """

    first: Ints
    rows: Ints


def group(table: Table) -> Groups:
    """Return the runs of records of one account number."""
    codes = table.account.index
    change = np.flatnonzero(codes[1:] != codes[:-1]) + 1
    first = np.concatenate([[0], change, [len(codes)]]).astype(np.int64) if len(codes) else np.zeros(1, np.int64)
    return Groups(first, [table.account.names[codes[place]] for place in first[:-1]])


def holds_of(rows: Rows, groups: Groups) -> dict[int, Hold]:
    """Return the hold of each group that has one: its first bad record, else what is wrong with the whole."""
    if not len(groups):
        return {}
    _blame_duplicates(rows, groups)
    found: dict[int, Hold] = {}
    bad = np.flatnonzero(rows.code)
    if len(bad):
        owners, at = np.unique(np.searchsorted(groups.first, bad, side="right") - 1, return_index=True)
        for owner, place in zip(owners.tolist(), bad[at].tolist(), strict=True):
            found[owner] = Hold(ROW_CODES[rows.code[place]], int(rows.table.line[place]), _values(rows, place))
    cash = np.add.reduceat(rows.table.record.where("C").astype(np.int64), groups.first[:-1])
    for owner in np.flatnonzero(cash != 1).tolist():
        line = int(rows.table.line[groups.first[owner]])
        found.setdefault(owner, Hold("CASH_MISSING" if cash[owner] == 0 else "CASH_TWICE", line))
    return found


def lots_of(rows: Rows, groups: Groups, wanted: list[int]) -> LotColumns:
    """Return the lots of the wanted groups, in their order, sorted inside each."""
    lot_rows = np.flatnonzero(rows.is_lot)
    starts = np.searchsorted(lot_rows, groups.first)
    counts = np.diff(starts)[wanted]
    first = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    # Places of the wanted groups' lots among lot_rows, without a loop over accounts.
    places = np.arange(first[-1], dtype=np.int64) + np.repeat(starts[:-1][wanted] - first[:-1], counts)
    order = lot_rows[places]
    table = rows.table
    key = ranks(table.security.names)[table.security.index] * (len(table.sleeve.names) + 1)
    key += ranks(table.sleeve.names)[table.sleeve.index]
    _sort(first, order, key, rows.acquired, table.lot_id.offsets, table.lot_id.data, np.empty_like(order))
    return LotColumns(first, order)


def ranks(names: list[str]) -> Ints:
    """Return the place of each name in the sorted order of the names."""
    places = np.zeros(len(names), np.int64)
    places[sorted(range(len(names)), key=names.__getitem__)] = np.arange(len(names))
    return places


def _values(rows: Rows, place: int) -> str:
    """Return what the record says in the fields that may be at fault."""
    table = rows.table
    code = ROW_CODES[rows.code[place]]
    fields: dict[str, Text] = {
        "NOT_A_NUMBER": table.quantity if rows.is_lot[place] else table.cash,
        "SHORT_POSITION": table.quantity,
        "BAD_DATE": table.acquired,
        "FUTURE_ACQUIRED": table.acquired,
        "DUPLICATE_LOT": table.lot_id,
    }
    if code == "UNKNOWN_SECURITY":
        return table.security.names[int(table.security.index[place])]
    if code not in fields:
        return ""
    column = fields[code]
    value = bytes(column.data[column.offsets[place] : column.offsets[place + 1]])
    return printable(value.decode(errors="replace")[:64])


def _blame_duplicates(rows: Rows, groups: Groups) -> None:
    """Give the code DUPLICATE_LOT to every good lot whose lot id and sleeve stood in its account before."""
    table = rows.table
    longest = int(np.diff(groups.first).max())
    size = 1 << (2 * longest).bit_length()
    good = (rows.is_lot & (rows.code == 0)).astype(np.uint8)
    _find_duplicates(
        groups.first,
        good,
        table.sleeve.index,
        table.lot_id.offsets,
        table.lot_id.data,
        np.full(size, -1, np.int64),
        rows.code,
        CODE["DUPLICATE_LOT"],
    )


@entry_kernel
def _find_duplicates(
    first: Ints, good: Bytes, sleeve: Ints, offsets: Ints, data: Bytes, slots: Ints, code: Bytes, mark: int
) -> None:
    """Put each account's lots into an open-addressed table; who meets its own key there is a duplicate."""
    mask = len(slots) - 1
    for owner in range(len(first) - 1):
        for row in range(first[owner], first[owner + 1]):
            if good[row] == 0:
                continue
            slot = _hash(row, sleeve, offsets, data) & mask
            # Rows of earlier accounts that still lie in the table count as empty.
            while slots[slot] >= first[owner]:
                if _same_key(slots[slot], row, sleeve, offsets, data):
                    code[row] = mark
                    break
                slot = (slot + 1) & mask
            else:
                slots[slot] = row


@view_kernel
def _hash(row: int, sleeve: Ints, offsets: Ints, data: Bytes) -> int:
    value = 2166136261 ^ sleeve[row]
    for place in range(offsets[row], offsets[row + 1]):
        value = ((value ^ data[place]) * 16777619) & 0xFFFFFFFF
    return int(value ^ (value >> 15))


@view_kernel
def _same_key(one: int, two: int, sleeve: Ints, offsets: Ints, data: Bytes) -> bool:
    return bool(sleeve[one] == sleeve[two] and _compare_text(one, two, offsets, data) == 0)


@view_kernel
def _compare_text(one: int, two: int, offsets: Ints, data: Bytes) -> int:
    start1, start2 = offsets[one], offsets[two]
    length1, length2 = offsets[one + 1] - start1, offsets[two + 1] - start2
    for step in range(min(length1, length2)):
        if data[start1 + step] != data[start2 + step]:
            return -1 if data[start1 + step] < data[start2 + step] else 1
    return 0 if length1 == length2 else (-1 if length1 < length2 else 1)


@view_kernel
def _before(one: int, two: int, key: Ints, acquired: Ints, offsets: Ints, data: Bytes) -> bool:
    if key[one] != key[two]:
        return bool(key[one] < key[two])
    if acquired[one] != acquired[two]:
        return bool(acquired[one] < acquired[two])
    return _compare_text(one, two, offsets, data) < 0


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
                for place in range(left, middle):
                    spare[place] = order[place]
                one, two = left, middle
                for place in range(left, right):
                    if one == middle:
                        break
                    if two < right and _before(order[two], spare[one], key, acquired, offsets, data):
                        order[place] = order[two]
                        two += 1
                    else:
                        order[place] = spare[one]
                        one += 1
            width *= 2
