"""Proposals and approvals that rest on prices which were withdrawn afterwards.

A proposal that waits becomes stale.  An approval stands: its orders were sent, nothing is taken back silently; how many
there are is an alarm until somebody says that it was looked at (`withdrawn`, `seen`).
"""

import argparse
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final

from services.batch.operations.collect_results import Collector
from services.batch.settings import Settings
from services.batch.store import withdrawals
from services.batch.store.database import Database
from shared.contracts.events import PriceSetDecided
from shared.contracts.tenancy import SYSTEM
from shared.runtime import log
from shared.runtime.clock import Clock

_log = log.get(__name__)
_CLOCKS_DIFFER: Final = timedelta(days=1)  # far more than clocks of machines do


async def take_in(database: Database, collector: Collector, clock: Clock, decided: Sequence[PriceSetDecided]) -> None:
    """Keep what was decided of price sets, mark proposals made on withdrawn ones stale, count approvals made on them.

    The withdrawal is committed before any batch is looked at: an answer or an approval that does not see it yet holds
    the lock of its batch, and we wait for that.  Done again it finds what is not done.
    """
    async with database.transaction(SYSTEM) as connection:
        price_sets = await withdrawals.put(connection, decided)
    if not price_sets:
        return
    async with database.transaction(SYSTEM) as connection:
        undecided = await withdrawals.undecided_on(connection, price_sets)
    for batch_id in undecided:
        async with database.transaction(SYSTEM) as connection:
            await collector.mark_stale(connection, batch_id)
    since = min(one.accepted_at for one in decided) - _CLOCKS_DIFFER
    async with database.transaction(SYSTEM) as connection:
        approved = await withdrawals.note_approvals(connection, price_sets, since, clock.now())
    for row in approved:
        _log.error("approvals.on_withdrawn_prices", **row._mapping)


def add_commands(commands: Any) -> None:
    """Add both commands to the parser's."""
    commands.add_parser("withdrawn", help="list approvals and proposals made on prices that were withdrawn afterwards")
    seen = commands.add_parser("seen", help="say that the approvals made on withdrawn prices were looked at")
    seen.add_argument("price_set", type=int, nargs="+", help="as `withdrawn` lists them")
    seen.add_argument("--by", required=True, help="who looked; it is kept")


async def run(arguments: argparse.Namespace, settings: Settings) -> int:
    """Do what the arguments say and return the exit code: 1 when there is nothing to be looked at."""
    database = Database(settings.database_url, settings.requests_database_url)
    try:
        async with database.transaction(SYSTEM) as connection:
            if arguments.command == "withdrawn":
                print("\n".join(_lines(*await withdrawals.listed(connection))) or "no price set was withdrawn")
                return 0
            asked = {one: await withdrawals.mark_seen(connection, one, arguments.by) for one in arguments.price_set}
        missing = [one for one, was_there in asked.items() if not was_there]
        for one in missing:
            print(f"price set {one}: there is no approval to be looked at")
        return 1 if missing else 0
    finally:
        await database.close()


def _lines(price_sets: Sequence[Any], approved: Sequence[Any], waiting: Sequence[Any]) -> list[str]:
    lines = []
    for one in price_sets:
        what = "withdrawn" if one.is_withdrawn else "accepted again"
        lines.append(f"price set {one.price_set}: {what} {one.decided_at:%Y-%m-%d %H:%M:%S} UTC: {one.reason}")
        for row in approved:
            if row.price_set == one.price_set:
                seen = f"looked at by {row.seen_by}" if row.seen_by else "nobody has looked at it"
                lines.append(
                    f"  batch {row.batch_id}: {row.accounts} accounts approved by {row.decided_name}"
                    f" {row.decided_at:%Y-%m-%d %H:%M:%S} UTC, orders were sent; {seen}"
                )
        lines += [
            f"  batch {row.batch_id}: {row.accounts} proposals wait, stale"
            for row in waiting
            if row.price_set == one.price_set
        ]
    return lines
