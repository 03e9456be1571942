"""`python -m services.auditor`: the auditor; --help lists its commands."""

from pathlib import Path
from typing import Annotated

import typer

from services.auditor.settings import SERVICE, Settings
from shared.oncall import command_line

app = command_line.group("Looks whether what must always hold does hold, in stores and topics; repairs nothing.")


@app.callback(invoke_without_command=True)
def main(context: typer.Context, version: command_line.VersionOption = False) -> None:
    """Audit unless a command is named."""
    if context.invoked_subcommand is None:
        serve()


@app.command()
def serve() -> None:
    """Audit until told to stop (the default)."""
    settings = command_line.read_settings(Settings)
    from shared.runtime import runner

    runner.leave_out_pandas()
    from services.auditor.app import main as audit

    runner.run(audit(settings), SERVICE, settings.log_level)


@app.command()
def invariants() -> None:
    """List the invariants with what each means."""
    from services.auditor.domain.invariants import MEANINGS

    for invariant, meaning in MEANINGS.items():
        print(f"{invariant:22}{meaning}")


@app.command()
def replay(
    day: Annotated[str, typer.Argument(metavar="DAY", help="A business date, YYYY-MM-DD.")],
    write: Annotated[
        Path | None, typer.Option(metavar="DIRECTORY", help="Keep both sides there, DAY.log.jsonl and so on.")
    ] = None,
) -> None:
    """Rebuild a day from the event log and compare it with the stores: exit 0 identical, 1 different, 2 impossible."""
    settings = command_line.read_settings(Settings)
    from services.auditor.cli import replay

    replay.run(settings, day, write)


if __name__ == "__main__":
    app(prog_name=f"python -m services.{SERVICE}")
