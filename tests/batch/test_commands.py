"""Commands: what each does, what refuses it, and that a retry repeats the answer, not the effect."""

import pytest

from shared.contracts.chunks import FlagState, Tile
from tests.batch import build
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


async def test_two_batches_cannot_hold_one_account(world: World) -> None:
    pat = world.user()
    await world.queue("A1", "A2")
    await pat.propose("A1")
    second = await pat.try_propose("A1", "A2")
    assert (second.status_code, second.json()["count"]) == (409, 1)


async def test_a_filter_makes_a_batch_of_all_that_match_except_some(world: World) -> None:
    pat = world.user()
    await world.queue("A1", "A2", "A3")
    await world.queue("B1", value_cents=100)
    selection = {"kind": "matching", "tiles": ["HIGH_CASH"], "f": ["market_value.gte.50"], "q": "", "exclude": ["A2"]}
    batch = await pat.propose(selection=selection, expected_count=2)
    rows = await pat.get(f"/v1/batches/{batch['batch_id']}/accounts")
    assert [row["account_id"] for row in rows["rows"]] == ["A1", "A3"]
    assert await pat.queued() == ["A2", "B1"]


async def test_an_account_without_target_needs_liquidation_confirmed(world: World) -> None:
    pat = world.user()
    await world.queue("A1", state=int(FlagState.NO_TARGET), tiles=0)
    refused = await pat.try_propose("A1")
    assert (refused.status_code, refused.json()["code"]) == (409, "liquidation_not_confirmed")
    batch = await pat.propose("A1", confirm_liquidation=True)
    ((rows, _),) = world.requested(batch["batch_id"])
    assert rows[0]["liquidate"] is True


async def test_large_and_small_requests_have_topics_of_their_own(world: World) -> None:
    pat = world.user()
    small, large = [f"S{n}" for n in range(50)], [f"L{n}" for n in range(251)]
    await world.queue(*small, *large)
    await pat.propose(*small)
    await pat.propose(*large)
    assert [len(rows) for rows, _ in world.sent_chunks("work.request.small")] == [50]
    assert [len(rows) for rows, _ in world.sent_chunks("work.request")] == [200, 51]
    _, meta = world.sent_chunks("work.request")[0]
    assert meta == {"batch_id": "2", "attempt": "1", "trade_date": "2026-06-12", "size": "251"}


async def test_working_batches_take_no_decision(world: World) -> None:
    pat = world.user()
    await world.queue("A1")
    batch = await pat.propose("A1")
    for what in ("approve", "cancel"):
        answer = await pat.do(batch, what)
        assert (answer.status_code, answer.json()["code"]) == (409, "batch_not_pending")


async def test_removal_returns_accounts_and_counts_add_up(world: World) -> None:
    pat = world.user()
    await world.queue("A1", "A2", "A3")
    batch = await pat.pending("A1", "A2", "A3")
    batch = await pat.remove(batch, "A2")
    assert (batch["counts"]["proposed"], batch["counts"]["removed"], batch["long_term"]) == (2, 1, "200.00")
    assert await pat.queued() == ["A2"]
    again = await pat.do(batch, "removals", {"selection": {"kind": "ids", "ids": ["A2"]}, "expected_count": 1})
    assert (again.status_code, again.json()["count"]) == (409, 0)
    page = await pat.get(f"/v1/batches/{batch['batch_id']}/accounts", f="result.eq.REMOVED")
    assert [(row["account_id"], row["result"]) for row in page["rows"]] == [("A2", "Removed by Pat.")]


async def test_removing_the_last_account_cancels_the_batch(world: World) -> None:
    pat = world.user()
    await world.queue("A1", "A2")
    batch = await pat.pending("A1", "A2")
    body = {"selection": {"kind": "matching", "f": ["long_term.gte.100"]}, "expected_count": 2}
    batch = await pat.done(batch, "removals", body)
    assert (batch["status"], batch["reason"], batch["result"]) == ("CANCELLED", "ALL_REMOVED", "Cancelled")
    assert await pat.queued() == ["A1", "A2"]
    assert (await pat.do(batch, "cancel")).json()["code"] == "batch_decided"


