"""`python -m benchmarks.mapped`: one book in custodians' own formats taken in, beside it in the documented format.

The whole load is measured (reading, judging, storing), each format into accounts of a custodian of its own; the ratio
is that of the speeds.  `make bench` prints it too.
"""

import argparse
import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Final

import psycopg

from benchmarks.loop import Row
from benchmarks.machine import describe
from deploy.stack import Stack
from deploy.stack.layout import CHECKOUT
from services.taxlot import warm
from services.taxlot.intake.load import Criteria, load
from services.taxlot.mapping.in_force import MappingsInForce
from services.taxlot.mapping.mapping_file import read_mapping
from services.taxlot.store.ledger import Arrival
from shared.contracts import custody

DAY: Final = date(2026, 6, 11)
LOTS_AN_ACCOUNT: Final = 90
SECURITIES: Final = 5_000
REACH: Final = 0.5
_HEADINGS: Final = (
    '"Account Number","Account Name","Symbol","Description","Lot","Date Acquired","Quantity","Price","Market Value",'
    '"Cost Basis","Covered"\n'
)
Say = Callable[[str], None]


@dataclass(frozen=True)
class BenchLot:
    """A lot of the generated book: units in hundredths, price in cents a unit, cost in cents."""

    number: int
    security: str
    day: date
    units: int
    price: int
    cost: int


@dataclass(frozen=True)
class Format:
    """A format to measure.  mapping: its name, None: the documented format.  lines: of a file with so many lots."""

    custodian: str
    mapping: str | None
    file_name: str
    lines: Callable[[int], Iterator[str]]


def measure(database_url: str, folder: Path, lots: int, say: Say) -> list[Row]:
    """Load the book in each format; return the figures.  database_url: of a database with taxlot's tables."""
    warm.kernels()
    rows: list[Row] = []
    base_s = 0.0
    for each in FORMATS:
        say(f"{each.mapping or 'documented format'}: writing {lots:,} lots")
        path = folder / each.file_name
        with path.open("w") as file:
            file.writelines(each.lines(lots))
        _fill(database_url, each.custodian, lots)
        took_s = _load(database_url, path, each)
        path.unlink()
        base_s = base_s or took_s
        what = f"{lots / 1e6:.3g} M lots, {each.mapping or 'documented format'}"
        say(f"{what}: {took_s:.1f} s")
        rows.append(Row(what, f"{lots / took_s:,.0f} /s", ""))
        if each.mapping is not None:
            rows.append(Row("  its speed beside the documented format", f"{base_s / took_s:.2f}", f"{REACH:.2f}"))
    return rows


