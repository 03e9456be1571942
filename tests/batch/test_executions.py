"""Executions are stored by order and shown apart from the approval, of which nothing changes."""

import asyncio
import itertools
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import orjson
import pytest
from pydantic import ValidationError

from services.batch.domain.executions import SentOrder, why_refused
from shared.contracts import topics
from shared.contracts.codes import FlagState
from shared.contracts.platform import ExecutionReported
from shared.kafka.faults import PartialFailure
from shared.kafka.messages import BadMessage, Incoming, decoder
from tests.batch import build
from tests.batch.harness import Harness, Json

AT = "2026-06-01T19:31:05Z"
SENT = SentOrder("o1", False, "E1", "D1", "AAA", False, 10_000_000)
GOOD: Json = {
    "order_id": "o1", "account_id": "A1", "enterprise_id": "E1", "batch_id": 7, "security_id": "AAA", "version": 1,
    "status": "ACCEPTED", "at": AT,
}  # fmt: skip
FILLED: Json = {"status": "FILLED", "quantity": "10", "price": "101.5"}


def report(**values: Any) -> ExecutionReported:
    """Return a report as it is decoded from Kafka."""
    message = Incoming(topics.EXECUTION.name, 0, 0, b"A1", orjson.dumps(GOOD | values), (), 0)
    decoded: ExecutionReported = decoder(topics.EXECUTION)(message)
    return decoded


@pytest.mark.fast
@pytest.mark.parametrize(
    "values",
    [
        {},
        FILLED,
        {"status": "PARTIALLY_FILLED", "quantity": "0.000001", "price": "0"},
        {"status": "REJECTED", "reason": "halted"},
        {"status": "REJECTED", "reason": "the day ended", "quantity": "4", "price": "99"},
        {"a_field_of_later": [1]},
    ],
)
def test_what_can_be_reported_is_taken(values: Json) -> None:
    assert why_refused(report(**values), SENT) is None


@pytest.mark.fast
@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"status": "FILLED", "quantity": "10"}, "price"),
        ({"status": "FILLED", "price": "1"}, "has filled units"),
        ({"quantity": "1", "price": "1"}, "no filled units yet"),
        ({"price": "1"}, "price"),
        ({"status": "REJECTED"}, "reason"),
        ({"quantity": "-1", "price": "1"}, "negative"),
        ({"quantity": 10, "price": "1"}, "quantity"),
        ({"status": "DONE"}, "status is 'DONE'"),
        ({"version": 0}, "version"),
        ({"order_id": "a b"}, "order_id"),
        ({"at": "2026-06-01T19:31:05"}, "zone"),
        ({"at": "0001-01-01T00:00:00+12:00"}, ""),
        ({"at": "2199-01-01T00:00:00Z"}, "at:"),
        ({"reason": "a\nb"}, "reason"),
    ],
)
def test_what_cannot_be_is_refused_with_its_field(values: Json, says: str) -> None:
    with pytest.raises(BadMessage, match="invalid_event") as refused:
        report(**values)
    assert says in refused.value.detail


@pytest.mark.fast
@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"order_id": "o2"}, "the order of AAA for account A1 in batch 7 is o1"),
        ({"enterprise_id": "E2"}, "is not of that enterprise"),
        (FILLED | {"quantity": "10.000001"}, "is of 10 units"),
        (FILLED | {"quantity": "9"}, "FILLED means all"),
        ({"status": "PARTIALLY_FILLED", "quantity": "10", "price": "1"}, "FILLED means all"),
        ({"status": "REJECTED", "reason": "late", "quantity": "10", "price": "1"}, "FILLED means all"),
    ],
)
def test_what_does_not_fit_the_order_is_refused(values: Json, says: str) -> None:
    assert says in str(why_refused(report(**values), SENT))


@pytest.mark.fast
def test_of_an_order_of_before_a_restore_any_id_is_taken() -> None:
    assert why_refused(report(order_id="o2"), replace(SENT, is_of_before=True)) is None


@pytest.mark.fast
def test_an_order_that_was_never_sent_is_refused() -> None:
    assert why_refused(report(), None) == ("security_id is AAA: account A1 has no approved order of it in batch 7")


async def approved(harness: Harness, *ids: str) -> tuple[int, dict[str, Json]]:
    """Return the number of an approved batch, and what an execution says of the order of each account."""
    pat = harness.user()
    harness.sql("UPDATE incarnation SET begun_at = '2020-01-01' RETURNING 1")  # before the clock that tests set
    await harness.queue(*ids)
    batch = await pat.done(await pat.pending(*ids), "approve")
    number = int(batch["batch_id"])
    sent = [row for row in harness.sent(topics.ORDERS.name) if row["batch_id"] == number]
    named = {
        row["account_id"]: {name: row[name] for name in ("account_id", "enterprise_id", "batch_id")}
        | {name: row["orders"][0][name] for name in ("order_id", "security_id")}
        for row in sent
    }
    return number, named


