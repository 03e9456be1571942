"""A file read by its mapping without being taken in: what its rows become, what is not understood, what they add up to.

The judgement is that of the intake, except for what needs the database: securities are known, and shorts are allowed.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from typing import Final

import numpy as np

from services.taxlot.columns.records import Block
from services.taxlot.domain.accounts import account_holds, group, values_at_fault
from services.taxlot.domain.codes import NOT_UNDERSTOOD, ROW_CODES, DataHold, FileRefused
from services.taxlot.domain.envelope import ControlTotals, check_totals
from services.taxlot.domain.records import judge
from services.taxlot.domain.remarks import PRICE_PUT_ASIDE, remarks
from services.taxlot.mapping.account_rows import RowsOfAccounts
from services.taxlot.mapping.mapped_file import MappedFile

MOST_FAULTS: Final = 10_000
_EPOCH: Final = date(1970, 1, 1)
OnRows = Callable[[RowsOfAccounts, Block], None]


@dataclass
class Trial:
    """What came of a file.  fault_count counts those too that are beyond MOST_FAULTS.

    remarks: which totals were not compared.  refusal: why the whole file would be refused, None if it would not.
    """

    promised: ControlTotals
    found: ControlTotals = field(default_factory=ControlTotals)
    accounts: int = 0
    lots: int = 0
    faults: list[DataHold] = field(default_factory=list)
    fault_count: int = 0
    remarks: list[str] = field(default_factory=list)
    refusal: FileRefused | None = None

    @property
    def is_good(self) -> bool:
        """Everything was understood and agrees with what the file says of itself."""
        return self.refusal is None and not self.fault_count

    def note(self, fault: DataHold) -> None:
        """Keep a fault."""
        self.fault_count += 1
        if len(self.faults) < MOST_FAULTS:
            self.faults.append(fault)


def ignore_rows(_found: RowsOfAccounts, _block: Block) -> None:
    """Do nothing with the rows."""


def run(file: MappedFile, on_rows: OnRows, progress: Callable[[int, int], None]) -> Trial:
    """Read the file to its end.  on_rows: called with each block.

    Raises FileRefused if the mapping does not fit it.
    """
    trial = Trial(file.promised)
    data_day = (file.header.data_date - _EPOCH).days
    done = 0
    for found, block in file.read():
        on_rows(found, block)
        _judge(trial, block, data_day)
        done += len(found.rows)
        progress(done, max(done, file.lines))
    try:
        trial.remarks = check_totals(trial.promised, trial.found)
    except FileRefused as refusal:
        trial.refusal = refusal
    return trial


def _judge(trial: Trial, block: Block, data_day: int) -> None:
    table = block.table
    every = np.ones(len(table.line), np.bool_)
    known = np.ones(len(table.security.names), np.bool_)
    rows = judge(table, known, data_day, trial.found, every)
    groups = group(table)
    holds = account_holds(rows, groups)
    trial.found.records += block.records
    trial.accounts += len(groups)
    trial.lots += int(rows.is_lot.sum())
    for record in block.malformed:
        trial.note(DataHold(record.code, record.line, record.detail))
    for row in np.flatnonzero(rows.code).tolist():
        trial.note(DataHold(ROW_CODES[rows.code[row]], int(table.line[row]), values_at_fault(rows, row)))
    for hold in holds.values():
        if hold.code == "CASH_MISSING":
            trial.note(hold)
    # The intake takes such lots without their prices; of a mapping it says that the column is not understood.
    for row, code, text in remarks(rows, every, MOST_FAULTS)[0]:
        if code == PRICE_PUT_ASIDE:
            trial.note(DataHold(NOT_UNDERSTOOD, int(table.line[row]), text))
