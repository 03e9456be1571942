"""`python -m services.taxlot map`: try a mapping on a file before it is put in force.  Nothing is taken in."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Final

import typer

from services.taxlot.columns.records import Block
from services.taxlot.domain.codes import FileRefused, printable
from services.taxlot.domain.records import CodedColumn, TextColumn
from services.taxlot.mapping import trial
from services.taxlot.mapping.account_rows import CASH, LOT, SKIP, TOTAL, RowsOfAccounts
from services.taxlot.mapping.mapped_file import MappedFile
from services.taxlot.mapping.mapping_file import MappingRefused, read_mapping
from services.taxlot.mapping.model import FormatMapping
from services.taxlot.mapping.samples import check_samples
from services.taxlot.mapping.trial import MOST_FAULTS, Trial
from shared.fixed_point.text import text_of
from shared.oncall import command_line
from shared.oncall.progress_bar import bar

app = command_line.group("Try a custodian's mapping: `check` its rows, `try` its totals.  Nothing is taken in.")
MappingPath = Annotated[Path, typer.Argument(metavar="MAPPING", help="The mapping, such as deploy/mappings/x.yaml.")]
FilePath = Annotated[Path, typer.Argument(metavar="FILE", help="A file of the custodian.")]
_TOTALS: Final = (("quantity", "quantity_micro", 6), ("cost_basis", "basis_cents", 2), ("cash", "cash_cents", 2))

_OTHERWISE: Final = {
    LOT: "a sweep lot, whose money is in the cash",
    CASH: "added to the account's cash",
    TOTAL: "a total, compared where the mapping says so",
    SKIP: "skipped",
}


@app.command()
def check(
    mapping: MappingPath,
    file: FilePath,
    lines: Annotated[int, typer.Option(min=0, help="Of so many lines, show what they become.")] = 100,
    faults: Annotated[int, typer.Option(min=1, help="Show so many lines that are not understood.")] = 100,
) -> None:
    """Show what each line of FILE becomes and what is not understood; exit with 1 if anything is not."""
    shown = _Shown(lines)
    found = _try(mapping, file, shown.add)
    for fault in found.faults[:faults]:
        print(fault.text(file.name), file=sys.stderr)
    if found.fault_count > min(faults, MOST_FAULTS):
        print(f"... {found.fault_count:,} in all", file=sys.stderr)
    _end(file, found)


@app.command(name="try")
def try_(mapping: MappingPath, file: FilePath) -> None:
    """Compare what FILE says of itself with what is read from it; exit with 1 if they differ."""
    found = _try(mapping, file, trial.ignore_rows)
    print(f"{'':<12}{'the file says':>24}{'read':>24}")
    stated = "not stated" if "records" in found.promised.lacking else f"{found.promised.records}"
    print(f"{'records':<12}{stated:>24}{found.found.records:>24}")
    for name, field, decimals in _TOTALS:
        said = text_of(getattr(found.promised, field), decimals, trim=name == "quantity")
        read = text_of(getattr(found.found, field), decimals, trim=name == "quantity")
        print(f"{name:<12}{'not stated' if name in found.promised.lacking else said:>24}{read:>24}")
    print(f"{'accounts':<12}{'':>24}{found.accounts:>24}\n{'lots':<12}{'':>24}{found.lots:>24}")
    _end(file, found)


@app.command()
def samples(mapping: MappingPath) -> None:
    """Read the samples of MAPPING, as is done before it is put in force; exit with 1 if they do not pass."""
    try:
        check_samples(mapping, _read(mapping))
    except MappingRefused as refused:
        _fail(f"MAPPING_REFUSED: {refused}")
    print(f"{mapping.name}: all samples pass")


def _read(path: Path) -> FormatMapping:
    try:
        return read_mapping(path)
    except OSError as error:
        _fail(f"{path}: cannot be read: {error.strerror or error}", 2)
    except MappingRefused as refused:
        _fail(f"MAPPING_REFUSED: {refused}", 2)
    raise AssertionError


def _try(path: Path, file: Path, on_rows: trial.OnRows) -> Trial:
    """Read the file; exit with 1 if it cannot be read or the mapping does not fit it."""
    mapping = _read(path)
    try:
        with MappedFile(file, mapping) as opened, bar(file.name, "lines") as progress:
            header = opened.header
            print(f"{file.name}: {header.custodian} as of {header.data_date}, {header.kind}", flush=True)
            return trial.run(opened, on_rows, progress)
    except OSError as error:
        _fail(f"{file}: cannot be read: {error.strerror or error}")
    except FileRefused as refusal:
        _fail(f"{file.name}: REFUSED, {refusal.code}: {refusal.detail}")
    raise AssertionError


def _end(file: Path, found: Trial) -> None:
    for remark in found.remarks:
        print(remark)
    if found.refusal is not None:
        _fail(f"{file.name}: REFUSED, {found.refusal.code}: {found.refusal.detail}")
    if found.fault_count:
        _fail(f"{file.name}: {found.fault_count:,} lines are not understood or bad; their accounts would be held")
    print(f"{file.name}: all understood: {found.accounts:,} accounts, {found.lots:,} lots")


def _fail(reason: str, code: int = 1) -> None:
    print(reason, file=sys.stderr)
    raise typer.Exit(code)


class _Shown:
    """Prints what lines become, as records of the documented format, for the first `left` lines."""

    def __init__(self, left: int) -> None:
        self._left = left

    def add(self, found: RowsOfAccounts, block: Block) -> None:
        """Print the rows of a block in the order of the file."""
        if self._left <= 0:
            return
        becomes = dict(_records(block, self._left))
        faults = {record.line: record.code for record in block.malformed}
        for line, kind in zip(found.rows.line.tolist(), found.kind.tolist(), strict=True):
            if self._left <= 0:
                return
            text = faults.get(line) or becomes.get(line) or _OTHERWISE[kind]
            print(f"line {line}: {printable(text)}")
            self._left -= 1


def _records(block: Block, most: int) -> Iterator[tuple[int, str]]:
    """Yield the line of each record, and the record as the documented format writes it."""
    table = block.table
    columns: list[CodedColumn | TextColumn] = [
        table.record, table.account, table.security, table.lot_id, table.acquired, table.quantity, table.cost_basis,
        table.covered, table.sleeve, table.price, table.cash,
    ]  # fmt: skip
    if table.holding_since is not None and table.term is not None:
        columns += [table.holding_since, table.term]
    for row in range(min(len(table.line), most)):
        yield int(table.line[row]), "|".join(_text(column, row) for column in columns)


def _text(column: CodedColumn | TextColumn, row: int) -> str:
    if isinstance(column, CodedColumn):
        return column.names[int(column.index[row])]
    return bytes(column.data[column.offsets[row] : column.offsets[row + 1]]).decode(errors="replace")
