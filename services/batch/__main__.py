"""`python -m services.batch [serve | migrate | openapi | republish | dlq | parked | release | withdrawn | seen]`."""

import argparse
import asyncio
import json
import sys

from services.batch import parked, warm
from services.batch.app import main as serve
from services.batch.app import routed
from services.batch.operations import withdrawn_prices
from services.batch.settings import Settings
from services.batch.store.database import SCHEMA
from shared.oncall.outages import carried_out
from shared.postgres.migrations import migrate
from shared.runtime import kernels
from shared.runtime.runner import leave_out_pandas, run


def main() -> int:
    """Do what the arguments say and return the exit code."""
    if sys.argv[1:2] == ["dlq"]:
        from shared.oncall import dlq

        return dlq.main("batch", sys.argv[2:])
    if sys.argv[1:2] == ["republish"]:
        from services.batch import republish

        return carried_out(lambda: republish.main(Settings(), sys.argv[2:]))
    parser = argparse.ArgumentParser(prog="python -m services.batch", description="Approval: queue, batches, history.")
    commands = parser.add_subparsers(dest="command")
    commands.add_parser("serve", help="serve (the default)")
    commands.add_parser("migrate", help="bring the tables to their newest form")
    commands.add_parser("openapi", help="print the OpenAPI document")
    commands.add_parser("dlq", help="dead letters: list, show, replay, skip")
    commands.add_parser("republish", help="publish approvals and returns again")
    parked.add_commands(commands)
    withdrawn_prices.add_commands(commands)
    arguments = parser.parse_args()
    if arguments.command == "openapi":
        print(json.dumps(routed(_never).openapi(), indent=1, sort_keys=True))
        return 0
    settings = Settings()
    if arguments.command == "migrate":
        migrate(SCHEMA, settings.database_url)
    elif arguments.command in ("parked", "release"):
        return carried_out(lambda: asyncio.run(parked.run(arguments, settings)))
    elif arguments.command in ("withdrawn", "seen"):
        return carried_out(lambda: asyncio.run(withdrawn_prices.run(arguments, settings)))
    else:
        leave_out_pandas()
        kernels.load(warm.kernels, SCHEMA, settings)
        run(serve(settings), SCHEMA, settings.log_level)
    return 0


async def _never() -> list[str]:
    return ["this app only describes itself"]


if __name__ == "__main__":
    sys.exit(main())
