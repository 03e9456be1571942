"""The analyzer on a real database and broker, without its worker: handlers are called, their messages read back."""

from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any, Self

import pyarrow as pa
from aiokafka import AIOKafkaConsumer, TopicPartition

from services.analyzer.app import Parts, build_parts
from services.analyzer.handlers import Handlers
from services.analyzer.operations.sweep import Sweeper
from services.analyzer.settings import Settings
from shared.contracts import chunks, comparison, topics
from shared.contracts.events import AccountFlag
from shared.contracts.platform import (
    AccountChanged,
    Component,
    PortfolioChanged,
    PricePoint,
    PricesPublished,
    SecurityChanged,
    Sleeve,
)
from shared.kafka.messages import Chunk
from shared.postgres.migrations import migrate
from shared.rules.trading_calendar import NEW_YORK
from shared.runtime.clock import set_instant
from tests.signing import PUBLIC_KEY
from tests.stackfix.places import as_role

MONDAY = date(2026, 1, 5)
KEYS = {"enterprise_id": "E1", "advisor_id": "A1"}


def noon(day: date) -> datetime:
    """Return noon of a day in New York: the day is its business date when it is a session."""
    return datetime(day.year, day.month, day.day, 12, tzinfo=NEW_YORK)


@dataclass
class Desk:
    """One analyzer with its handlers; `since()` reads what it published after the last call."""

    settings: Settings
    parts: Parts = field(init=False)
    rules: Handlers = field(init=False)
    sweeper: Sweeper = field(init=False)

    async def __aenter__(self) -> Self:
        migrate("analyzer", as_role(self.settings.database_url, "analyzer_migrator"))
        self._stack = AsyncExitStack()
        self.parts = await self._stack.enter_async_context(Opened(self.settings))
        self.rules = handlers(self.parts, self.settings)
        self.sweeper = Sweeper(
            self.parts.database, self.parts.evaluator, self.parts.publisher, self.parts.clock, self.settings
        )
        names = (topics.FLAGS, topics.ACCOUNT_FLAG, topics.ANALYSIS, topics.WORK_FACTS)
        self._consumer = AIOKafkaConsumer(bootstrap_servers=self.settings.kafka_url, enable_auto_commit=False)
        await self._consumer.start()
        self._stack.push_async_callback(self._consumer.stop)
        self._partitions = [TopicPartition(one.name, number) for one in names for number in range(one.partitions)]
        self._consumer.assign(self._partitions)
        await self._consumer.seek_to_end()
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self._stack.aclose()

    def at(self, moment: date | datetime) -> None:
        """Set the clock; a date means its noon in New York."""
        assert self.settings.clock_file is not None
        set_instant(self.settings.clock_file, moment if isinstance(moment, datetime) else noon(moment))

    async def since(self) -> dict[str, list[Any]]:
        """Return what was published since the last call by topic: rows of chunks as dictionaries, events as models."""
        ends = await self._consumer.end_offsets(self._partitions)
        found: dict[str, list[Any]] = {
            topics.FLAGS.name: [],
            topics.ACCOUNT_FLAG.name: [],
            topics.ANALYSIS.name: [],
            topics.WORK_FACTS.name: [],
        }
        while any([await self._consumer.position(part) < ends[part] for part in self._partitions]):
            for part, records in (await self._consumer.getmany(timeout_ms=200)).items():
                for record in records:
                    found[part.topic].extend(_decoded(part.topic, record.value))
        return found

    async def flags(self) -> dict[str, dict[str, Any]]:
        """Return the newest FLAGS row of each account published since the last call."""
        rows = (await self.since())[topics.FLAGS.name]
        return {row["account_id"]: row for row in sorted(rows, key=lambda row: row["flag_version"])}

    def row(self, query: str, *values: object) -> tuple[Any, ...]:
        """Return the first row of a query."""
        with self.parts.database.session() as session:
            found = session.execute(query.encode(), values).fetchone()
        assert found is not None, query
        return found

    async def book(self, *accounts: str, on_count: int = 1, last: date | None = date(2025, 12, 1)) -> None:
        """Take in one portfolio (60 % AAA, 30 % BBB, 10 % cash), prices of one dollar, and these accounts."""
        await self.rules.on_securities([security("AAA"), security("BBB"), security("CCC")])
        await self.rules.on_prices([prices(1, AAA="1", BBB="1", CCC="1")])
        await self.rules.on_portfolios([portfolio(1)])
        await self.rules.on_accounts([account(one, 1, on_count=on_count, last_rebalanced=last) for one in accounts])


class Opened:
    """The parts with database and publisher open."""

    def __init__(self, settings: Settings) -> None:
        self._parts = build_parts(settings)

    async def __aenter__(self) -> Parts:
        await self._parts.database.__aenter__()
        await self._parts.publisher.__aenter__()
        return self._parts

    async def __aexit__(self, *error: object) -> None:
        await self._parts.publisher.__aexit__(*error)
        await self._parts.database.__aexit__(*error)


def handlers(parts: Parts, settings: Settings) -> Handlers:
    """Return the handlers of these parts."""
    return Handlers(parts.database, parts.names, parts.evaluator, parts.publisher, parts.clock, settings)


