"""A command is done once: keys, versions, and how long they are remembered."""

import pytest

from tests.batch.harness import Harness

pytestmark = pytest.mark.integration


async def test_a_retry_with_the_same_key_gets_the_same_response_and_does_nothing(harness: Harness) -> None:
    pat = harness.user()
    await harness.queue("A1")
    batch = await pat.pending("A1")
    first = await pat.do(batch, "approve", key="once")
    again = await pat.do(batch, "approve", key="once")
    assert (first.status_code, first.content) == (again.status_code, again.content)
    assert "Idempotency-Replayed" not in first.headers
    assert again.headers["Idempotency-Replayed"] == "true"
    assert first.headers["ETag"] == again.headers["ETag"]
    assert len(harness.sent("rebalancer.orders.v1")) == 1


async def test_the_same_key_for_another_body_is_refused(harness: Harness) -> None:
    pat = harness.user()
    await harness.queue("A1", "A2")
    assert (await pat.try_propose("A1", key="one")).status_code == 202
    other = await pat.try_propose("A2", key="one")
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    assert (await pat.get("/v1/batches"))["total"] == 1


async def test_keys_of_two_people_are_two_keys(harness: Harness) -> None:
    await harness.queue("A1", "A2")
    assert (await harness.user("Ann").try_propose("A1", key="one")).status_code == 202
    assert (await harness.user("Bob").try_propose("A2", key="one")).status_code == 202


async def test_a_refused_command_keeps_nothing_under_its_key(harness: Harness) -> None:
    pat = harness.user()
    await harness.queue("A1")
    refused = await pat.try_propose("A1", "A2", key="one")
    assert (refused.status_code, refused.json()["code"], refused.json()["count"]) == (409, "count_changed", 1)
    assert (await pat.try_propose("A1", "A2", key="one")).status_code == 409
    assert (await pat.try_propose("A1", key="one")).status_code == 202


async def test_headers_that_a_command_needs(harness: Harness) -> None:
    pat = harness.user()
    await harness.queue("A1")
    batch = await pat.pending("A1")
    path = f"/v1/batches/{batch['batch_id']}/approve"
    wanted = [
        ({"If-Match": '"1"'}, 400, "idempotency_key_missing"),
        ({"Idempotency-Key": "k"}, 428, "version_missing"),
        ({"Idempotency-Key": "k", "If-Match": "*"}, 422, "bad_input"),
        ({"Idempotency-Key": "k", "If-Match": '"1"'}, 412, "version_changed"),
    ]
    for headers, status, code in wanted:
        response = await pat.ask("POST", path, headers=headers)
        assert (response.status_code, response.json()["code"]) == (status, code)
        assert response.headers["Content-Type"] == "application/problem+json"
    changed = await pat.do(batch, "approve", version=1)
    assert changed.json()["version"] == batch["version"]


async def test_kept_responses_and_published_messages_are_deleted_after_days(harness: Harness) -> None:
    pat = harness.user()
    await harness.queue("A1")
    await pat.propose("A1")
    harness.clock.forward(days=6)
    await harness.sweeps.forget()
    assert harness.sql("SELECT count(*) FROM idempotency") == [(1,)]
    harness.clock.forward(days=2)
    await harness.sweeps.forget()
    assert harness.sql("SELECT count(*) FROM idempotency") == [(0,)]
    kept = harness.sql("SELECT topic FROM outbox ORDER BY id")  # not published: kept for as long as it takes
    assert kept == [("batch.queue",), ("rebalancer.batch.v1",), ("work.request.small",)]
