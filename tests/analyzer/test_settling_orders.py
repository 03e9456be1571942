"""An account settles by the instants of approval and file, in whatever order the two are taken in.

A file shows an approval if it is a good one, is dated on or after the session on which the orders are traded, and came
after the approval.  Source: product 3, "After approval".
"""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import permutations
from typing import Any, Final

import pytest

from shared.contracts import chunks
from shared.contracts.codes import FlagState
from tests.analyzer.builders import MONDAY, chunk, held, holdings, on_hold, rebalanced
from tests.analyzer.harness import Harness

pytestmark = pytest.mark.integration
APPROVED_AT: Final = datetime(2026, 1, 5, 15, 0, tzinfo=UTC)
FRIDAY, TUESDAY = date(2026, 1, 2), date(2026, 1, 6)
IN_BAND: Final[dict[str, Any]] = {"AAA": "600", "BBB": "300"}
# Name: dated, hours after the approval at which it came, whether it is a good one; in the order in which they came.
FILES: Final = {
    "Friday's, before": (FRIDAY, -7, True),
    "Monday's, before": (MONDAY, -1, True),
    "Friday's, late": (FRIDAY, 1, True),
    "Monday's, held": (MONDAY, 5, False),
    "Monday's": (MONDAY, 6, True),
    "Tuesday's": (TUESDAY, 30, True),
}
SHOWING: Final = {"Monday's", "Tuesday's"}


def row(account_id: str, name: str) -> dict[str, Any]:
    """Return the account in a file."""
    as_of, hours, is_good = FILES[name]
    version = list(FILES).index(name) + 1
    holds = held(account_id, version, as_of=as_of, **IN_BAND) if is_good else on_hold(account_id, version, as_of)
    return holds | {"file_id": name, "received_at": APPROVED_AT + timedelta(hours=hours)}


@pytest.mark.parametrize(
    "files",
    [
        ["Friday's, before"],
        ["Monday's, before"],
        ["Friday's, late"],
        ["Monday's"],
        ["Tuesday's"],
        ["Friday's, before", "Monday's, before"],
        ["Friday's, before", "Monday's"],
        ["Monday's, before", "Monday's"],
        ["Friday's, late", "Tuesday's"],
        ["Monday's, held", "Monday's"],
        ["Monday's", "Tuesday's"],
    ],
    ids=" and ".join,
)
async def test_it_is_settled_in_every_order_by_a_file_that_shows_it_and_by_no_other(
    harness: Harness, files: Sequence[str]
) -> None:
    orders = list(permutations(["approval", *files]))
    await harness.book(*(f"a{number}" for number in range(len(orders))))
    harness.at(TUESDAY)
    for number, order in enumerate(orders):
        account = f"a{number}"
        for event in order:
            if event == "approval":
                await harness.handlers.on_rebalanced(rebalanced(account, 1, MONDAY, decided_at=APPROVED_AT))
            else:
                await harness.handlers.on_holdings(holdings(row(account, event)))
    flags = await harness.flags()
    states = {order: FlagState(flags[f"a{number}"]["state"]).name for number, order in enumerate(orders)}
    expected = "CLEAR" if SHOWING & set(files) else "SETTLING"
    assert states == dict.fromkeys(orders, expected)


async def test_where_no_instant_is_known_the_file_that_was_there_came_before(harness: Harness) -> None:
    await harness.book("early", "late")
    for account in ("early", "late"):
        await harness.handlers.on_holdings(holdings(held(account, 1, as_of=MONDAY, **IN_BAND)))
    await harness.handlers.on_rebalanced(rebalanced("early", 1, MONDAY))
    await harness.handlers.on_rebalanced(rebalanced("late", 1, MONDAY, decided_at=APPROVED_AT))
    states = {name: FlagState(flag["state"]).name for name, flag in (await harness.flags()).items()}
    assert states == {"early": "SETTLING", "late": "SETTLING"}
    for account in ("early", "late"):
        await harness.handlers.on_holdings(holdings(held(account, 2, as_of=MONDAY, **IN_BAND) | {"file_id": "another"}))
    states = {name: FlagState(flag["state"]).name for name, flag in (await harness.flags()).items()}
    assert states == {"early": "CLEAR", "late": "CLEAR"}


async def test_a_message_without_approvals_changes_nothing(harness: Harness) -> None:
    await harness.handlers.on_rebalanced([chunk(chunks.REBALANCED, [])])
    assert await harness.flags() == {}