async def test_a_batch_whose_accounts_all_fail_ends_as_failed(world: World) -> None:
    pat = world.user()
    await world.queue("A1", "A2")
    batch = await pat.propose("A1", "A2")
    await world.answer(batch["batch_id"], failing=["A1", "A2"])
    batch = await pat.get(f"/v1/batches/{batch['batch_id']}")
    assert (batch["status"], batch["reason"], batch["result"]) == ("FAILED", "ALL_FAILED", "Failed")
    page = await pat.get(f"/v1/batches/{batch['batch_id']}/accounts")
    assert {(row["failure_code"], row["result"]) for row in page["rows"]} == {("MISSING_PRICE", "A price is missing.")}
    assert await pat.queued() == ["A1", "A2"]


async def test_cancelling_returns_every_account(world: World) -> None:
    pat = world.user()
    await world.queue("A1", "A2")
    batch = await pat.done(await pat.pending("A1", "A2"), "cancel")
    assert (batch["status"], batch["reason"], batch["counts"]["cancelled"]) == ("CANCELLED", "USER", 2)
    ((returned, _),) = world.sent_chunks("batch.returned")
    assert {(row["account_id"], row["reason"]) for row in returned} == {("A1", "CANCELLED"), ("A2", "CANCELLED")}
    assert world.sent("rebalancer.orders.v1") == []


@pytest.mark.parametrize(
    ("newer", "sentence"),
    [
        ({"lots_version": 2}, "The custodian reported newer lots: "),
        ({"target_version": 2}, "The target of the account changed: "),
        ({"facts_version": 2}, "Settings of the account changed: "),
        (
            {"state": int(FlagState.HELD), "hold_code": "X", "hold_text": "Line 7: bad."},
            "The account is on hold (Line 7: bad): ",
        ),
    ],
)  # fmt: skip
async def test_newer_facts_make_a_proposal_stale_until_it_is_proposed_again(
    world: World, newer: dict[str, object], sentence: str
) -> None:
    pat = world.user()
    await world.queue("A1", "A2")
    batch = await pat.pending("A1", "A2")
    await world.flag(build.a_flag("A1", flag_version=2, **newer))
    refused = await pat.do(batch, "approve")
    assert refused.json()["code"] == "version_changed"
    batch = await pat.get(f"/v1/batches/{batch['batch_id']}")
    assert batch["counts"]["stale"] == 1
    assert (await pat.do(batch, "approve")).json()["code"] == "stale_proposals"
    page = await pat.get(f"/v1/batches/{batch['batch_id']}/accounts", f="result.eq.STALE")
    assert [(row["account_id"], row["stale"]) for row in page["rows"]] == [("A1", True)]
    assert page["rows"][0]["result"].startswith(sentence)

    batch = await pat.done(batch, "repropose", {})
    assert (batch["status"], batch["counts"]["working"], batch["counts"]["proposed"]) == ("WORKING", 1, 1)
    late = world.requested(batch["batch_id"])
    assert [(len(rows), attempt) for rows, attempt in late] == [(2, 1), (1, 2)]
    await world.handlers.on_results([world.answer_to(late[0][0], batch["batch_id"], 1)])  # of before: not taken
    assert (await pat.get(f"/v1/batches/{batch['batch_id']}"))["status"] == "WORKING"
    await world.flag(build.a_flag("A1", flag_version=3, lots_version=2, target_version=2, facts_version=2))
    fresh = world.answer_to(late[1][0], batch["batch_id"], 2, lots_version=2, target_version=2, facts_version=2)
    await world.handlers.on_results([fresh])
    batch = await pat.get(f"/v1/batches/{batch['batch_id']}")
    assert (batch["status"], batch["counts"]["stale"]) == ("PENDING_APPROVAL", 0)
    assert (await pat.done(batch, "approve"))["counts"]["approved"] == 2


