"""Sign-in for the local stack: `python -m deploy.issuer` serves, `... users` lists the sample users."""

import asyncio
import sys
from typing import Annotated

import orjson
import typer
from pydantic import ValidationError

from deploy.issuer.app import build_app
from deploy.issuer.settings import IssuerSettings
from deploy.issuer.users import USERS, entitlements
from shared.http.app import serve
from shared.oncall.command_line import VersionOption
from shared.runtime import log

app = typer.Typer(add_completion=False, help=__doc__, pretty_exceptions_enable=False)


@app.callback(invoke_without_command=True)
def main(context: typer.Context, version: VersionOption = False) -> None:
    """Serve until stopped."""
    if context.invoked_subcommand is not None:
        return
    try:
        settings = IssuerSettings.model_validate({})
    except ValidationError as error:
        missing = ", ".join(f"REBALANCER_{str(problem['loc'][0]).upper()}" for problem in error.errors())
        print(f"missing or wrong: {missing}; the local stack sets them", file=sys.stderr)
        raise typer.Exit(2) from error
    log.configure("issuer", settings.log_level)
    asyncio.run(serve(build_app(settings), settings.http_host, settings.http_port))


@app.command()
def users(
    as_json: Annotated[bool, typer.Option("--json", help="What each may do, as the gateway is seeded.")] = False,
) -> None:
    """List the sample users."""
    if as_json:
        print(
            orjson.dumps(
                [entitlement.model_dump(mode="json") for entitlement in entitlements()], option=orjson.OPT_INDENT_2
            ).decode()
        )
        return
    print(f"{'user':<10}{'password':<22}may")
    for user in USERS:
        print(f"{user.login:<10}{user.word:<22}{user.may}")


if __name__ == "__main__":
    app()
