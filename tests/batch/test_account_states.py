"""Where accounts are in the work is published: each change once, in the order of versions, and nothing else."""

import asyncio
import itertools
import time
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from services.batch.cli import republish
from services.batch.columns import messages
from services.batch.operations import account_states
from services.batch.operations.account_states import AccountStates
from shared.contracts import topics
from shared.contracts.codes import FlagState
from shared.contracts.events import AccountStateChanged
from shared.kafka.messages import event
from shared.oncall.republish import RepublishRequest
from tests.batch import build
from tests.batch.harness import Harness

TOPIC = topics.ACCOUNT_STATE.name


@pytest.mark.fast
@pytest.mark.parametrize("batch", [(None, None), (7, "WORKING")])
def test_the_event_is_what_its_model_writes(batch: tuple[int | None, str | None]) -> None:
    state = "CLEAR" if batch[0] is None else "IN_BATCH"
    row = SimpleNamespace(
        account_id="A1", enterprise_id="E1", advisor_id="V1", version=3, state=state, batch_id=batch[0],
        batch_status=batch[1], since=datetime(2026, 1, 5, 15, 0, 0, 250, UTC),
    )  # fmt: skip
    rows: Any = [row]
    (made,) = messages.account_states(rows)
    body = AccountStateChanged(**vars(row))
    known = {"event_id": made.headers["ce_id"], "source": "batch", "at": row.since, "enterprises": ["E1"]}
    same = event(topics.ACCOUNT_STATE, "A1", body, **known)
    assert made == same


@pytest.mark.fast
def test_only_an_account_in_a_batch_names_one() -> None:
    body = {"account_id": "A", "enterprise_id": "E", "advisor_id": "V", "version": 1, "since": "2026-01-05T15:00:00Z"}
    for wrong in ({"state": "IN_BATCH", "batch_id": 7}, {"state": "CLEAR", "batch_id": 7, "batch_status": "WORKING"}):
        with pytest.raises(ValueError, match="only then"):
            AccountStateChanged.model_validate(body | wrong)


async def published(harness: Harness) -> list[tuple[str, int, str, int | None, str | None]]:
    """Return what is published by now that was not before: account, version, state, batch and its status."""
    before = len(harness.sent(TOPIC))
    states = AccountStates(harness.database, harness.clock)
    while await states.publish_some():
        pass
    return [
        (row["account_id"], row["version"], row["state"], row.get("batch_id"), row.get("batch_status"))
        for row in harness.sent(TOPIC)[before:]
    ]


@pytest.mark.integration
async def test_the_way_of_an_account_through_the_work(harness: Harness) -> None:
    pat = harness.user()
    await harness.handlers.on_accounts([build.an_account("A1")])
    assert await published(harness) == []  # it was never evaluated
    await harness.flag(build.a_flag("A1"))
    assert await published(harness) == [("A1", 1, "QUEUED", None, None)]
    assert await published(harness) == []
    number = (await pat.propose("A1"))["batch_id"]
    assert await published(harness) == [("A1", 2, "IN_BATCH", number, "WORKING")]
    await harness.reply(number)
    assert await published(harness) == [("A1", 3, "IN_BATCH", number, "PENDING_APPROVAL")]
    await harness.flag(build.a_flag("A1", flag_version=2, state=int(FlagState.CLEAR), tiles=0))
    assert await published(harness) == []  # it is in a batch, whatever its flag says
    await pat.done(await pat.get(f"/v1/batches/{number}"), "approve")
    assert await published(harness) == [("A1", 4, "SETTLING", None, None)]
    settled = build.a_flag("A1", flag_version=3, epoch=1, state=int(FlagState.SETTLING), tiles=0)
    await harness.flag(settled)
    assert await published(harness) == []  # the analyzer says it too
    for version, state, name in ((4, FlagState.CLEAR, "CLEAR"), (5, FlagState.HELD, "HELD"), (6, FlagState.OFF, "OFF")):
        await harness.flag(settled | {"flag_version": version, "state": int(state)})
        assert await published(harness) == [("A1", version + 1, name, None, None)]
    await harness.flag(settled | {"flag_version": 7, "state": int(FlagState.NO_TARGET)})
    assert await published(harness) == [("A1", 8, "QUEUED", None, None)]
    await harness.flag(settled | {"flag_version": 6, "state": int(FlagState.OFF)})  # one that comes late
    assert await published(harness) == []