async def test_an_answer_on_older_facts_than_the_flag_is_stale_at_once(world: World) -> None:
    pat = world.user()
    await world.queue("A1")
    batch = await pat.propose("A1")
    await world.flag(build.a_flag("A1", flag_version=2, lots_version=2))
    await world.answer(batch["batch_id"])
    assert (await pat.get(f"/v1/batches/{batch['batch_id']}"))["counts"]["stale"] == 1


async def test_switching_the_logic_changes_every_figure_and_back(world: World) -> None:
    pat = world.user()
    await world.queue("A1")
    batch = await pat.pending("A1")
    switched = await pat.done(batch, "logic", {"logic": "MIN_TRANSACTION"})
    assert (switched["logic"], switched["long_term"]) == ("MIN_TRANSACTION", "50.00")
    page = await pat.get(f"/v1/batches/{batch['batch_id']}/accounts")
    assert (page["rows"][0]["sells_value"], page["totals"]["flats"]) == ("500.00", 0)
    unknown = await pat.do(switched, "logic", {"logic": "TAX_AWARE"})
    assert unknown.json()["code"] == "logic_unavailable"
    back = await pat.done(switched, "logic", {"logic": "BEST_FIT"})
    assert (back["version"], back["long_term"]) == (batch["version"] + 2, "100.00")
    assert (await pat.do(batch, "approve")).status_code == 412
    done = await pat.done(back, "logic", {"logic": "MIN_TRANSACTION"})
    await pat.done(done, "approve")
    assert world.sent("rebalancer.orders.v1")[0]["orders"][0]["quantity"] == "5"


async def test_an_account_that_the_new_logic_cannot_do_hinders_approval_until_the_logic_is_back(world: World) -> None:
    pat = world.user()
    await world.queue("A1")
    batch = await pat.propose("A1")
    ((rows, attempt),) = world.requested(batch["batch_id"])
    row = build.an_answer(rows[0])
    row["proposals"][1] |= {"failure_code": "CASH_SHORTFALL", "failure_text": "Sells cannot reach the reserve."}
    await world.handlers.on_results([build.answered([row], batch["batch_id"], attempt)])
    batch = await pat.get(f"/v1/batches/{batch['batch_id']}")
    assert batch["counts"]["stale"] == 0
    batch = await pat.done(batch, "logic", {"logic": "MIN_TRANSACTION"})
    assert (await pat.do(batch, "approve")).json()["code"] == "stale_proposals"
    batch = await pat.done(batch, "logic", {"logic": "BEST_FIT"})
    assert (await pat.done(batch, "approve"))["status"] == "APPROVED"


async def test_tax_aware_is_put_in_force_where_it_could_be_computed_and_fails_where_it_could_not(world: World) -> None:
    """A1 is held back by its gain limits, A2 cannot reach its reserve inside them: A2 must go before approval."""
    pat = world.user()
    await world.queue("A1", "A2")
    batch = await pat.propose("A1", "A2")
    ((rows, attempt),) = world.requested(batch["batch_id"])
    limits = "The account's gain limits (at most $0.00 in all) do not allow all of Best Fit's sells."
    answers = [build.with_tax_aware(build.an_answer(row), 3, limits) for row in rows]
    answers[1]["proposals"][2] |= {"failure_code": "CASH_SHORTFALL", "failure_text": f"Below the reserve. {limits}"}
    await world.handlers.on_results([build.answered(answers, batch["batch_id"], attempt)])
    batch = await pat.get(f"/v1/batches/{batch['batch_id']}")
    assert (batch["status"], batch["counts"]["proposed"], batch["counts"]["stale"]) == ("PENDING_APPROVAL", 2, 0)
    view = await pat.get(f"/v1/batches/{batch['batch_id']}/accounts/A1")
    assert [one["logic"] for one in view["proposals"]] == ["BEST_FIT", "MIN_TRANSACTION", "TAX_AWARE"]
    assert [one["limit_reason"] for one in view["proposals"]] == [None, None, limits]
    assert view["proposals"][2]["trades"][0]["sentence"].endswith(
        " The gain limits of the account keep 7 units more of it from being sold."
    )
    batch = await pat.done(batch, "logic", {"logic": "TAX_AWARE"})
    assert (await pat.do(batch, "approve")).json()["code"] == "stale_proposals"
    failed = (await pat.get(f"/v1/batches/{batch['batch_id']}/accounts/A2"))["account"]
    assert failed["result"] == (
        f"The trade logic in force could not propose for this account (Below the reserve. {limits.rstrip('.')}):"
        " remove it or put another logic in force before approving."
    )
    selection = {"selection": {"kind": "ids", "ids": ["A2"]}, "expected_count": 1}
    batch = await pat.done(batch, "removals", selection)
    assert (await pat.done(batch, "approve"))["status"] == "APPROVED"
    assert [one["quantity"] for one in world.sent("rebalancer.orders.v1")[0]["orders"]] == ["3"]


