"""Make a sample book (`python -m deploy.sample --out DIR`) and load it (`python -m deploy.sample load DIR`)."""

import asyncio
import os
import sys
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Annotated

import typer
from aiokafka.errors import KafkaError

from deploy.sample.faults import write_faults
from deploy.sample.make import BookOptions, make
from deploy.sample.market import NoPrices
from deploy.sample.publish import load as load_sample
from shared.contracts.rights import PLATFORM, rights_of
from shared.kafka.access import explained
from shared.oncall.command_line import VersionOption, read_settings, with_options
from shared.rules.trading_calendar import business_date, session_before
from shared.runtime.clock import clock_of
from shared.runtime.settings import KafkaSettings

app = typer.Typer(add_completion=False, help=__doc__, pretty_exceptions_enable=False)


@dataclass(frozen=True)
class AccountShape:
    """How large an account is."""

    positions: Annotated[int | None, typer.Option(min=6, max=200, help="Positions an account; default 8 to 14.")] = None
    lots: Annotated[int | None, typer.Option(min=1, max=100, help="Lots a position; default 1 to 5.")] = None


@app.callback(invoke_without_command=True)
@with_options(AccountShape)
def generate(
    context: typer.Context,
    shape: AccountShape,
    version: VersionOption = False,
    accounts: Annotated[int, typer.Option(min=1, max=2_000_000, help="How many accounts.")] = 2000,
    seed: Annotated[int, typer.Option(min=0, help="The same seed and arguments give the same bytes.")] = 7,
    as_of: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Data date; default: the last completed session.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Directory to write.")] = None,
    faults: Annotated[bool, typer.Option(help="Also write faults/: files with every kind of fault.")] = False,
) -> None:
    """Make a sample book in a directory."""
    if context.invoked_subcommand is not None:
        return
    if out is None:
        raise typer.BadParameter("name the directory to write: --out DIR")
    day = as_of.date() if as_of else _last_completed_session()
    try:
        make(BookOptions(accounts, seed, day, shape.positions, shape.lots), out, print)
        if faults:
            write_faults(out, print)
    except NoPrices as error:
        raise typer.BadParameter(str(error)) from error


@app.command()
def load(
    sample: Annotated[Path, typer.Argument(exists=True, file_okay=False, help="A directory made before.")],
    kafka: Annotated[str, typer.Option(envvar="REBALANCER_KAFKA_URL", help="Kafka address, HOST:PORT.")],
    inbox: Annotated[Path, typer.Option(envvar="REBALANCER_INBOX_DIR", help="Folder watched for custodial files.")],
    faults: Annotated[bool, typer.Option(help="Drop the files of faults/ instead of the good ones.")] = False,
) -> None:
    """Publish a sample's platform events and drop its files into the inbox."""
    broker = read_settings(KafkaSettings, kafka_url=kafka).broker
    try:
        asyncio.run(load_sample(sample, broker, inbox, print, faults=faults))
    except KafkaError as error:
        print(asyncio.run(explained(broker, error, rights_of(PLATFORM))), file=sys.stderr)
        raise typer.Exit(1) from error
    except FileNotFoundError as error:
        print(f"{sample} is no sample directory: {error.filename} is missing", file=sys.stderr)
        raise typer.Exit(1) from error


def _last_completed_session() -> date:
    file = os.environ.get("REBALANCER_CLOCK_FILE")
    return session_before(business_date(clock_of(Path(file) if file else None).now()))


if __name__ == "__main__":
    app()
