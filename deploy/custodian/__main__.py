"""The simulated custodian: `python -m deploy.custodian next-day [--days N]` moves the clock and processes the days.

`... follow` runs until it is stopped and processes each day once its cut-off is past, by the clock as it is.
Reads REBALANCER_KAFKA_URL, REBALANCER_INBOX_DIR, REBALANCER_CLOCK_FILE and REBALANCER_STATE_DIR: the local stack
sets them.
"""

import asyncio
import fcntl
import sys
import time
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from aiokafka.errors import KafkaError
from pydantic import ValidationError

from deploy.custodian.day import Custodian
from deploy.custodian.listen import NoTopic
from deploy.sample.market import NoPrices
from shared.contracts.rights import PLATFORM, rights_of
from shared.kafka.access import explained
from shared.oncall.command_line import VersionOption
from shared.runtime.settings import KafkaSettings

app = typer.Typer(add_completion=False, help=__doc__, pretty_exceptions_enable=False)


class CustodianSettings(KafkaSettings):
    """Where the system is."""

    inbox_dir: Path
    clock_file: Path
    state_dir: Path


@app.callback()
def main(version: VersionOption = False) -> None:
    """The simulated custodian."""


Sample = Annotated[Path | None, typer.Option(help="Sample directory; default STATE_DIR/sample.")]
Wait = Annotated[float, typer.Option(min=0, help="Seconds to wait for each of the system's answers.")]


@app.command()
def next_day(
    days: Annotated[int, typer.Option(min=1, max=250, help="How many business days to work off.")] = 1,
    sample: Sample = None,
    wait_s: Wait = 60.0,
) -> None:
    """Close the business day: cut-off, fills at the real closes, prices and files, next morning's analysis."""
    custodian = _custodian(sample, wait_s)
    try:
        with _alone(custodian, patience_s=2.0):  # one that follows looks at its books now and then
            _run(custodian, _days(custodian, days))
    except BlockingIOError:
        _fail("another next-day is at work on these books")
    except _Trouble as trouble:
        _fail(str(trouble))


@app.command()
def follow(
    sample: Sample = None,
    wait_s: Wait = 60.0,
    every_s: Annotated[float, typer.Option(min=0.1, help="Seconds between two looks at the clock.")] = 5.0,
) -> None:
    """Process each business day once its cut-off is past; runs until stopped, as STATE_DIR/custodian/alive shows."""
    custodian = _custodian(sample, wait_s)
    last = ""
    while True:
        (custodian.state / "alive").touch()
        try:
            with _alone(custodian):
                _run(custodian, custodian.catch_up())
            last = ""
        except BlockingIOError:  # somebody has asked for the next day
            pass
        except _Trouble as trouble:
            if str(trouble) != last:
                print(trouble, file=sys.stderr, flush=True)
            last = str(trouble)
        time.sleep(every_s)


class _Trouble(Exception):
    """Why a day could not be processed; doing it again may help."""


def _custodian(sample: Path | None, wait_s: float) -> Custodian:
    """Return the custodian of the environment.  Exits after naming what is missing."""
    try:
        settings = CustodianSettings.model_validate({})
    except ValidationError as error:
        wrong = "; ".join(
            ": ".join([*(f"REBALANCER_{str(name).upper()}" for name in problem["loc"][:1]), problem["msg"]])
            for problem in error.errors()
        )
        _fail(f"{wrong}. `make next-day` sets all, for the local stack")
    custodian = Custodian(
        broker=settings.broker,
        inbox=settings.inbox_dir,
        clock_file=settings.clock_file,
        state=settings.state_dir / "custodian",
        sample=sample or settings.state_dir / "sample",
        patience_s=wait_s,
    )
    custodian.state.mkdir(parents=True, exist_ok=True)
    return custodian


@contextmanager
def _alone(custodian: Custodian, patience_s: float = 0.0) -> Iterator[None]:
    """Let nobody else process a day of these books meanwhile.  Raises BlockingIOError if somebody does for so long."""
    until = time.monotonic() + patience_s
    with (custodian.state / "lock").open("w") as lock:
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() >= until:
                    raise
                time.sleep(0.1)
        yield


def _run(custodian: Custodian, work: Coroutine[Any, Any, object]) -> None:
    """Do the work.  Raises _Trouble with the reason if it cannot be done."""
    try:
        asyncio.run(work)
    except (NoPrices, NoTopic) as error:
        raise _Trouble(str(error)) from error
    except KafkaError as error:
        reason = asyncio.run(explained(custodian.broker, error, rights_of(PLATFORM)))
        raise _Trouble(f"{reason}; then run next-day again") from error
    except FileNotFoundError as error:
        raise _Trouble(f"{error.filename} is missing: load a sample book and start the stack first") from error


async def _days(custodian: Custodian, days: int) -> None:
    for _ in range(days):
        print(f"it is now the morning of {await custodian.next_day()}")


def _fail(reason: str) -> NoReturn:
    print(reason, file=sys.stderr)
    raise typer.Exit(1)


if __name__ == "__main__":
    app()
