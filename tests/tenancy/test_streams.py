"""What is pushed, over real connections: from the services' own events on the real topics to a socket for each person.

Every role of every kind of tenant listens while accounts of all of them are proposed for, analysed, loaded and moved.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_args

import httpx
import orjson
import pytest

from services.analyzer.store import run_start, runs
from services.gateway.cli.grants import store
from services.taxlot.intake.load import connected
from shared.contracts import topics
from shared.contracts.principal import Principal, RoleName
from shared.contracts.tenancy import Scope
from tests.analyzer.builders import MONDAY, account, noon
from tests.batch.build import a_flag, an_account
from tests.gateway import harness as gateway
from tests.gateway.streams import feeding
from tests.healing.harness import Harness as HealingHarness
from tests.healing.harness import opened
from tests.stackfix.infrastructure import as_role
from tests.taxlot.files import File, cash, lot
from tests.waiting import until_so

pytestmark = pytest.mark.integration

PEOPLE: dict[str, dict[str, Any]] = {
    "own": {"enterprises": ["E1"], "advisors": ["A1"]},
    "whole enterprise": {"enterprises": ["E1"]},
    "other advisor": {"enterprises": ["E1"], "advisors": ["A9"]},
    "other enterprise": {"enterprises": ["E2"]},
    "both": {"enterprises": ["E1", "E2"]},
    "nobody": {"enterprises": []},
}
E1, E2 = ("own", "whole enterprise", "other advisor", "both"), ("other enterprise", "both")
A1, A9 = ("own", "whole enterprise", "both"), ("other advisor", "whole enterprise", "both")
# A batch of an account of E1's A1 and one of E2: whoever sees one of them hears of it.
PARTS = ("own", "whole enterprise", "other enterprise", "both")
# MOVED is E1's and A1's when it is proposed for, and E2's from then on.
OWNERS = {"OWN": ("E1", "A1"), "ADVISOR": ("E1", "A9"), "FOREIGN": ("E2", "A5"), "MOVED": ("E1", "A1")}
Heard = Counter[tuple[str, str]]


@dataclass
class Stream:
    """What one connection received: raw lines, and the events in them as (id, kind, entity, version)."""

    name: str
    lines: list[str] = field(default_factory=list)
    task: "asyncio.Task[None] | None" = None

    async def read(self, client: httpx.AsyncClient, headers: dict[str, str]) -> None:
        """Read to the end of the stream."""
        async with client.stream("GET", "/api/v1/events", headers=headers, timeout=60) as response:
            assert response.status_code == 200
            async for line in response.aiter_lines():
                self.lines.append(line)

    def events(self) -> list[tuple[str, str, str, int]]:
        """Return the events; fail for a line that is neither part of an event nor a heartbeat."""
        found = []
        lines = iter(self.lines)
        assert next(lines).startswith("retry: ")
        for line in lines:
            if line == "":
                continue
            if line == "event: alive":
                assert next(lines) == "data: {}", "a heartbeat says nothing"
                continue
            event_id, kind, data = (
                field.partition(": ")[::2] for field in (line, next(lines, ""), next(lines, "data: {}"))
            )
            assert (event_id[0], kind[0], data[0]) == ("id", "event", "data"), self.lines
            body = orjson.loads(data[1])
            assert kind[1] == "reset" or (set(body) == {"kind", "id", "version"} and body["kind"] == kind[1])
            found.append((event_id[1], kind[1], body.get("id", ""), body.get("version", 0)))
        return found

    def heard(self) -> Heard:
        """Return the entities of the events: those with versions once, an analysis as often as it was sent."""
        received = Counter((kind, entity) for _, kind, entity, _ in self.events())
        return Counter({what: many if what[0] == "analysis" else 1 for what, many in received.items()})


@dataclass
class Square:
    """A gateway on a real socket in front of the real topics; `services` make the events."""

    services: HealingHarness
    door: gateway.Harness
    client: httpx.AsyncClient
    ends: AsyncExitStack

    async def listen(self, name: str, role: RoleName, last_id: str | None = None) -> Stream:
        """Sign somebody in and open their stream."""
        subject = f"{name} {role}"
        who = Principal.model_validate({"subject": subject, "name": name, "roles": [role], **PEOPLE[name]})
        await store(self.door.settings.database_url, [who], self.door.clock)
        session = await self.door.dependencies.sessions.start(subject, "", None)
        headers = {"Cookie": f"{self.door.dependencies.cookies.session}={session}", "Accept": "text/event-stream"}
        stream = Stream(name)
        stream.task = asyncio.create_task(
            stream.read(self.client, headers | ({"Last-Event-ID": last_id} if last_id else {}))
        )
        self.ends.callback(stream.task.cancel)
        await until_so(lambda: stream.lines, within_s=10)
        return stream

    async def change_everything(self) -> dict[tuple[str, str], tuple[str, ...]]:
        """Change something of every kind in the accounts of all; return which users must be notified of what."""
        services, batch = self.services, self.services.batch
        cleo = batch.user("Cleo", enterprises=["E1", "E2"])
        for account_id, (enterprise, advisor) in OWNERS.items():
            await batch.queue(account_id, f"{account_id}2", enterprise_id=enterprise, advisor_id=advisor)
        made = {account_id: await cleo.pending(account_id) for account_id in OWNERS}
        across = await cleo.pending("OWN2", "FOREIGN2")
        await batch.handlers.on_accounts([an_account("MOVED", version=2, enterprise_id="E2", advisor_id="A5")])
        await batch.flag(a_flag("MOVED", enterprise_id="E2", advisor_id="A5", flag_version=2))
        await cleo.done(made["FOREIGN"], "approve")
        owners = OWNERS | {"MOVED": ("E2", "A5")}
        hears = {"OWN": A1, "ADVISOR": A9, "FOREIGN": E2, "MOVED": E2}
        expected: dict[tuple[str, str], tuple[str, ...]] = {("queue", "E1"): E1, ("queue", "E2"): E2}
        unmoved = ("OWN", "ADVISOR", "FOREIGN")
        expected |= {("batch", str(made[account_id]["batch_id"])): hears[account_id] for account_id in unmoved}
        expected |= {("batch", str(made["MOVED"]["batch_id"])): A1, ("batch", str(across["batch_id"])): PARTS}
        for account_id, (enterprise, advisor) in owners.items():
            _put_account(services.url, account_id, enterprise, advisor)
            file = File([lot(account_id), cash(account_id)], custodian=account_id, day=MONDAY.isoformat())
            expected["file", str((await services.load(file, MONDAY)).file_id)] = hears[account_id]
        return expected | await self._analyses(owners)

    async def _analyses(self, owners: dict[str, tuple[str, str]]) -> dict[tuple[str, str], tuple[str, ...]]:
        analyzer = self.services.analyzer
        await analyzer.book()
        accounts = [
            account(account_id, 1).model_copy(update={"enterprise_id": enterprise, "advisor_id": advisor})
            for account_id, (enterprise, advisor) in owners.items()
        ]
        await analyzer.handlers.on_accounts(accounts)
        scopes = {
            A1: Scope("own", ("E1",), ("A1",)),
            A9: Scope("other advisor", ("E1",), ("A9",)),
            E2: Scope("other enterprise", ("E2",), None),
        }
        expected: dict[tuple[str, str], tuple[str, ...]] = {}
        with analyzer.database.session() as session:
            for hears, scope in scopes.items():
                run = runs.get(session, run_start.start(session, "ON_DEMAND", MONDAY, noon(MONDAY), scope))
                assert run is not None
                expected["analysis", run.run_id] = hears
            run = runs.get(session, run_start.start(session, "DAILY", MONDAY, noon(MONDAY)))
            assert run is not None
            expected["analysis", run.run_id] = (*E1, *E2)  # one event for each enterprise, under one id
        while await analyzer.sweeper.step():
            pass
        return expected


def _put_account(url: str, account_id: str, enterprise: str, advisor: str) -> None:
    with connected(as_role(url, "taxlot")) as connection:
        connection.execute(
            "INSERT INTO account (account_id, version, enterprise_id, advisor_id, custodian, account_number,"
            " apm_sleeve_id) VALUES (%(a)s, 1, %(e)s, %(d)s, %(a)s, %(a)s, 'APM')",
            {"a": account_id, "e": enterprise, "d": advisor},
        )


@pytest.fixture
async def square(database_url: str, kafka_url: str, tmp_path: Path) -> AsyncIterator[Square]:
    """All services, and a gateway that is connected to the topics."""
    directory = tmp_path / "gateway"
    directory.mkdir()
    async with AsyncExitStack() as ends:
        services = await ends.enter_async_context(opened(database_url, kafka_url, tmp_path))
        door = await ends.enter_async_context(gateway.harness_at(database_url, directory, kafka_url=kafka_url))
        door.dependencies.hub.close()
        await ends.enter_async_context(feeding(kafka_url, door.dependencies.hub))
        await until_so(lambda: door.dependencies.hub.is_open, within_s=30)
        limits = httpx.Limits(max_connections=None)
        client = httpx.AsyncClient(base_url=door.url, trust_env=False, limits=limits)
        yield Square(services, door, await ends.enter_async_context(client), ends)


async def test_every_connection_hears_of_its_own_and_nothing_of_others(square: Square) -> None:
    streams = [await square.listen(name, role) for name in PEOPLE for role in get_args(RoleName)]
    expected = await square.change_everything()
    hearings = [(hearer, what) for what, hears in expected.items() for hearer in hears]
    due = {name: Counter(what for hearer, what in hearings if hearer == name) for name in PEOPLE}
    await until_so(lambda: [stream.heard() for stream in streams if stream.name == "both"],
                      lambda all_of_them: all(heard == due["both"] for heard in all_of_them))  # fmt: skip
    last = await _last_versions(square, streams)
    late = await _come_back(square, streams)
    square.door.dependencies.hub.close()  # what was offered to anybody by now is sent, then streams end
    await asyncio.gather(*[stream.task for stream in (*streams, *late) if stream.task is not None])
    assert not due["nobody"] and all(due[name] for name in PEOPLE if name != "nobody")
    for stream in streams:
        assert stream.heard() == due[stream.name], stream.name
        newest = {(kind, entity): version for _, kind, entity, version in stream.events() if kind in ("batch", "queue")}
        assert newest.items() <= last.items(), stream.name
    for stream in late:
        (first,) = [other for other in streams if other.name == stream.name][:1]
        assert [event[1:] for event in stream.events()] == [event[1:] for event in first.events()[1:]], stream.name
    ids = [event[0] for stream in (*streams, *late) for event in stream.events()]
    assert len(ids) == len(set(ids)) and len({len(event_id) for event_id in ids}) == 1, "an id tells of others' changes"
    print(f"\nstreams: {len(streams)} connections, {len(late)} came back, {len(ids)} events of {len(expected)} things")


async def _last_versions(square: Square, streams: list[Stream]) -> dict[tuple[str, str], int]:
    """Return the newest version of each batch and queue by the services' own records, once somebody has heard all."""
    batch = square.services.batch
    wanted: dict[tuple[str, str], int] = {}
    for topic, kind, key in ((topics.BATCH, "batch", "batch_id"), (topics.QUEUE, "queue", "enterprise_id")):
        for body in batch.sent(topic.name):
            wanted[kind, str(body[key])] = body["version"]

    def heard() -> dict[tuple[str, str], int]:
        both = next(stream for stream in streams if stream.name == "both")
        return {(kind, entity): version for _, kind, entity, version in both.events() if (kind, entity) in wanted}

    await until_so(heard, lambda newest: newest == wanted)
    return wanted


async def _come_back(square: Square, streams: list[Stream]) -> list[Stream]:
    """Have somebody of each kind come back with the id of the first event they heard."""
    firsts = {stream.name: stream for stream in reversed(streams) if stream.events()}
    return [await square.listen(name, "viewer", stream.events()[0][0]) for name, stream in firsts.items()]


async def test_an_id_of_somebody_elses_event_shows_nothing_of_it(square: Square) -> None:
    own = await square.listen("own", "viewer")
    await square.services.batch.queue("OWN", enterprise_id="E1", advisor_id="A1")
    await until_so(own.events)
    stranger = await square.listen("other enterprise", "viewer", own.events()[0][0])
    await square.services.batch.queue("FOREIGN", enterprise_id="E2", advisor_id="A5")
    await until_so(stranger.events)
    square.door.dependencies.hub.close()
    await asyncio.gather(*[stream.task for stream in (own, stranger) if stream.task is not None])
    assert set(stranger.heard()) == {("queue", "E2")} and set(own.heard()) == {("queue", "E1")}
