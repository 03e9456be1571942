"""A command is done once: keys, versions, and how long they are remembered."""

import pytest

from tests.batch.world import World

pytestmark = pytest.mark.integration


async def test_a_retry_with_the_same_key_gets_the_same_answer_and_does_nothing(world: World) -> None:
    pat = world.user()
    await world.queue("A1")
    batch = await pat.pending("A1")
    first = await pat.do(batch, "approve", key="once")
    again = await pat.do(batch, "approve", key="once")
    assert (first.status_code, first.content) == (again.status_code, again.content)
    assert "Idempotency-Replayed" not in first.headers
    assert again.headers["Idempotency-Replayed"] == "true"
    assert first.headers["ETag"] == again.headers["ETag"]
    assert len(world.sent("rebalancer.orders.v1")) == 1


async def test_the_same_key_for_another_body_is_refused(world: World) -> None:
    pat = world.user()
    await world.queue("A1", "A2")
    assert (await pat.try_propose("A1", key="one")).status_code == 202
    other = await pat.try_propose("A2", key="one")
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    assert (await pat.get("/v1/batches"))["total"] == 1


async def test_keys_of_two_people_are_two_keys(world: World) -> None:
    await world.queue("A1", "A2")
    assert (await world.user("Ann").try_propose("A1", key="one")).status_code == 202
    assert (await world.user("Bob").try_propose("A2", key="one")).status_code == 202


async def test_a_refused_command_keeps_nothing_under_its_key(world: World) -> None:
    pat = world.user()
    await world.queue("A1")
    refused = await pat.try_propose("A1", "A2", key="one")
    assert (refused.status_code, refused.json()["code"], refused.json()["count"]) == (409, "count_changed", 1)
    assert (await pat.try_propose("A1", "A2", key="one")).status_code == 409
    assert (await pat.try_propose("A1", key="one")).status_code == 202


async def test_headers_that_a_command_needs(world: World) -> None:
    pat = world.user()
    await world.queue("A1")
    batch = await pat.pending("A1")
    path = f"/v1/batches/{batch['batch_id']}/approve"
    wanted = [
        ({"If-Match": '"1"'}, 400, "idempotency_key_missing"),
        ({"Idempotency-Key": "k"}, 428, "version_missing"),
        ({"Idempotency-Key": "k", "If-Match": "*"}, 422, "bad_input"),
        ({"Idempotency-Key": "k", "If-Match": '"1"'}, 412, "version_changed"),
    ]
    for headers, status, code in wanted:
        answer = await pat.ask("POST", path, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (status, code)
        assert answer.headers["Content-Type"] == "application/problem+json"
    changed = await pat.do(batch, "approve", version=1)
    assert changed.json()["version"] == batch["version"]


async def test_answers_and_published_messages_are_forgotten_after_days(world: World) -> None:
    pat = world.user()
    await world.queue("A1")
    await pat.propose("A1")
    world.clock.forward(days=6)
    await world.sweeps.forget()
    assert world.sql("SELECT count(*) FROM idempotency") == [(1,)]
    world.clock.forward(days=2)
    await world.sweeps.forget()
    assert world.sql("SELECT count(*) FROM idempotency") == [(0,)]
    kept = world.sql("SELECT topic FROM outbox ORDER BY id")  # not published: kept for as long as it takes
    assert kept == [("batch.queue",), ("rebalancer.batch.v1",), ("work.request.small",)]
