"""Mappings and foreign files for tests: those of deploy/mappings, changed where a test says so."""

from pathlib import Path
from typing import Any

import yaml

from deploy.stack.layout import CHECKOUT
from services.taxlot.columns.records import Block
from services.taxlot.domain.records import CodedColumn, TextColumn
from services.taxlot.mapping import trial
from services.taxlot.mapping.in_force import MappingsInForce
from services.taxlot.mapping.mapped_file import MappedFile
from services.taxlot.mapping.mapping_file import read_mapping
from services.taxlot.mapping.model import FormatMapping
from services.taxlot.mapping.trial import Trial, ignore_rows
from shared.contracts.codes import HoldingRole
from shared.rules.holding_roles import ORDINARY
from tests.taxlot.harness import Book

MAPPINGS = CHECKOUT / "deploy" / "mappings"
NAMES = sorted(path.stem for path in MAPPINGS.glob("*.yaml"))
IN_FORCE = {"WESTFIELD": "westfield-csv", "SUMMIT": "summit-clearing", "MERIDIAN": "meridian-xml"}
ACCOUNTS = {
    "WESTFIELD": ["00012345", "00067890", "00098765"],
    "SUMMIT": ["000012345", "000067890"],
    "MERIDIAN": ["M0001234", "M0005678"],
}
STOCKS = ("AAPL", "VTI", "BND", "MSFT", "T", "T-3.5-2031")
NOT_TRADED = ("AAPL_01-15-2027_250.00_C", "SPY___270115C00700000", "TSLA")


def mapping_of(name: str) -> FormatMapping:
    """A mapping of deploy/mappings."""
    return read_mapping(MAPPINGS / f"{name}.yaml")


def add_what_samples_name(book: Book) -> None:
    """Store the accounts and securities of the samples; options, and the short stock, are EXCLUDED."""
    for custodian, numbers in ACCOUNTS.items():
        book.add_accounts(numbers, custodian=custodian)
    book.rows(
        "INSERT INTO security (security_id, version, kind) SELECT *, 1, 'STOCK' FROM unnest(%s::text[]) RETURNING 1",
        list(STOCKS),
    )
    book.rows(
        "INSERT INTO security (security_id, version, kind, roles) SELECT *, 1, 'OPTION', %s FROM unnest(%s::text[])"
        " RETURNING 1",
        ORDINARY | HoldingRole.EXCLUDED,
        list(NOT_TRADED),
    )


def in_force(*custodians: str) -> MappingsInForce:
    """The mappings of custodians in force."""
    return MappingsInForce({custodian: mapping_of(IN_FORCE[custodian]) for custodian in custodians})


def held(book: Book) -> dict[str, str]:
    """The codes of the holds, by account."""
    return dict(book.rows("SELECT account_id, hold_code FROM holding WHERE hold_code IS NOT NULL ORDER BY 1"))


def sample_of(name: str) -> Path:
    """Its first sample."""
    return MAPPINGS / mapping_of(name).samples[0].file


def content_of(name: str) -> Any:
    """What its YAML says, to be changed."""
    return yaml.safe_load((MAPPINGS / f"{name}.yaml").read_text())


def altered(name: str, folder: Path, **changes: Any) -> FormatMapping:
    """The mapping with top keys changed, read from a file of its own."""
    path = folder / f"{name}.yaml"
    path.write_text(yaml.safe_dump(content_of(name) | changes))
    return read_mapping(path)


def edited(name: str, folder: Path, *edits: tuple[str, str]) -> Path:
    """A copy of the sample, with texts replaced; each must be there."""
    text = sample_of(name).read_bytes().decode()
    for old, new in edits:
        assert old in text, old
        text = text.replace(old, new)
    path = folder / sample_of(name).name
    path.write_bytes(text.encode())
    return path


def records_of(path: Path, mapping: FormatMapping, size: int = 1 << 20) -> list[str]:
    """The records that a file becomes, each with its line, as the documented format writes them."""
    with MappedFile(path, mapping) as file:
        return [text for block in file.blocks(size) for text in texts_of(block)]


def texts_of(block: Block) -> list[str]:
    """The records of a block, each with its line."""
    table = block.table
    columns: list[CodedColumn | TextColumn] = [
        table.record, table.account, table.security, table.lot_id, table.acquired, table.quantity, table.cost_basis,
        table.covered, table.sleeve, table.price, table.cash,
    ]  # fmt: skip
    rows = range(len(table.line))
    return [f"{table.line[row]} " + "|".join(_text(column, row) for column in columns) for row in rows]


def tried(path: Path, mapping: FormatMapping) -> Trial:
    """What comes of a file."""
    with MappedFile(path, mapping) as file:
        return trial.run(file, ignore_rows, lambda _done, _all: None)


def faults_of(path: Path, mapping: FormatMapping) -> list[tuple[int, str]]:
    """Line and code of what is not understood."""
    return sorted((fault.line, fault.code) for fault in tried(path, mapping).faults)


def _text(column: CodedColumn | TextColumn, row: int) -> str:
    if isinstance(column, CodedColumn):
        return column.names[int(column.index[row])]
    return bytes(column.data[column.offsets[row] : column.offsets[row + 1]]).decode()