@pytest.mark.integration
async def test_who_leaves_a_batch_is_where_the_newest_flag_says(harness: Harness) -> None:
    pat = harness.user()
    await harness.queue("A1", "A2", "A3")
    number = (await pat.propose("A1", "A2", "A3"))["batch_id"]
    await harness.reply(number, failing=["A2"])
    await harness.flag(build.a_flag("A3", flag_version=2, state=int(FlagState.CLEAR), tiles=0))
    await published(harness)
    await pat.done(await pat.get(f"/v1/batches/{number}"), "cancel")
    assert sorted(await published(harness)) == [("A1", 2, "QUEUED", None, None), ("A3", 2, "CLEAR", None, None)]
    assert [row["state"] for row in harness.sent(TOPIC) if row["account_id"] == "A2"] == ["QUEUED"]


@pytest.mark.integration
async def test_an_account_that_moves_is_published_under_its_new_owner(harness: Harness) -> None:
    await harness.queue("A1")
    await published(harness)
    await harness.handlers.on_accounts([build.an_account("A1", version=2, enterprise_id="E2", advisor_id="V9")])
    assert await published(harness) == [("A1", 2, "QUEUED", None, None)]
    assert [harness.sent(TOPIC)[-1][name] for name in ("enterprise_id", "advisor_id")] == ["E2", "V9"]


@pytest.mark.integration
async def test_two_replicas_publish_each_change_once_and_in_order(make_harness: Any) -> None:
    first, second = make_harness(), make_harness()
    both = [AccountStates(harness.database, harness.clock) for harness in (first, second)]
    await first.queue(*[f"A{number:02d}" for number in range(20)])
    for version in range(2, 12):
        state = int(FlagState.CLEAR if version % 2 else FlagState.HELD)
        flags = [build.a_flag(f"A{n:02d}", flag_version=version, state=state, tiles=0) for n in range(20)]
        await asyncio.gather(first.flag(*flags), *[states.publish_some() for states in both])
    while sum([await states.publish_some() for states in both]):
        pass
    sent = first.sent(TOPIC)
    for account in {row["account_id"] for row in sent}:
        of_account = [row for row in sent if row["account_id"] == account]
        assert [row["version"] for row in of_account] == list(range(1, len(of_account) + 1))
        assert of_account[-1]["state"] == "CLEAR"
        assert all(before["state"] != after["state"] for before, after in itertools.pairwise(of_account))


@pytest.mark.integration
async def test_while_the_relay_is_behind_nothing_is_added(harness: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(account_states, "GROUP", 3)
    await harness.queue("A1", "A2", "A3", "A4", "A5")
    states = AccountStates(harness.database, harness.clock)
    harness.sql("UPDATE outbox SET published_at = now() RETURNING 1")
    assert await states.publish_some() == 3
    assert await states.publish_some() == 0
    harness.sql("UPDATE outbox SET published_at = now() RETURNING 1")
    assert await states.publish_some() > 0
    assert {row["account_id"] for row in harness.sent(TOPIC)} >= {"A1", "A2", "A3"}


@pytest.mark.integration
async def test_the_command_has_states_published_again_as_they_were(
    harness: Harness, capsys: pytest.CaptureFixture[str]
) -> None:
    await harness.queue("A1", "A2")
    await published(harness)
    first = messages_of(harness)
    assert await republish.ask_for_states(harness.settings, RepublishRequest("account-state", "E9")) == 1
    assert await republish.ask_for_states(harness.settings, RepublishRequest("account-state", accounts=("A1",))) == 0
    assert "account-state of 1 accounts will be published again" in capsys.readouterr().out
    assert await published(harness) == [("A1", 1, "QUEUED", None, None)]
    assert messages_of(harness)[-1] == first[0]


def messages_of(harness: Harness) -> list[Any]:
    """Return the states in the outbox, by account at first, with headers and bytes."""
    rows = harness.sql("SELECT key, value, headers FROM outbox WHERE topic = %s ORDER BY id", TOPIC)
    return [(bytes(key), bytes(value), headers) for key, value, headers in rows]


@pytest.mark.integration
@pytest.mark.slow
async def test_a_run_over_a_hundred_thousand_accounts_takes_few_statements(harness: Harness) -> None:
    """By chunks: 20 groups of flags as they come, then states 2,000 accounts a time."""
    ids = [f"A{number:06d}" for number in range(100_000)]
    for start in range(0, len(ids), 5_000):
        await harness.queue(*ids[start : start + 5_000])
    states, groups, started = AccountStates(harness.database, harness.clock), 0, time.monotonic()
    while await states.publish_some():
        groups += 1
        harness.sql("UPDATE outbox SET published_at = now() WHERE published_at IS NULL RETURNING 1")
    took_s = time.monotonic() - started
    print(f"100,000 states in {groups} groups, {took_s:.1f} s with the marks that the relay makes")
    assert harness.sql("SELECT count(*), count(DISTINCT key) FROM outbox WHERE topic = %s", TOPIC) == [(100_000,) * 2]
    assert groups <= 101 + len(ids) // account_states.GROUP
    assert took_s < 120