def _fill(database_url: str, custodian: str, lots: int) -> None:
    """Add the custodian's accounts, and the securities if they are not there."""
    names = [_account(number) for number in range(-(-lots // LOTS_AN_ACCOUNT))]
    with psycopg.connect(database_url, options="-c search_path=taxlot", autocommit=True) as connection:
        connection.execute(
            "INSERT INTO security (security_id, version, kind) SELECT *, 1, 'STOCK' FROM unnest(%s::text[])"
            " ON CONFLICT DO NOTHING",
            ([_security(number) for number in range(SECURITIES)],),
        )
        connection.execute(
            "INSERT INTO account (account_id, version, enterprise_id, advisor_id, custodian, account_number,"
            " apm_sleeve_id, taxable) SELECT %s || '-' || number, 1, 'E1', 'V1', %s, number, 'APM', true"
            " FROM unnest(%s::text[]) AS number",
            (custodian, custodian, names),
        )


def _load(database_url: str, path: Path, each: Format) -> float:
    """Load the file and return the seconds that it took.  Raises ValueError if it was not loaded, or holds accounts."""
    mappings = MappingsInForce()
    if each.mapping is not None:
        mapping = read_mapping(CHECKOUT / "deploy" / "mappings" / f"{each.mapping}.yaml")
        mappings = MappingsInForce({each.custodian: mapping})
    criteria = Criteria(datetime(2026, 6, 12, 14, tzinfo=UTC), date(2026, 6, 12), 10, mappings=mappings)
    started = time.monotonic()
    outcome = load(database_url, path, Arrival(path.name, "COMMAND"), criteria, lambda _done, _all: None)
    took_s = time.monotonic() - started
    if outcome.status != "LOADED" or outcome.held or outcome.unknown:
        raise ValueError(f"{path.name} was not taken in whole: {outcome}")
    return took_s


def _book(lots: int) -> Iterator[tuple[str, list[BenchLot]]]:
    """Yield accounts and their lots: the same book every time."""
    chance = random.Random(1)
    for begin in range(0, lots, LOTS_AN_ACCOUNT):
        held = [
            BenchLot(
                number,
                _security(chance.randrange(SECURITIES)),
                date.fromordinal(chance.randrange(730_000, DAY.toordinal())),
                chance.randrange(1, 100_000),
                chance.randrange(100, 100_000),
                chance.randrange(1, 10**8),
            )
            for number in range(begin, min(begin + LOTS_AN_ACCOUNT, lots))
        ]
        yield _account(begin // LOTS_AN_ACCOUNT), held


def _documented(lots: int) -> Iterator[str]:
    yield custody.header_line("DOCUMENTED", DAY.isoformat(), custody.REFRESHED, f"{DAY}T23:00:00Z")
    records = units = cost = cash = 0
    for account, held in _book(lots):
        for lot in held:
            amounts = f"{_cents(lot.units)}|{_cents(lot.cost)}|Y||{_cents(lot.price)}|"
            yield f"L|{account}|{lot.security}|L{lot.number}|{lot.day}|{amounts}\n"
            units, cost = units + lot.units, cost + lot.cost
        yield custody.cash_line(account, "10.00")
        records, cash = records + len(held) + 1, cash + 1000
    yield custody.trailer_line(records, units * 10_000, cost, cash)


def _westfield(lots: int) -> Iterator[str]:
    yield f'"Positions and lots for All Accounts as of {DAY:%m/%d/%Y} 06:05 PM ET"\n'
    yield _HEADINGS
    for account, held in _book(lots):
        for lot in held:
            value = f"{lot.units * lot.price // 100 / 100:,.2f}"
            dated = f'"{lot.number % 9 + 1}","{lot.day:%m/%d/%Y}"'
            amounts = f'"{lot.units / 100:,.2f}","${lot.price / 100:,.2f}","${value}","${lot.cost / 100:,.2f}"'
            yield f'"{account}","Doe, Jane","{lot.security}","COMMON STOCK",{dated},{amounts},"Covered"\n'
        empty = '"--","--","--","--","--"'
        yield f'"{account}","Doe, Jane","Cash & Cash Investments",{empty},"$10.00","--","--"\n'


def _summit(lots: int) -> Iterator[str]:
    yield f"BOF SUMMIT LOTS {DAY:%Y%m%d} R".ljust(120) + "\n"
    records = units = 0
    for account, held in _book(lots):
        for lot in held:
            begin = f"P{account:0>9}{lot.security:<12}{'L' + str(lot.number):<12}{lot.day:%Y%m%d}"
            yield f"{begin}{lot.units * 1000:015d}+{lot.cost:015d}{lot.price * 10_000:013d}LCEQ".ljust(120) + "\n"
            units += lot.units
        for amount, kind in ((1500, "+C"), (500, "-M")):
            yield f"B{account:0>9}{'':32}{amount:015d}{kind}".ljust(120) + "\n"
        records += len(held) + 2
    yield f"EOF SUMMIT LOTS {DAY:%Y%m%d} {records:010d} {units * 1000:018d}".ljust(120) + "\n"


def _meridian(lots: int) -> Iterator[str]:
    yield '<Query name="lots" scope="all"><Statements>\n'
    for account, held in _book(lots):
        yield f'<Statement account="{account}" asOf="{DAY};202500"><OpenLots>\n'
        for lot in held:
            named = f'currency="USD" symbol="{lot.security}" id="{lot.number}" opened="{lot.day};093012"'
            amounts = f'position="{_cents(lot.units)}" cost="{_cents(lot.cost)}000" mark="{_cents(lot.price)}"'
            yield f'<OpenLot {named} {amounts} covered="true" heldSince="" origin=""/>\n'
        yield '</OpenLots><CashReport><CashBalance currency="USD" amount="10.00000"/></CashReport></Statement>\n'
    yield "</Statements></Query>\n"


FORMATS: Final = (
    Format("DOCUMENTED", None, "DOCUMENTED.lots", _documented),
    Format("WESTFIELD", "westfield-csv", "Westfield_Positions_bench.csv", _westfield),
    Format("SUMMIT", "summit-clearing", "SUMMIT.LOTS.bench", _summit),
    Format("MERIDIAN", "meridian-xml", "meridian-bench.xml", _meridian),
)


def _account(number: int) -> str:
    return f"{100_000_000 + number}"


def _security(number: int) -> str:
    return f"S{number:05d}"


def _cents(cents: int) -> str:
    return f"{cents // 100}.{cents % 100:02d}"


def standalone(lots: int, say: Say) -> list[Row]:
    """Start a database with taxlot's tables and no worker beside, measure, and delete it."""
    with (
        tempfile.TemporaryDirectory(prefix="rebalancer-bench-") as folder,
        Stack(Path(folder) / "stack", services=("taxlot",)) as stack,
    ):
        stack.halt("taxlot")
        return measure(stack.database_url("taxlot"), Path(folder), lots, say)


def main() -> None:
    """Parse the arguments, measure, print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.mapped", description=__doc__)
    parser.add_argument("--lots", type=int, default=4_000_000, help="lots of the book (default 4000000)")
    options = parser.parse_args()
    rows = standalone(options.lots, lambda text: print(text, file=sys.stderr, flush=True))
    print(describe())
    for row in rows:
        print(f"| {row.what:<58} | {row.measured:>12} | {row.reach:>10} |")


if __name__ == "__main__":
    main()
