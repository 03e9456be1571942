"""Mappings and foreign files for tests: those of deploy/mappings, changed where a test says so."""

from pathlib import Path
from typing import Any

import yaml

from deploy.stack.layout import CHECKOUT
from services.taxlot.columns.records import Block
from services.taxlot.domain.records import CodedColumn, TextColumn
from services.taxlot.mapping import trial
from services.taxlot.mapping.mapped_file import MappedFile
from services.taxlot.mapping.mapping_file import read_mapping
from services.taxlot.mapping.model import FormatMapping
from services.taxlot.mapping.trial import Trial, ignore_rows

MAPPINGS = CHECKOUT / "deploy" / "mappings"
NAMES = sorted(path.stem for path in MAPPINGS.glob("*.yaml"))


def mapping_of(name: str) -> FormatMapping:
    """A mapping of deploy/mappings."""
    return read_mapping(MAPPINGS / f"{name}.yaml")


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
