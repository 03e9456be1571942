"""`python -m deploy.sample_events`: write examples/subscribers/sample.jsonl, a stream of our public events to try with.

The events are made from the models of shared.contracts.events and carry headers and ids as the services give them.  All
data is fictional.  The same bytes come every time, and a test compares them with the committed file.  A line is one
event: `topic`, `key`, `headers` (texts) and `value` (the JSON that the message holds).
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

import orjson

from deploy.stack.layout import CHECKOUT
from shared.contracts import topics
from shared.contracts.events import (
    AccountFlag,
    AccountStateChanged,
    AdvisorCounts,
    AnalysisCompleted,
    BatchChanged,
    FilePart,
    FileProcessed,
    FlagReason,
    LotInstruction,
    Order,
    OrdersReleased,
    SleeveAllocation,
    SleeveTransfer,
)
from shared.ids import event_id
from shared.kafka.incarnation import of_incarnation
from shared.kafka.messages import Outgoing, event

SAMPLE: Final = CHECKOUT / "examples" / "subscribers" / "sample.jsonl"
FIRST: Final = datetime(2026, 3, 2, 14, 30, tzinfo=UTC)
_TRADE_DATE: Final = date(2026, 3, 2)
_INCARNATION: Final = "a1b2a1b2a1b2"
_FIRM: Final = "northfield"
_OTHER_FIRM: Final = "southgate"


def main() -> None:
    """Write the stream."""
    SAMPLE.write_text(text())
    print(f"{SAMPLE.relative_to(CHECKOUT)}: {len(SAMPLE.read_text().splitlines())} events")


def text() -> str:
    """Return the stream, one event a line."""
    return "".join(_line(message) for message in stream())


def stream() -> list[Outgoing]:
    """Return the events of one fictional day, a minute apart, in the order in which they are published."""
    made = [*_files(), *_flags(), *_analysis(), *_batches(), *_orders(), *_states()]
    return [_at(message, FIRST + timedelta(minutes=minute)) for minute, message in enumerate(made)]


def _line(message: Outgoing) -> str:
    row = {
        "topic": message.topic,
        "key": message.key.decode(),
        "headers": message.headers,
        "value": orjson.loads(message.value),
    }
    return json.dumps(row, ensure_ascii=False) + "\n"


def _at(message: Outgoing, at: datetime) -> Outgoing:
    (of_ours,) = of_incarnation([message], _INCARNATION)
    return replace(of_ours, headers=of_ours.headers | {"ce_time": at.isoformat()})


def _files() -> Iterator[Outgoing]:
    """Yield the end of a file that was loaded, of one that came twice, and of one that was refused."""
    parts = [
        FilePart(enterprise_id=_FIRM, advisor_id="adv-ash", accounts=3, held=1),
        FilePart(enterprise_id=_OTHER_FIRM, advisor_id="adv-oak", accounts=2, held=0),
    ]
    loaded: dict[str, Any] = {"custodian": "harbor", "as_of": date(2026, 2, 27)}
    again = [part.model_copy(update={"accounts": 0, "held": 0}) for part in parts]
    same: dict[str, Any] = {"outcome": "DUPLICATE", "reason": "already loaded as file 41, nothing done"}
    yield _file(41, "harbor-2026-02-27.csv", **loaded, outcome="LOADED", accounts=5, held=1, parts=parts)
    yield _file(42, "harbor-2026-02-27-again.csv", **loaded, **same, parts=again)
    yield _file(43, "notes.csv", outcome="REFUSED", reason="no_header: line 1", sent_by="pat")


def _file(number: int, name: str, parts: Sequence[FilePart] = (), **fields: Any) -> Outgoing:
    whose = sorted({part.enterprise_id for part in parts})
    body = FileProcessed(
        file_id=str(number), version=1, file_name=name, at=FIRST, enterprise_ids=whose, parts=list(parts), **fields
    )
    identity = event_id("file", number)
    return event(topics.FILES, str(number), body, event_id=identity, source="taxlot", at=FIRST, enterprises=whose)


def _flags() -> Iterator[Outgoing]:
    """Yield flags in every state, with every tile and source, and accounts that change their state."""
    ash, oak = (_FIRM, "adv-ash"), (_OTHER_FIRM, "adv-oak")
    high_cash = [FlagReason(weight="0.187", target="0.02", low="0.01", high="0.05")]
    low_cash = [FlagReason(weight="-0.004", target="0.02", low="0.01", high="0.05")]
    drift = [
        FlagReason(sleeve_id="growth", security_id="ACME", weight="0.31", target="0.25", low="0.225", high="0.275"),
        FlagReason(sleeve_id="growth", security_id="GLOBEX", weight="0.19", target="0.25", low="0.225", high="0.275"),
    ]
    needed: dict[str, Any] = {"needed_since": _TRADE_DATE}
    yield _flag("acct-1001", *ash, 1, "NO_TARGET")
    yield _flag(
        "acct-1001", *ash, 2, "FLAGGED", ["FIRST_REBALANCE", "HIGH_CASH"], high_cash, source="REBALANCER_ON",
        market_value="250000.00", **needed,
    )  # fmt: skip
    yield _flag(
        "acct-1002", *ash, 7, "FLAGGED", ["POSITION_DRIFT"], drift, source="DRIFT_ANALYSIS",
        market_value="1048210.55", last_rebalanced=date(2025, 11, 20), **needed,
    )  # fmt: skip
    yield _flag(
        "acct-1003", *ash, 3, "HELD", hold="lots and positions differ: ACME 120 and 100", market_value="90310.07"
    )
    yield _flag(
        "acct-2001", *oak, 4, "FLAGGED", ["LOW_CASH"], low_cash, source="TARGET_UPDATE",
        market_value="77001.10", **needed,
    )  # fmt: skip
    yield _flag("acct-2002", *oak, 1, "OFF")
    yield _flag("acct-2002", *oak, 2, "CLEAR", market_value="412.09", last_rebalanced=date(2026, 1, 15))
    yield _flag("acct-1002", *ash, 8, "SETTLING", market_value="1048210.55", last_rebalanced=_TRADE_DATE)


def _flag(
    account: str,
    enterprise: str,
    advisor: str,
    version: int,
    state: Any,
    tiles: Any = (),
    reasons: Any = (),
    **fields: Any,
) -> Outgoing:
    body = AccountFlag(
        account_id=account, enterprise_id=enterprise, advisor_id=advisor, version=version, state=state,
        tiles=list(tiles), reasons=list(reasons), **fields,
    )  # fmt: skip
    identity, owner = event_id("account-flag", account, version, enterprise, advisor), (enterprise,)
    return event(topics.ACCOUNT_FLAG, account, body, event_id=identity, source="analyzer", at=FIRST, enterprises=owner)


def _analysis() -> Iterator[Outgoing]:
    """Yield the completion of one run: the events of its enterprises have one key and one version, and differ in id."""
    run_id = "2026-03-02-1"
    for enterprise, advisor, accounts, flagged, held in (
        (_FIRM, "adv-ash", 3, 2, 1),
        (_OTHER_FIRM, "adv-oak", 2, 1, 0),
    ):
        counts = AdvisorCounts(advisor_id=advisor, accounts=accounts, flagged=flagged, held=held)
        body = AnalysisCompleted(
            run_id=run_id, enterprise_id=enterprise, business_date=_TRADE_DATE, version=12, price_set=88,
            accounts=accounts, flagged=flagged, held=held, advisors=[counts],
        )  # fmt: skip
        identity = event_id("analysis", run_id, enterprise)
        owner = (enterprise,)
        yield event(topics.ANALYSIS, run_id, body, event_id=identity, source="analyzer", at=FIRST, enterprises=owner)


def _batches() -> Iterator[Outgoing]:
    """Yield batches that end in every way: approved after a removal, cancelled by each cause, failed."""
    yield _batch(501, 1, "WORKING", working=3)
    yield _batch(501, 2, "PENDING_APPROVAL", proposed=3)
    yield _batch(501, 3, "PENDING_APPROVAL", proposed=2, removed=1)
    yield _batch(501, 4, "APPROVED", proposed=2, removed=1, decided_by="lee")
    yield _batch(502, 1, "WORKING", "MIN_TRANSACTION", working=1)
    yield _batch(502, 2, "FAILED", "MIN_TRANSACTION", reason="ALL_FAILED", failed=1)
    yield _batch(503, 1, "PENDING_APPROVAL", "TAX_AWARE", proposed=1)
    yield _batch(503, 2, "CANCELLED", "TAX_AWARE", reason="END_OF_DAY", proposed=1)
    yield _batch(504, 1, "PENDING_APPROVAL", proposed=1)
    yield _batch(504, 2, "CANCELLED", reason="ALL_REMOVED", removed=1, decided_by="lee")
    yield _batch(505, 1, "PENDING_APPROVAL", proposed=1)
    yield _batch(505, 2, "CANCELLED", reason="USER", proposed=1, decided_by="pat")


def _batch(number: int, version: int, status: Any, logic: Any = "BEST_FIT", **fields: Any) -> Outgoing:
    counts = {name: fields.pop(name, 0) for name in ("working", "proposed", "failed", "removed")}
    body = BatchChanged(
        batch_id=number, enterprise_id=_FIRM, enterprise_ids=[_FIRM], advisor_ids=["adv-ash"], version=version,
        status=status, logic=logic, accounts=sum(counts.values()), requested_by="pat", trade_date=_TRADE_DATE,
        **counts, **fields,
    )  # fmt: skip
    identity = event_id("batch", number, version)
    owner = (_FIRM,)
    return event(topics.BATCH, str(number), body, event_id=identity, source="batch", at=FIRST, enterprises=owner)


def _orders() -> Iterator[Outgoing]:
    """Yield a rebalance, a liquidation, an account that only moves lots between sleeves, and a second approval."""
    buy, sell = _order("acct-1002", 501, 5, "GLOBEX", "BUY", "126.5"), _order("acct-1002", 501, 5, "ACME", "SELL", "98")
    yield _released(
        "acct-1002", 501, 5, [buy, sell],
        lots=[
            LotInstruction(order_id=sell.order_id, lot_id="L-17", sleeve_id="growth", quantity="60"),
            LotInstruction(order_id=sell.order_id, lot_id="L-31", sleeve_id="growth", quantity="38"),
        ],
    )  # fmt: skip
    everything = [
        _order("acct-1001", 501, 2, "ACME", "SELL", "40"),
        _order("acct-1001", 501, 2, "INITECH", "SELL", "12.000001"),
    ]
    lots = [
        LotInstruction(order_id=order.order_id, lot_id=f"L-{number}", sleeve_id="growth", quantity=order.quantity)
        for number, order in enumerate(everything, 50)
    ]
    yield _released("acct-1001", 501, 2, everything, lots=lots)
    crossed = SleeveTransfer(
        security_id="ACME", from_sleeve_id="growth", to_sleeve_id="income", lot_id="L-90", quantity="25"
    )
    yield _released("acct-2001", 507, 9, [], transfers=[crossed])
    yield _released("acct-1002", 611, 6, [_order("acct-1002", 611, 6, "INITECH", "BUY", "3")])


def _states() -> Iterator[Outgoing]:
    """Yield where accounts are in the work, in every state, one of them on its whole way to an approval."""
    ash, oak = (_FIRM, "adv-ash"), (_OTHER_FIRM, "adv-oak")
    yield _state("acct-1002", *ash, 1, "QUEUED")
    yield _state("acct-1002", *ash, 2, "IN_BATCH", batch_id=501, batch_status="WORKING")
    yield _state("acct-1002", *ash, 3, "IN_BATCH", batch_id=501, batch_status="PENDING_APPROVAL")
    yield _state("acct-1002", *ash, 4, "SETTLING")
    yield _state("acct-1003", *ash, 1, "HELD")
    yield _state("acct-2002", *oak, 1, "OFF")
    yield _state("acct-2002", *oak, 2, "CLEAR")


def _state(account: str, enterprise: str, advisor: str, version: int, state: Any, **batch: Any) -> Outgoing:
    body = AccountStateChanged(
        account_id=account, enterprise_id=enterprise, advisor_id=advisor, version=version, state=state, **batch,
        since=FIRST,
    )  # fmt: skip
    identity = event_id("account-state", account, version)
    owner = (enterprise,)
    return event(topics.ACCOUNT_STATE, account, body, event_id=identity, source="batch", at=FIRST, enterprises=owner)


def _order(account: str, batch: int, version: int, security: str, side: Any, quantity: str) -> Order:
    identity = event_id("order", batch, account, version, security, _INCARNATION)
    return Order(
        order_id=identity, security_id=security, side=side, quantity=quantity, reference_price="101.25",
        order_type="MARKET", time_in_force="DAY", currency="USD", idempotency_key=identity,
    )  # fmt: skip


def _released(
    account: str,
    batch: int,
    version: int,
    orders: list[Order],
    *,
    lots: list[LotInstruction] | None = None,
    transfers: list[SleeveTransfer] | None = None,
) -> Outgoing:
    enterprise, advisor = (_FIRM, "adv-ash") if account.startswith("acct-1") else (_OTHER_FIRM, "adv-oak")
    signed = {order.security_id: order.quantity if order.side == "BUY" else f"-{order.quantity}" for order in orders}
    body = OrdersReleased(
        account_id=account, enterprise_id=enterprise, advisor_id=advisor, custodian="harbor",
        account_number=f"H-{account[5:]}", batch_id=batch, version=version, trade_date=_TRADE_DATE, orders=orders,
        business_date=_TRADE_DATE, session=_TRADE_DATE, decided_by="lee", decided_name="Lee Doe",
        allocations=[
            SleeveAllocation(sleeve_id="growth", security_id=security, quantity=quantity)
            for security, quantity in signed.items()
        ],
        lots=lots or [], transfers=transfers or [],
    )  # fmt: skip
    identity = event_id("orders", batch, account, version)
    owner = (enterprise,)
    return event(topics.ORDERS, account, body, event_id=identity, source="batch", at=FIRST, enterprises=owner)


if __name__ == "__main__":
    main()
