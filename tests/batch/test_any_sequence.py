"""Several people, in any order: a plain model says after each command what must be, and what is refused."""

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any, TypeVar

import httpx
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from tests.batch import build
from tests.batch.harness import Harness, User, reply
from tests.batch.invariants import consistent
from tests.faults import card

pytestmark = [pytest.mark.integration, pytest.mark.slow, pytest.mark.timeout(card.trials(300, 7200))]

Json = dict[str, Any]
T = TypeVar("T")
PEOPLE = st.sampled_from(["Ann", "Bob", "Cyd"])
SOME = st.sets(st.integers(0, 3), min_size=1, max_size=3)
WHICH = st.integers(0, 2)


@dataclass
class Account:
    """lots: version of the newest ones; epoch: number of approvals; is_settling: approved and not evaluated since."""

    flags: int = 1
    lots: int = 1
    epoch: int = 0
    is_settling: bool = False


@dataclass
class Batch:
    """States of its accounts, and lots and epoch that each was proposed at."""

    batch_id: int
    status: str
    members: dict[str, str]
    made_of: dict[str, tuple[int, int]]


@dataclass
class Model:
    """What must be."""

    accounts: dict[str, Account] = field(default_factory=dict)
    batches: list[Batch] = field(default_factory=list)

    def holder(self, name: str) -> Batch | None:
        """The open batch that an account is in."""
        held = (of for of in self.batches if of.status == "PENDING_APPROVAL" and of.members.get(name) == "PROPOSED")
        return next(held, None)

    def is_unchanged(self, batch: Batch, name: str) -> bool:
        """Whether the proposal of an account still rests on its facts."""
        account = self.accounts[name]
        return batch.made_of[name] == (account.lots, account.epoch)

    def is_queued(self, name: str) -> bool:
        """Whether an account can be proposed."""
        return self.holder(name) is None and not self.accounts[name].is_settling

    def end(self, batch: Batch, status: str) -> None:
        """Decide a batch."""
        batch.status = status
        for name, state in batch.members.items():
            if state == "PROPOSED":
                batch.members[name] = status
                if status == "APPROVED":
                    self.accounts[name].epoch += 1
                    self.accounts[name].is_settling = True


