"""After a restore to an earlier moment no id, source or order comes again for something else."""

from collections.abc import AsyncIterator
from pathlib import Path

import orjson
import psycopg
import pytest

from shared.contracts import topics
from shared.contracts.topics import Topic
from shared.oncall import incarnation
from tests.healing.harness import Harness, a_flagged_account, approve, opened
from tests.stackfix.infrastructure import as_role

pytestmark = pytest.mark.integration


@pytest.fixture
async def harness(database_url: str, kafka_url: str, tmp_path: Path) -> AsyncIterator[Harness]:
    async with opened(database_url, kafka_url, tmp_path) as made:
        yield made


def _named(harness: Harness, topic: Topic) -> list[tuple[str, str, str]]:
    """Return (ce_source, ce_id, ce_enterprises) of what is in the outbox for a topic, in order."""
    rows = harness.batch.sql("SELECT headers FROM outbox WHERE topic = %s ORDER BY id", topic.name)
    return [(row["ce_source"], row["ce_id"], row["ce_enterprises"]) for (row,) in rows]


def _keys(harness: Harness) -> list[str]:
    rows = harness.batch.sql("SELECT value FROM outbox WHERE topic = %s ORDER BY id", topics.ORDERS.name)
    return [order["idempotency_key"] for (value,) in rows for order in orjson.loads(bytes(value))["orders"]]


async def test_the_same_batch_of_a_restored_database_has_other_ids_and_orders(
    harness: Harness, capsys: pytest.CaptureFixture[str]
) -> None:
    await a_flagged_account(harness)
    ((name,),) = harness.batch.sql("SELECT name FROM incarnation")
    await approve(harness)
    before, keys = _named(harness, topics.ORDERS), _keys(harness)
    assert before[0][0] == f"/rebalancer/batch/{name}" and before[0][2] == "E1"
    _restore(harness)
    incarnation.begin("batch", as_role(harness.url, "batch"))
    ((new,),) = harness.batch.sql("SELECT name FROM incarnation")
    assert f"/rebalancer/batch/{new}" in capsys.readouterr().out and new != name
    await approve(harness)
    after = _named(harness, topics.ORDERS)
    assert after[:1] == before, "what waits in the outbox keeps its id"
    assert after[1][0] == f"/rebalancer/batch/{new}" and after[1][1] != before[0][1]
    made = _keys(harness)[len(keys) :]
    assert len(made) == len(keys) > 0 and not set(made) & set(keys)


async def test_without_a_new_incarnation_they_come_again(harness: Harness) -> None:
    """So the command is needed, and the test above looks at what it does."""
    await a_flagged_account(harness)
    await approve(harness)
    _restore(harness)
    await approve(harness)
    first, second = _named(harness, topics.ORDERS)
    assert first == second


def _restore(harness: Harness) -> None:
    """Bring batch back to before the request: the approval is forgotten, the same number is given again."""
    with psycopg.connect(harness.url, options="-c search_path=batch") as connection:
        connection.execute(
            "ALTER TABLE decision DISABLE TRIGGER ALL; ALTER TABLE batch_account DISABLE TRIGGER ALL;"
            " ALTER TABLE batch DISABLE TRIGGER ALL; ALTER TABLE result_chunk DISABLE TRIGGER ALL;"
            " DELETE FROM decision; DELETE FROM batch_account; DELETE FROM result_chunk; DELETE FROM batch;"
            " DELETE FROM outbox WHERE topic LIKE 'work.%';"
            " UPDATE account SET epoch = 0, last_rebalanced = NULL;"
            " SELECT setval('batch_number', last_value, false) FROM batch_number"
        )
