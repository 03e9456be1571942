"""Orders from history and from the topic have the same totals, because batch makes the one out of the other."""

from types import SimpleNamespace
from typing import Any

import pytest

from services.auditor.columns.orders import of_chunk, of_event
from services.auditor.operations.passes import GROUPS
from services.auditor.store.orders import ApprovedAccount
from services.batch.app import consumers_of
from services.batch.cli import positions
from services.batch.columns.orders import approval_messages
from services.batch.handlers import Handlers
from services.batch.settings import Settings
from shared.contracts import topics
from shared.kafka.publisher import Publisher
from tests.batch import build

pytestmark = pytest.mark.fast


@pytest.mark.parametrize("logic", [0, 1])
def test_a_chunk_and_the_events_made_of_it_have_the_same_totals(logic: int) -> None:
    requests = [
        {"account_id": name, "enterprise_id": "E1", "advisor_id": "D1", "epoch": 4, "liquidate": False}
        for name in ("A1", "A2", "A3")
    ]
    content = build.results([build.a_failure(requests[0]), *map(build.a_result, requests[1:])], 12).value
    batch: Any = SimpleNamespace(
        batch_id=12, logic=logic, trade_date=build.TRADE_DATE, decided_at=build.MORNING, decided_by="pat",
        decided_name="Pat",
    )  # fmt: skip
    members: list[Any] = [
        SimpleNamespace(**request, custodian="SCHW", account_number="1", row_no=row)
        for row, request in reversed(list(enumerate(requests)))
        if row > 0
    ]
    messages = approval_messages(batch, members, content, "")
    events = [of_event(message.value) for message in messages if message.topic == topics.ORDERS.name]
    accounts = [
        ApprovedAccount(12, member.account_id, "E1", 4, 1, member.row_no, logic, build.TRADE_DATE, build.MORNING)
        for member in members
    ]
    history = of_chunk(content, accounts)
    assert {(12, account): totals for account, totals in history.items()} == {
        (batch_id, account): totals for batch_id, account, totals in events
    }
    sold = (10, 5)[logic]
    assert {(of.orders, of.sold_micro, of.amount_pico) for of in history.values()} == {
        (1, sold * 10**6, sold * 100 * 10**12)
    }


@pytest.mark.parametrize(
    "value",
    [b"", b"\xff", b"[]", b"{}", b'{"orders": 3}', b'{"batch_id": 1, "account_id": "A", "orders": [{}]}'],
)
def test_what_is_no_event_of_orders_says_so(value: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        of_event(value)


def test_the_groups_in_flight_are_those_that_services_read_with() -> None:
    settings: Any = Settings.model_construct(kafka_url="127.0.0.1:1")
    handlers: Any = SimpleNamespace(**dict.fromkeys(name for name in vars(Handlers) if name.startswith("on_")))
    publisher = Publisher("127.0.0.1:1", "batch")
    groups = {consumer.name: consumer.topics for consumer in consumers_of(settings, handlers, publisher)}
    for group, names in GROUPS.items():
        if group.startswith("rebalancer-batch"):
            assert set(names) <= set(groups[group])
    assert {group: sorted(names) for group, names in positions.GROUPS.items()} == {
        group: sorted(names) for group, names in groups.items()
    }, "after a restore all of them are moved"
