"""`python -m services.analyzer`: the worker, or one of its commands (--help lists them)."""

from typing import Final

import typer

from services.analyzer.settings import SERVICE, Settings
from shared.oncall import command_line
from shared.runtime.settings import DatabaseSettings

app = command_line.build(SERVICE, "Which accounts need rebalancing, and why.")
SWEEPER: Final = f"{SERVICE}-sweeper"


@app.callback(invoke_without_command=True)
def main(context: typer.Context, version: command_line.VersionOption = False) -> None:
    """Run the worker unless a command is named."""
    if context.invoked_subcommand is None:
        work()


@app.command()
def work() -> None:
    """Run the worker until it is told to stop (the default)."""
    settings = _load_kernels()
    from services.analyzer.app import build_app
    from shared.kafka import faust_worker

    faust_worker.run_worker(build_app, settings, SERVICE)


@app.command()
def sweep() -> None:
    """Run a sweeper until it is told to stop: the daily analysis, and analyses on demand."""
    settings = _load_kernels()
    from services.analyzer.app import run_sweeper
    from shared.runtime import runner

    runner.run(run_sweeper(settings), SWEEPER, settings.log_level)


def _load_kernels() -> Settings:
    """Return the settings, with the kernels loaded; the worker's libraries are loaded only where they are used."""
    settings = command_line.read_settings(Settings)
    from shared.runtime import kernels, runner

    runner.leave_out_pandas()
    from services.analyzer import warm

    kernels.load(warm.kernels, SERVICE, settings)
    return settings


@app.command()
def migrate() -> None:
    """Bring the tables to their newest form."""
    from shared.postgres import migrations

    migrations.migrate(SERVICE, command_line.read_settings(DatabaseSettings).database_url)


@app.command()
def analyze() -> None:
    """Start an analysis of the whole book, or join the one going on, and show its progress until it is done."""
    settings = command_line.read_settings(Settings)
    from services.analyzer.cli.analyze import analyze

    analyze(settings)


@app.command(context_settings=command_line.FORWARD)
def prices(context: typer.Context) -> None:
    """Price sets, by hand: list, show, accept, reject, withdraw, tell."""
    settings = command_line.read_settings(Settings)
    from services.analyzer.cli import prices

    command_line.forward(context, prices.app, settings)


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
    """Publish again what is stored: flags."""
    settings = command_line.read_settings(Settings)
    from services.analyzer.cli import republish

    command_line.forward(context, republish.app, settings)


if __name__ == "__main__":
    app(prog_name=f"python -m services.{SERVICE}")
