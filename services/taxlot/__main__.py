"""`python -m services.taxlot`: the worker, or one of its commands (--help lists them)."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from services.taxlot.settings import SERVICE, Settings
from shared.oncall import command_line
from shared.runtime.settings import DatabaseSettings

app = command_line.build(SERVICE, "Lots of custodians' files, their relief and gains.")


@app.callback(invoke_without_command=True)
def main(context: typer.Context, version: command_line.VersionOption = False) -> None:
    """Run the worker unless a command is named."""
    if context.invoked_subcommand is None:
        work()


@app.command()
def work() -> None:
    """Run the worker until it is told to stop (the default)."""
    settings = command_line.read_settings(Settings)
    from shared.runtime import kernels, runner

    runner.leave_out_pandas()
    from services.taxlot import warm  # the worker's libraries are loaded only where they are used

    kernels.load(warm.kernels, SERVICE, settings)
    _check_mappings(settings)
    from services.taxlot.app import build_app
    from shared.kafka import faust_worker

    faust_worker.run_worker(build_app, settings, SERVICE)


@app.command()
def migrate() -> None:
    """Bring the tables to their newest form."""
    from shared.postgres import migrations

    migrations.migrate(SERVICE, command_line.read_settings(DatabaseSettings).database_url)


@app.command()
def load(files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Custodial files, in order.")]) -> None:
    """Load files; exit with 1 when one of them is refused or cannot be read."""
    settings = command_line.read_settings(Settings)
    from services.taxlot.cli.load import load_files

    _check_mappings(settings)
    load_files(settings, files)


@app.command(name="map", context_settings=command_line.FORWARD)
def map_(context: typer.Context) -> None:
    """Try a custodian's mapping on a file: check, try, samples."""
    from services.taxlot.cli import map as mappings

    command_line.forward(context, mappings.app, None)


@app.command()
def new_incarnation() -> None:
    """After a restore of the database to an earlier moment: what is published from now on has ids of its own."""
    from shared.oncall import incarnation

    incarnation.begin(SERVICE, command_line.read_settings(DatabaseSettings).database_url)


@app.command()
def positions(since: command_line.Instant) -> None:
    """After a restore of the database: read again what came in since then, pass over what our services sent."""
    from shared.oncall import positions

    positions.of_worker(SERVICE, since)


@app.command(context_settings=command_line.FORWARD)
def republish(context: typer.Context) -> None:
    """Publish again what is stored: holdings."""
    settings = command_line.read_settings(Settings)
    from services.taxlot.cli import republish

    command_line.forward(context, republish.app, settings)


def _check_mappings(settings: Settings) -> None:
    """Exit with 2 if a mapping that the settings name cannot be put in force."""
    from services.taxlot.mapping.in_force import MappingsInForce
    from services.taxlot.mapping.mapping_file import MappingRefused

    try:
        MappingsInForce.of(settings)
    except MappingRefused as refused:
        print(f"REBALANCER_MAPPINGS: MAPPING_REFUSED: {refused}", file=sys.stderr)
        raise typer.Exit(2) from None


if __name__ == "__main__":
    app(prog_name=f"python -m services.{SERVICE}")
