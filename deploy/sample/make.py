"""Making a whole sample directory: platform events, custodial files, the custodians' books, a manifest."""

import hashlib
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Final

import numpy as np
import orjson
import pyarrow as pa
from pydantic import BaseModel

from deploy.sample.accounts import CUSTODIANS, ENTERPRISES, People, Plans, account_events, people, plans
from deploy.sample.book import CASH, CHUNK_ACCOUNTS, LOTS, BookMaker, Holdings
from deploy.sample.files import LotFile, file_name
from deploy.sample.universe import Universe, price_set, universe

FORMAT: Final = 1
TOPICS_IN_ORDER: Final = ("securities", "prices", "models", "portfolios", "accounts")
REAL_SECURITIES: Final = 25


@dataclass(frozen=True)
class BookOptions:
    """Options of a sample. positions, lots: exactly so many an account and a position; None: a mixture."""

    accounts: int
    seed: int
    as_of: date
    positions: int | None = None
    lots: int | None = None

    @property
    def securities(self) -> int:
        """Number of securities with which accounts of many positions still differ."""
        return max(REAL_SECURITIES, int((self.positions or 0) * 1.4))

    @property
    def is_mixed(self) -> bool:
        """Whether some accounts hold something beside their portfolios: not where all are asked to be alike."""
        return self.positions is None


def make(options: BookOptions, out: Path, say: Callable[[str], None]) -> dict[str, Any]:
    """Write the sample into `out` and return its manifest; equal options give equal bytes.

    platform/*.jsonl: one event a line per topic; files/: the custodial files of the as-of day; book/: lots and cash as
    the simulated custodian keeps them.  Raises NoPrices when the as-of day is no session.
    """
    started = time.monotonic()
    for name in ("platform", "files", "book"):
        (out / name).mkdir(parents=True, exist_ok=True)
    held = universe(options.as_of, options.securities)
    rng = np.random.default_rng(options.seed)
    plan = plans(rng, held, options.accounts, options.positions)
    who = people(rng, held, plan, options.accounts, options.positions)
    events = _write_platform(rng, out / "platform", options, held, plan, who)
    say(f"platform events: {events} ({time.monotonic() - started:.1f} s)")
    maker = BookMaker(held, who, plan.targets, options.seed, options.lots, more=options.is_mixed)
    files = _write_holdings(out, maker, options, held, say)
    manifest = {
        "format": FORMAT,
        "accounts": options.accounts,
        "seed": options.seed,
        "as_of": options.as_of.isoformat(),
        "positions": options.positions,
        "lots": options.lots,
        "securities": len(held.ids),
        "synthetic_securities": len(held.ids) - REAL_SECURITIES,
        "price_set": 1,
        "custodians": list(CUSTODIANS),
        "enterprises": ENTERPRISES,
        "platform": events,
        "files": files,
    }
    (out / "manifest.json").write_bytes(orjson.dumps(manifest, option=orjson.OPT_INDENT_2) + b"\n")
    say(f"sample of {options.accounts} accounts as of {options.as_of} in {out} ({time.monotonic() - started:.1f} s)")
    return manifest


def load_universe(sample: Path) -> tuple[dict[str, Any], Universe]:
    """Return the manifest of a sample directory and its securities.  Raises FileNotFoundError if it is not one."""
    manifest: dict[str, Any] = orjson.loads((sample / "manifest.json").read_bytes())
    return manifest, universe(date.fromisoformat(manifest["as_of"]), int(manifest["securities"]))


def _write_platform(
    rng: np.random.Generator, folder: Path, options: BookOptions, held: Universe, plan: Plans, who: People
) -> dict[str, int]:
    days = held.market.known_days()
    bodies: dict[str, Iterable[BaseModel | dict[str, Any]]] = {
        "securities": held.events(),
        "prices": [price_set(held, options.as_of)],
        "models": [model.event for model in plan.models],
        "portfolios": [target.event for target in plan.targets],
        "accounts": account_events(rng, who, plan, held, days, more=options.is_mixed),
    }
    return {name: _write_lines(folder / f"{name}.jsonl", bodies[name]) for name in TOPICS_IN_ORDER}


def _write_lines(path: Path, bodies: Iterable[BaseModel | dict[str, Any]]) -> int:
    count = 0
    with path.open("wb") as file:
        for body in bodies:
            value = body.model_dump(mode="json", exclude_none=True) if isinstance(body, BaseModel) else body
            file.write(orjson.dumps(value) + b"\n")
            count += 1
    return count


def _write_holdings(
    out: Path, maker: BookMaker, options: BookOptions, held: Universe, say: Callable[[str], None]
) -> list[dict[str, Any]]:
    prices = {point.security_id: point.price for point in price_set(held, options.as_of).prices}
    names = {custodian: file_name(custodian, options.as_of) for custodian in CUSTODIANS}
    totals = {}
    with ExitStack() as stack:
        files = {}
        books = {}
        for custodian in CUSTODIANS:
            raw = stack.enter_context((out / "files" / names[custodian]).open("wb"))
            files[custodian] = LotFile(raw, custodian, options.as_of, prices)
            books[custodian] = stack.enter_context(BookFile(out / "book", custodian))
        for first in range(0, options.accounts, CHUNK_ACCOUNTS):
            for custodian, part in maker.chunk(first).items():
                files[custodian].add(part)
                books[custodian].add(part)
            done = min(first + CHUNK_ACCOUNTS, options.accounts)
            say(f"lots: {done} of {options.accounts} accounts")
        for custodian in CUSTODIANS:
            files[custodian].close()
            totals[custodian] = files[custodian].totals
    return [
        {
            "name": names[custodian],
            "custodian": custodian,
            "records": totals[custodian].records,
            "sha256": _sha256(out / "files" / names[custodian]),
        }
        for custodian in CUSTODIANS
    ]


class BookFile:
    """Writes lots and cash of one custodian as Arrow files, batch by batch."""

    def __init__(self, folder: Path, custodian: str) -> None:
        self._stack = ExitStack()
        self._paths = (folder / f"{custodian}.lots.arrow", folder / f"{custodian}.cash.arrow")

    def __enter__(self) -> "BookFile":
        options = pa.ipc.IpcWriteOptions(compression="lz4")
        self._lots, self._cash = (
            self._stack.enter_context(pa.ipc.new_file(str(path), schema, options=options))
            for path, schema in zip(self._paths, (LOTS, CASH), strict=True)
        )
        return self

    def __exit__(self, *_error: object) -> None:
        self._stack.close()

    def add(self, part: Holdings) -> None:
        """Append some accounts."""
        self._lots.write_batch(part.lots)
        self._cash.write_batch(part.cash)


def read_book(folder: Path, custodian: str) -> Iterator[Holdings]:
    """Yield a custodian's lots and cash in the batches they were written in."""
    with (
        pa.ipc.open_file(str(folder / f"{custodian}.lots.arrow")) as lots,
        pa.ipc.open_file(str(folder / f"{custodian}.cash.arrow")) as cash,
    ):
        for index in range(lots.num_record_batches):
            yield Holdings(_with_new_columns(lots.get_batch(index)), cash.get_batch(index))


def _with_new_columns(lots: pa.RecordBatch) -> pa.RecordBatch:
    """Return the lots with the columns that a book of an earlier release lacks, empty."""
    kept = lots.schema.names
    columns = [lots.column(field.name) if field.name in kept else pa.nulls(lots.num_rows, field.type) for field in LOTS]
    return pa.RecordBatch.from_arrays(columns, schema=LOTS)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
