"""One file on its way into the store: what it names, who is held, which accounts changed."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final

import numpy as np
import pyarrow as pa

from services.taxlot.domain.accounts import Groups, group, holds_of, lots_of
from services.taxlot.domain.codes import Hold, Note, printable
from services.taxlot.domain.envelope import Header, Totals
from services.taxlot.domain.rows import Coded, Rows, judge
from services.taxlot.intake import jumps, sleeves
from services.taxlot.intake.account_scope import Reach
from services.taxlot.intake.account_size import too_many
from services.taxlot.intake.reader import Block
from services.taxlot.store import documents, lots
from services.taxlot.store.ledger import Part
from services.taxlot.store.lots import Covered
from services.taxlot.store.platform import KnownAccount

MOST_NOTES: Final = 10_000  # of one kind and file; more would say nothing new
_EPOCH = date(1970, 1, 1)


@dataclass
class Gathering:
    """The state of one load.  `holds` is by account id; `seen` are the accounts met so far that the file may change."""

    connection: Any
    header: Header
    reach: Reach
    securities: frozenset[str]
    totals: Totals = field(default_factory=Totals)
    holds: dict[str, Hold] = field(default_factory=dict)
    notes: list[Note] = field(default_factory=list)
    seen: set[str] = field(default_factory=set)
    older: set[str] = field(default_factory=set)
    unknown: int = 0
    records: Counter[tuple[str, str]] = field(default_factory=Counter)
    prices: dict[str, int] = field(default_factory=dict)

    def add(self, block: Block) -> None:
        """Judge a block and put its good accounts into the temporary tables."""
        table = block.table
        self.totals.records += block.records
        known_security = np.array([name in self.securities for name in table.security.names] or [False])
        data_day = (self.header.data_date - _EPOCH).days
        rows = judge(table, known_security, data_day, self.totals)
        groups = group(table)
        found = holds_of(rows, groups)
        self._hold_neighbours(groups, rows)
        for misshapen in block.misshapen:
            for number in misshapen.accounts:
                self._hold(number, Hold("BAD_RECORD", misshapen.line))
        good = self._sort_out(groups, rows, found)
        if good:
            self._store(rows, groups, good)
        self._note_prices(rows)

    def missing(self) -> list[KnownAccount]:
        """Return the accounts the file may change and should have named, and has not."""
        return [one for one in self.reach.accounts if one.account_id not in self.seen and not self.reach.is_newer(one)]

    def parts(self) -> dict[tuple[str, str], Part]:
        """Return what of the file concerns each enterprise and advisor."""
        owners = {one.account_id: one.owner for one in self.reach.accounts}
        held = Counter(owners[account] for account in self.holds)
        good = Counter(owners[account] for account in self.seen - self.holds.keys() - self.older)
        return {one: Part(good[one] + held[one], held[one], self.records[one]) for one in set(owners.values())}

    def _hold(self, number: str, hold: Hold) -> None:
        for account in self.reach.of_number(number):
            self.seen.add(account.account_id)
            if not self.reach.is_newer(account):
                self.holds.setdefault(account.account_id, hold)

    def _hold_neighbours(self, groups: Groups, rows: Rows) -> None:
        """A record without an account number may belong to the account before or after it."""
        for place, name in enumerate(groups.names):
            if name == "":
                hold = Hold("BAD_RECORD", int(rows.table.line[groups.first[place]]))
                for near in groups.names[max(place - 1, 0) : place + 2]:
                    self._hold(near, hold)

    def _sort_out(self, groups: Groups, rows: Rows, found: dict[int, Hold]) -> list[int]:
        """Return the groups that are good; hold, or report as unknown, the others."""
        good = []
        for place, number in enumerate(groups.names):
            line = int(rows.table.line[groups.first[place]])
            meant = self.reach.of_number(number)
            for one in meant:
                self.records[one.owner] += int(groups.first[place + 1] - groups.first[place])
            account = meant[0] if meant else None
            if account is None:
                self._unknown(number, line)
            elif len(meant) > 1:
                self._hold(number, Hold("AMBIGUOUS_NUMBER", line))
            elif self.reach.is_newer(account):
                self._older(account, line)
            elif account.account_id in self.seen and account.account_id not in self.holds:
                self.holds[account.account_id] = Hold("NOT_TOGETHER", line)
            elif place in found:
                self._hold(number, found[place])
            elif account.account_id not in self.seen:
                self.seen.add(account.account_id)
                good.append(place)
        return good

    def _unknown(self, number: str, line: int) -> None:
        self.unknown += 1
        if self.unknown <= MOST_NOTES:
            custodian = self.header.custodian
            text = f"no account of ours at {custodian} has the number {number[:64]!r}: its records were passed over"
            self.notes.append(Note("UNKNOWN_ACCOUNT", line, printable(number[:64]), text))

    def _older(self, account: KnownAccount, line: int) -> None:
        self.seen.add(account.account_id)
        self.older.add(account.account_id)
        text = f"the account has a file of {account.as_of} already, later than this one: its records were passed over"
        self.notes.append(Note("OLDER_THAN_KNOWN", line, account.account_number, text, account.account_id))

    def _store(self, rows: Rows, groups: Groups, good: list[int]) -> None:
        """Put the good accounts' cash, and the lots that changed, into the temporary tables."""
        table = rows.table
        chosen = lots_of(rows, groups, good)
        accounts = [self.reach.of_number(groups.names[place])[0] for place in good]
        cash_rows = np.flatnonzero(table.record.where("C"))
        cash = rows.cash[cash_rows[np.searchsorted(cash_rows, groups.first[good])]].tolist()
        order = chosen.rows
        batch = documents.batch_of(
            _texts(table.security).take(pa.array(table.security.index[order])),
            _texts(table.sleeve).take(pa.array(table.sleeve.index[order])),
            _strings(table.lot_id).take(pa.array(order)),
            rows.acquired[order],
            rows.quantity[order],
            rows.basis[order],
            table.covered.where("Y")[order].astype(np.int64),
        )
        batch, first = sleeves.place(self.connection, batch, chosen.first, accounts)
        beyond = too_many(batch, first)
        for place, (code, detail) in beyond.items():
            self.holds[accounts[place].account_id] = Hold(code, int(table.line[groups.first[good[place]]]), detail)
        changed: list[tuple[str, bytes]] = []
        covered = []
        again: list[int] = []  # accounts that had lots before and have others now
        for place, content in enumerate(documents.digests(batch, first.tolist(), cash)):
            account = accounts[place]
            if place in beyond:
                continue
            covered.append(Covered(account.account_id, cash[place], content))
            if account.content != content:
                begin, end = int(first[place]), int(first[place + 1])
                changed.append((account.account_id, documents.document(batch, begin, end)))
                if account.content is not None:
                    again.append(place)
        self._note_jumps(batch, first, accounts, again)
        lots.gather_documents(self.connection, changed)
        lots.gather_covered(self.connection, covered)

    def _note_jumps(
        self, batch: pa.RecordBatch, first: Any, accounts: Sequence[KnownAccount], again: list[int]
    ) -> None:
        if not again:
            return
        before = lots.documents(self.connection, [accounts[place].account_id for place in again])
        for place, text in jumps.of_quantities(
            batch, first, again, [before.get(accounts[p].account_id) for p in again]
        ):
            self._note("SPLIT_RATIO", accounts[place].account_number, text, accounts[place].account_id)

    def _note_prices(self, rows: Rows) -> None:
        """Remember each security's price; note where two records differ."""
        names = rows.table.security.names
        priced = np.flatnonzero(rows.is_lot & (rows.code == 0) & (rows.price > 0))
        index, prices = rows.table.security.index[priced], rows.price[priced]
        low = np.full(len(names), np.iinfo(np.int64).max)
        high = np.zeros(len(names), np.int64)
        np.minimum.at(low, index, prices)
        np.maximum.at(high, index, prices)
        for place in np.flatnonzero(high).tolist():
            first = self.prices.setdefault(names[place], int(low[place]))
            if first != low[place] or first != high[place]:
                self._note("PRICE_DIFFERS", "", f"records of {names[place]} give different prices")

    def _note(self, code: str, number: str, text: str, account_id: str | None = None) -> None:
        note = Note(code, 0, number, text, account_id)
        if note not in self.notes[-100:] and len(self.notes) < 2 * MOST_NOTES:
            self.notes.append(note)

    def note_price_jumps(self, before: dict[str, int]) -> None:
        """Note prices that moved by a split ratio against what the custodian reported before."""
        for security, text in jumps.of_prices(before, self.prices):
            self._note("SPLIT_RATIO", "", f"{security}: {text}")


def _texts(column: Coded) -> Any:
    return pa.array(column.names, pa.string())


def _strings(column: Any) -> Any:
    """Return a text column as an Arrow array over the same bytes; only ASCII identifiers reach here."""
    offsets: Any = np.ascontiguousarray(column.offsets, np.int32)
    buffers: list[Any] = [None, pa.py_buffer(offsets), pa.py_buffer(column.data)]
    return pa.Array.from_buffers(pa.string(), len(offsets) - 1, buffers)
