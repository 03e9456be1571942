"""Kill -9 in the middle of a 500-account batch: it still reaches Pending Approval, nothing lost, nothing doubled.

Nobody does anything by hand: the supervisor starts the process again, and the services find their way.
"""

import signal

import pytest

from deploy.desk import Desk
from deploy.stack import Stack
from tests.waiting import until

ACCOUNTS = 500
FIGURES = (
    "market_value",
    "end_cash",
    "buys",
    "buys_value",
    "sells",
    "sells_value",
    "short_term",
    "long_term",
    "estimated",
)


def _undisturbed(desk: Desk, ids: list[str]) -> dict[str, tuple[object, ...]]:
    """Return state and figures per account of a batch that nothing happened to."""
    batch = desk.propose(ids)
    return _finished(desk, batch["batch_id"])


def _finished(desk: Desk, batch_id: int) -> dict[str, tuple[object, ...]]:
    batch = until(lambda: desk.batch(batch_id), lambda seen: seen["status"] != "WORKING", within_s=150)
    assert batch["status"] == "PENDING_APPROVAL", batch
    rows = desk.rows(batch_id)
    desk.command(batch, "cancel")
    figures = {row["account_id"]: (row["state"], *(row[name] for name in FIGURES)) for row in rows}
    assert len(figures) == len(rows) == ACCOUNTS
    return figures


def _queued(desk: Desk) -> list[str]:
    """Return ACCOUNTS accounts of the queue, the same every time, once those of the last batch are back in it."""
    page = until(lambda: desk.queue(size=1000, sort="account_id"), lambda seen: seen["total"] >= ACCOUNTS)
    return [row["account_id"] for row in page["rows"][:ACCOUNTS]]


@pytest.mark.parametrize("victim", ["analyzer", "taxlot", "proposer", "batch", "gateway", "kafka"])
def test_the_batch_reaches_pending_approval(hurt_stack: Stack, desk: Desk, victim: str) -> None:
    ids = _queued(desk)
    expected = _undisturbed(desk, ids)
    assert _queued(desk) == ids

    works_on_it = victim in ("analyzer", "taxlot", "proposer")
    if works_on_it:
        hurt_stack.kill(victim, signal.SIGSTOP)  # it has taken in nothing of this batch, or only a part, when it dies
    batch = desk.propose(ids)
    assert batch["status"] == "WORKING"
    killed = hurt_stack.kill(victim, signal.SIGKILL)

    hurt_stack.wait_ready("batch", timeout_s=90)
    assert _finished(desk, batch["batch_id"]) == expected
    hurt_stack.wait_ready(timeout_s=120)
    assert hurt_stack.pid(victim) != killed
