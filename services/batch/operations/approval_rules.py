"""The rules that hold for a batch, from settings and from what operations staff put in force."""

from collections.abc import Mapping, Sequence

from sqlalchemy.ext.asyncio import AsyncConnection

from services.batch.domain.approval_rules import NO_RULES, ApprovalRules, strictest
from services.batch.settings import Settings
from services.batch.store import approval_rules as store


async def of_enterprises(
    connection: AsyncConnection, settings: Settings, enterprises: Sequence[str]
) -> Mapping[str, ApprovalRules]:
    """Return the rules of each of the enterprises.  REBALANCER_FOUR_EYES holds whatever is stored."""
    stored = await store.read(connection, enterprises)
    named = ApprovalRules(approver_differs=True)
    return {
        name: strictest([stored.get(name, NO_RULES), named if name in settings.four_eyes_enterprises else NO_RULES])
        for name in enterprises
    }


async def of_batch(connection: AsyncConnection, settings: Settings, enterprises: Sequence[str]) -> ApprovalRules:
    """Return the rules of a batch with accounts of these enterprises."""
    return strictest((await of_enterprises(connection, settings, enterprises)).values())
