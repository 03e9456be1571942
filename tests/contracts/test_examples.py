"""Golden events: each is valid, is read by its model, and is what our own publisher writes of it, byte for byte."""

from datetime import UTC, date, datetime
from typing import Any, Final

import pytest
from jsonschema import Draft202012Validator, FormatChecker

from deploy.contracts.examples import EVENTS, FOLDER, as_committed, as_published, examples
from services.batch.domain.orders import NEEDED, Approval, NestedColumn, orders_of
from shared.contracts.catalogue import published
from shared.contracts.event_schemas import model_of, schema_of
from shared.contracts.topics import ORDERS, Topic
from shared.fixed_point.text import scaled
from shared.ids import event_id
from shared.kafka import messages

pytestmark = pytest.mark.fast
AT: Final = datetime(2026, 6, 12, 20, tzinfo=UTC)
EXAMPLES: Final = [(topic, name) for topic in published() for name in examples(topic.name)]
OWN: Final = [(topic, name) for topic, name in EXAMPLES if topic.audience == "public"]


def name_of(value: object) -> str:
    """Return how a topic or an example is called in the name of a test."""
    return value.name if isinstance(value, Topic) else str(value)


@pytest.mark.parametrize(("topic", "name"), EXAMPLES, ids=name_of)
def test_it_is_valid_and_its_model_reads_it(topic: Topic, name: str) -> None:
    body = examples(topic.name)[name]
    Draft202012Validator(schema_of(topic), format_checker=FormatChecker()).validate(body)
    model_of(topic).model_validate_json(as_published(body))


@pytest.mark.parametrize(("topic", "name"), OWN, ids=name_of)
def test_our_publisher_writes_the_same_bytes(topic: Topic, name: str) -> None:
    body = examples(topic.name)[name]
    event = model_of(topic).model_validate_json(as_published(body))
    key = str(body[topic.key])
    sent = messages.event(topic, key, event, event_id="1", source=topic.producer, at=AT)
    assert (sent.key, sent.value) == (key.encode(), as_published(body))
    assert messages.decoder(topic)(messages.Incoming(topic.name, 0, 0, sent.key, sent.value, (), 0)) == event


@pytest.mark.parametrize("name", examples(ORDERS.name))
def test_what_an_approval_sends_is_the_golden_event(name: str) -> None:
    """Orders are written by columns, without the model; golden events of before lack the value of an order."""
    body = examples(ORDERS.name)[name]
    made = orders_of(approval_of(body), 0, columns_of(body), event_id)
    for order, golden in zip(made["orders"], body["orders"], strict=True):
        for field in ("price_factor", "value"):
            if field not in golden:
                del order[field]
    assert as_published(made) == as_published(body)


def approval_of(body: dict[str, Any]) -> Approval:
    """Return the approval that an order event is of."""
    owner = ("account_id", "enterprise_id", "advisor_id", "custodian", "account_number")
    same: dict[str, Any] = {name: body[name] for name in ("batch_id", *owner, "decided_by", "decided_name")}
    days: dict[str, Any] = {name: date.fromisoformat(body[name]) for name in ("business_date", "session")}
    return Approval(**same, **days, epoch=body["version"])


def columns_of(body: dict[str, Any]) -> dict[str, NestedColumn]:
    """Return the columns of the result of which an order event is made: one account, every trade of its own."""
    lists = ("orders", "allocations", "transfers")
    securities = sorted({entry["security_id"] for name in lists for entry in body[name]})
    number = {security: index for index, security in enumerate(securities)}
    named = {order["order_id"]: order["security_id"] for order in body["orders"]}
    divisors = {order["security_id"]: 100 for order in body["orders"] if order.get("price_factor") == "0.01"}
    signs = {"BUY": 1, "SELL": -1}
    rows: dict[str, list[tuple[Any, ...]]] = {
        "securities": [(security, divisors.get(security)) for security in securities],
        "positions": [(entry["sleeve_id"], number[entry["security_id"]]) for entry in body["allocations"]],
        "sleeve_trades": [(index, micro(entry), 0) for index, entry in enumerate(body["allocations"])],
        "orders": [
            (
                number[order["security_id"]],
                signs[order["side"]] * micro(order),
                micro(order, "reference_price"),
                scaled(order.get("value", "0.00"), 2),
            )
            for order in body["orders"]
        ],
        "slices": [
            (number[named[lot["order_id"]]], lot["lot_id"], lot["sleeve_id"], micro(lot)) for lot in body["lots"]
        ],
        "transfers": [
            (
                number[moved["security_id"]],
                moved["from_sleeve_id"],
                moved["to_sleeve_id"],
                moved["lot_id"],
                micro(moved),
            )
            for moved in body["transfers"]
        ],
    }
    return {
        name: NestedColumn(
            [0, len(rows[name])], {field: [row[index] for row in rows[name]] for index, field in enumerate(fields)}
        )
        for name, fields in NEEDED.items()
    }


def micro(entry: dict[str, Any], field: str = "quantity") -> int:
    """Return a decimal text in millionths."""
    return scaled(entry[field], 6)


def test_files_are_written_in_one_way_and_belong_to_a_topic() -> None:
    for path in sorted((EVENTS / FOLDER).rglob("*.json")):
        assert path.parent.name in {topic.name for topic in published()}
        assert path.read_text() == as_committed(examples(path.parent.name)[path.stem]), path


def test_what_others_get_wrong_first_is_among_them() -> None:
    """Cases that a subscriber must have seen before the first real one comes."""
    flags, batches, orders = (examples(f"rebalancer.{name}.v1") for name in ("account-flag", "batch", "orders"))
    assert {body["state"] for body in flags.values()} == {"OFF", "CLEAR", "FLAGGED", "HELD", "SETTLING", "NO_TARGET"}
    assert flags["held-by-its-file"]["hold"] and "market_value" not in flags["held-by-its-file"]
    assert batches["removed-accounts"]["removed"] and batches["cancelled-at-end-of-day"]["reason"] == "END_OF_DAY"
    assert {body.get("reason") for body in batches.values()} == {
        None,
        "USER",
        "END_OF_DAY",
        "ALL_REMOVED",
        "ALL_FAILED",
    }
    assert len(batches["of-several-enterprises"]["enterprise_ids"]) == 2
    crossed = orders["crossed-only"]
    assert crossed["transfers"] and not (crossed["orders"] or crossed["allocations"] or crossed["lots"])
    assert {order["side"] for order in orders["liquidation"]["orders"]} == {"SELL"}
    assert any("." in lot["quantity"] for lot in orders["liquidation"]["lots"])
    assert "lots-of-unknown-basis" in orders
    assert any(body["trade_date"] > body["business_date"] for body in orders.values()), "approved after the close"


@pytest.mark.parametrize("name", examples(ORDERS.name))
def test_orders_of_an_example_add_up(name: str) -> None:
    """Allocations add up to the orders, and lots to the sells."""
    body = examples(ORDERS.name)[name]
    for order in body["orders"]:
        signed = micro(order) if order["side"] == "BUY" else -micro(order)
        of_security = [entry for entry in body["allocations"] if entry["security_id"] == order["security_id"]]
        assert sum(map(micro, of_security)) == signed
        lots = [micro(lot) for lot in body["lots"] if lot["order_id"] == order["order_id"]]
        assert sum(lots) == (micro(order) if order["side"] == "SELL" else 0)
