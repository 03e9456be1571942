"""`python -m services.batch`: the service, or one of its commands (--help lists them)."""

import json
from typing import Annotated, Literal

import typer

from services.batch.settings import SERVICE, Settings
from shared.oncall import command_line
from shared.runtime.settings import DatabaseSettings

app = command_line.build(SERVICE, "Approval: queue, batches, history.")


@app.callback(invoke_without_command=True)
def main(context: typer.Context, version: command_line.VersionOption = False) -> None:
    """Serve unless a command is named."""
    if context.invoked_subcommand is None:
        serve()


@app.command()
def serve() -> None:
    """Serve until told to stop (the default)."""
    settings = command_line.read_settings(Settings)
    from shared.runtime import kernels, runner

    runner.leave_out_pandas()
    from services.batch import warm  # the service's libraries are loaded only where they are used

    kernels.load(warm.kernels, SERVICE, settings)
    from services.batch.app import main as serve_batch

    runner.run(serve_batch(settings), SERVICE, settings.log_level)


@app.command()
def migrate() -> None:
    """Bring the tables to their newest form."""
    from shared.postgres import migrations

    migrations.migrate(SERVICE, command_line.read_settings(DatabaseSettings).database_url)


@app.command()
def openapi() -> None:
    """Print the OpenAPI document."""
    from services.batch.app import routed

    async def never() -> list[str]:
        return ["this app only describes itself"]

    print(json.dumps(routed(never).openapi(), indent=1, sort_keys=True))


@app.command()
def new_incarnation() -> None:
    """After a restore of the database to an earlier moment: what is published from now on has ids of its own."""
    from shared.oncall import incarnation

    incarnation.begin(SERVICE, command_line.read_settings(DatabaseSettings).database_url)


@app.command()
def positions(since: command_line.Instant) -> None:
    """After a restore of the database: read again what came in since then, pass over what our services sent."""
    from services.batch.cli import positions

    positions.move(since)


@app.command(context_settings=command_line.FORWARD)
def republish(context: typer.Context) -> None:
    """Publish again what is stored: rebalanced, returned, account, account-state."""
    settings = command_line.read_settings(Settings)
    from services.batch.cli import republish

    command_line.forward(context, republish.app, settings)


@app.command()
def requests(
    batches: Annotated[list[int] | None, typer.Argument(metavar="BATCH...", help="None: every working batch.")] = None,
) -> None:
    """Send the requests of accounts without a result again, at once: for topics of work that were lost."""
    settings = command_line.read_settings(Settings)
    from services.batch.cli.requests import send_again

    send_again(settings, batches or [])


@app.command()
def parked() -> None:
    """List batches and messages that were put aside, with the reason of each."""
    settings = command_line.read_settings(Settings)
    from services.batch.cli import parked

    parked.list_parked(settings)


@app.command()
def release(
    kind: Annotated[Literal["batch", "message"], typer.Argument()],
    ids: Annotated[list[int], typer.Argument(metavar="ID...", help="As `parked` lists them.")],
) -> None:
    """Have what was put aside tried again at once; exit with 1 when some of it is not put aside."""
    settings = command_line.read_settings(Settings)
    from services.batch.cli import parked

    parked.release(settings, kind, ids)


@app.command()
def rules(
    enterprise: Annotated[
        str | None, typer.Argument(metavar="ENTERPRISE", help="None: list all that have rules.")
    ] = None,
    approver_differs: Annotated[
        bool | None, typer.Option("--approver-differs/--approver-may-be-requester", help="Who may approve.")
    ] = None,
    note_required: Annotated[
        bool | None, typer.Option("--note-required/--note-optional", help="Whether decisions of users need a note.")
    ] = None,
    two_above_usd: Annotated[
        str | None, typer.Option(help="Two approve above so many dollars of buys and sells; none: no such limit.")
    ] = None,
    two_above_accounts: Annotated[
        str | None, typer.Option(help="Two approve above so many accounts; none: no such limit.")
    ] = None,
    by: Annotated[str | None, typer.Option(help="Who changes the rules; it is kept.")] = None,
) -> None:
    """Show what an enterprise asks of decisions, with every change of it; or change it."""
    settings = command_line.read_settings(Settings)
    from services.batch.cli import rules

    changes = rules.RuleChanges(approver_differs, note_required, two_above_usd, two_above_accounts)
    rules.show_or_change(settings, enterprise, changes, by)


@app.command()
def verify(
    enterprises: Annotated[list[str] | None, typer.Argument(metavar="ENTERPRISE...", help="None: all.")] = None,
    head: Annotated[
        list[str] | None,
        typer.Option(
            help="ENTERPRISE:POSITION:SHA256 from an event of a decision, to be found in the chain; repeatable."
        ),
    ] = None,
) -> None:
    """Compare history with its chain of decisions; exit with 1 when a row was changed, is missing or was added."""
    settings = command_line.read_settings(Settings)
    from services.batch.cli import verify

    verify.verify(settings, enterprises or [], verify.parse_heads(head or []))


@app.command()
def withdrawn() -> None:
    """List approvals and proposals made on prices that were withdrawn afterwards."""
    settings = command_line.read_settings(Settings)
    from services.batch.cli import withdrawn

    withdrawn.list_withdrawn(settings)


@app.command()
def seen(
    price_sets: Annotated[list[int], typer.Argument(metavar="PRICE_SET...", help="As `withdrawn` lists them.")],
    by: Annotated[str, typer.Option(help="Who looked; it is kept.")],
) -> None:
    """Say that the approvals made on withdrawn prices were looked at; exit with 1 when there are none."""
    settings = command_line.read_settings(Settings)
    from services.batch.cli import withdrawn

    withdrawn.mark_seen(settings, price_sets, by)


if __name__ == "__main__":
    app(prog_name=f"python -m services.{SERVICE}")