class AnySequence(RuleBasedStateMachine):
    """The machine; every example has accounts of its own in one database."""

    url = ""
    examples = 0

    @initialize()
    def begin(self) -> None:
        """Queue four accounts."""
        type(self).examples += 1
        self.runner = asyncio.Runner()
        self.harness = self.run(self._harness())
        self.end_days()  # what an example that failed has left
        self.model = Model({f"D{self.examples:05d}.{number}": Account() for number in range(4)})
        self.run(self.harness.queue(*self.model.accounts))

    async def _harness(self) -> Harness:
        return Harness(self.url)

    def end_days(self) -> int:
        """End the day, and go back to its morning; return how many batches were cancelled."""
        self.harness.clock.instant = build.EVENING
        ended = self.run(self.harness.sweeps.end_days())
        self.harness.clock.instant = build.MORNING
        return ended

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Wait for work on the machine's loop."""
        return self.runner.run(work)

    def teardown(self) -> None:
        """Nothing of history was lost, whatever happened."""
        if hasattr(self, "runner"):
            self.end_days()
            consistent(self.harness)
            body: Json = {"enterprise_id": "E1"}
            while True:
                auditor = self.harness.user("Avi", roles=["auditor"])
                part = self.run(auditor.ask("POST", "/v1/history/check", json=body)).json()
                assert part["findings"] == []
                if part["cursor"] is None:
                    break
                body |= {"cursor": part["cursor"]}
            self.run(self.harness.database.close())
            self.runner.close()

    def names(self, chosen: set[int]) -> list[str]:
        """Return some of the accounts."""
        return [name for number, name in enumerate(self.model.accounts) if number in chosen]

    def batch(self, which: int) -> Batch:
        """Return one of the newest batches."""
        return self.model.batches[-1 - which % len(self.model.batches)]

    def give(self, who: str, batch: Batch, what: str, body: Json | None = None, *, behind: int = 0) -> httpx.Response:
        """Give a command at the version that is shown, or some before it."""
        user = self.harness.user(who)
        seen = self.run(user.get(f"/v1/batches/{batch.batch_id}"))
        return self.run(user.do(seen, what, body, version=max(1, seen["version"] - behind)))

    def expect(self, response: httpx.Response, *, allowed: bool, done: int = 200) -> bool:
        """Check that a command was carried out exactly if the model allows it."""
        assert response.status_code in ((done,) if allowed else (409, 412)), (allowed, response.text)
        return allowed

    @rule(who=PEOPLE, chosen=SOME)
    def propose(self, who: str, chosen: set[int]) -> None:
        names = self.names(chosen)
        response = self.run(self.harness.user(who).try_propose(*names))
        if self.expect(response, allowed=all(map(self.model.is_queued, names)), done=202):
            batch_id = response.json()["batch"]["batch_id"]
            accounts = {name: self.model.accounts[name] for name in names}
            values: dict[str, Json] = {name: {"lots_version": of.lots} for name, of in accounts.items()}
            self.run(reply(self.harness, batch_id, values))
            made_of = {name: (of.lots, of.epoch) for name, of in accounts.items()}
            self.model.batches.append(Batch(batch_id, "PENDING_APPROVAL", dict.fromkeys(names, "PROPOSED"), made_of))

    @precondition(lambda self: self.model.batches)
    @rule(who=PEOPLE, which=WHICH, chosen=SOME, rest=st.booleans())
    def remove(self, who: str, which: int, chosen: set[int], rest: bool) -> None:
        batch, names = self.batch(which), self.names(chosen)
        body = {"selection": {"kind": "ids", "ids": names}, "expected_count": len(names)}
        proposed = {name for name, state in batch.members.items() if state == "PROPOSED"}
        left = proposed - set(names)
        allowed = batch.status == "PENDING_APPROVAL" and proposed.issuperset(names)
        if rest:
            allowed = allowed and len(left) > 0 and all(self.model.is_unchanged(batch, name) for name in left)
        if self.expect(self.give(who, batch, "approve-rest" if rest else "removals", body), allowed=allowed):
            batch.members |= dict.fromkeys(names, "REMOVED")
            if rest or not left:
                self.model.end(batch, "APPROVED" if rest else "CANCELLED")

    @precondition(lambda self: self.model.batches)
    @rule(who=PEOPLE, which=WHICH, chosen=SOME)
    def undo(self, who: str, which: int, chosen: set[int]) -> None:
        batch, names = self.batch(which), self.names(chosen)
        body = {"selection": {"kind": "ids", "ids": names}, "expected_count": len(names)}
        allowed = batch.status == "PENDING_APPROVAL" and all(
            batch.members.get(name) == "REMOVED"
            and self.model.is_unchanged(batch, name)
            and self.model.holder(name) is None
            for name in names
        )
        if self.expect(self.give(who, batch, "removals/undo", body), allowed=allowed):
            batch.members |= dict.fromkeys(names, "PROPOSED")

    @precondition(lambda self: self.model.batches)
    @rule(who=PEOPLE, which=WHICH, what=st.sampled_from(["approve", "cancel"]), behind=st.sampled_from([0, 0, 0, 1]))
    def decide(self, who: str, which: int, what: str, behind: int) -> None:
        batch = self.batch(which)
        proposed = [name for name, state in batch.members.items() if state == "PROPOSED"]
        allowed = batch.status == "PENDING_APPROVAL" and behind == 0
        if what == "approve":
            allowed = allowed and all(self.model.is_unchanged(batch, name) for name in proposed)
        if self.expect(self.give(who, batch, what, behind=behind), allowed=allowed):
            self.model.end(batch, "APPROVED" if what == "approve" else "CANCELLED")

    @rule(number=st.integers(0, 3))
    def newer_lots(self, number: int) -> None:
        (name,) = self.names({number})
        account = self.model.accounts[name]
        account.flags, account.lots, account.is_settling = account.flags + 1, account.lots + 1, False
        flag = build.a_flag(name, flag_version=account.flags, lots_version=account.lots, epoch=account.epoch)
        self.run(self.harness.flag(flag))

    @rule()
    def end_of_day(self) -> None:
        open_ones = [batch for batch in self.model.batches if batch.status == "PENDING_APPROVAL"]
        assert self.end_days() == len(open_ones)
        for batch in open_ones:
            self.model.end(batch, "CANCELLED")

    @invariant()
    def is_as_the_model_says(self) -> None:
        if not hasattr(self, "model"):
            return
        user: User = self.harness.user("Dee", roles=["viewer"])
        for batch in self.model.batches:
            page = self.run(user.get(f"/v1/batches/{batch.batch_id}/accounts"))
            assert page["batch"]["status"] == batch.status
            assert {row["account_id"]: row["state"] for row in page["rows"]} == batch.members
        queued = {name for name in self.run(user.queued(size=1000)) if name in self.model.accounts}
        assert queued == {name for name in self.model.accounts if self.model.is_queued(name)}


def test_any_sequence_of_commands_of_several_people_is_as_a_plain_model_says(batch_url: str) -> None:
    AnySequence.url = batch_url
    AnySequence.examples = 0
    run_state_machine_as_test(
        AnySequence,
        settings=settings(
            max_examples=card.trials(12, 400),
            stateful_step_count=25,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
    assert AnySequence.examples >= 12
