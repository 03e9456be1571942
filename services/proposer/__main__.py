"""`python -m services.proposer`: the worker that proposes trades, or one of its commands (--help lists them)."""

import typer

from services.proposer.settings import SERVICE, Settings
from shared.oncall import command_line

app = command_line.build(SERVICE, "Which trades each logic proposes.")


@app.callback(invoke_without_command=True)
def main(context: typer.Context, version: command_line.VersionOption = False) -> None:
    """Run the worker unless a command is named."""
    if context.invoked_subcommand is None:
        work()


@app.command()
def work() -> None:
    """Compile or load the engine, then work until told to stop (the default)."""
    settings = command_line.read_settings(Settings)
    from shared.runtime import kernels, runner

    runner.leave_out_pandas()
    from services.proposer import warm  # the worker's libraries are loaded only where they are used

    kernels.load(warm.kernels, SERVICE, settings)
    from services.proposer.app import build_app
    from shared.kafka import faust_worker

    faust_worker.run_worker(build_app, settings, SERVICE)


@app.command()
def positions(since: command_line.Instant) -> None:
    """After a restore of the database: read again what came in since then, pass over what our services sent."""
    from shared.oncall import positions

    positions.of_worker(SERVICE, since)


if __name__ == "__main__":
    app(prog_name=f"python -m services.{SERVICE}")
