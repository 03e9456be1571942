"""A book with faults in it: a file with every kind of bad row, one with a wrong total, one that is stale.

The faulty rows are in an UPDATED file of a few accounts, so exactly the accounts in the manifest are put on hold.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from itertools import islice
from pathlib import Path
from typing import Final

import orjson

from deploy.sample.accounts import CUSTODIANS
from deploy.sample.files import created_at, file_name
from deploy.sample.make import load_universe
from shared.contracts.custody import UPDATED, header_line, trailer_line
from shared.fixed_point.text import InexactText, scaled
from shared.rules.trading_calendar import session_after, session_before

STALE_SESSIONS: Final = 30
QUANTITY, SECURITY, ACQUIRED, BASIS, COVERED = 5, 2, 4, 6, 7


@dataclass(frozen=True)
class Fault:
    """One bad row: the code intake gives it, the field that is overwritten (or the row doubled), and with what."""

    code: str
    field: int | None
    value: str


def _faults(day: date) -> tuple[Fault, ...]:
    return (
        Fault("NOT_A_NUMBER", QUANTITY, "12O.5"),
        Fault("SHORT_POSITION", QUANTITY, "-25"),
        Fault("BAD_SIGN", BASIS, "-100.00"),
        Fault("FUTURE_ACQUIRED", ACQUIRED, session_after(day).isoformat()),
        Fault("BAD_DATE", ACQUIRED, "2024-02-31"),
        Fault("UNKNOWN_SECURITY", SECURITY, "NOSUCH"),
        Fault("BAD_COVERED", COVERED, "X"),
        Fault("DUPLICATE_LOT", None, ""),
    )


def write_faults(sample: Path, say: Callable[[str], None]) -> None:
    """Write sample/faults: lot files with faults, and manifest.json with the result that is expected of each."""
    manifest, _ = load_universe(sample)
    day = date.fromisoformat(manifest["as_of"])
    folder = sample / "faults"
    folder.mkdir(exist_ok=True)
    rows, total, stale = CUSTODIANS
    expected: list[dict[str, object]] = [_bad_rows(sample, folder, rows, day)]
    source = _accounts(sample, total, day)
    expected.append(_refused(folder, total, day, "TOTAL_MISMATCH", source[:3], wrong_cents=1))
    past = session_before(day, STALE_SESSIONS)
    # Later lots would be refused as bought in the future; the file's date is to be its only fault.
    old = [
        [line for line in lines if line[0] == "C" or _bought_by(line, past)]
        for lines in _accounts(sample, stale, day)[:3]
    ]
    expected.append(_refused(folder, stale, past, "STALE_DATE", old))
    (folder / "manifest.json").write_bytes(orjson.dumps({"files": expected}, option=orjson.OPT_INDENT_2) + b"\n")
    say(f"faults: {len(expected)} files in {folder}")


def _bad_rows(sample: Path, folder: Path, custodian: str, day: date) -> dict[str, object]:
    accounts = [lines for lines in _accounts(sample, custodian, day) if len(lines) > 1]
    lines: list[str] = []
    held = []
    for fault, records in zip(_faults(day), accounts, strict=False):
        fields = records[0].rstrip("\n").split("|")
        if fault.field is None:
            records = [records[0], *records]
        else:
            fields[fault.field] = fault.value
            records = ["|".join(fields) + "\n", *records[1:]]
        bad_line = len(lines) + 2 + (1 if fault.field is None else 0)  # after the header; of two equal rows the second
        held.append({"account_number": fields[1], "code": fault.code, "line": bad_line})
        lines += records
    good = accounts[len(held) : len(held) + 5]
    lines += [line for records in good for line in records]
    name = file_name(custodian, day, UPDATED)
    _write(folder / name, custodian, day, lines)
    return {"name": name, "outcome": "LOADED", "held": held, "good": [records[0].split("|")[1] for records in good]}


def _refused(
    folder: Path, custodian: str, day: date, code: str, accounts: list[list[str]], wrong_cents: int = 0
) -> dict[str, object]:
    name = file_name(custodian, day, UPDATED)
    _write(folder / name, custodian, day, [line for lines in accounts for line in lines], wrong_cents)
    return {"name": name, "outcome": "REFUSED", "code": code}


def _write(path: Path, custodian: str, day: date, lines: list[str], wrong_cents: int = 0) -> None:
    made = created_at(day).isoformat().replace("+00:00", "Z")
    quantity = sum(_value(line, QUANTITY, 6) for line in lines)
    basis = sum(_value(line, BASIS, 2) for line in lines)
    cash = sum(_value(line, 10, 2) for line in lines)
    end = trailer_line(len(lines), quantity, basis, cash + wrong_cents)
    head = header_line(custodian, day.isoformat(), UPDATED, made)
    path.write_text("".join([head, *lines, end]))


def _accounts(sample: Path, custodian: str, day: date, wanted: int = 40) -> list[list[str]]:
    """Return the records of the first accounts of a custodian's good file, one list an account."""
    accounts: dict[str, list[str]] = {}
    with (sample / "files" / file_name(custodian, day)).open() as file:
        for line in islice(file, 1, None):
            if line[0] == "T":
                break
            number = line.split("|", 2)[1]
            if number not in accounts and len(accounts) == wanted:
                break
            accounts.setdefault(number, []).append(line)
    return list(accounts.values())


def _bought_by(line: str, day: date) -> bool:
    return line.split("|")[ACQUIRED] <= day.isoformat()


def _value(line: str, field: int, decimals: int) -> int:
    """Return a field's scaled value, 0 if it is no number: the reader does not check the sum of such a column."""
    text = line.rstrip("\n").split("|")[field]
    try:
        return scaled(text, decimals) if text else 0
    except InexactText:
        return 0
