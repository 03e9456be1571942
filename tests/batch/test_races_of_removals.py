"""Undo, and approval of the rest, against every other command: one outcome each, and history agrees with the orders.

Source: product 6; docs/decisions/0034-history-is-a-chain.md.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine
from itertools import product
from typing import Any

import httpx
import pytest

from tests.batch import build
from tests.batch.harness import Harness, User
from tests.batch.invariants import consistent
from tests.faults import card
from tests.faults.card import Outcome

pytestmark = [pytest.mark.integration, pytest.mark.slow, pytest.mark.timeout(card.trials(180, 7200))]

Json = dict[str, Any]
Replicas = Callable[..., Harness]
OF_THE_SAME_VERSION = ("approve", "approve-rest", "cancel", "removals", "removals/undo")
RIVALS = (*OF_THE_SAME_VERSION, "propose elsewhere", "newer facts", "end of day")
PAIRS = list(product(("removals/undo", "approve-rest"), RIVALS))
ROUNDS = card.trials(3, 650)


def _of(*ids: str) -> Json:
    return {"selection": {"kind": "ids", "ids": list(ids)}, "expected_count": len(ids)}


def _rival(name: str, bob: User, seen: Json, ids: list[str]) -> Coroutine[Any, Any, Any]:
    """Return what comes at the same moment: ids 0 and 1 are removed, 2 and 3 are proposed."""
    match name:
        case "propose elsewhere":
            return bob.try_propose(*ids[:2])
        case "newer facts":
            return bob.harness.flag(build.a_flag(ids[0], flag_version=2, lots_version=2))
        case "end of day":
            bob.harness.clock.instant = build.EVENING
            return bob.harness.sweeps.end_days()
        case "removals" | "approve-rest":
            return bob.do(seen, name, _of(ids[2]))
        case "removals/undo":
            return bob.do(seen, name, _of(ids[0]))
        case _:
            return bob.do(seen, name)


async def _end(user: User, batch_id: int) -> None:
    """Cancel a batch that is still open."""
    after = await user.get(f"/v1/batches/{batch_id}")
    if after["status"] == "PENDING_APPROVAL":
        await user.done(after, "cancel")


async def _links(harness: Harness) -> int:
    """Check the whole history of E1, which must be as it was decided; return the number of its links."""
    body: Json = {"enterprise_id": "E1"}
    while True:
        response = await harness.user("Avi", roles=["auditor"]).ask("POST", "/v1/history/check", json=body)
        part = response.json()
        assert part["findings"] == []
        if part["cursor"] is None:
            return int(part["position"])
        body |= {"cursor": part["cursor"]}


async def test_undo_and_approval_of_the_rest_race_with_every_other_command(make_harness: Replicas) -> None:
    left, right = make_harness(), make_harness()
    ann, bob = left.user("Ann"), right.user("Bob")
    won: Counter[tuple[str, str, bool]] = Counter()
    for turn, (name, rival) in enumerate(PAIRS * ROUNDS):
        ids = [f"U{turn:05d}.{number}" for number in range(4)]
        await left.queue(*ids)
        seen = await ann.remove(await ann.pending(*ids), ids[0], ids[1])
        back = {"selection": {"kind": "removal", "version": seen["version"]}, "expected_count": 2}
        mine = ann.do(seen, name, back if name == "removals/undo" else _of(ids[2]))
        responses = await asyncio.gather(mine, _rival(rival, bob, seen, ids))
        right.clock.instant = build.MORNING
        statuses = [response.status_code for response in responses if isinstance(response, httpx.Response)]
        if rival in OF_THE_SAME_VERSION:
            assert sorted(statuses) in ([200, 409], [200, 412]), f"{name}, {rival}: exactly one of them acts"
        if rival == "propose elsewhere":
            assert sorted(statuses) in ([200, 202], [200, 409], [202, 409]), f"{name}, {rival}: {statuses}"
            assert name == "approve-rest" or 409 in statuses, "the accounts are in one batch, not in both"
        if rival == "propose elsewhere" and statuses[1] == 202:
            other = responses[1].json()["batch"]["batch_id"]
            await left.reply(other)
            await _end(ann, other)
        await _end(ann, seen["batch_id"])
        won[name, rival, statuses[0] == 200] += 1
    consistent(left)
    assert await _links(left) == left.sql("SELECT count(*) FROM batch WHERE decided_at IS NOT NULL")[0][0]
    assert {(name, rival) for name, rival, _ in won} == set(PAIRS)
    assert {is_won for *_, is_won in won} == {True, False}, "each side wins at times"
    card.keep(Outcome("F9", len(PAIRS) * ROUNDS))


async def test_two_batches_take_their_removed_accounts_back_from_one_another_once(make_harness: Replicas) -> None:
    left, right = make_harness(), make_harness()
    ann, bob = left.user("Ann"), right.user("Bob")
    for turn in range(card.trials(15, 1000)):
        ids = [f"W{turn:04d}.{number}" for number in range(6)]
        await left.queue(*ids)
        first = await ann.remove(await ann.pending(*ids[:5]), *ids[:4])
        second = await bob.remove(await bob.pending(*ids[:4], ids[5]), *ids[:4])
        backwards = list(reversed(ids[:4]))
        responses = await asyncio.gather(
            ann.do(first, "removals/undo", _of(*ids[:4])), bob.do(second, "removals/undo", _of(*backwards))
        )
        assert sorted(response.status_code for response in responses) == [200, 409], [
            response.text for response in responses
        ]
        loser = next(response for response in responses if response.status_code == 409)
        assert (loser.json()["code"], loser.json()["count"]) == ("undo_barred", 0)
        for batch in (first, second):
            await _end(ann, batch["batch_id"])
    consistent(left)
