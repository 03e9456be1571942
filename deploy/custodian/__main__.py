"""`python -m deploy.custodian next-day [--days N]`: let the simulated custodian process business days.

Reads REBALANCER_KAFKA_URL, REBALANCER_INBOX_DIR, REBALANCER_CLOCK_FILE and REBALANCER_STATE_DIR: the local stack
sets them.
"""

import asyncio
import fcntl
import sys
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from aiokafka.errors import KafkaError
from pydantic import ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from deploy.custodian.day import Custodian
from deploy.custodian.listen import NoTopic
from deploy.sample.market import NoPrices
from shared.oncall.command_line import VersionOption

app = typer.Typer(add_completion=False, help=__doc__, pretty_exceptions_enable=False)


class CustodianSettings(BaseSettings):
    """Where the system is."""

    model_config = SettingsConfigDict(env_prefix="REBALANCER_", frozen=True, extra="ignore")

    kafka_url: str
    inbox_dir: Path
    clock_file: Path
    state_dir: Path


@app.callback()
def main(version: VersionOption = False) -> None:
    """The simulated custodian."""


@app.command()
def next_day(
    days: Annotated[int, typer.Option(min=1, max=250, help="How many business days to work off.")] = 1,
    sample: Annotated[Path | None, typer.Option(help="Sample directory; default STATE_DIR/sample.")] = None,
    wait_s: Annotated[float, typer.Option(min=0, help="Seconds to wait for each of the system's answers.")] = 60.0,
) -> None:
    """Close the business day: cut-off, fills at the real closes, prices and files, next morning's analysis."""
    try:
        settings = CustodianSettings.model_validate({})
    except ValidationError as error:
        missing = ", ".join(f"REBALANCER_{str(problem['loc'][0]).upper()}" for problem in error.errors())
        _fail(f"set {missing}: `make next-day` does, for the local stack")
    custodian = Custodian(
        kafka_url=settings.kafka_url,
        inbox=settings.inbox_dir,
        clock_file=settings.clock_file,
        state=settings.state_dir / "custodian",
        sample=sample or settings.state_dir / "sample",
        patience_s=wait_s,
    )
    custodian.state.mkdir(parents=True, exist_ok=True)
    with (custodian.state / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            _fail("another next-day is at work on these books")
        try:
            asyncio.run(_days(custodian, days))
        except (NoPrices, NoTopic) as error:
            _fail(str(error))
        except KafkaError as error:
            _fail(f"Kafka at {settings.kafka_url} does not answer ({error!r}): run next-day again once it does")
        except FileNotFoundError as error:
            _fail(f"{error.filename} is missing: load a sample book and start the stack first")


async def _days(custodian: Custodian, days: int) -> None:
    for _ in range(days):
        print(f"it is now the morning of {await custodian.next_day()}")


def _fail(reason: str) -> NoReturn:
    print(reason, file=sys.stderr)
    raise typer.Exit(1)


if __name__ == "__main__":
    app()
