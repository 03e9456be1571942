"""A batch service without its network: real database and role, real routes and handlers, a clock that the test sets."""

import hashlib
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

import httpx
import orjson
import psycopg
import pyarrow as pa
from fastapi import FastAPI

from services.batch.app import build_app
from services.batch.handlers import Handlers
from services.batch.operations.sweeps import Sweeps
from services.batch.routes.dependencies import Dependencies
from services.batch.settings import Settings
from services.batch.store.database import Database
from shared.contracts.codes import Bought, Term
from shared.contracts.principal import Principal
from shared.kafka.messages import Chunk
from shared.runtime.clock import SystemClock
from tests.batch import build
from tests.signing import PUBLIC_KEY, SignedAs
from tests.stackfix.infrastructure import as_role

Json = dict[str, Any]
UNIT = 1_000_000


@dataclass
class SetClock:
    """Shows what the test says."""

    instant: datetime = build.MORNING

    def now(self) -> datetime:
        """Return the set instant."""
        return self.instant

    def forward(self, **by: float) -> None:
        """Move the clock."""
        self.instant += timedelta(**by)


async def _ready() -> list[str]:
    return []


@dataclass
class Harness:
    """One replica of the service and what tests ask of it."""

    admin_url: str
    clock: SetClock = field(default_factory=SetClock)
    four_eyes: str = ""
    way: str = ""  # the address that the service itself takes to the database, where it is another than the test's

    def __post_init__(self) -> None:
        way = self.way or self.admin_url
        self.settings = Settings(
            kafka_url="127.0.0.1:1",
            database_url=as_role(way, "batch"),
            requests_database_url=as_role(way, "batch_requests"),
            http_port=1,
            principal_public_key=PUBLIC_KEY,
            four_eyes=self.four_eyes,
        )
        self.database = Database(self.settings.database_url, self.settings.requests_database_url)
        self.handlers = Handlers(self.database, self.clock, self.settings)
        self.sweeps = Sweeps(self.database, self.clock, self.settings)
        self.app: FastAPI = build_app(Dependencies(self.settings, self.clock, self.database), _ready)

    @staticmethod
    def real_now() -> datetime:
        """Return the machine's instant, for processes that run on it."""
        return SystemClock().now()

    def user(self, name: str = "Pat", **values: Any) -> "User":
        """Return somebody with every role in E1."""
        roles = ["viewer", "trader", "approver"]
        given = {"subject": name.lower(), "name": name, "roles": roles, "enterprises": ["E1"]} | values
        return User(self, Principal.model_validate(given))

    async def queue(self, *ids: str, **values: Any) -> None:
        """Have accounts flagged."""
        owner = {name: values[name] for name in ("enterprise_id", "advisor_id") if name in values}
        await self.handlers.on_accounts([build.an_account(account_id, **owner) for account_id in ids])
        await self.flag(*[build.a_flag(account_id, **values) for account_id in ids])

    async def flag(self, *rows: Json) -> None:
        """Have evaluations arrive."""
        await self.handlers.on_flags([build.flags(*rows)])

    def sql(self, query: str, *values: Any) -> list[Any]:
        """Ask the database as its superuser."""
        with psycopg.connect(self.admin_url, options="-c search_path=batch") as connection:
            return connection.execute(query.encode(), values).fetchall()

    def decision(self, batch_id: int) -> bytes:
        """Return the manifest of a decided batch; its digest must be that of its bytes."""
        ((content, sha256),) = self.sql("SELECT manifest, sha256 FROM decision WHERE batch_id = %s", batch_id)
        assert hashlib.sha256(content).digest() == bytes(sha256)
        return bytes(content)

    def sent(self, topic: str) -> list[Json]:
        """Return JSON events left in the outbox for a topic."""
        rows = self.sql("SELECT value FROM outbox WHERE topic = %s ORDER BY id", topic)
        return [orjson.loads(bytes(row[0])) for row in rows]

    def sent_chunks(self, topic: str) -> list[tuple[list[Json], dict[str, str]]]:
        """Return chunks left in the outbox for a topic."""
        rows = self.sql("SELECT value FROM outbox WHERE topic = %s ORDER BY id", topic)
        return [_unpack(bytes(row[0])) for row in rows]

    def requested(self, batch_id: int) -> list[tuple[list[Json], int]]:
        """Return what was asked for a batch: rows and attempt of every chunk."""
        both = self.sent_chunks("work.request") + self.sent_chunks("work.request.small")
        return [(rows, int(meta["attempt"])) for rows, meta in both if meta["batch_id"] == str(batch_id)]

    async def reply(self, batch_id: int, failing: Sequence[str] = (), **values: Any) -> None:
        """Reply to every request of the batch as the services would."""
        for rows, attempt in self.requested(batch_id):
            await self.handlers.on_results([self.results_for(rows, batch_id, attempt, failing, **values)])

    def results_for(
        self, rows: list[Json], batch_id: int, attempt: int, failing: Sequence[str] = (), **values: Any
    ) -> Chunk:
        """Return the results of one request chunk."""
        made = [build.a_failure(row) if row["account_id"] in failing else build.a_result(row, **values) for row in rows]
        return build.results(made, batch_id, attempt)