async def hear(harness: Harness, *values: Json) -> None:
    await harness.handlers.on_executions([report(**given) for given in values])


@pytest.mark.integration
async def test_they_stand_beside_the_approval_and_change_nothing_of_it(harness: Harness) -> None:
    pat = harness.user()
    number, orders = await approved(harness, "A1", "A2", "A3")
    frozen = "SELECT * FROM batch_account ORDER BY account_id", "SELECT * FROM batch", "SELECT * FROM decision"
    before = [harness.sql(query) for query in frozen]
    batch = await pat.get(f"/v1/batches/{number}")
    nothing = {"orders": 3, "outstanding": 3, "accepted": 0, "partially_filled": 0, "filled": 0, "rejected": 0}
    assert batch["execution"] == nothing

    partly: Json = {"status": "PARTIALLY_FILLED", "quantity": "4", "price": "100.25", "version": 2}
    halted: Json = {"status": "REJECTED", "reason": "halted"}
    await hear(harness, orders["A1"] | FILLED, orders["A2"] | partly, orders["A3"] | halted)

    assert [harness.sql(query) for query in frozen] == before
    page = await pat.get(f"/v1/batches/{number}/accounts")
    counts = nothing | {"outstanding": 1, "partially_filled": 1, "filled": 1, "rejected": 1}
    assert page["batch"]["execution"] == counts
    assert page["batch"]["version"] == batch["version"]
    single = dict.fromkeys(counts, 0) | {"orders": 1}
    assert {row["account_id"]: row["execution"] for row in page["rows"]} == {
        "A1": single | {"filled": 1},
        "A2": single | {"partially_filled": 1, "outstanding": 1},
        "A3": single | {"rejected": 1},
    }
    for value, found in {"FILLED": ["A1"], "OUTSTANDING": ["A2"], "REJECTED|FILLED": ["A1", "A3"]}.items():
        rows = (await pat.get(f"/v1/batches/{number}/accounts", f=f"execution.in.{value}"))["rows"]
        assert [row["account_id"] for row in rows] == found, value
    view = await pat.get(f"/v1/batches/{number}/accounts/A2")
    assert view["account"]["execution"] == single | {"partially_filled": 1, "outstanding": 1}
    assert view["executions"] == [
        {
            "order_id": orders["A2"]["order_id"], "security_id": "AAA", "side": "SELL", "quantity": "10",
            "status": "PARTIALLY_FILLED", "filled": "4", "price": "100.25", "reported_at": AT, "reason": None,
        }
    ]  # fmt: skip
    # The custodian's file, and no execution, ends that an account is settling.
    assert (await pat.get("/v1/accounts/A1"))["state"] == "SETTLING"
    await harness.flag(build.a_flag("A1", flag_version=2, epoch=1, state=int(FlagState.SETTLING), tiles=0))
    assert (await pat.get("/v1/queue/tiles"))["settling"] == 3


@pytest.mark.integration
async def test_only_approved_accounts_show_executions(harness: Harness) -> None:
    pat = harness.user()
    await harness.queue("A1", "A2")
    batch = await pat.pending("A1", "A2")
    number = batch["batch_id"]
    assert batch["execution"] is None
    assert [row["execution"] for row in (await pat.get(f"/v1/batches/{number}/accounts"))["rows"]] == [None, None]
    outstanding = await pat.get(f"/v1/batches/{number}/accounts", f="execution.in.OUTSTANDING")
    assert outstanding["rows"] == []
    assert (await pat.get(f"/v1/batches/{number}/accounts/A1"))["executions"] == []
    batch = await pat.remove(batch, "A2")
    await pat.done(batch, "approve")
    rows = {row["account_id"]: row for row in (await pat.get(f"/v1/batches/{number}/accounts"))["rows"]}
    assert (rows["A1"]["execution"]["orders"], rows["A2"]["execution"]) == (1, None)
    view = await pat.get(f"/v1/batches/{number}/accounts/A1")
    assert [(order["status"], order["filled"]) for order in view["executions"]] == [(None, "0")]
    assert (await pat.get(f"/v1/batches/{number}/accounts/A2"))["executions"] == []


