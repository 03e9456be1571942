"""Messages for the analyzer's tests: each builder names what matters, the rest is ordinary."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

import pyarrow as pa

from shared.contracts import chunks, codec, comparison
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
from shared.rules.trading_calendar import NEW_YORK

MONDAY = date(2026, 1, 5)
KEYS = {"enterprise_id": "E1", "advisor_id": "A1"}


def noon(day: date) -> datetime:
    """Return noon of a day in New York: the day is its business date when it is a session."""
    return datetime(day.year, day.month, day.day, 12, tzinfo=NEW_YORK)


def security(security_id: str, **more: Any) -> SecurityChanged:
    return SecurityChanged(**{"security_id": security_id, "version": 1, "name": security_id, "kind": "STOCK", **more})


def prices(number: int, as_of: date = date(2026, 1, 2), **each: str) -> PricesPublished:
    points = [PricePoint(security_id=name, price=price) for name, price in each.items()]
    return PricesPublished(price_set=number, as_of=as_of, prices=points)


def portfolio(version: int, aaa: str = "0.6", bbb: str = "0.3", **more: Any) -> PortfolioChanged:
    """One APM sleeve that is all of the portfolio but its 10 % cash; weights given are of the account."""
    inside = [(aaa, "AAA"), (bbb, "BBB")]
    holdings = [Component(security_id=name, weight=str(round(float(weight) / 0.9, 9))) for weight, name in inside]
    rest = 10**9 - sum(int(position.weight.partition(".")[2].ljust(9, "0")) for position in holdings)
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
    return Chunk(batch, meta, codec.encode(batch, meta))


def holdings(*rows: dict[str, Any]) -> list[Chunk]:
    return [chunk(chunks.HOLDINGS, rows)]


def rebalanced(
    account_id: str, epoch: int, day: date, session: date | None = None, decided_at: datetime | None = None
) -> list[Chunk]:
    """day: the business date of the batch; session: on which its orders are traded; decided_at: when it was approved.

    Early releases say neither session nor instant: None.
    """
    row: dict[str, Any] = {**KEYS, "account_id": account_id, "epoch": epoch, "trade_date": day, "trades": []}
    row["session"] = session
    said = {} if decided_at is None else {"decided_at": decided_at.isoformat()}
    return [chunk(chunks.REBALANCED, [row], **said)]


def returned(account_id: str, epoch: int = 0) -> list[Chunk]:
    return [chunk(chunks.RETURNED, [{**KEYS, "account_id": account_id, "epoch": epoch, "reason": "REMOVED"}])]


def recall(*accounts: str) -> list[Chunk]:
    return [chunk(comparison.RECALL, [{**KEYS, "account_id": name} for name in accounts])]


def request(*accounts: str, epoch: int = 0, liquidate: bool = False) -> list[Chunk]:
    rows = [{**KEYS, "account_id": name, "epoch": epoch, "liquidate": liquidate} for name in accounts]
    return [chunk(chunks.REQUEST, rows, batch_id="7", attempt="1", trade_date="2026-01-05", size=str(len(accounts)))]