def settings_for(database_url: str, kafka_url: str, clock_file: Path) -> Settings:
    """Return settings of a desk whose clock stands at noon of MONDAY."""
    set_instant(clock_file, noon(MONDAY))
    return Settings(
        database_url=as_role(database_url, "analyzer"),
        requests_database_url=as_role(database_url, "analyzer_requests"),
        kafka_url=kafka_url,
        http_port=0,
        clock_file=clock_file,
        principal_public_key=PUBLIC_KEY,
    )


def _decoded(topic: str, value: bytes) -> list[Any]:
    if topic == topics.FLAGS.name:
        return list(chunks.decode(value, chunks.FLAGS)[0].to_pylist())
    if topic == topics.WORK_FACTS.name:
        return list(chunks.decode(value, chunks.FACTS)[0].to_pylist())
    if topic == topics.ACCOUNT_FLAG.name:
        return [AccountFlag.model_validate_json(value)]
    return [value]


def security(security_id: str, **more: Any) -> SecurityChanged:
    return SecurityChanged(**{"security_id": security_id, "version": 1, "name": security_id, "kind": "STOCK", **more})


def prices(number: int, as_of: date = date(2026, 1, 2), **each: str) -> PricesPublished:
    points = [PricePoint(security_id=name, price=price) for name, price in each.items()]
    return PricesPublished(price_set=number, as_of=as_of, prices=points)


def portfolio(version: int, aaa: str = "0.6", bbb: str = "0.3", **more: Any) -> PortfolioChanged:
    """One APM sleeve that is all of the portfolio but its 10 % cash; weights given are of the account."""
    inside = [(aaa, "AAA"), (bbb, "BBB")]
    holdings = [Component(security_id=name, weight=str(round(float(weight) / 0.9, 9))) for weight, name in inside]
    rest = 10**9 - sum(int(one.weight.partition(".")[2].ljust(9, "0")) for one in holdings)
    sleeve = Sleeve(sleeve_id="APM", kind="APM", weight="0.9", holdings=holdings, cash_weight=f"0.{rest:09d}")
    values = {"portfolio_id": "P1", "version": version, "enterprise_id": "E1", "name": "P1", "cash_weight": "0.1"}
    return PortfolioChanged(**{**values, "sleeves": [sleeve], **more})


def account(account_id: str, version: int, *, on: bool = True, on_count: int = 1, **more: Any) -> AccountChanged:
    values = {
        **KEYS,
        "account_id": account_id,
        "version": version,
        "custodian": "C1",
        "account_number": account_id,
        "name": account_id,
        "custody": "TAXABLE",
        "portfolio_id": "P1",
        "rebalancer_on": on,
        "rebalancer_on_count": on_count,
    }
    return AccountChanged(**{**values, **more})


def held(
    account_id: str, version: int, cash: str = "100", as_of: date = date(2026, 1, 2), **each: str
) -> dict[str, Any]:
    """Return a HOLDINGS row: dollars of cash, units of each security in sleeve APM."""
    return {
        **KEYS,
        "account_id": account_id,
        "lots_version": version,
        "as_of": as_of,
        "file_id": f"F-{as_of}",
        "cash_cents": round(float(cash) * 100),
        "hold_code": None,
        "hold_text": None,
        "holdings": [
            {"sleeve_id": "APM", "security_id": name, "quantity_micro": round(float(units) * 10**6)}
            for name, units in each.items()
        ],
    }


def on_hold(account_id: str, version: int, as_of: date = date(2026, 1, 2)) -> dict[str, Any]:
    """Return a HOLDINGS row of a data hold."""
    hold = {"hold_code": "BAD_ROW", "hold_text": "lots.txt line 7: quantity is not a number"}
    return {**held(account_id, version, as_of=as_of), "cash_cents": None, "holdings": None, **hold}


def chunk(schema: pa.Schema, rows: Sequence[dict[str, Any]], **meta: str) -> Chunk:
    """Return rows as a decoded chunk."""
    batch = pa.RecordBatch.from_pylist(list(rows), schema=schema)
    return Chunk(batch, meta, chunks.encode(batch, meta))


def holdings(*rows: dict[str, Any]) -> list[Chunk]:
    return [chunk(chunks.HOLDINGS, rows)]


def rebalanced(account_id: str, epoch: int, day: date) -> list[Chunk]:
    return [
        chunk(chunks.REBALANCED, [{**KEYS, "account_id": account_id, "epoch": epoch, "trade_date": day, "trades": []}])
    ]


def returned(account_id: str, epoch: int = 0) -> list[Chunk]:
    return [chunk(chunks.RETURNED, [{**KEYS, "account_id": account_id, "epoch": epoch, "reason": "REMOVED"}])]


def recall(*accounts: str) -> list[Chunk]:
    return [chunk(comparison.RECALL, [{**KEYS, "account_id": one} for one in accounts])]


def request(*accounts: str, epoch: int = 0, liquidate: bool = False) -> list[Chunk]:
    rows = [{**KEYS, "account_id": one, "epoch": epoch, "liquidate": liquidate} for one in accounts]
    return [chunk(chunks.REQUEST, rows, batch_id="7", attempt="1", trade_date="2026-01-05", size=str(len(accounts)))]
