"""The files of the sample, read by the intake that will take them in: writer and reader mean the same format."""

from datetime import date
from pathlib import Path

import numpy as np
import orjson
import pytest

from deploy.sample.beside import OPTION
from deploy.sample.faults import write_faults
from deploy.sample.make import BookOptions, make, read_book
from services.taxlot.domain.accounts import account_holds, group
from services.taxlot.domain.codes import FileRefused
from services.taxlot.domain.envelope import ControlTotals, check_date, check_totals
from services.taxlot.domain.records import judge
from services.taxlot.intake.reader import LotFile
from tests.deploy_sample import plain_flags

pytestmark = pytest.mark.fast
AS_OF = date(2025, 11, 24)
EPOCH = date(1970, 1, 1)


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sample")
    make(BookOptions(150, 7, AS_OF), folder, lambda _: None)
    write_faults(folder, lambda _: None)
    return folder


def taken_in(file: Path, sample: Path) -> tuple[dict[str, tuple[str, int]], set[str], dict[str, int]]:
    """Return holds (code and line) by account number, the good accounts, and sums of the values read.

    Raises FileRefused as intake does.
    """
    known = {security["security_id"] for security in plain_flags.read(sample, "securities")}
    held: dict[str, tuple[str, int]] = {}
    accounts: set[str] = set()
    sums = {"quantity": 0, "cash": 0}
    found = ControlTotals()
    with LotFile(file) as lots:
        check_date(lots.header, AS_OF, None, 10)
        for block in lots.blocks():
            securities = np.array([name in known for name in block.table.security.names])
            short = np.array([name == OPTION for name in block.table.security.names])[block.table.security.index]
            rows = judge(block.table, securities, (lots.header.data_date - EPOCH).days, found, short)
            groups = group(block.table)
            accounts |= set(groups.names)
            held |= {groups.names[at]: (hold.code, hold.line) for at, hold in account_holds(rows, groups).items()}
            sums["quantity"] += int(rows.quantity[rows.is_lot].sum())
            sums["cash"] += int(rows.cash[~rows.is_lot].sum())
            found.records += block.records
        check_totals(lots.promised, found)
    return held, accounts - set(held), sums


def test_every_account_of_a_good_file_is_taken_in_with_the_books_values(sample: Path) -> None:
    numbers: set[str] = set()
    for file in (sample / "files").iterdir():
        held, good, sums = taken_in(file, sample)
        assert held == {}
        numbers |= good
        blocks = list(read_book(sample / "book", file.name[:4]))
        assert sums == {
            "quantity": sum(int(part.lots["quantity_micro"].to_numpy().sum()) for part in blocks),
            "cash": sum(int(part.cash["cash_cents"].to_numpy().sum()) for part in blocks),
        }
    assert len(numbers) == 150


def test_faults_lead_to_what_their_manifest_says(sample: Path) -> None:
    for file in orjson.loads((sample / "faults" / "manifest.json").read_bytes())["files"]:
        file_path = sample / "faults" / file["name"]
        if file["outcome"] == "REFUSED":
            with pytest.raises(FileRefused, match=file["code"]):
                taken_in(file_path, sample)
            continue
        held, good, _ = taken_in(file_path, sample)
        assert held == {account["account_number"]: (account["code"], account["line"]) for account in file["held"]}
        assert good == set(file["good"])
