"""Rebuild a day from the event log, read the same day from the stores, and compare both line by line.

Topics are read before the stores, so whatever was read has its cause there.  The two ways share nothing but the form
of a line: columns/logged_day.py folds events, columns/stored_day.py reads tables and makes orders from result chunks.
Source: docs/decisions/0031-a-day-from-the-event-log.md.
"""

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final

import pyarrow as pa

from services.auditor.columns.logged_day import LoggedDay, LoggedMessage
from services.auditor.columns.logged_queue import LoggedQueue
from services.auditor.columns.sheets import LineDifference, LineKind, OldForms, SheetLine, compare_lines, without
from services.auditor.columns.stored_day import lines_of_batches, lines_of_executions, lines_of_members, lines_of_orders
from services.auditor.columns.stored_queue import lines_of_flags, lines_of_states
from services.auditor.operations.event_log import EventLog, Records, cut_after, event_log
from services.auditor.settings import SERVICE, Settings
from services.auditor.store import day as store
from services.auditor.store import orders, queue
from services.auditor.store.database import Snapshot, snapshot
from shared.contracts import topics
from shared.contracts.rights import rights_of
from shared.contracts.topics import TOPICS
from shared.kafka.access import refusals
from shared.rules import trading_calendar
from shared.rules.trading_calendar import NoSession

Progress = Callable[[str, int, int], None]
_TOGETHER: Final = 16  # result chunks of up to 512 kB
_NOTED_TOGETHER: Final = 10_000
"""Messages: columns of some hundred cost more to begin than to fill."""


class CannotReplay(Exception):
    """The day cannot be rebuilt; the reason and what to do are the message."""


@dataclass(frozen=True)
class DayComparison:
    """Both sheets of a day, as far as they can be compared, and what differs.

    is_over: the cut-off of the day is past, so that nothing of it may change; unpublished: messages that waited in the
    outbox; unreadable: messages of the log that are no events, with where they lie; messages: how many were read;
    rebuilt: lines of the queue that the log alone has, because moved accounts are no longer where they were and the
    store keeps the present alone.
    """

    log: Sequence[SheetLine]
    store: Sequence[SheetLine]
    differences: Sequence[LineDifference]
    is_over: bool
    unpublished: int
    unreadable: Sequence[str]
    messages: int
    rebuilt: Sequence[SheetLine]
    moved: int

    @property
    def is_identical(self) -> bool:
        """Whether nothing differs and everything could be read."""
        return not self.differences and not self.unreadable


def refuse_day(day: date, now: datetime, event_log_days: int) -> None:
    """Raise CannotReplay unless the day is a session, not in the future, and within the days that the log keeps."""
    try:
        if not trading_calendar.is_session(day):
            after = trading_calendar.session_after(day)
            raise CannotReplay(f"{day} is no session of the exchange: what was done on it belongs to {after}")
        today = trading_calendar.business_date(now)
    except NoSession as error:
        raise CannotReplay(str(error)) from error
    if day > today:
        raise CannotReplay(f"{day} is in the future: the business date is {today}")
    first = now.date() - timedelta(days=event_log_days)
    if day < first:
        raise CannotReplay(
            f"{day} is before the event log: it keeps every event for {event_log_days} days"
            f" (REBALANCER_EVENT_LOG_DAYS), the first day is {first}"
        )


async def replay(
    settings: Settings, day: date, now: datetime, progress: Progress, names: Mapping[str, str] | None = None
) -> DayComparison:
    """Rebuild and compare a day.  names: topics that stand in for those of the table, by name.

    Raises CannotReplay if the day or the broker does not allow it, KafkaError, TimeoutError, OSError or psycopg.Error
    if broker or database are away.
    """
    refuse_day(day, now, settings.event_log_days)
    if not names and (refused := (await refusals(settings.broker, rights_of(SERVICE))).sentences()):
        raise CannotReplay("; ".join(refused))
    at = min(now, trading_calendar.cut_off(day))
    async with snapshot(settings.database_url) as connection:
        incarnation = await store.incarnation(connection)
    async with event_log(settings.broker, progress) as log:
        logged, queued = LoggedDay(day, incarnation), LoggedQueue(at)
        await _read(log, logged, queued, names or {})
    _refuse_cut(log, day)
    async with snapshot(settings.database_url) as connection:
        stored = [line async for line in _stored(connection, day, logged.old)]
        present = _Present(
            await asyncio.to_thread(list, lines_of_states(await queue.states(connection))),
            await asyncio.to_thread(list, lines_of_flags(await queue.flags(connection))),
            await queue.moved_after(connection, at),
            await queue.evaluated_after(connection, at),
        )
        unpublished = await store.unpublished(connection, [topic.name for topic in TOPICS if topic.logged])
    lines = [*logged.lines(), *await asyncio.to_thread(queued.lines)]
    compared = present.unmoved(lines)
    stored += present.unmoved([*present.states, *present.flags])
    return DayComparison(
        compared,
        stored,
        await asyncio.to_thread(lambda: list(compare_lines(compared, stored))),
        is_over=trading_calendar.cut_off(day) <= now,
        unpublished=unpublished,
        unreadable=[*logged.unreadable, *queued.unreadable],
        messages=log.messages,
        rebuilt=present.moved_of(lines),
        moved=len(present.moved),
    )


