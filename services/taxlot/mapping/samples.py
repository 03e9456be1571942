"""A mapping is put in force only after it has read its samples as it says.  Source: product 2, "tested against"."""

from pathlib import Path

from services.taxlot.domain.codes import FileRefused
from services.taxlot.mapping import trial
from services.taxlot.mapping.mapped_file import MappedFile
from services.taxlot.mapping.mapping_file import MappingRefused
from services.taxlot.mapping.model import FormatMapping, Sample
from services.taxlot.mapping.trial import Trial, ignore_rows
from shared.fixed_point.text import InexactText, scaled, text_of


def check_samples(path: Path, mapping: FormatMapping) -> None:
    """Raise MappingRefused if a sample is not there, is not understood, or adds up to something else.

    path: of the mapping; samples are beside it.
    """
    for sample in mapping.samples:
        where = path.parent / sample.file
        try:
            with MappedFile(where, mapping) as file:
                found = trial.run(file, ignore_rows, _ignore_progress)
        except OSError as error:
            raise MappingRefused(path, f"the sample {sample.file} cannot be read: {error.strerror or error}") from error
        except FileRefused as refusal:
            raise MappingRefused(path, f"the sample {sample.file} does not fit: {refusal}") from refusal
        if found.refusal is not None:
            raise MappingRefused(path, f"the sample {sample.file} does not fit: {found.refusal}")
        if found.faults:
            raise MappingRefused(path, f"the sample is not understood: {found.faults[0].text(sample.file)}")
        _compare(path, sample, found)


def _compare(path: Path, sample: Sample, found: Trial) -> None:
    sums = found.found
    for what, wanted, got, decimals in (
        ("accounts", str(sample.accounts), found.accounts, 0),
        ("lots", str(sample.lots), found.lots, 0),
        ("quantity", sample.quantity, sums.quantity_micro, 6),
        ("cost_basis", sample.cost_basis, sums.basis_cents, 2),
        ("cash", sample.cash, sums.cash_cents, 2),
    ):
        try:
            expected = scaled(wanted, decimals, what)
        except InexactText as error:
            raise MappingRefused(path, f"the sample {sample.file}: {error}") from error
        if expected != got:
            read = text_of(got, decimals, trim=what == "quantity")
            raise MappingRefused(path, f"the sample {sample.file} has {what} {wanted}, read were {read}")


def _ignore_progress(_done: int, _all: int) -> None:
    """Samples are small."""
