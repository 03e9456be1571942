"""`python -m services.<name> dlq list | show | replay | suspects | skip | release`: one implementation for all."""

import argparse
import asyncio
import json
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from aiokafka.errors import KafkaError
from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from shared.contracts.topics import TOPICS, Topic
from shared.kafka.suspects import Suspects
from shared.kafka.topic_hold import Releases
from shared.oncall import dead_letters, display
from shared.oncall.dead_letters import Entry
from shared.oncall.progress_bar import bar
from shared.oncall.replay import replay
from shared.runtime import log


class OnCallSettings(BaseSettings):
    """What the tools need of the environment."""

    model_config = SettingsConfigDict(env_prefix="REBALANCER_", frozen=True, extra="ignore")
    kafka_url: str = Field(description="Kafka bootstrap servers, host:port[,host:port].")


def main(service: str, arguments: Sequence[str]) -> int:
    """Do what the arguments say and return the exit code: 1 when something could not be done."""
    log.configure(f"{service}-dlq", "ERROR")
    try:
        settings = OnCallSettings()
    except ValidationError:
        print("REBALANCER_KAFKA_URL: set it to the broker's host:port", file=sys.stderr)
        return 2
    try:
        return asyncio.run(run(settings.kafka_url, service, arguments))
    except KafkaError as error:
        print(f"the broker does not answer: {error!r}", file=sys.stderr)
        return 1


async def run(kafka_url: str, service: str, arguments: Sequence[str]) -> int:
    """Do what the arguments say and return the exit code.  Raises KafkaError when the broker is away."""
    asked = _parser(service).parse_args(arguments)
    return await _COMMANDS[asked.command](kafka_url, service, asked)


def _parser(service: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=f"python -m services.{service} dlq", description="Dead letters.")
    commands = parser.add_subparsers(dest="command", required=True)
    listing = commands.add_parser("list", help="one line a letter; without --replayed only those not replayed yet")
    _add_filters(listing)
    listing.add_argument("--replayed", action="store_true", help="also those that have been replayed")
    listing.add_argument("--json", action="store_true", help="one JSON object a line")
    show = commands.add_parser("show", help="one letter with its headers and its body, decoded where it can be")
    show.add_argument("offset", type=int)
    show.add_argument("--raw", type=Path, help="write the original value to this file, byte for byte")
    again = commands.add_parser("replay", help="send letters again to where they came from, each once")
    _add_filters(again)
    again.add_argument("--every", action="store_true", help="all letters; without it say which by a filter")
    again.add_argument("--again", action="store_true", help="also those that have been replayed")
    again.add_argument("--dry-run", action="store_true", help="list what would be replayed, send nothing")
    commands.add_parser("suspects", help="messages that our code could not handle, before which their partition stands")
    skip = commands.add_parser("skip", help="have one message that cannot be handled put aside by hand")
    skip.add_argument("topic")
    skip.add_argument("partition", type=int)
    skip.add_argument("offset", type=int)
    skip.add_argument("--who", required=True, help="who says so and why; it stands in the letter's reason")
    release = commands.add_parser("release", help="have a topic that a burst of dead letters holds consumed again")
    release.add_argument("topic")
    release.add_argument("--who", required=True, help="who says so and why; it stands in the service's log")
    release.add_argument(
        "--letters", type=_count, default=0, help="so many more may be put aside before they count as a burst again"
    )
    return parser


