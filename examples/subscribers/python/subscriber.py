"""A subscriber of the rebalancer's public events that acts on each of them once, also when it is killed at any moment.

`python subscriber.py` reads from the beginning and goes on until it is stopped; `python subscriber.py effects` prints
what it acted on, in order.  Environment: KAFKA_URL (host:port), DATABASE (a file), GROUP, TOPIC_PREFIX (for tests);
where the broker wants users, KAFKA_CA_FILE (who signed its certificate), KAFKA_USER and KAFKA_PASSWORD.

Delivery is at least once.  So the event's identity is kept with the effect, in one transaction, and Kafka's offset is
committed after it: a crash in between brings the event again, and it is passed over.
"""

import asyncio
import json
import os
import signal
import sqlite3
import ssl
import sys
from contextlib import suppress
from typing import Any

from aiokafka import AIOKafkaConsumer, ConsumerRecord
from aiokafka.errors import (
    CommitFailedError,
    GroupAuthorizationFailedError,
    KafkaConnectionError,
    TopicAuthorizationFailedError,
)

# Full state: of several versions the newest holds.
STATES = ("rebalancer.account-flag.v1", "rebalancer.account-state.v1", "rebalancer.batch.v1")
FACTS = ("rebalancer.orders.v1", "rebalancer.analysis.v1", "rebalancer.file.v1")  # each counts, whatever came since
TABLES = """
CREATE TABLE IF NOT EXISTS seen (source TEXT, id TEXT, PRIMARY KEY (source, id));
CREATE TABLE IF NOT EXISTS state (
    type TEXT, key TEXT, source TEXT, version INTEGER, value TEXT, PRIMARY KEY (type, key)
);
CREATE TABLE IF NOT EXISTS effect (number INTEGER PRIMARY KEY, source TEXT, id TEXT, type TEXT, key TEXT, value TEXT);
"""
# Versions count within one source: a new one begins anew, behind all events of the former one.
NEWER = """INSERT INTO state VALUES (?, ?, ?, ?, ?) ON CONFLICT (type, key)
DO UPDATE SET source = excluded.source, version = excluded.version, value = excluded.value
WHERE excluded.version > state.version OR excluded.source <> state.source"""


def act(database: sqlite3.Connection, record: "ConsumerRecord[bytes, bytes]") -> str:
    """Act on one event inside the caller's transaction; return what was done."""
    headers = {name: value.decode() for name, value in record.headers}
    source, identity, kind = headers["ce_source"], headers["ce_id"], headers["ce_type"]
    key, value = record.key.decode(), record.value.decode()
    if not database.execute("INSERT OR IGNORE INTO seen VALUES (?, ?)", (source, identity)).rowcount:
        return f"passed over {kind} {key}: a duplicate"
    state = (kind, key, source, json.loads(value)["version"], value)
    if kind in STATES and not database.execute(NEWER, state).rowcount:
        return f"passed over {kind} {key}: older than what is kept"
    # Here stands what you do: the row is the effect, in the same transaction as the identity above.
    database.execute(
        "INSERT INTO effect (source, id, type, key, value) VALUES (?, ?, ?, ?, ?)", (source, identity, kind, key, value)
    )
    return f"acted on {kind} {key}: {value}"


def security() -> dict[str, Any]:
    """Return how to speak to the broker: as a user over TLS, or in the clear to one on this machine."""
    if "KAFKA_USER" not in os.environ:
        return {}
    return {
        "security_protocol": "SASL_SSL",
        "ssl_context": ssl.create_default_context(cafile=os.environ["KAFKA_CA_FILE"]),
        "sasl_mechanism": "SCRAM-SHA-512",
        "sasl_plain_username": os.environ["KAFKA_USER"],
        "sasl_plain_password": os.environ["KAFKA_PASSWORD"],
    }


async def follow(database: sqlite3.Connection) -> None:
    """Read, act, commit, until cancelled."""
    prefix = os.environ.get("TOPIC_PREFIX", "")
    consumer = AIOKafkaConsumer(
        *(prefix + topic for topic in STATES + FACTS),
        bootstrap_servers=os.environ.get("KAFKA_URL", "127.0.0.1:9392"),
        **security(),
        group_id=os.environ.get("GROUP", os.environ.get("KAFKA_USER", "example-subscriber")),
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        session_timeout_ms=6_000,
    )
    try:
        await consumer.start()
        while True:
            fetched = await consumer.getmany(timeout_ms=1_000, max_records=500)
            with database:  # one transaction: identities and effects
                done = [act(database, record) for records in fetched.values() for record in records]
            if done:
                with suppress(CommitFailedError):  # paused for too long: the events come again and are passed over
                    await consumer.commit()
                print("\n".join(done), flush=True)
    finally:
        await consumer.stop()


async def main() -> None:
    """Follow the events, or print the effects."""
    database = sqlite3.connect(os.environ.get("DATABASE", "subscriber.db"))
    database.executescript(TABLES)
    if sys.argv[1:] == ["effects"]:
        for source, identity in database.execute("SELECT source, id FROM effect ORDER BY number"):
            print(json.dumps({"source": source, "id": identity}))
        return
    task = asyncio.ensure_future(follow(database))
    for name in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(name, task.cancel)
    try:
        with suppress(asyncio.CancelledError):
            await task
    except KafkaConnectionError as error:  # the line before it says why, from aiokafka's own log
        sys.exit(f"no connection: are KAFKA_URL, KAFKA_CA_FILE, KAFKA_USER and KAFKA_PASSWORD right? {error}")
    except TopicAuthorizationFailedError as error:
        sys.exit(f"this user may not read all of the topics; ask whoever gave it to you: {error}")
    except GroupAuthorizationFailedError as error:
        sys.exit(f"GROUP must be the user's name, or begin with it and a dot: {error}")


if __name__ == "__main__":
    asyncio.run(main())
