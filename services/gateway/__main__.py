"""`python -m services.gateway [serve | migrate | grant --file FILE | audit | openapi | dlq ...]`."""

import argparse
import asyncio
import json
import sys

from services.gateway import audit_log, grants
from services.gateway.app import main as serve
from services.gateway.app import routed
from services.gateway.openapi import describe
from services.gateway.settings import Settings
from shared.oncall.outages import carried_out
from shared.postgres.migrations import migrate
from shared.runtime.clock import clock_of
from shared.runtime.runner import run
from shared.runtime.settings import DatabaseSettings


def main() -> int:
    """Do what the arguments say and return the exit code."""
    if sys.argv[1:2] == ["dlq"]:
        from shared.oncall import dlq

        return dlq.main("gateway", sys.argv[2:])
    parser = argparse.ArgumentParser(
        prog="python -m services.gateway", description="The door: sign-in, API, push, pages."
    )
    commands = parser.add_subparsers(dest="command")
    commands.add_parser("serve", help="serve (the default)")
    commands.add_parser("migrate", help="bring the gateway's tables to their newest form")
    grant = commands.add_parser("grant", help="add users or replace what they may see and do")
    grant.add_argument("--file", required=True, help="JSON list of users, - for standard input")
    commands.add_parser("openapi", help="print the OpenAPI document")
    audit_log.add_arguments(commands.add_parser("audit", help="read or verify the audit log"))
    commands.add_parser("dlq", help="dead letters: list, show, replay")
    arguments = parser.parse_args()
    if arguments.command == "openapi":
        print(json.dumps(_document(), indent=1, sort_keys=True))
    elif arguments.command == "migrate":
        migrate("gateway", DatabaseSettings().database_url)
    elif arguments.command == "grant":
        return carried_out(lambda: _grant(arguments.file))
    elif arguments.command == "audit":
        return asyncio.run(audit_log.main(DatabaseSettings().database_url, arguments))
    else:
        settings = Settings()
        run(serve(settings), "gateway", settings.log_level)
    return 0


def _document() -> dict[str, object]:
    return describe(routed())


def _grant(file: str) -> int:
    settings = DatabaseSettings()  # the keys are not needed to grant, so they are not asked for
    try:
        granted = grants.read(file)
        asyncio.run(grants.store(settings.database_url, granted, clock_of(settings.clock_file)))
    except grants.GrantRefused as error:
        print(error, file=sys.stderr)
        return 1
    print(f"granted: {len(granted)} users")
    return 0


if __name__ == "__main__":
    sys.exit(main())