def _unpack(value: bytes) -> tuple[list[Json], dict[str, str]]:
    with pa.ipc.open_stream(value) as reader:
        rows = reader.read_all()
    return rows.to_pylist(), {key.decode(): text.decode() for key, text in rows.schema.metadata.items()}


@dataclass
class User:
    """One person at the service's HTTP."""

    harness: Harness
    principal: Principal

    async def ask(self, method: str, path: str, **options: Any) -> httpx.Response:
        """Send a request."""
        transport = httpx.ASGITransport(self.harness.app)
        signed = SignedAs(self.principal, "batch", self.harness.clock.now)
        async with httpx.AsyncClient(transport=transport, base_url="http://batch", auth=signed) as client:
            return await client.request(method, path, **options)

    async def get(self, path: str, **query: Any) -> Json:
        """Return what a path shows."""
        response = await self.ask("GET", path, params=query)
        assert response.status_code == 200, response.text
        return dict(response.json())

    async def queued(self, **query: Any) -> list[str]:
        """Return the accounts of the queue."""
        page = await self.get("/v1/queue/accounts", **query)
        assert page["total"] >= len(page["rows"])
        return [row["account_id"] for row in page["rows"]]

    async def try_propose(self, *ids: str, key: str | None = None, **body: Any) -> httpx.Response:
        """Ask for a batch of these accounts."""
        content = {"selection": {"kind": "ids", "ids": list(ids)}, "expected_count": len(ids)} | body
        return await self.ask("POST", "/v1/batches", json=content, headers={"Idempotency-Key": key or _new()})

    async def propose(self, *ids: str, **body: Any) -> Json:
        """Make a batch and return its summary."""
        response = await self.try_propose(*ids, **body)
        assert response.status_code == 202, response.text
        return dict(response.json()["batch"])

    async def pending(self, *ids: str, **body: Any) -> Json:
        """Make a batch, collect its results, return its summary."""
        batch = await self.propose(*ids, **body)
        await self.harness.reply(batch["batch_id"])
        return await self.get(f"/v1/batches/{batch['batch_id']}")

    async def do(
        self, batch: Json, what: str, body: Json | None = None, key: str | None = None, version: int | None = None
    ) -> httpx.Response:
        """Give a command at the version seen."""
        seen = batch["version"] if version is None else version
        headers = {"Idempotency-Key": key or _new(), "If-Match": f'"{seen}"'}
        return await self.ask("POST", f"/v1/batches/{batch['batch_id']}/{what}", json=body, headers=headers)

    async def done(self, batch: Json, what: str, body: Json | None = None) -> Json:
        """Give a command that must succeed; return the batch afterwards."""
        response = await self.do(batch, what, body)
        assert response.status_code == 200, response.text
        return dict(response.json()["batch"])

    async def remove(self, batch: Json, *ids: str) -> Json:
        """Remove accounts."""
        return await self.done(
            batch, "removals", {"selection": {"kind": "ids", "ids": list(ids)}, "expected_count": len(ids)}
        )


