"""`python -m services.gateway`: the service, or one of its commands (--help lists them)."""

import json
from typing import Annotated

import typer

from services.gateway.cli import audit as audit_log
from services.gateway.settings import SERVICE, Settings
from shared.oncall import command_line
from shared.runtime.settings import DatabaseSettings

app = command_line.build(SERVICE, "The door: sign-in, API, push, pages.")


@app.callback(invoke_without_command=True)
def main(context: typer.Context, version: command_line.VersionOption = False) -> None:
    """Serve unless a command is named."""
    if context.invoked_subcommand is None:
        serve()


@app.command()
def serve() -> None:
    """Serve until told to stop (the default)."""
    settings = command_line.read_settings(Settings)
    from services.gateway.app import main as serve_gateway
    from shared.runtime import runner

    runner.run(serve_gateway(settings), SERVICE, settings.log_level)


@app.command()
def migrate() -> None:
    """Bring the tables to their newest form."""
    from shared.postgres import migrations

    migrations.migrate(SERVICE, command_line.read_settings(DatabaseSettings).database_url)


@app.command()
def grant(file: Annotated[str, typer.Option(help="JSON list of users; - for standard input.")]) -> None:
    """Add users, or replace what they may see and do."""
    settings = command_line.read_settings(DatabaseSettings)  # granting needs none of the keys
    from services.gateway.cli import grants

    grants.grant(settings, file)


@app.command()
def audit(
    subject: Annotated[str | None, typer.Option(help="Only what this user did or saw.")] = None,
    about: Annotated[
        str | None, typer.Option("--id", help="Only what is about this account, batch, file or user.")
    ] = None,
    since: Annotated[
        str | None,
        typer.Option(parser=audit_log.instant, metavar="TIME", help="From this instant, e.g. 2026-01-02T15:04:05Z."),
    ] = None,
    until: Annotated[
        str | None, typer.Option(parser=audit_log.instant, metavar="TIME", help="Before this instant.")
    ] = None,
    limit: Annotated[int, typer.Option(help="At most so many.")] = 1000,
    verify: Annotated[bool, typer.Option("--verify", help="Look whether a record was changed or taken away.")] = False,
) -> None:
    """Print the audit log, newest first, or verify it."""
    settings = command_line.read_settings(DatabaseSettings)
    if verify:
        audit_log.verify(settings.database_url)
    wanted = {"subject": subject, "id": about, "since": since, "until": until, "limit": limit}
    audit_log.show(settings.database_url, wanted)


@app.command()
def openapi() -> None:
    """Print the OpenAPI document, from which the types of the user interface are generated."""
    from services.gateway.app import routed
    from services.gateway.openapi import describe

    print(json.dumps(describe(routed()), indent=1, sort_keys=True))


if __name__ == "__main__":
    app(prog_name=f"python -m services.{SERVICE}")
