"""A subscriber of the rebalancer's public events that acts on each of them once, also when it is killed at any moment.

`python subscriber.py` reads from the beginning and goes on until it is stopped; `python effects.py` prints what it
acted on.  Addresses, users and TLS are in connection.py.

Delivery is at least once.  So the event's identity is kept with the effect, in one transaction, and Kafka's offset is
committed after it: a crash in between brings the event again, and it is passed over.
"""

import json
import os
import sqlite3
from contextlib import closing, suppress

from aiokafka import AIOKafkaConsumer, ConsumerRecord
from aiokafka.errors import CommitFailedError

# Full state: of several versions the newest holds.
STATES = ("rebalancer.account-flag.v1", "rebalancer.account-state.v1", "rebalancer.batch.v1")
FACTS = ("rebalancer.orders.v1", "rebalancer.analysis.v1", "rebalancer.file.v1")  # each counts, whatever came since
TABLES = """
CREATE TABLE IF NOT EXISTS seen (source, id, PRIMARY KEY (source, id));
CREATE TABLE IF NOT EXISTS state (type, key, source, version INTEGER, PRIMARY KEY (type, key));
CREATE TABLE IF NOT EXISTS effect (number INTEGER PRIMARY KEY, source, id, type, key, value);"""
# Versions count within one source: a new one begins anew, behind all events of the former one.
NEWER = """INSERT INTO state VALUES (?, ?, ?, ?) ON CONFLICT (type, key)
DO UPDATE SET source = excluded.source, version = excluded.version
WHERE excluded.version > state.version OR excluded.source <> state.source"""


def act(database: sqlite3.Connection, record: "ConsumerRecord[bytes, bytes]") -> str:
    """Act on one event inside the caller's transaction; return what was done."""
    headers = {name: value.decode() for name, value in record.headers}
    source, identity, kind = headers["ce_source"], headers["ce_id"], headers["ce_type"]
    key, value = record.key.decode(), record.value.decode()
    if not database.execute("INSERT OR IGNORE INTO seen VALUES (?, ?)", (source, identity)).rowcount:
        return f"passed over {kind} {key}: a duplicate"
    state = (kind, key, source, json.loads(value)["version"])
    if kind in STATES and not database.execute(NEWER, state).rowcount:
        return f"passed over {kind} {key}: older than what is kept"
    # Here stands what you do: the row is the effect, in the same transaction as the identity above.
    database.execute("INSERT INTO effect VALUES (NULL, ?, ?, ?, ?, ?)", (source, identity, kind, key, value))
    return f"acted on {kind} {key}: {value}"


async def follow(consumer: AIOKafkaConsumer) -> None:
    """Read, act, commit, until cancelled."""
    with closing(sqlite3.connect(os.environ.get("DATABASE", "subscriber.db"))) as database:
        database.executescript(TABLES)
        while True:
            fetched = await consumer.getmany(timeout_ms=1_000, max_records=500)
            with database:  # one transaction: identities and effects
                done = [act(database, record) for records in fetched.values() for record in records]
            if done:
                with suppress(CommitFailedError):  # paused for too long: the events come again and are passed over
                    await consumer.commit()
                print(*done, sep="\n", flush=True)


if __name__ == "__main__":
    from connection import run

    run(follow, STATES + FACTS, auto_offset_reset="earliest", enable_auto_commit=False)