async def test_roles_are_needed(world: World) -> None:
    await world.queue("A1")
    viewer, trader = world.user("Vic", roles=["viewer"]), world.user("Tom", roles=["trader"])
    assert (await viewer.try_propose("A1")).status_code == 403
    batch = await trader.pending("A1")
    assert (await trader.do(batch, "approve")).status_code == 403
    assert (await viewer.do(batch, "cancel")).status_code == 403
    assert (await trader.done(batch, "cancel"))["status"] == "CANCELLED"


async def test_four_eyes_where_an_enterprise_asks_for_them(make_world: object) -> None:
    world: World = make_world(four_eyes="E9, E1")  # type: ignore[operator]  # the fixture's function
    ann, bob = world.user("Ann"), world.user("Bob")
    await world.queue("A1")
    batch = await ann.pending("A1")
    refused = await ann.do(batch, "approve")
    assert (refused.status_code, refused.json()["code"]) == (403, "same_person")
    assert (await bob.done(batch, "approve"))["decided_by"] == "Bob"


async def test_a_repeated_or_unasked_answer_changes_nothing(world: World) -> None:
    pat = world.user()
    await world.queue("A1", "A2")
    batch = await pat.pending("A1", "A2")
    ((rows, attempt),) = world.requested(batch["batch_id"])
    await world.handlers.on_results([world.answer_to(rows, batch["batch_id"], attempt, failing=["A1"])])
    assert await pat.get(f"/v1/batches/{batch['batch_id']}") == batch
    await world.handlers.on_results([world.answer_to(rows, 4711, 1)])
    assert world.sql("SELECT count(*) FROM result_chunk") == [(1,)]


async def test_accounts_nobody_answers_for_are_sent_again_and_then_fail(world: World) -> None:
    pat = world.user()
    await world.queue("A1", "A2")
    batch = await pat.propose("A1", "A2")
    number = batch["batch_id"]
    ((rows, _),) = world.requested(number)
    world.clock.forward(seconds=20)
    assert await world.sweeps.ask_again() == 0
    await world.handlers.on_results([world.answer_to(rows[:1], number, 1)])
    world.clock.forward(seconds=15)
    assert await world.sweeps.ask_again() == 0  # another account was answered a moment ago
    for attempt in (2, 3):
        world.clock.forward(seconds=31)
        assert await world.sweeps.ask_again() == 1
        assert world.requested(number)[-1] == ([rows[1]], attempt)
        assert await world.sweeps.ask_again() == 0
    world.clock.forward(seconds=31)
    assert await world.sweeps.ask_again() == 1
    batch = await pat.get(f"/v1/batches/{number}")
    assert (batch["status"], batch["counts"]["failed"]) == ("PENDING_APPROVAL", 1)
    page = await pat.get(f"/v1/batches/{number}/accounts", f="result.eq.FAILED")
    assert page["rows"][0]["failure_code"] == "TIMEOUT"
    assert await pat.queued() == ["A2"]


