"""The incarnation of a service's database: a random name in source and id of what it publishes.

Numbers in a database come again after a restore to an earlier moment, with other content: batch 512 is another batch.
A subscriber that has acted on the first one must not take the second for it.  So a new incarnation begins after a
restore (`new-incarnation`), and its events have other ids and another source.  A database from before there were
incarnations has the empty name, and its events keep the ids and the source that they had.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final, LiteralString

from shared.ids import event_id
from shared.kafka.messages import Outgoing

READ: Final[LiteralString] = "SELECT name FROM incarnation"
"""Query of the name, in the schema of the service."""


def of_incarnation(messages: Sequence[Outgoing], name: str) -> list[Outgoing]:
    """Return messages with the incarnation in their `ce_id` and `ce_source`; the same message always gets the same."""
    if not name:
        return list(messages)
    return [replace(message, headers=message.headers | _named(message.headers, name)) for message in messages]


def _named(headers: dict[str, str], name: str) -> dict[str, str]:
    return {"ce_id": event_id(name, headers["ce_id"]), "ce_source": f"{headers['ce_source']}/{name}"}
