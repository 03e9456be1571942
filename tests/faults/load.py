"""Load while something fails: somebody who proposes and decides without pause, and remembers what was acknowledged."""

import random
import threading
import uuid
from collections import Counter
from collections.abc import Callable, Collection
from typing import Any, NamedTuple, Self

import httpx
import psycopg
from aiokafka import AIOKafkaConsumer, TopicPartition

from deploy.client import Refused, StackClient
from deploy.stack import Stack
from shared.contracts import topics
from shared.contracts.events import OrdersReleased
from tests.faults.harness import proposable, unsent
from tests.waiting import aside, until

EACH = 3
APPROVED_SHARE = 0.2
PATIENCE_S = 900
TAKEN = {"count_changed", "nothing_to_propose"}
"""Codes of a proposal whose accounts somebody else has taken since they were seen."""
NO_SUCCESS = {408, 425, 429, 500, 502, 503, 504}


class Decided(NamedTuple):
    """A batch whose making and decision were acknowledged.  label: its own, made from the key of its request."""

    label: str
    batch_id: int
    status: str
    proposed: tuple[str, ...]


class Found(NamedTuple):
    """What is not as it was acknowledged."""

    lost: int
    doubled: int


class Load:
    """Proposes for a few accounts, waits, decides; sends again what had no response, under the same key.

    approved_share: of batches; the others are cancelled.
    """

    def __init__(self, stack: Stack, seed: int, approved_share: float = APPROVED_SHARE) -> None:
        self.ledger: list[Decided] = []
        self._stack = stack
        self._dice = random.Random(seed)
        self._approved_share = approved_share
        self._client = StackClient(stack, ("E1", "E2", "E3"))
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._work, name="load")
        self._error: Exception | None = None

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._ended.set()
        try:
            self._thread.join()
        finally:
            self._client.close()
        if self._error is not None:
            raise self._error

    def one_more(self, within_s: float = PATIENCE_S) -> None:
        """Wait until a batch that was begun after now has been decided."""
        begun = len(self.ledger) + 2  # one may be under way
        until(lambda: self._error is not None or len(self.ledger) >= begun, within_s=within_s)
        if self._error is not None:
            raise self._error

    def _work(self) -> None:
        try:
            while not self._ended.is_set():
                self._one_batch()
        except Exception as error:  # noqa: BLE001  # raised by whoever waits for the load
            self._error = error

    def _one_batch(self) -> None:
        free = until(lambda: self._insist(lambda: proposable(self._client)), lambda ids: len(ids) >= EACH)
        key = str(uuid.uuid4())
        body = {
            "selection": {"kind": "ids", "ids": self._dice.sample(free, EACH)}, "expected_count": EACH,
            "logic": "BEST_FIT", "label": f"load {key[:8]}", "confirm_liquidation": False,
        }  # fmt: skip
        headers = {"Idempotency-Key": key}
        try:
            made = self._insist(lambda: self._client.ask("batch", "POST", "/v1/batches", json=body, headers=headers))
        except Refused as refused:
            if refused.problem["code"] in TAKEN:
                return
            raise
        batch_id = int(made["batch"]["batch_id"])
        batch = until(
            lambda: self._insist(lambda: self._client.batch(batch_id)),
            lambda seen: seen["status"] != "WORKING",
            within_s=PATIENCE_S,
        )
        rows = self._insist(lambda: self._client.rows(batch_id))
        proposed = tuple(row["account_id"] for row in rows if row["state"] == "PROPOSED")
        if batch["status"] == "PENDING_APPROVAL":
            what = "approve" if proposed and self._dice.random() < self._approved_share else "cancel"
            batch = self._insist(lambda: self._client.command(batch, what, key=f"{what} {key}"))
        self.ledger.append(Decided(str(body["label"]), batch_id, batch["status"], proposed))

    def _insist(self, ask: Callable[[], Any]) -> Any:
        """Ask until there is an answer, as a careful client does: no connection and 5xx are none."""

        def once() -> list[Any]:
            try:
                return [ask()]
            except httpx.TransportError:
                return []
            except Refused as refused:
                if refused.status not in NO_SUCCESS:
                    raise
                return []

        return until(once, within_s=PATIENCE_S)[0]


def propose_for(client: StackClient, many: int, label: str) -> dict[str, Any]:
    """Make a batch of so many accounts that are free, whoever else takes some meanwhile, and return its summary."""

    def once() -> dict[str, Any] | None:
        free = proposable(client)
        try:
            return client.propose(free[-many:], label=label) if len(free) >= many else None
        except Refused as refused:
            if refused.problem["code"] in TAKEN:
                return None
            raise

    made = until(once, within_s=PATIENCE_S)
    assert made is not None
    return made


def reconcile(stack: Stack, ledger: list[Decided], *, without: Collection[str] = ()) -> Found:
    """Compare what was acknowledged with the database and the topic of orders, when everything is sent.

    without: ids of events of orders that the database was made to forget.
    """
    until(lambda: unsent(stack), lambda rows: rows == 0, within_s=PATIENCE_S)
    with psycopg.connect(stack.addresses.admin_database("rebalancer")) as connection:
        stored = {
            row[0]: (row[1], row[2])
            for row in connection.execute("SELECT batch_id, label, status FROM batch.batch WHERE label LIKE 'load %'")
        }
    found = aside(orders_on_topic(stack.addresses.kafka))
    orders = {order: left for order, ids in found.items() if (left := ids - set(without))}
    lost = sum(stored.get(batch.batch_id) != (batch.label, batch.status) for batch in ledger)
    expected = {
        (batch.batch_id, account) for batch in ledger if batch.status == "APPROVED" for account in batch.proposed
    }
    lost += len(expected - orders.keys())
    labels = Counter(label for label, _ in stored.values())
    doubled = sum(count - 1 for count in labels.values())
    known = {batch.batch_id for batch in ledger}
    sent = {(batch_id, account): ids for (batch_id, account), ids in orders.items() if batch_id in known}
    doubled += sum(len(ids) - 1 for ids in sent.values()) + len(sent.keys() - expected)
    return Found(lost, doubled)


async def orders_on_topic(kafka_url: str) -> dict[tuple[int, str], set[str]]:
    """Return the ids of the orders events of each account of each batch, up to now."""
    partitions = [TopicPartition(topics.ORDERS.name, number) for number in range(topics.ORDERS.partitions)]
    found: dict[tuple[int, str], set[str]] = {}
    async with AIOKafkaConsumer(bootstrap_servers=kafka_url, enable_auto_commit=False) as consumer:
        consumer.assign(partitions)
        await consumer.seek_to_beginning()
        for partition, end in (await consumer.end_offsets(partitions)).items():
            while await consumer.position(partition) < end:
                for record in (await consumer.getmany(partition, timeout_ms=1000)).get(partition, []):
                    event = OrdersReleased.model_validate_json(record.value)
                    identity = dict(record.headers)["ce_id"].decode()
                    found.setdefault((event.batch_id, event.account_id), set()).add(identity)
    return found
