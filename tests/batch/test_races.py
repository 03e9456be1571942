"""Whoever comes together: one wins, the other hears why, and everything adds up.  Source: product 6."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import httpx
import pytest

from tests.batch import build
from tests.batch.harness import Harness
from tests.batch.invariants import consistent
from tests.faults import card
from tests.faults.card import Outcome

pytestmark = [pytest.mark.integration, pytest.mark.slow, pytest.mark.timeout(card.trials(180, 7200))]

Replicas = Callable[..., Harness]
TRIALS = card.trials(100, 1000)
RACES = card.trials(40, 2000)


def _together(*asked: Coroutine[Any, Any, Any]) -> Any:
    return asyncio.gather(*asked)


async def test_two_approvals_at_once_give_one_approval_and_one_set_of_orders(make_harness: Replicas) -> None:
    left, right = make_harness(), make_harness()
    ann, bob = left.user("Ann"), right.user("Bob")
    ids = [f"A{number:03d}" for number in range(TRIALS)]
    await left.queue(*ids)
    batches = [await ann.propose(account_id) for account_id in ids]
    for number, batch in enumerate(batches):
        ((rows, attempt),) = left.requested(batch["batch_id"]) if number == 0 else [([_request(ids[number])], 1)]
        await left.handlers.on_results([left.results_for(rows, batch["batch_id"], attempt)])
    for batch in batches:
        seen = await ann.get(f"/v1/batches/{batch['batch_id']}")
        responses = await _together(ann.do(seen, "approve"), bob.do(seen, "approve"))
        assert sorted(response.status_code for response in responses) == [200, 409]
        loser = next(response for response in responses if response.status_code == 409)
        assert loser.json()["code"] == "batch_decided"
    sent = len(left.sent("rebalancer.orders.v1"))
    card.keep(Outcome("F8", TRIALS, lost=max(0, TRIALS - sent), doubled=max(0, sent - TRIALS)))
    consistent(left)


def _request(account_id: str) -> dict[str, Any]:
    return {"account_id": account_id, "enterprise_id": "E1", "advisor_id": "D1", "epoch": 0, "liquidate": False}


async def test_one_retried_request_that_arrives_ten_times_at_once_acts_once(make_harness: Replicas) -> None:
    left, right = make_harness(), make_harness()
    await left.queue("A1")
    seen = await left.user().pending("A1")
    asked = [replica.user().do(seen, "approve", key="the one") for replica in (left, right) for _ in range(5)]
    responses: list[httpx.Response] = await _together(*asked)
    assert {(response.status_code, response.content) for response in responses} == {(200, responses[0].content)}
    assert sum("Idempotency-Replayed" not in response.headers for response in responses) == 1
    consistent(left)


async def test_the_same_accounts_proposed_at_once_go_into_one_batch(make_harness: Replicas) -> None:
    left, right = make_harness(), make_harness()
    ids = [f"A{number:03d}" for number in range(40)]
    await left.queue(*ids)
    for _ in range(10):
        body: dict[str, Any] = {"selection": {"kind": "matching"}, "expected_count": len(ids)}
        responses = await _together(
            *[harness.user(name).try_propose(**body) for harness in (left, right) for name in ("Ann", "Bob")]
        )
        assert sorted(response.status_code for response in responses) == [202, 409, 409, 409]
        made = next(response.json()["batch"] for response in responses if response.status_code == 202)
        await left.reply(made["batch_id"])
        seen = await left.user().get(f"/v1/batches/{made['batch_id']}")
        await left.user().done(seen, "cancel")
    consistent(left)


async def test_decisions_that_race_give_one_outcome_each(make_harness: Replicas) -> None:
    left, right = make_harness(), make_harness()
    outcomes = set()
    for trial in range(RACES):
        ids = [f"T{trial:02d}.{number}" for number in range(3)]
        await left.queue(*ids)
        seen = await left.user("Ann").pending(*ids)
        approve = left.user("Ann").do(seen, "approve")
        rival: Coroutine[Any, Any, Any]
        match trial % 4:
            case 0:
                rival = right.user("Bob").do(seen, "cancel")
            case 1:
                body: dict[str, Any] = {"selection": {"kind": "ids", "ids": ids[:1]}, "expected_count": 1}
                rival = right.user("Bob").do(seen, "removals", body)
            case 2:
                rival = right.flag(build.a_flag(ids[0], flag_version=2, lots_version=2))
            case _:
                right.clock.instant = build.EVENING  # this replica's clock is past the cut-off, the other's is not yet
                rival = right.sweeps.end_days()
        first, _ = await _together(approve, rival)
        right.clock.instant = build.MORNING
        after = await left.user().get(f"/v1/batches/{seen['batch_id']}")
        outcomes.add((trial % 4, first.status_code, after["status"]))
        assert (first.status_code == 200) == (after["status"] == "APPROVED")
        if after["status"] == "PENDING_APPROVAL":
            await left.user().done(after, "cancel")
    consistent(left)
    card.keep(Outcome("F9", RACES))
    assert {kind for kind, *_ in outcomes} == {0, 1, 2, 3}


async def test_a_result_and_a_newer_flag_that_come_together_never_miss_each_other(make_harness: Replicas) -> None:
    left, right = make_harness(), make_harness()
    for trial in range(30):
        account_id = f"A{trial:02d}"
        await left.queue(account_id)
        batch = await left.user().propose(account_id)
        results = left.results_for([_request(account_id)], batch["batch_id"], 1)
        await _together(
            left.handlers.on_results([results]), right.flag(build.a_flag(account_id, flag_version=2, lots_version=2))
        )
        shown = await left.user().get(f"/v1/batches/{batch['batch_id']}")
        assert (shown["status"], shown["counts"]["stale"]) == ("PENDING_APPROVAL", 1), f"trial {trial}"


async def test_every_replica_ends_the_day_and_each_batch_ends_once(make_harness: Replicas) -> None:
    replicas = [make_harness() for _ in range(3)]
    first = replicas[0]
    ids = [f"A{number:02d}" for number in range(30)]
    await first.queue(*ids)
    for account_id in ids:
        await first.user().propose(account_id)
    for replica in replicas:
        replica.clock.instant = build.EVENING
    ended = await _together(*[replica.sweeps.end_days() for replica in replicas])
    assert sum(ended) == len(ids)
    cancelled = [event for event in first.sent("rebalancer.batch.v1") if event["status"] == "CANCELLED"]
    assert len(cancelled) == len({event["batch_id"] for event in cancelled}) == len(ids)
    consistent(first)
