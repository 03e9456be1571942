"""Open a file in its format: the documented one by its first line, a custodian's own by the mapping for its name."""

from pathlib import Path
from typing import Final

from services.taxlot.domain.codes import FileRefused
from services.taxlot.intake.reader import LotFile
from services.taxlot.mapping.in_force import MappingsInForce
from services.taxlot.mapping.mapped_file import MappedFile
from services.taxlot.store import ledger
from shared.contracts import custody

AnyFile = LotFile | MappedFile
_DOCUMENTED: Final = f"{custody.HEADER}|{custody.FILE_TYPE}|".encode()


def mapping_of(path: Path, name: str, mappings: MappingsInForce) -> bytes | None:
    """Return the fingerprint of the mapping that the file would be read by now; None: there is no one mapping for it.

    name: as it was given.  Raises OSError.
    """
    return ledger.DOCUMENTED if _is_documented(path) else mappings.fingerprint(name)


def open_file(path: Path, name: str, mappings: MappingsInForce) -> AnyFile:
    """Return the open file.  name: as it was given.  Raises FileRefused as its reader does, and OSError."""
    if not _is_documented(path) and (mapped := mappings.open(path, name)) is not None:
        return mapped
    try:
        return LotFile(path)
    except FileRefused as refusal:
        if refusal.code != "NOT_A_LOT_FILE" or not mappings.by_custodian:
            raise
        detail = f"{refusal.detail}; and no mapping in force is for files named {name!r}"
        raise FileRefused(refusal.code, detail) from refusal


def _is_documented(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(len(_DOCUMENTED)) == _DOCUMENTED
