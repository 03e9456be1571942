"""Rules of enterprises for decisions, and who changed them when.  The newest change is the rule."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.batch.domain.approval_rules import ApprovalRules

_NEWEST: Final = text(
    "SELECT DISTINCT ON (enterprise_id) enterprise_id, approver_differs, note_required, two_above_cents,"
    " two_above_accounts FROM approval_rule WHERE enterprise_id = ANY(:enterprises) ORDER BY enterprise_id, id DESC"
)
_ADD: Final = text(
    "INSERT INTO approval_rule (enterprise_id, approver_differs, note_required, two_above_cents, two_above_accounts,"
    " changed_at, changed_by) VALUES (:enterprise_id, :approver_differs, :note_required, :two_above_cents,"
    " :two_above_accounts, :changed_at, :changed_by)"
)
# Two operators who change the rules of one enterprise at once do it one after the other.
_HOLD: Final = text("SELECT pg_advisory_xact_lock(hashtextextended('approval_rule ' || :enterprise_id, 0))")
_CHANGES: Final = text("SELECT * FROM approval_rule WHERE enterprise_id = :enterprise_id ORDER BY id")
_KNOWN: Final = text("SELECT EXISTS (SELECT FROM account WHERE enterprise_id = :enterprise_id)")
_NAMED: Final = text("SELECT DISTINCT enterprise_id FROM approval_rule ORDER BY 1")


async def read(connection: AsyncConnection, enterprises: Sequence[str]) -> Mapping[str, ApprovalRules]:
    """Return the rules of those of the enterprises that have any."""
    rows = await connection.execute(_NEWEST, {"enterprises": list(enterprises)})
    return {row.enterprise_id: rules_of(row) for row in rows}


async def hold(connection: AsyncConnection, enterprise_id: str) -> None:
    """Keep others from changing the rules of an enterprise until this transaction ends."""
    await connection.execute(_HOLD, {"enterprise_id": enterprise_id})


async def add(connection: AsyncConnection, enterprise_id: str, rules: ApprovalRules, by: str, now: datetime) -> None:
    """Put rules in force, and keep who did it."""
    await connection.execute(_ADD, {"enterprise_id": enterprise_id, **vars(rules), "changed_at": now, "changed_by": by})


async def changes(connection: AsyncConnection, enterprise_id: str) -> Sequence[Row[Any]]:
    """Return every change of the rules of an enterprise, the first one first."""
    return (await connection.execute(_CHANGES, {"enterprise_id": enterprise_id})).all()


async def is_known(connection: AsyncConnection, enterprise_id: str) -> bool:
    """Return whether an enterprise has accounts here."""
    return bool((await connection.execute(_KNOWN, {"enterprise_id": enterprise_id})).scalar_one())


async def enterprises(connection: AsyncConnection) -> list[str]:
    """Return the enterprises whose rules were ever changed."""
    return list((await connection.execute(_NAMED)).scalars())


def rules_of(row: Row[Any]) -> ApprovalRules:
    """Return the rules that a change put in force."""
    return ApprovalRules(row.approver_differs, row.note_required, row.two_above_cents, row.two_above_accounts)
