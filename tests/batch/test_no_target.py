"""Selections with accounts without a target: sold out if one says so, or left out; what changed is refused."""

from typing import Any

import httpx
import pytest

from shared.contracts.codes import FlagState
from tests.batch.harness import Harness, User

pytestmark = pytest.mark.integration

EVERYTHING = {"kind": "matching"}


async def _ask(pat: User, expected: int, **body: Any) -> httpx.Response:
    return await pat.try_propose(selection=EVERYTHING, expected_count=expected, **body)


async def _without_target(harness: Harness, *ids: str, version: int = 1) -> None:
    await harness.queue(*ids, state=int(FlagState.NO_TARGET), tiles=0, portfolio_id=None, flag_version=version)


async def test_the_others_can_be_proposed_for(harness: Harness) -> None:
    pat = harness.user()
    await harness.queue("A1", "A2")
    await _without_target(harness, "N1")
    asked = await _ask(pat, 3)
    assert (asked.status_code, asked.json()["code"]) == (409, "liquidation_not_confirmed")
    assert (asked.json()["count"], asked.json()["others"]) == (1, 2)
    made = await _ask(pat, 2, leave_out_no_target=True)
    assert (made.status_code, made.json()["accounts"]) == (202, 2)
    assert await pat.queued() == ["N1"]
    ((rows, _),) = harness.requested(made.json()["batch"]["batch_id"])
    assert [(row["account_id"], row["liquidate"]) for row in rows] == [("A1", False), ("A2", False)]


async def test_leaving_out_holds_for_accounts_named_one_by_one(harness: Harness) -> None:
    pat = harness.user()
    await harness.queue("A1")
    await _without_target(harness, "N1")
    selection = {"kind": "ids", "ids": ["A1", "N1"]}
    made = await pat.try_propose(selection=selection, expected_count=1, leave_out_no_target=True)
    assert (made.status_code, made.json()["accounts"]) == (202, 1)


async def test_an_account_that_lost_its_target_meanwhile_is_told(harness: Harness) -> None:
    pat = harness.user()
    await harness.queue("A1", "A2")
    await _without_target(harness, "N1")
    await _without_target(harness, "A2", version=2)
    refused = await _ask(pat, 2, leave_out_no_target=True)
    assert (refused.status_code, refused.json()["code"], refused.json()["count"]) == (409, "count_changed", 1)
    more = await _ask(pat, 3, confirm_liquidation=True, expected_liquidations=1)
    assert (more.status_code, more.json()["code"]) == (409, "liquidation_not_confirmed")
    assert (more.json()["count"], more.json()["others"]) == (2, 1)
    assert await pat.queued() == ["A1", "A2", "N1"]
    made = await _ask(pat, 3, confirm_liquidation=True, expected_liquidations=2)
    assert (made.status_code, made.json()["accounts"]) == (202, 3)


async def test_only_accounts_without_a_target_leave_nobody_to_propose_for(harness: Harness) -> None:
    pat = harness.user()
    await _without_target(harness, "N1")
    asked = await _ask(pat, 1)
    assert (asked.json()["count"], asked.json()["others"]) == (1, 0)
    refused = await _ask(pat, 1, leave_out_no_target=True)
    assert (refused.status_code, refused.json()["code"], refused.json()["count"]) == (409, "count_changed", 0)


async def test_a_refused_press_takes_no_number(harness: Harness) -> None:
    """A number that is missing among the requests looks like a request that somebody hid."""
    pat = harness.user()
    await harness.queue("A1", "A2")
    await _without_target(harness, "N1")
    first = (await pat.propose("A2"))["batch_id"]
    assert (await _ask(pat, 2)).json()["code"] == "liquidation_not_confirmed"
    assert (await _ask(pat, 7)).json()["code"] == "count_changed"
    assert (await pat.try_propose("A2")).json()["code"] == "count_changed"
    made = await _ask(pat, 1, leave_out_no_target=True)
    assert made.json()["batch"]["batch_id"] == first + 1
