"""Inbound events as JSON bodies: one of each kind that is good, to be changed by the tests."""

import json
from collections.abc import Mapping
from typing import Any

from shared.contracts.topics import Topic
from shared.kafka.messages import Incoming

Body = dict[str, Any]

SECURITY: Body = {"security_id": "AAA", "version": 1, "name": "Alpha", "kind": "STOCK"}
PRICES: Body = {"price_set": 1, "as_of": "2026-01-02", "prices": [{"security_id": "AAA", "price": "1.5"}]}
PART: Body = {"security_id": "AAA", "weight": "1"}
MODEL: Body = {"model_id": "M1", "version": 1, "enterprise_id": "E1", "name": "M1", "holdings": [PART]}
SLEEVE: Body = {"sleeve_id": "APM", "kind": "APM", "weight": "1", "holdings": [PART]}
PORTFOLIO: Body = {
    "portfolio_id": "P1", "version": 1, "enterprise_id": "E1", "name": "P1", "cash_weight": "0", "sleeves": [SLEEVE],
}  # fmt: skip
ACCOUNT: Body = {
    "account_id": "a1", "version": 1, "enterprise_id": "E1", "advisor_id": "V1", "custodian": "C1",
    "account_number": "1", "name": "Ann", "custody": "TAXABLE", "rebalancer_on": True, "rebalancer_on_count": 1,
}  # fmt: skip


def message(topic: Topic, body: Mapping[str, Any], offset: int = 0) -> Incoming:
    """Return a body as the broker gives it; a lone surrogate travels as its escape."""
    return Incoming(topic.name, 0, offset, b"k", json.dumps(body).encode(), (), 0)