@pytest.mark.integration
async def test_duplicates_and_any_order_lead_to_the_same_state(harness: Harness) -> None:
    number, orders = await approved(harness, *[f"A{index}" for index in range(6)])
    steps: Sequence[Json] = (
        {"version": 1},
        {"version": 2, "status": "PARTIALLY_FILLED", "quantity": "3", "price": "100"},
        {"version": 3} | FILLED,
    )
    for order, sequence in zip(orders.values(), itertools.permutations(steps), strict=True):
        for step in (*sequence, sequence[0]):
            await hear(harness, order | step, order | step)
    stored = harness.sql("SELECT DISTINCT status, version, quantity_micro, price_micro FROM execution")
    assert stored == [("FILLED", 3, 10_000_000, 101_500_000)]
    assert harness.sql("SELECT count(*) FROM execution WHERE batch_id = %s", number) == [(6,)]


@pytest.mark.integration
async def test_two_replicas_take_in_the_same_reports(make_harness: Any) -> None:
    first, second = make_harness(), make_harness()
    _, orders = await approved(first, *[f"A{index}" for index in range(8)])
    reports = [order | {"version": version} for order in orders.values() for version in (1, 2)]
    await asyncio.gather(hear(first, *reports), hear(second, *reversed(reports)))
    assert first.sql("SELECT DISTINCT version FROM execution") == [(2,)]


@pytest.mark.integration
async def test_bad_reports_are_refused_one_by_one_and_the_good_ones_stored(harness: Harness) -> None:
    _, orders = await approved(harness, "A1", "A2", "A3")
    await hear(harness, orders["A3"])
    bad: list[Json] = [
        orders["A1"] | {"batch_id": 999},
        orders["A1"] | {"security_id": "BBB"},  # it only moved between sleeves
        orders["A1"] | {"order_id": orders["A2"]["order_id"]},
        orders["A2"] | {"enterprise_id": "E2"},
        orders["A2"] | FILLED | {"quantity": "11"},
        orders["A3"] | {"status": "REJECTED", "reason": "another content of version 1"},
        orders["A3"] | {"version": 2**52},
    ]
    with pytest.raises(PartialFailure) as refused:
        await hear(harness, *bad, orders["A1"])
    reasons = {index: str(error) for index, error in refused.value.problems.items()}
    assert sorted(reasons) == list(range(len(bad)))
    assert "has no approved order of it in batch 999" in reasons[0]
    assert "before with other content" in reasons[5]
    assert "at version 1, the next may be" in reasons[6]
    assert all(reason.startswith("bad_execution: ") for reason in reasons.values())
    assert harness.sql("SELECT account_id, status FROM execution ORDER BY 1") == [
        ("A1", "ACCEPTED"), ("A3", "ACCEPTED"),
    ]  # fmt: skip


@pytest.mark.integration
async def test_an_order_of_before_a_restore_keeps_the_id_it_was_sent_with(harness: Harness) -> None:
    number, orders = await approved(harness, "A1", "A2")
    harness.sql("UPDATE incarnation SET name = '0123456789ab', begun_at = now() RETURNING 1")
    await hear(harness, orders["A1"] | FILLED)
    with pytest.raises(PartialFailure, match="another account, batch or security"):
        await hear(harness, orders["A2"] | {"order_id": orders["A1"]["order_id"]})
    view = await harness.user().get(f"/v1/batches/{number}/accounts/A1")
    assert [(order["order_id"], order["status"]) for order in view["executions"]] == [
        (orders["A1"]["order_id"], "FILLED")
    ]


@pytest.mark.integration
async def test_nobody_sees_executions_of_another_scope(harness: Harness) -> None:
    number, orders = await approved(harness, "A1")
    await hear(harness, orders["A1"] | FILLED)
    other = harness.user("Sam", enterprises=["E2"])
    for path in (f"/v1/batches/{number}", f"/v1/batches/{number}/accounts", f"/v1/batches/{number}/accounts/A1"):
        assert (await other.ask("GET", path)).status_code == 404


@pytest.mark.fast
def test_the_model_is_frozen() -> None:
    with pytest.raises(ValidationError):
        report().version = 2  # type: ignore[misc]  # what is tried


@pytest.mark.integration
@pytest.mark.slow
async def test_five_thousand_reports_are_taken_in_by_chunks(harness: Harness) -> None:
    number, orders = await approved(harness, *[f"A{index:05d}" for index in range(5_000)])
    named = list(orders.values())
    started = time.monotonic()
    for start in range(0, len(named), 2_000):
        await hear(harness, *[order | FILLED for order in named[start : start + 2_000]])
    print(f"5,000 reports taken in in {time.monotonic() - started:.1f} s")
    pat = harness.user()
    started = time.monotonic()
    page = await pat.get(f"/v1/batches/{number}/accounts")
    print(f"their page in {time.monotonic() - started:.2f} s")
    assert page["batch"]["execution"]["filled"] == 5_000
