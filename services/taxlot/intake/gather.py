"""Judge a file block by block and gather its good accounts in temporary tables, its holds and its remarks."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final

import numpy as np
import pyarrow as pa

from services.taxlot.columns import documents
from services.taxlot.columns.records import Block
from services.taxlot.domain.accounts import AccountGroups, account_holds, group, sorted_lots
from services.taxlot.domain.codes import LARGE_CHANGE, DataHold, FileNote, printable
from services.taxlot.domain.envelope import ControlTotals, Header
from services.taxlot.domain.plausible import ChangeLimit
from services.taxlot.domain.records import CodedColumn, JudgedRecords, judge
from services.taxlot.domain.remarks import ROUNDED, remarks
from services.taxlot.domain.sender import AccountScope, KnownAccount
from services.taxlot.domain.treatment import SecurityFacts, divisors, excluded_rows
from services.taxlot.intake import changes, jumps, sleeves
from services.taxlot.store import lots, platform
from services.taxlot.store.ledger import OwnerCounts
from services.taxlot.store.lots import CoveredAccount

MOST_NOTES: Final = 10_000  # of one kind and file
_EPOCH = date(1970, 1, 1)
_Before = Sequence[bytes | None]
"""Documents of accounts as they are stored, None of an account without."""


@dataclass
class Gathering:
    """The state of one load.

    holds: by account id.  seen: account ids of the file so far that it may change; older: those of them that have a
    later file.  unknown: count of account numbers that no account has.  remarked: count of remarks on records.
    records: by (enterprise, advisor).  prices: in micro-dollars by security.  buys_since: new lots without a sleeve
    follow buys approved from this day on, or from an earlier one if the account's last good file is of that.
    """

    connection: Any
    header: Header
    scope: AccountScope
    securities: Mapping[str, SecurityFacts]
    change_limit: ChangeLimit = field(default_factory=ChangeLimit)
    totals: ControlTotals = field(default_factory=ControlTotals)
    holds: dict[str, DataHold] = field(default_factory=dict)
    notes: list[FileNote] = field(default_factory=list)
    seen: set[str] = field(default_factory=set)
    older: set[str] = field(default_factory=set)
    unknown: int = 0
    remarked: int = 0
    records: Counter[tuple[str, str]] = field(default_factory=Counter)
    prices: dict[str, int] = field(default_factory=dict)
    buys_since: date = date.max

    def add(self, block: Block) -> None:
        """Judge a block and put its good accounts into the temporary tables."""
        table = block.table
        self.totals.records += block.records
        known_security = np.array([name in self.securities for name in table.security.names] or [False])
        data_day = (self.header.data_date - _EPOCH).days
        excluded = excluded_rows(table, self.securities, self.scope.own_roles())
        rows = judge(table, known_security, data_day, self.totals, excluded, divisors(table, self.securities))
        groups = group(table)
        holds = account_holds(rows, groups)
        self._hold_neighbours(groups, rows)
        for record in block.malformed:
            for number in record.accounts:
                self._hold(number, DataHold(record.code, record.line, record.detail))
        good = self._good_accounts(groups, rows, holds)
        if good:
            self._store(rows, groups, good)
        self._note_records(rows)
        self._note_prices(rows)

    def missing(self) -> list[KnownAccount]:
        """Return the accounts that a file of all accounts should have named and has not."""
        return [
            account
            for account in self.scope.accounts
            if account.account_id not in self.seen and not self.scope.is_newer(account)
        ]

    def owner_counts(self) -> dict[tuple[str, str], OwnerCounts]:
        """Return the counts of the file for each enterprise and advisor."""
        owners = {account.account_id: account.owner for account in self.scope.accounts}
        held = Counter(owners[account] for account in self.holds)
        good = Counter(owners[account] for account in self.seen - self.holds.keys() - self.older)
        return {
            owner: OwnerCounts(good[owner] + held[owner], held[owner], self.records[owner])
            for owner in set(owners.values())
        }

    def _hold(self, number: str, hold: DataHold) -> None:
        for account in self.scope.of_number(number):
            self.seen.add(account.account_id)
            if not self.scope.is_newer(account):
                self.holds.setdefault(account.account_id, hold)

    def _hold_neighbours(self, groups: AccountGroups, rows: JudgedRecords) -> None:
        """Hold the accounts before and after a record without an account number: it may belong to either."""
        for index, name in enumerate(groups.names):
            if name == "":
                hold = DataHold("BAD_RECORD", int(rows.table.line[groups.first[index]]))
                for neighbour in groups.names[max(index - 1, 0) : index + 2]:
                    self._hold(neighbour, hold)

    def _good_accounts(self, groups: AccountGroups, rows: JudgedRecords, holds: dict[int, DataHold]) -> list[int]:
        """Return the indices of the good accounts; hold, or report as unknown, the others.  holds: by index."""
        good = []
        for index, number in enumerate(groups.names):
            line = int(rows.table.line[groups.first[index]])
            candidates = self.scope.of_number(number)
            for candidate in candidates:
                self.records[candidate.owner] += int(groups.first[index + 1] - groups.first[index])
            account = candidates[0] if candidates else None
            if account is None:
                self._note_unknown(number, line)
            elif len(candidates) > 1:
                self._hold(number, DataHold("AMBIGUOUS_NUMBER", line))
            elif self.scope.is_newer(account):
                self._note_older(account, line)
            elif account.account_id in self.seen and account.account_id not in self.holds:
                self.holds[account.account_id] = DataHold("NOT_TOGETHER", line)
            elif index in holds:
                self._hold(number, holds[index])
            elif account.account_id not in self.seen:
                self.seen.add(account.account_id)
                good.append(index)
        return good

    def _note_unknown(self, number: str, line: int) -> None:
        self.unknown += 1
        if self.unknown <= MOST_NOTES:
            custodian = self.header.custodian
            text = f"no account of ours at {custodian} has the number {number[:64]!r}: its records were passed over"
            self.notes.append(FileNote("UNKNOWN_ACCOUNT", line, printable(number[:64]), text))

    def _note_older(self, account: KnownAccount, line: int) -> None:
        self.seen.add(account.account_id)
        self.older.add(account.account_id)
        text = f"the account has a file of {account.as_of} already, later than this one: its records were passed over"
        if account.account_id in self.scope.later:
            text = (
                "a file that came later has named the account, or a request was approved for it since: its records were"
                " passed over, the custodian's next file decides"
            )
        self.notes.append(FileNote("OLDER_THAN_KNOWN", line, account.account_number, text, account.account_id))

    def _store(self, rows: JudgedRecords, groups: AccountGroups, good: list[int]) -> None:
        """Put the good accounts' cash, and the lots that changed, into the temporary tables."""
        table = rows.table
        chosen = sorted_lots(rows, groups, good)
        accounts = [self.scope.of_number(groups.names[index])[0] for index in good]
        cash_rows = np.flatnonzero(table.record.where("C"))
        cash = rows.cash[cash_rows[np.searchsorted(cash_rows, groups.first[good])]].tolist()
        order = chosen.rows
        batch = documents.batch_of(
            (
                _texts(table.security).take(pa.array(table.security.index[order])),
                _texts(table.sleeve).take(pa.array(table.sleeve.index[order])),
                _strings(table.lot_id).take(pa.array(order)),
            ),
            rows.acquired[order],
            rows.quantity[order],
            rows.basis[order],
            table.covered.where("Y")[order].astype(np.int64),
            rows.term_from[order],
        )
        reported = jumps.Reported(batch, chosen.first, rows.shown[order])
        batch, first = sleeves.with_sleeves(
            self.connection, batch, chosen.first, accounts, self.securities, self.buys_since
        )
        oversized = documents.oversized_accounts(batch, first)
        for index, (code, detail) in oversized.items():
            self.holds[accounts[index].account_id] = DataHold(code, int(table.line[groups.first[good[index]]]), detail)
        changed: list[tuple[str, bytes]] = []
        covered = []
        replaced: list[int] = []  # accounts that had other lots or cash before
        for index, content in enumerate(documents.digests(batch, first.tolist(), cash)):
            account = accounts[index]
            if index in oversized:
                continue
            covered.append(CoveredAccount(account.account_id, cash[index], content))
            if account.content != content:
                begin, end = int(first[index]), int(first[index + 1])
                changed.append((account.account_id, documents.document(batch, begin, end)))
                if account.content is not None:
                    replaced.append(index)
        if replaced:
            stored = lots.documents(self.connection, [accounts[index].account_id for index in replaced])
            before = [stored.get(accounts[index].account_id) for index in replaced]
            self._note_jumps(reported, accounts, replaced, before)
            self._note_changes(batch, first, [(index, accounts[index]) for index in replaced], before)
        lots.gather_documents(self.connection, changed)
        lots.gather_covered(self.connection, covered)

    def _note_jumps(
        self, reported: jumps.Reported, accounts: Sequence[KnownAccount], replaced: list[int], before: _Before
    ) -> None:
        """Note lots whose units jumped by a split ratio.  replaced: indices of accounts whose documents change."""
        for index, text in jumps.of_quantities(reported, replaced, before):
            self._note("SPLIT_RATIO", accounts[index].account_number, text, accounts[index].account_id)

    def _note_changes(
        self,
        batch: pa.RecordBatch,
        first: Any,
        replaced: Sequence[tuple[int, KnownAccount]],
        before: _Before,
    ) -> None:
        """Note accounts that changed beyond the limit without trades of ours; hold them where the settings say so."""
        if self.change_limit.percent == 0:
            return
        accounts = dict(replaced)
        traded = platform.traded_since(self.connection, [account for _, account in replaced])
        ours = [traded.get(account.account_id, set()) for _, account in replaced]
        roles = changes.Roles(self.securities, [account.own_roles for _, account in replaced])
        percent = self.change_limit.percent
        for index, text in changes.large_changes(batch, first, list(accounts), before, ours, roles, percent):
            account = accounts[index]
            if self.change_limit.holds:
                self.holds.setdefault(account.account_id, DataHold(LARGE_CHANGE, 0, text))
            else:
                self._note(LARGE_CHANGE, account.account_number, f"{text}: without trades of ours", account.account_id)

    def _note_records(self, rows: JudgedRecords) -> None:
        """Note the records of accounts of ours of which a number was not taken as it stands."""
        account = rows.table.account
        owners = [self.scope.of_number(name) for name in account.names]
        ours = [len(found) == 1 and found[0].account_id not in self.older for found in owners]
        mine = np.array(ours or [False])[account.index]
        found, count = remarks(rows, mine, max(0, MOST_NOTES - self.remarked))
        for row, code, text in found:
            (owner,) = owners[account.index[row]]
            line = int(rows.table.line[row])
            self.notes.append(FileNote(code, line, owner.account_number, text, owner.account_id))
        self.remarked += count

    def note_unlisted(self) -> None:
        """Note how many remarks on records are not listed, because there are too many."""
        if self.remarked > MOST_NOTES:
            text = (
                f"{self.remarked - MOST_NOTES} more values were rounded or put aside; the first {MOST_NOTES} are listed"
            )
            self.notes.append(FileNote(ROUNDED, 0, "", text))

    def _note_prices(self, rows: JudgedRecords) -> None:
        """Keep the first price of each security; note where records give different prices."""
        names = rows.table.security.names
        priced = np.flatnonzero(rows.is_lot & (rows.code == 0) & (rows.price > 0))
        index, prices = rows.table.security.index[priced], rows.price[priced]
        low = np.full(len(names), np.iinfo(np.int64).max)
        high = np.zeros(len(names), np.int64)
        np.minimum.at(low, index, prices)
        np.maximum.at(high, index, prices)
        for code in np.flatnonzero(high).tolist():
            first = self.prices.setdefault(names[code], int(low[code]))
            if first != low[code] or first != high[code]:
                self._note("PRICE_DIFFERS", "", f"records of {names[code]} give different prices")

    def _note(self, code: str, number: str, text: str, account_id: str | None = None) -> None:
        note = FileNote(code, 0, number, text, account_id)
        if note not in self.notes[-100:] and len(self.notes) < 2 * MOST_NOTES:
            self.notes.append(note)

    def note_price_jumps(self, before: dict[str, int]) -> None:
        """Note prices that moved by a split ratio.  before: the last reported, in micro-dollars by security."""
        for security, text in jumps.of_prices(before, self.prices):
            self._note("SPLIT_RATIO", "", f"{security}: {text}")


def _texts(column: CodedColumn) -> Any:
    return pa.array(column.names, pa.string())


def _strings(column: Any) -> Any:
    """Return a text column as an Arrow array over the same bytes; only ASCII identifiers reach here."""
    offsets: Any = np.ascontiguousarray(column.offsets, np.int32)
    buffers: list[Any] = [None, pa.py_buffer(offsets), pa.py_buffer(column.data)]
    return pa.Array.from_buffers(pa.string(), len(offsets) - 1, buffers)
