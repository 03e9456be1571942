"""History: whether it is as it was decided."""

from fastapi import Request, Response

from services.gateway.routes.door import SignedInUser
from services.gateway.routes.forwarding import forward
from shared.contracts.api_batches import HistoryCheck, HistoryCheckBody
from shared.http import routing

router = routing.router(prefix="/api/v1/history", tags=["history"])


@router.post("/check", operation_id="check_history", response_model=HistoryCheck)
async def check_history(request: Request, caller: SignedInUser, body: HistoryCheckBody) -> Response:
    """Compare a part of an enterprise's history with its chain; go on with the cursor until there is none."""
    return await forward(request, caller, "batch")
