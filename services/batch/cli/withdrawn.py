"""Approvals and proposals that rest on prices which were withdrawn afterwards: listed, and marked as looked at."""

import asyncio
from collections.abc import Sequence
from typing import Any

import typer

from services.batch.settings import Settings
from services.batch.store import withdrawals
from services.batch.store.database import Database
from shared.contracts.tenancy import SYSTEM
from shared.oncall import outages


def list_withdrawn(settings: Settings) -> None:
    """Print withdrawn price sets, each with its approvals and proposals.  Exits with 1 when the database is away."""
    with outages.reported():
        asyncio.run(_list(settings))


def mark_seen(settings: Settings, price_sets: list[int], by: str) -> None:
    """Note who looked at the approvals made on these sets; always exits, with 1 for any set that has none."""
    with outages.reported():
        missing = asyncio.run(_mark_all(settings, price_sets, by))
    for price_set in missing:
        print(f"price set {price_set}: there is no approval to be looked at")
    raise typer.Exit(1 if missing else 0)


async def _list(settings: Settings) -> None:
    async with (
        Database(settings.database_url, settings.requests_database_url) as database,
        database.transaction(SYSTEM) as connection,
    ):
        lines = _lines(*await withdrawals.listed(connection))
    print("\n".join(lines) or "no price set was withdrawn")


async def _mark_all(settings: Settings, price_sets: list[int], by: str) -> list[int]:
    """Return the sets on which nothing was approved that nobody has looked at."""
    async with (
        Database(settings.database_url, settings.requests_database_url) as database,
        database.transaction(SYSTEM) as connection,
    ):
        return [number for number in price_sets if not await withdrawals.mark_seen(connection, number, by)]


def _lines(price_sets: Sequence[Any], approved: Sequence[Any], waiting: Sequence[Any]) -> list[str]:
    lines = []
    for decided in price_sets:
        what = "withdrawn" if decided.is_withdrawn else "accepted again"
        lines.append(
            f"price set {decided.price_set}: {what} {decided.decided_at:%Y-%m-%d %H:%M:%S} UTC: {decided.reason}"
        )
        for row in approved:
            if row.price_set == decided.price_set:
                seen = f"looked at by {row.seen_by}" if row.seen_by else "nobody has looked at it"
                lines.append(
                    f"  batch {row.batch_id}: {row.accounts} accounts approved by {row.decided_name}"
                    f" {row.decided_at:%Y-%m-%d %H:%M:%S} UTC, orders were sent; {seen}"
                )
        lines += [
            f"  batch {row.batch_id}: {row.accounts} proposals wait, stale"
            for row in waiting
            if row.price_set == decided.price_set
        ]
    return lines