@dataclass(frozen=True)
class _Present:
    """The queue as it is now.  moved, evaluated: accounts whose state or flag is of after the instant of the replay."""

    states: Sequence[SheetLine]
    flags: Sequence[SheetLine]
    moved: set[str]
    evaluated: set[str]

    def unmoved(self, lines: Sequence[SheetLine]) -> list[SheetLine]:
        """Return the lines that can be compared: an account that has moved since is no longer there to compare."""
        kept = without(lines, (LineKind.QUEUE, LineKind.FLAG), self.moved)
        return without(kept, (LineKind.FLAG,), self.evaluated)

    def moved_of(self, lines: Sequence[SheetLine]) -> list[SheetLine]:
        """Return the other lines."""
        kept = {id(line) for line in self.unmoved(lines)}
        return [line for line in lines if id(line) not in kept]


async def _read(log: EventLog, logged: LoggedDay, queued: LoggedQueue, names: Mapping[str, str]) -> None:
    """Read the event log, batches first: they say which of the others are of the day."""
    reading = (
        (topics.BATCH, logged.note_batches),
        (topics.RETURNED, logged.note_returned),
        (topics.ORDERS, logged.note_orders),
        (topics.EXECUTION, logged.note_executions),
        (topics.ACCOUNT_STATE, queued.note_states),
        (topics.ACCOUNT_FLAG, queued.note_flags),
    )
    for topic, note in reading:
        waiting: list[Any] = []
        async for records in log.read(names.get(topic.name, topic.name)):
            waiting += records
            if len(waiting) >= _NOTED_TOGETHER:
                await asyncio.to_thread(_note, note, waiting)
                waiting = []
        await asyncio.to_thread(_note, note, waiting)


def _note(note: Callable[[list[LoggedMessage]], None], records: Records) -> None:
    note(_messages(records))


def _messages(records: Records) -> list[LoggedMessage]:
    found = []
    for record in records:
        if record.value is not None:
            headers = dict(record.headers)
            source, time = (headers.get(name, b"").decode(errors="replace") for name in ("ce_source", "ce_time"))
            found.append(
                LoggedMessage(record.value, source, f"{record.topic}/{record.partition}/{record.offset}", time)
            )
    return found


def _refuse_cut(log: EventLog, day: date) -> None:
    """Raise CannotReplay if a topic has lost messages of the day at its beginning."""
    began = trading_calendar.cut_off(trading_calendar.session_before(day))
    for topic, begins in log.begins.items():
        if (cut := cut_after(begins, began)) is not None:
            raise CannotReplay(f"{day} is before the event log: a partition of {topic} begins at {cut}")


async def _stored(connection: Snapshot, day: date, old: OldForms) -> AsyncIterator[SheetLine]:
    """Yield the lines of batches and history as the stores have them."""
    batches = {row["batch_id"]: row for row in await store.batches(connection, day)}
    numbers = sorted(batches)
    for line in lines_of_batches(batches.values(), old):
        yield line
    members = await store.members(connection, numbers)
    for line in lines_of_members(members):
        yield line
    for line in lines_of_executions(await store.executions(connection, numbers)):
        yield line
    incarnation = await store.incarnation(connection)
    of_chunks: dict[tuple[int, int], list[store.StoredMember]] = defaultdict(list)
    for member in members:
        if member.state == "APPROVED" and member.chunk_id is not None:
            of_chunks[member.batch_id, member.chunk_id].append(member)
    keys = sorted(of_chunks)
    for start in range(0, len(keys), _TOGETHER):
        some = keys[start : start + _TOGETHER]
        contents = await orders.chunks(connection, [chunk_id for _, chunk_id in some])
        for line in await asyncio.to_thread(_orders, batches, some, of_chunks, contents, incarnation, old):
            yield line


def _orders(
    batches: Mapping[int, Mapping[str, Any]],
    keys: Sequence[tuple[int, int]],
    of_chunks: Mapping[tuple[int, int], Sequence[store.StoredMember]],
    contents: Mapping[int, bytes],
    incarnation: str,
    old: OldForms,
) -> list[SheetLine]:
    """Return the orders of chunks, by batch and chunk.  A chunk that is gone or damaged has none: they are missed."""
    lines: list[SheetLine] = []
    for batch_id, chunk_id in keys:
        if chunk_id in contents:
            with contextlib.suppress(ValueError, IndexError, pa.ArrowException):
                accounts = of_chunks[batch_id, chunk_id]
                lines += lines_of_orders(batches[batch_id], accounts, contents[chunk_id], incarnation, old)
    return lines