def _add_filters(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--offsets", type=_ranges, help="letters by offset, e.g. 3,7-12")
    parser.add_argument("--code", help="put aside for this reason, e.g. invalid_event")
    parser.add_argument("--topic", help="from this topic")
    parser.add_argument("--key", help="of this key")
    parser.add_argument("--since", type=_instant, help="put aside at or after, e.g. 2026-01-05T14:00 (UTC)")
    parser.add_argument("--until", type=_instant, help="put aside before")


def _ranges(words: str) -> list[range]:
    found = []
    for word in words.split(","):
        first, _, last = word.partition("-")
        found.append(range(int(first), int(last or first) + 1))
    return found


def _count(word: str) -> int:
    if not (word.isascii() and word.isdecimal()):
        raise argparse.ArgumentTypeError("a whole number, 0 or more")
    return int(word)


def _instant(word: str) -> datetime:
    at = datetime.fromisoformat(word)
    return at if at.tzinfo is not None else at.replace(tzinfo=UTC)


def _fits(one: Entry, asked: argparse.Namespace) -> bool:
    return (
        (asked.offsets is None or any(one.offset in some for some in asked.offsets))
        and (asked.code is None or one.code == asked.code)
        and (asked.topic is None or one.topic == asked.topic)
        and (asked.key is None or display.text(one.key) == asked.key)
        and (asked.since is None or one.at >= asked.since)
        and (asked.until is None or one.at < asked.until)
    )


async def _list(kafka_url: str, service: str, asked: argparse.Namespace) -> int:
    found = [one for one in await dead_letters.index(kafka_url, service) if _fits(one, asked)]
    entries = [one for one in found if asked.replayed or one.replayed_at is None]
    for line in (json.dumps(display.as_json(one)) for one in entries) if asked.json else display.lines(entries):
        print(line)
    if hidden := len(found) - len(entries):
        print(f"{hidden} more have been replayed; --replayed lists them", file=sys.stderr)
    return 0


async def _show(kafka_url: str, service: str, asked: argparse.Namespace) -> int:
    entries = [one for one in await dead_letters.index(kafka_url, service) if one.offset == asked.offset]
    letters = [one async for one in dead_letters.read(kafka_url, service, entries)]
    if not letters:
        print(f"{service}.dlq has no letter at offset {asked.offset}", file=sys.stderr)
        return 1
    (letter,) = letters
    for line in display.whole(letter):
        print(line)
    if asked.raw is not None:
        value = letter.value
        if letter.entry.is_stub:
            record = await dead_letters.original(kafka_url, letter.entry)
            value = None if record is None else record.value
        asked.raw.write_bytes(value or b"")
    return 0


async def _replay(kafka_url: str, service: str, asked: argparse.Namespace) -> int:
    filters = (asked.offsets, asked.code, asked.topic, asked.key, asked.since, asked.until)
    if not asked.every and not any(one is not None for one in filters):
        print("say which letters, by a filter (--offsets, --code, ...) or with --every", file=sys.stderr)
        return 2
    found = [one for one in await dead_letters.index(kafka_url, service) if _fits(one, asked)]
    entries = [one for one in found if asked.again or one.replayed_at is None]
    skipped = len(found) - len(entries)
    note = f"; {skipped} have been replayed before and were passed over (--again sends them too)" if skipped else ""
    if asked.dry_run:
        for line in display.lines(entries):
            print(line)
        print(f"{len(entries)} would be replayed{note}")
        return 0
    with bar("replay", "letters") as progress:
        outcome = await replay(kafka_url, service, entries, progress)
    for offset, problem in outcome.failed.items():
        print(f"letter {offset}: not replayed: {problem}", file=sys.stderr)
    print(f"{len(outcome.replayed)} replayed{note}")
    return int(bool(outcome.failed))


async def _suspects(kafka_url: str, service: str, _asked: argparse.Namespace) -> int:
    for (topic, partition, offset), one in sorted((await Suspects(kafka_url, service).known()).items()):
        said = "" if one.skip is None else f"; to be skipped: {one.skip}"
        print(f"{topic} {partition} {offset}: could not be handled in {one.starts} starts{said}")
    return 0


async def _skip(kafka_url: str, service: str, asked: argparse.Namespace) -> int:
    """Leave word for the guard; it puts the message aside the next time it gives it up, and goes on behind it."""
    topic = _read_by(service, asked.topic)
    if topic is None:
        return 1
    place = (asked.topic, asked.partition, asked.offset)
    if not 0 <= asked.partition < topic.partitions or not await dead_letters.is_there(kafka_url, *place):
        print(f"{asked.topic}/{asked.partition} has no message at offset {asked.offset}", file=sys.stderr)
        return 1
    await Suspects(kafka_url, service).skip(asked.topic, asked.partition, asked.offset, asked.who)
    print(f"{asked.topic}/{asked.partition}/{asked.offset} will be put aside when {service} next fails to handle it")
    return 0


async def _release(kafka_url: str, service: str, asked: argparse.Namespace) -> int:
    """Leave word for the guards; each that holds the topic sees it at its next look and goes on."""
    if _read_by(service, asked.topic) is None:
        return 1
    await Releases(kafka_url, service).give(asked.topic, asked.who, asked.letters)
    print(f"{service} goes on with {asked.topic} within some seconds, if it is held now; see rebalancer_topic_held")
    return 0


def _read_by(service: str, name: str) -> Topic | None:
    """Return the topic of this name; say so when the service reads none."""
    topic = next((one for one in TOPICS if one.name == name and service in one.consumers), None)
    if topic is None:
        print(f"{service} reads no topic named {name!r}", file=sys.stderr)
    return topic


_COMMANDS: Final = {
    "list": _list,
    "show": _show,
    "replay": _replay,
    "suspects": _suspects,
    "skip": _skip,
    "release": _release,
}
