"""`python -m services.batch rules`: what an enterprise asks of decisions, shown and changed; every change is kept."""

import asyncio
import sys
from dataclasses import dataclass, fields, replace
from typing import Any

import typer
from sqlalchemy import Row

from services.batch.domain.approval_rules import NO_RULES, ApprovalRules
from services.batch.settings import Settings
from services.batch.store import approval_rules as store
from services.batch.store.database import Database
from shared.contracts.tenancy import SYSTEM
from shared.fixed_point.text import scaled, usd
from shared.oncall import outages
from shared.runtime.clock import clock_of

NONE = "none"


@dataclass(frozen=True)
class RuleChanges:
    """What is to be changed; None: stays as it is.  Limits as text, NONE: no limit."""

    approver_differs: bool | None = None
    note_required: bool | None = None
    two_above_usd: str | None = None
    two_above_accounts: str | None = None

    def applied(self, rules: ApprovalRules) -> ApprovalRules:
        """Return the rules afterwards.  Raises ValueError for a limit that is no amount or number."""
        found: dict[str, Any] = {}
        if self.approver_differs is not None:
            found["approver_differs"] = self.approver_differs
        if self.note_required is not None:
            found["note_required"] = self.note_required
        if self.two_above_usd is not None:
            found["two_above_cents"] = None if self.two_above_usd == NONE else _limit(self.two_above_usd, 2)
        if self.two_above_accounts is not None:
            found["two_above_accounts"] = (
                None if self.two_above_accounts == NONE else _limit(self.two_above_accounts, 0)
            )
        return replace(rules, **found)

    @property
    def any(self) -> bool:
        """Whether anything is to be changed."""
        return any(getattr(self, field.name) is not None for field in fields(self))


def show_or_change(settings: Settings, enterprise_id: str | None, changes: RuleChanges, by: str | None) -> None:
    """Print the rules, of one enterprise with all their changes, after changing them if asked to; always exits.

    The code is 1 for an enterprise without accounts here, 2 for a change that names nobody or no proper limit.
    """
    if changes.any and (enterprise_id is None or not by):
        print("a change names its enterprise, and with --by who makes it", file=sys.stderr)
        raise typer.Exit(2)
    with outages.reported():
        raise typer.Exit(asyncio.run(_run(settings, enterprise_id, changes, by or "")))


async def _run(settings: Settings, enterprise_id: str | None, changes: RuleChanges, by: str) -> int:
    clock = clock_of(settings.clock_file)
    async with (
        Database(settings.database_url, settings.requests_database_url) as database,
        database.transaction(SYSTEM) as connection,
    ):
        if enterprise_id is None:
            found = await store.read(connection, await store.enterprises(connection))
            print(
                "\n".join(f"{name}: {in_sentences(rules)}" for name, rules in found.items())
                or "no enterprise has rules"
            )
            return 0
        if not await store.is_known(connection, enterprise_id):
            print(f"no account of enterprise {enterprise_id} is known here", file=sys.stderr)
            return 1
        if changes.any:
            await store.hold(connection, enterprise_id)
            before = (await store.read(connection, [enterprise_id])).get(enterprise_id, NO_RULES)
            try:
                after = changes.applied(before)
            except ValueError as error:
                print(error, file=sys.stderr)
                return 2
            if after != before:
                await store.add(connection, enterprise_id, after, by, clock.now())
        rules = (await store.read(connection, [enterprise_id])).get(enterprise_id, NO_RULES)
        print(f"{enterprise_id}: {in_sentences(rules)}")
        for row in await store.changes(connection, enterprise_id):
            print(f"  {_line(row)}")
    return 0


def in_sentences(rules: ApprovalRules) -> str:
    """Return rules as a text."""
    sentences = []
    if rules.approver_differs:
        sentences.append("nobody approves what they requested")
    if rules.two_above_cents is not None:
        sentences.append(f"two approve above ${usd(rules.two_above_cents)} of buys and sells")
    if rules.two_above_accounts is not None:
        sentences.append(f"two approve above {rules.two_above_accounts} accounts")
    if rules.note_required:
        sentences.append("every decision has a note")
    return "; ".join(sentences) or "no rules"


def _line(row: Row[Any]) -> str:
    return f"{row.changed_at:%Y-%m-%d %H:%M:%S} UTC by {row.changed_by}: {in_sentences(store.rules_of(row))}"


def _limit(text: str, decimals: int) -> int:
    """Return a limit in cents or accounts.  Raises ValueError if the text is none."""
    try:
        found = scaled(text, decimals)
    except ValueError as error:
        raise ValueError(f"{text} is no limit: give a number without signs or separators, or {NONE}") from error
    if not 0 <= found <= 10**15 or (decimals == 0 and found > 2**31 - 1):
        raise ValueError(f"{text} is no limit: it is below 0 or too large")
    return found
