"""`python -m deploy.topics`: bring the topics at the broker to what the table and the settings say.

Missing topics are created.  Of those that are there, retention, clean-up, size limits and the least number of copies in
step are altered, and partitions are raised.  Where keys would move that somebody relies on, their number stays unless
--allow TOPIC says otherwise.  A second run changes nothing.  Settings: deploy.topic_plan.TopicSettings.
Exit codes: 0 all is as it should be, 1 something could not be changed (said on standard error), 2 settings are wrong.
"""

import asyncio
import sys
from collections.abc import AsyncIterator, Collection, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Annotated, Any, Final

import typer
from aiokafka.admin import AIOKafkaAdminClient, NewPartitions, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaError, TopicAlreadyExistsError, for_code

from deploy.topic_plan import (
    PresentTopic,
    TopicDifference,
    TopicSettings,
    compare,
    configuration_of,
    partitions_of,
)
from shared.contracts.rights import TOPICS_ADMIN, rights_of
from shared.contracts.topics import TOPICS, Topic
from shared.kafka.access import explained, refused_for_good
from shared.kafka.connection import client_options
from shared.oncall import command_line
from shared.runtime.broker import Broker, url_of

PATIENCE_S = 300.0
_OF_TOPIC: Final = 1  # the source of a value that was set for one topic, as brokers number sources
_ALLOW: Final = (
    "keys would move to other partitions: readers may see an older event of a key after a newer one, and compaction"
    " keeps both; let its readers finish, then give --allow {name}"
)


class Refused(RuntimeError):
    """The broker takes no connection of ours; the reason and what to do are the message."""


@dataclass
class TopicReport:
    """What was done to topics that were there, and what was not; each a sentence that begins with the topic's name."""

    changed: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)


async def create(
    broker: Broker, topics: Iterable[Topic] = TOPICS, replication: int = 1, settings: TopicSettings | None = None
) -> list[str]:
    """Create the topics that are missing and return their names.  settings: in place of url and replication.

    Raises TimeoutError when no broker answers in time, KafkaError when a topic is refused.
    """
    chosen = settings or TopicSettings(kafka_url=url_of(broker), replication=replication)
    async with _admin(broker) as client:
        present = set(await client.list_topics())
        missing = [topic for topic in topics if topic.name not in present]
        if missing:
            reply = await client.create_topics([_new(topic, chosen) for topic in missing])
            for name, code, *_ in reply.topic_errors:
                error = for_code(code)
                if code and error is not TopicAlreadyExistsError:
                    raise error(f"topic {name} was refused")
        return [topic.name for topic in missing]


async def alter(
    settings: TopicSettings, topics: Sequence[Topic] = TOPICS, allowed: Collection[str] = ()
) -> TopicReport:
    """Alter the topics that are there and differ.  allowed: names of topics whose keys may move.

    Raises TimeoutError when no broker answers in time, KafkaError when it refuses a change.
    """
    report = TopicReport()
    async with _admin(settings.broker) as client:
        present = await _present(client, topics)
        for topic in topics:
            if topic.name in present:
                await _change(client, compare(topic, settings, present[topic.name]), allowed, report)
    return report


async def bring(settings: TopicSettings, allowed: Collection[str] = ()) -> tuple[list[str], TopicReport]:
    """Create what is missing and alter what was there; return the names of the first and a report of the others."""
    made = await create(settings.broker, settings=settings)
    return made, await alter(settings, [topic for topic in TOPICS if topic.name not in made], allowed)


async def _change(
    client: AIOKafkaAdminClient, difference: TopicDifference, allowed: Collection[str], report: TopicReport
) -> None:
    """Change one topic and note what was done."""
    name = difference.topic.name
    if difference.configuration:
        asked = ConfigResource(ConfigResourceType.TOPIC, name, difference.own_configuration)
        for reply in await client.alter_configs([asked]):
            for code, message, *_ in reply.resources:
                if code:
                    raise for_code(code)(f"topic {name}: {message}")
        report.changed += [
            f"{name}: {key} {before} is now {after}" for key, (before, after) in difference.configuration.items()
        ]
    report.refused += [f"{name}: {problem}" for problem in difference.problems]
    if difference.partitions is None:
        return
    change = f"{name}: {difference.present.partitions} partitions"
    if difference.moves_keys and name not in allowed:
        report.refused.append(f"{change}, wanted are {difference.partitions}: {_ALLOW.format(name=name)}")
        return
    await client.create_partitions({name: NewPartitions(difference.partitions)})
    report.changed.append(f"{change} are now {difference.partitions}")


async def _present(client: AIOKafkaAdminClient, topics: Sequence[Topic]) -> dict[str, PresentTopic]:
    """Return those topics that the broker has."""
    names = set(await client.list_topics()) & {topic.name for topic in topics}
    if not names:
        return {}
    described: list[dict[str, Any]] = await client.describe_topics(sorted(names))
    asked = [ConfigResource(ConfigResourceType.TOPIC, name) for name in sorted(names)]
    entries = {
        name: values
        for reply in await client.describe_configs(asked)
        for _code, _message, _kind, name, values in reply.resources
    }
    return {
        found["topic"]: PresentTopic(
            partitions=len(found["partitions"]),
            replication=min(len(partition["replicas"]) for partition in found["partitions"]),
            configuration={name: value for name, value, *_ in entries[found["topic"]]},
            own={name: value for name, value, _, source, *_ in entries[found["topic"]] if source == _OF_TOPIC},
        )
        for found in described
    }


@asynccontextmanager
async def _admin(broker: Broker) -> AsyncIterator[AIOKafkaAdminClient]:
    """Yield a client once the broker answers.

    Raises TimeoutError when that, or the work, takes too long, and Refused when it takes no connection.
    """
    async with asyncio.timeout(PATIENCE_S):
        client = await _connected(broker)
        try:
            yield client
        finally:
            await client.close()


async def _connected(broker: Broker) -> AIOKafkaAdminClient:
    """Wait for the broker and return a client.  Raises Refused."""
    while True:
        client = AIOKafkaAdminClient(**client_options(broker), request_timeout_ms=20_000)
        try:
            await client.start()
        except KafkaError as error:
            await client.close()
            if found := await refused_for_good(broker):
                raise Refused("; ".join(found)) from error
            await asyncio.sleep(0.3)
        else:
            return client


def _new(topic: Topic, settings: TopicSettings) -> NewTopic:
    return NewTopic(
        topic.name,
        partitions_of(topic, settings),
        settings.replication,
        topic_configs=configuration_of(topic, settings),
    )


def main(
    allow: Annotated[
        list[str] | None,
        typer.Option(metavar="TOPIC", help="Raise the partitions of this topic though keys move; may be given again."),
    ] = None,
) -> None:
    """Create the topics that the broker lacks and alter those that differ from the table and the settings."""
    settings = command_line.read_settings(TopicSettings)
    allowed = allow or []
    if unknown := sorted(set(allowed) - {topic.name for topic in TOPICS}):
        raise typer.BadParameter(f"no topic of ours is named {', '.join(unknown)}", param_hint="--allow")

    try:
        made, report = asyncio.run(bring(settings, allowed))
    except Refused as refused:
        sys.exit(str(refused))
    except KafkaError as error:
        sys.exit(asyncio.run(explained(settings.broker, error, rights_of(TOPICS_ADMIN))))
    print(f"{len(made)} topics created: {', '.join(made) or 'all were there'}")
    print("\n".join(report.changed) or "nothing had to be altered")
    if report.refused:
        print("\n".join(report.refused), file=sys.stderr)
        raise typer.Exit(1)


if __name__ == "__main__":
    typer.run(main)
