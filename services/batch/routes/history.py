"""The check of history against its chain."""

from typing import cast

from fastapi import Request

from services.batch.operations import history
from services.batch.operations.history import Cursor, Section
from services.batch.routes.dependencies import dependencies_of
from shared.contracts.api_batches import HistoryCheck, HistoryCheckBody, HistoryFinding
from shared.contracts.problems import Forbidden, NotFound
from shared.contracts.tenancy import SYSTEM
from shared.http import routing

router = routing.router(prefix="/v1/history", tags=["history"])


@router.post("/check", operation_id="check_history")
async def check_history(request: Request, caller: routing.Caller, body: HistoryCheckBody) -> HistoryCheck:
    """Compare a part of an enterprise's history with its chain; go on with the cursor until there is none."""
    if body.enterprise_id not in caller.enterprises:
        raise NotFound("There is no such enterprise, or it is not yours to see.")
    if caller.advisors is not None:
        raise Forbidden(
            "History is checked as a whole: ask somebody who sees all advisors of the enterprise to check it."
        )
    # On the service's behalf: its chain covers requests that hold accounts of other enterprises too.
    async with dependencies_of(request).database.transaction(SYSTEM) as connection:
        part = await history.check(connection, body.enterprise_id, _parsed(body.cursor))
    position, digest = part.head or (None, None)
    return HistoryCheck(
        enterprise_id=body.enterprise_id,
        checked=part.checked,
        before=part.before,
        findings=[HistoryFinding(batch_id=of.batch_id, sentence=of.sentence) for of in part.findings],
        cursor=None if part.rest is None else f"{part.rest.section}.{part.rest.after}",
        position=position,
        sha256=None if digest is None else digest.hex(),
    )


def _parsed(cursor: str | None) -> Cursor:
    """Return a cursor as the body has it, which admits no other."""
    if cursor is None:
        return Cursor()
    section, _, after = cursor.partition(".")
    return Cursor(cast(Section, section), int(after))
