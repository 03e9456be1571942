"""`python -m services.<name> dlq list | show | replay | suspects | skip | release`: the same for every service."""

import asyncio
import json
import sys
from collections.abc import Coroutine
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Self

import typer
from aiokafka.errors import KafkaError

from shared.contracts.topics import TOPICS, Topic
from shared.kafka.suspects import Suspects
from shared.kafka.topic_hold import Releases
from shared.oncall import command_line, dead_letters, display
from shared.oncall.dead_letters import Entry
from shared.oncall.progress_bar import bar
from shared.oncall.replay import replay as send_again
from shared.runtime import log
from shared.runtime.broker import Broker
from shared.runtime.settings import KafkaSettings

app = command_line.group("Dead letters.")


@dataclass(frozen=True)
class Source:
    """Whose dead letters the commands work on: a service, and the broker at which they are."""

    service: str
    broker: Broker

    @classmethod
    def of(cls, service: str) -> Self:
        """Return the source of a service by the environment.  Ends the command with 2 when that is incomplete."""
        log.configure(f"{service}-dlq", "ERROR")
        return cls(service, command_line.read_settings(KafkaSettings).broker)


@dataclass(frozen=True)
class OffsetRanges:
    """Offsets as the option names them: "3,7-12"."""

    ranges: tuple[range, ...]

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the offsets of the text.  Raises ValueError when a part is no number or range of numbers."""
        found = []
        for part in text.split(","):
            first, _, last = part.partition("-")
            found.append(range(int(first), int(last or first) + 1))
        return cls(tuple(found))

    def __contains__(self, offset: int) -> bool:
        return any(offset in some for some in self.ranges)


def _count(given: str | int) -> int:  # typer passes the default through it too
    """Return the count that an option gives.  Raises typer.BadParameter if it is not all digits."""
    text = str(given)
    if not (text.isascii() and text.isdecimal()):
        raise typer.BadParameter("a whole number, 0 or more")
    return int(text)


def _instant(text: str) -> datetime:
    at = datetime.fromisoformat(text)
    return at if at.tzinfo is not None else at.replace(tzinfo=UTC)


Who = Annotated[str, typer.Option(help="Name and reason; kept with the letter or with the command to release.")]


@dataclass(frozen=True)
class Filter:
    """Which letters, as options of a command; what is None does not matter."""

    offsets: Annotated[
        OffsetRanges | None,
        typer.Option(parser=OffsetRanges.parse, metavar="OFFSETS", help="Letters by offset, e.g. 3,7-12."),
    ] = None
    code: Annotated[str | None, typer.Option(help="Put aside for this reason, e.g. invalid_event.")] = None
    topic: Annotated[str | None, typer.Option(help="From this topic.")] = None
    key: Annotated[str | None, typer.Option(help="Of this key.")] = None
    since: Annotated[
        datetime | None,
        typer.Option(parser=_instant, metavar="TIME", help="Put aside at or after, e.g. 2026-01-05T14:00 (UTC)."),
    ] = None
    until: Annotated[datetime | None, typer.Option(parser=_instant, metavar="TIME", help="Put aside before.")] = None

    def is_empty(self) -> bool:
        """Say whether every letter passes."""
        return all(value is None for value in vars(self).values())

    def passes(self, entry: Entry) -> bool:
        """Say whether this letter is meant."""
        return (
            (self.offsets is None or entry.offset in self.offsets)
            and (self.code is None or entry.code == self.code)
            and (self.topic is None or entry.topic == self.topic)
            and (self.key is None or display.text(entry.key) == self.key)
            and (self.since is None or entry.at >= self.since)
            and (self.until is None or entry.at < self.until)
        )


@app.command("list")
@command_line.with_options(Filter)
def list_letters(
    context: typer.Context,
    wanted: Filter,
    replayed: Annotated[bool, typer.Option("--replayed", help="Also those that have been replayed.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
) -> None:
    """Print one line a letter; without --replayed only those that have not been replayed."""
    _end(_list(context.obj, wanted, replayed, as_json))


async def _list(source: Source, wanted: Filter, replayed: bool, as_json: bool) -> int:
    found = await _matching(source, wanted)
    entries = [entry for entry in found if replayed or entry.replayed_at is None]
    for line in (json.dumps(display.as_json(entry)) for entry in entries) if as_json else display.lines(entries):
        print(line)
    if hidden := len(found) - len(entries):
        print(f"{hidden} more have been replayed; --replayed lists them", file=sys.stderr)
    return 0


@app.command()
def show(
    context: typer.Context,
    offset: int,
    raw: Annotated[Path | None, typer.Option(help="Write the original value to this file, byte for byte.")] = None,
) -> None:
    """Print one letter with its headers and its body, decoded where that can be done."""
    _end(_show(context.obj, offset, raw))


async def _show(source: Source, offset: int, raw: Path | None) -> int:
    entries = await _matching(source, Filter(OffsetRanges((range(offset, offset + 1),))))
    letters = [letter async for letter in dead_letters.read(source.broker, source.service, entries)]
    if not letters:
        print(f"{source.service}.dlq has no letter at offset {offset}", file=sys.stderr)
        return 1
    (letter,) = letters
    for line in display.whole(letter):
        print(line)
    if raw is not None:
        value = letter.value
        if letter.entry.is_stub:
            record = await dead_letters.original(source.broker, letter.entry)
            value = None if record is None else record.value
        raw.write_bytes(value or b"")
    return 0


@app.command()
@command_line.with_options(Filter)
def replay(
    context: typer.Context,
    wanted: Filter,
    every: Annotated[bool, typer.Option("--every", help="All letters; without it say which by a filter.")] = False,
    again: Annotated[bool, typer.Option("--again", help="Also those that have been replayed.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="List what would be replayed, send nothing.")] = False,
) -> None:
    """Send letters again to where they came from, each once."""
    if not every and wanted.is_empty():
        print("say which letters, by a filter (--offsets, --code, ...) or with --every", file=sys.stderr)
        raise typer.Exit(2)
    _end(_replay(context.obj, wanted, again, dry_run))


async def _replay(source: Source, wanted: Filter, again: bool, dry_run: bool) -> int:
    found = await _matching(source, wanted)
    entries = [entry for entry in found if again or entry.replayed_at is None]
    skipped = len(found) - len(entries)
    note = f"; {skipped} have been replayed before and were passed over (--again sends them too)" if skipped else ""
    if dry_run:
        for line in display.lines(entries):
            print(line)
        print(f"{len(entries)} would be replayed{note}")
        return 0
    with bar("replay", "letters") as progress:
        outcome = await send_again(source.broker, source.service, entries, progress)
    for offset, problem in outcome.failed.items():
        print(f"letter {offset}: not replayed: {problem}", file=sys.stderr)
    print(f"{len(outcome.replayed)} replayed{note}")
    return int(bool(outcome.failed))


@app.command()
def suspects(context: typer.Context) -> None:
    """Print the messages that our code could not handle; their partitions are not consumed beyond them."""
    _end(_suspects(context.obj))


async def _suspects(source: Source) -> int:
    known = await Suspects(source.broker, source.service).known()
    for (topic, partition, offset), suspect in sorted(known.items()):
        skipped = "" if suspect.skip is None else f"; to be skipped: {suspect.skip}"
        print(f"{topic} {partition} {offset}: could not be handled in {suspect.starts} starts{skipped}")
    return 0


@app.command()
def skip(context: typer.Context, topic: str, partition: int, offset: int, who: Who) -> None:
    """Have one message that cannot be handled put aside, the next time it fails."""
    _end(_skip(context.obj, topic, partition, offset, who))


async def _skip(source: Source, name: str, partition: int, offset: int, who: str) -> int:
    if _consumed_topic(source, name) is None:
        return 1
    if not await dead_letters.is_there(source.broker, name, partition, offset):
        print(f"{name}/{partition} has no message at offset {offset}", file=sys.stderr)
        return 1
    await Suspects(source.broker, source.service).skip(name, partition, offset, who)
    print(f"{name}/{partition}/{offset} will be put aside when {source.service} next fails to handle it")
    return 0


@app.command()
def release(
    context: typer.Context,
    topic: str,
    who: Who,
    letters: Annotated[int, typer.Option(parser=_count, metavar="N", help="So many more do not count as a burst.")] = 0,
) -> None:
    """Have a topic that is held because of a burst of dead letters consumed again."""
    _end(_release(context.obj, topic, who, letters))


async def _release(source: Source, name: str, who: str, letters: int) -> int:
    if _consumed_topic(source, name) is None:
        return 1
    await Releases(source.broker, source.service).give(name, who, letters)
    print(f"{source.service} goes on with {name} within some seconds, if it is held now; see rebalancer_topic_held")
    return 0


async def _matching(source: Source, wanted: Filter) -> list[Entry]:
    """Return the letters that pass the filter, oldest first."""
    return [entry for entry in await dead_letters.index(source.broker, source.service) if wanted.passes(entry)]


def _consumed_topic(source: Source, name: str) -> Topic | None:
    """Return the topic of this name; print that there is none when the service does not consume it."""
    topic = next((topic for topic in TOPICS if topic.name == name and source.service in topic.consumers), None)
    if topic is None:
        print(f"{source.service} reads no topic named {name!r}", file=sys.stderr)
    return topic


def _end(work: Coroutine[Any, Any, int]) -> None:
    """Run a command to its end.  Raises typer.Exit with its code, or with 1 if the broker does not reply."""
    try:
        raise typer.Exit(asyncio.run(work))
    except KafkaError as error:
        print(f"the broker does not answer: {error!r}", file=sys.stderr)
        raise typer.Exit(1) from None