def sold(lot_id: str, units: int, gain: int, logic: int = 0, acquired: date = date(2026, 1, 5)) -> Json:
    """A slice of AAA, sold at $100 with a gain in dollars."""
    return {
        "logic": logic, "security": 0, "sleeve_id": "APM", "lot_id": lot_id, "acquired": acquired,
        "quantity_micro": units * UNIT, "proceeds_cents": units * 10_000,
        "basis_cents": units * 10_000 - gain * 100, "gain_cents": gain * 100, "term": int(Term.SHORT),
        "first_long_term_day": date(2027, 1, 6),
    }  # fmt: skip


def bought(account: str, units: int, kind: Bought = Bought.LOT, **more: Any) -> Json:
    """A purchase of AAA that taxlot has listed."""
    is_lot = kind == Bought.LOT
    return {
        "security": 0, "account_id": account, "account_number": f"00{account}", "taxable": True, "kind": int(kind),
        "lot_id": f"{account}-NEW" if is_lot else None, "sleeve_id": "APM" if is_lot else None,
        "bought": date(2026, 6, 1), "quantity_micro": units * UNIT,
    } | more  # fmt: skip


def losing(*purchases: Json, slices: list[Json] | None = None, household: str | None = "H1", **more: Any) -> Json:
    """An account that sells ten AAA at a loss of $100 in Best Fit, and what its household bought."""
    return {
        "tax_household_id": household,
        "slices": [sold("L1", 10, -100)] if slices is None else slices,
        "purchases": list(purchases),
        "wash_accounts": 2,
        "wash_unseen": 0,
    } | more


def buying(units: int, household: str | None = "H1", logic: int = 0, **more: Any) -> Json:
    """An account that buys AAA in one logic and sells nothing."""
    order = {"logic": logic, "security": 0, "quantity_micro": units * UNIT, "price_micro": 100 * UNIT,
             "value_cents": units * 10_000, "reason": 2}  # fmt: skip
    return {"tax_household_id": household, "slices": [], "orders": [order], **more}


async def reply(harness: Harness, batch_id: int, accounts: dict[str, Json]) -> None:
    """Reply to the last request of each account, with these values."""
    for rows, attempt in harness.requested(batch_id):
        made = [build.a_result(row, **accounts[row["account_id"]]) for row in rows if row["account_id"] in accounts]
        if made:
            await harness.handlers.on_results([build.results(made, batch_id, attempt)])


async def figures(pat: User, batch: Json, **query: Any) -> dict[str, tuple[str | None, str | None]]:
    """(disallowed, permanent) of every account."""
    page = await pat.get(f"/v1/batches/{batch['batch_id']}/accounts", **query)
    return {row["account_id"]: (row["wash_disallowed"], row["wash_permanent"]) for row in page["rows"]}


async def proposed(harness: Harness, who: User, epochs: dict[str, int] | None = None, **accounts: Json) -> Json:
    """A batch of these accounts with these results, pending approval.  epochs: of accounts approved before."""
    of = epochs or {}
    await harness.queue(*[name for name in accounts if name not in of])
    await harness.flag(*[build.a_flag(name, flag_version=epoch + 1, epoch=epoch) for name, epoch in of.items()])
    batch = await who.propose(*accounts)
    await reply(harness, batch["batch_id"], accounts)
    return await who.get(f"/v1/batches/{batch['batch_id']}")


async def warned(who: User, batch: Json) -> dict[str, tuple[str | None, str | None]]:
    """(disallowed, permanent) of earlier losses, of every account."""
    page = await who.get(f"/v1/batches/{batch['batch_id']}/accounts")
    return {row["account_id"]: (row["wash_earlier"], row["wash_earlier_permanent"]) for row in page["rows"]}


def _new() -> str:
    return str(uuid.uuid4())
