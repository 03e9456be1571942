"""Who gives a command, and the lock under which it is allowed or refused."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from services.batch.domain.approval_rules import ApprovalRules
from services.batch.domain.refusals import CommandFacts, is_allowed, part_only, refusal
from services.batch.domain.states import Status, Transition
from services.batch.operations import approval_rules
from services.batch.operations.decide import Actor
from services.batch.operations.problems import PartOnly, problem_of
from services.batch.settings import Settings
from services.batch.store import batch_pages, batches
from shared.contracts.principal import Principal
from shared.contracts.problems import Forbidden, NotFound, Problem
from shared.contracts.tenancy import Scope, scope_of
from shared.runtime.clock import Clock


@dataclass(frozen=True)
class CommandContext:
    """The transaction of a command, and the person who gives it.  note: what they write to their decision."""

    connection: AsyncConnection
    settings: Settings
    clock: Clock
    principal: Principal
    note: str = ""

    @property
    def actor(self) -> Actor:
        """The person as the one who decides."""
        return Actor(self.principal.subject, self.principal.name, self.note)

    def noting(self, note: str) -> "CommandContext":
        """Return the context of a decision with a note; an empty one is none."""
        return replace(self, note=note)


async def lock(
    context: CommandContext, batch_id: int, version_seen: int, transition: Transition, *, removes_first: bool = False
) -> tuple[Row[Any], datetime, ApprovalRules]:
    """Lock the batch and check that the person may apply the transition to it now.

    Return its row, the instant, and what its enterprises ask of decisions.

    The clock is read once the lock is held.  removes_first: stale accounts do not hinder an approval, because the
    caller removes some first and looks at what is left.  Raises Forbidden, NotFound, or the problem that says why the
    command is refused; PartOnly where they see the batch, but not all its accounts.
    """
    check_role(context.principal, transition)
    batch = await batches.lock(context.connection, scope_of(context.principal), batch_id)
    if batch is None:
        raise await _not_lockable(context.connection, scope_of(context.principal), batch_id)
    now = context.clock.now()
    rules = await approval_rules.of_batch(context.connection, context.settings, batch.enterprise_ids)
    facts = CommandFacts(
        status=Status(batch.status),
        version=batch.version,
        version_seen=version_seen,
        cancel_at=batch.cancel_at,
        stale=0 if removes_first else batch.stale,
        requested_by=batch.requested_by,
        asked_by=context.actor.subject,
        four_eyes=rules.approver_differs,
        note_missing=rules.note_required and not context.note,
    )
    refused = refusal(transition, facts, now)
    if refused is not None:
        raise problem_of(refused, batch.version)
    return batch, now, rules


async def _not_lockable(connection: AsyncConnection, scope: Scope, batch_id: int) -> Problem:
    """Return why a person cannot lock a batch: they see only a part of it, or nothing."""
    seen = await batch_pages.read(connection, scope, batch_id)
    if seen is None:
        return NotFound(f"There is no request {batch_id}, or it is not yours to see.")
    return PartOnly(part_only(seen.requested_name))


def check_role(principal: Principal, transition: Transition | None) -> None:
    """Raise Forbidden unless one of the person's roles allows the transition; None means proposing."""
    if not is_allowed(principal.roles, transition):
        command = "propose trades" if transition is None else transition.replace("_", " ").lower()
        raise Forbidden(
            f"Your roles ({', '.join(principal.roles) or 'none'}) do not allow to {command}."
            " Ask an administrator if you need it."
        )
