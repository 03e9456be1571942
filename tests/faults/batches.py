"""Batches of the fault tests: made of the same accounts again and again, and compared figure by figure."""

from typing import Any

from deploy.desk import Desk
from tests.waiting import until

ACCOUNTS = 500
_PAGE = 1000
_REACH_S = 30
Figures = dict[str, tuple[Any, ...]]
_SHOWN = (
    "state", "market_value", "end_cash", "buys", "buys_value", "sells", "sells_value", "flats", "flats_value",
    "short_term", "long_term", "estimated", "result",
)  # fmt: skip


class Recoveries:
    """How long it took after kill -9 until a process was ready and the work in hand done: told, not asserted."""

    def __init__(self) -> None:
        self._lines: list[str] = []

    def tell(self, what: str, ready_s: float, done_s: float) -> None:
        """Keep a line: seconds from the kill."""
        self._lines.append(f"{what:<36}{ready_s:>8.1f}{done_s:>8.1f}")

    def table(self, fixed_work_s: float) -> str:
        """Return all lines, and the fixed piece of work that they are compared by."""
        head = f"\n{'kill -9: seconds until':<36}{'ready':>8}{'done':>8}"
        foot = f"ready within {_REACH_S} s is what is wanted; the fixed piece of work takes {fixed_work_s:.2f} s here"
        return "\n".join([head, *self._lines, foot])


def proposable(desk: Desk) -> list[str]:
    """Return the queue's accounts that trades can be proposed for, in order of id."""
    first = desk.queue(size=_PAGE, sort="account_id")
    pages = [first, *(desk.queue(size=_PAGE, sort="account_id", page=2 + n) for n in range(first["total"] // _PAGE))]
    return [row["account_id"] for page in pages for row in page["rows"] if row["state"] == "FLAGGED"]


def all_back(desk: Desk, accounts: Figures) -> list[str]:
    """Wait until all these accounts are in the queue again, as after a cancelled batch, and return their ids."""
    until(lambda: set(proposable(desk)), lambda seen: accounts.keys() <= seen)
    return sorted(accounts)


def to_approve(desk: Desk, kept: Figures, many: int) -> dict[str, Any]:
    """Return a batch that can be approved, of accounts that no other test of the package wants back."""
    free = until(lambda: sorted(set(proposable(desk)) - set(kept)), lambda seen: len(seen) >= many)
    batch = desk.propose(free[:many])
    return until(lambda: desk.batch(batch["batch_id"]), lambda seen: seen["status"] == "PENDING_APPROVAL")


def figures_after(desk: Desk, batch_id: int) -> Figures:
    """Wait until the batch can be decided, cancel it, and return what it showed by account, each account once."""
    batch = until(lambda: desk.batch(batch_id), lambda seen: seen["status"] != "WORKING", within_s=150)
    assert batch["status"] == "PENDING_APPROVAL", batch
    rows = desk.rows(batch_id)
    figures = {row["account_id"]: tuple(row[name] for name in _SHOWN) for row in rows}
    assert len(figures) == len(rows) == ACCOUNTS
    desk.command(batch, "cancel")
    return figures
