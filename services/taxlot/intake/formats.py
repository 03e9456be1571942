"""Open a file in its format: the documented one by its first line, a custodian's own by the mapping for its name."""

from pathlib import Path
from typing import Final

from services.taxlot.domain.codes import FileRefused
from services.taxlot.intake.reader import LotFile
from services.taxlot.mapping.in_force import MappingsInForce
from services.taxlot.mapping.mapped_file import MappedFile
from shared.contracts import custody

AnyFile = LotFile | MappedFile
_DOCUMENTED: Final = f"{custody.HEADER}|{custody.FILE_TYPE}|".encode()


def open_file(path: Path, name: str, mappings: MappingsInForce) -> AnyFile:
    """Return the open file.  name: as it was given.  Raises FileRefused as its reader does, and OSError."""
    with path.open("rb") as file:
        begin = file.read(len(_DOCUMENTED))
    if begin != _DOCUMENTED and (mapped := mappings.open(path, name)) is not None:
        return mapped
    try:
        return LotFile(path)
    except FileRefused as refusal:
        if refusal.code != "NOT_A_LOT_FILE" or not mappings.by_custodian:
            raise
        detail = f"{refusal.detail}; and no mapping in force is for files named {name!r}"
        raise FileRefused(refusal.code, detail) from refusal