async def test_an_answer_to_the_first_sending_counts_after_the_second(world: World) -> None:
    pat = world.user()
    await world.queue("A1")
    batch = await pat.propose("A1")
    world.clock.forward(seconds=31)
    await world.sweeps.ask_again()
    ((rows, _), _) = world.requested(batch["batch_id"])
    await world.handlers.on_results([world.answer_to(rows, batch["batch_id"], 1)])
    assert (await pat.get(f"/v1/batches/{batch['batch_id']}"))["status"] == "PENDING_APPROVAL"


async def test_the_end_of_day_cancels_what_is_undecided(world: World) -> None:
    pat = world.user()
    await world.queue("A1", "A2", "A3")
    waiting, working = await pat.pending("A1"), await pat.propose("A2")
    world.clock.instant = build.EVENING.replace(hour=21, minute=59)
    assert await world.sweeps.end_days() == 0
    world.clock.instant = build.EVENING
    refused = await pat.do(waiting, "approve")
    assert (refused.status_code, refused.json()["code"]) == (409, "day_ended")
    assert await world.sweeps.end_days() == 2
    assert await world.sweeps.end_days() == 0
    for batch in (waiting, working):
        shown = await pat.get(f"/v1/batches/{batch['batch_id']}")
        assert (shown["status"], shown["reason"], shown["decided_by"]) == ("CANCELLED", "END_OF_DAY", "System")
    assert await pat.queued() == ["A1", "A2", "A3"]
    later = await pat.propose("A3")
    assert later["trade_date"] == "2026-06-15"
    await world.answer(working["batch_id"])  # too late: the batch is decided
    assert (await pat.get(f"/v1/batches/{working['batch_id']}"))["counts"]["cancelled"] == 1


async def test_progress_is_told_a_few_times_a_second_at_most(world: World) -> None:
    pat = world.user()
    ids = [f"A{n:04d}" for n in range(1000)]
    await world.queue(*ids)
    batch = await pat.propose(*ids)
    number = batch["batch_id"]
    for index, (rows, attempt) in enumerate(world.requested(number)):
        if index == 2:
            world.clock.forward(seconds=0.3)
        await world.handlers.on_results([world.answer_to(rows, number, attempt)])
    told = [(event["status"], event["proposed"]) for event in world.sent("rebalancer.batch.v1")]
    assert told == [("WORKING", 0), ("WORKING", 600), ("PENDING_APPROVAL", 1000)]


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


async def test_a_text_that_cannot_be_stored_is_bad_input(world: World) -> None:
    await world.queue("A1")
    answer = await world.user().try_propose("A1", label="a\x00b")
    assert (answer.status_code, answer.json()["code"]) == (422, "bad_input")


async def test_a_selection_by_tiles_removes_what_the_list_with_these_tiles_shows(world: World) -> None:
    await world.queue("A1", "A2", tiles=int(Tile.FIRST_REBALANCE | Tile.HIGH_CASH))
    await world.queue("A3", tiles=int(Tile.LOW_CASH))
    pat = world.user()
    batch = await pat.pending("A1", "A2", "A3")
    path = f"/v1/batches/{batch['batch_id']}/accounts"
    assert (await pat.get(path, tile="HIGH_CASH"))["total"] == 2
    assert (await pat.get(path, tile=["HIGH_CASH", "LOW_CASH"]))["total"] == 0
    selection = {"kind": "matching", "tiles": ["HIGH_CASH"]}
    refused = await pat.do(batch, "removals", {"selection": selection, "expected_count": 3})
    assert (refused.status_code, refused.json()["count"]) == (409, 2)
    await pat.done(batch, "removals", {"selection": selection, "expected_count": 2})
    rows = (await pat.get(path))["rows"]
    assert {row["account_id"]: row["state"] for row in rows} == {"A1": "REMOVED", "A2": "REMOVED", "A3": "PROPOSED"}
