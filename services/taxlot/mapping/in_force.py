"""The mappings in force: for each custodian named by the settings, one that has read its samples as it says."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from services.taxlot.domain.codes import MAPPING_UNCLEAR, FileRefused
from services.taxlot.mapping import facts
from services.taxlot.mapping.mapped_file import MappedFile
from services.taxlot.mapping.mapping_file import MappingRefused, read_mapping
from services.taxlot.mapping.model import FormatMapping
from services.taxlot.mapping.samples import check_samples
from services.taxlot.settings import Settings, mappings_by_custodian


@dataclass(frozen=True)
class MappingsInForce:
    """By custodian."""

    by_custodian: Mapping[str, FormatMapping] = field(default_factory=dict)

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Read the mappings that the settings name, and check them.  Raises MappingRefused."""
        named = mappings_by_custodian(settings.mappings)
        if settings.mappings_dir is None:
            return cls()
        return cls({custodian: _checked(settings.mappings_dir, name, custodian) for custodian, name in named.items()})

    def open(self, path: Path, name: str) -> MappedFile | None:
        """Return the file opened by the mapping that is for files of this name, None if none is.

        Raises FileRefused: MAPPING_UNCLEAR if several are, WRONG_CUSTODIAN if the file is of another custodian than the
        mapping is in force for, and as MappedFile does.
        """
        fitting = self._for(name)
        if not fitting:
            return None
        if len(fitting) > 1:
            detail = f"the mappings of {', '.join(fitting)} are for files named {name!r}; only one may be"
            raise FileRefused(MAPPING_UNCLEAR, detail)
        file = MappedFile(path, self.by_custodian[fitting[0]], name)
        if file.header.custodian != fitting[0]:
            with file:
                detail = f"the file is of {file.header.custodian!r}, its name is for the mapping of {fitting[0]!r}"
                raise FileRefused("WRONG_CUSTODIAN", detail)
        return file

    def fingerprint(self, name: str) -> bytes | None:
        """Return the fingerprint of the mapping that is for files of this name, None unless exactly one is."""
        fitting = self._for(name)
        return self.by_custodian[fitting[0]].fingerprint() if len(fitting) == 1 else None

    def _for(self, name: str) -> list[str]:
        """Return the custodians whose mapping is for files of this name."""
        return [custodian for custodian, mapping in self.by_custodian.items() if facts.is_for(mapping, name)]


def _checked(folder: Path, name: str, custodian: str) -> FormatMapping:
    """Return a mapping that has passed its samples.  Raises MappingRefused."""
    path = folder / f"{name}.yaml"
    try:
        mapping = read_mapping(path)
    except OSError as error:
        raise MappingRefused(path, f"cannot be read: {error.strerror or error}") from error
    if mapping.custodian.value not in (None, custodian):
        raise MappingRefused(path, f"is for the custodian {mapping.custodian.value!r}, not {custodian!r}")
    check_samples(path, mapping)
    return mapping
