"""Batches and history of a day from the event log: what its messages say, folded into lines.  Reads no store.

An event that came again changes nothing.  After a restore of the database, events of the new incarnation take the place
of those about the same thing: the source whose first event of a batch came last is in force, and in it the highest
version.  Source: docs/decisions/0029-incarnations.md, product 6.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final

import orjson
from pydantic import ValidationError

from services.auditor.columns.sheets import (
    LineKind,
    OldForms,
    SheetLine,
    batch_line,
    execution_line,
    instant_text,
    reduced,
    sheet_line,
)
from shared.contracts import chunks, codec
from shared.contracts.platform import ExecutionReported
from shared.contracts.succession import admit
from shared.fixed_point.text import scaled, text_of

_MASTER_DATA: Final = ("custodian", "account_number", "decided_name")
"""What an event of orders repeats from the books of others: it is not decided here, and no line has it."""
_SOURCE: Final = "/rebalancer/batch"


@dataclass(frozen=True)
class LoggedMessage:
    """One message of the event log.

    origin: where it lies, as topic/partition/offset; source, time: its `ce_source` and `ce_time`, "" if it has none.
    """

    value: bytes
    source: str
    origin: str
    time: str = ""


@dataclass
class LoggedDay:
    """What the event log says of the batches of one trade date.

    incarnation: of the database that the lines will be compared with.  unreadable: messages that are no such events,
    with where they lie.  Messages are noted in the order of their partitions; batches before what belongs to them.
    """

    day: date
    incarnation: str
    old: OldForms = field(default_factory=OldForms)
    unreadable: list[str] = field(default_factory=list)
    _batches: dict[int, dict[str, dict[bytes, tuple[int, str]]]] = field(default_factory=dict)
    _members: dict[bytes, SheetLine] = field(default_factory=dict)
    _removed: dict[tuple[int, str], int] = field(default_factory=dict)
    _undone: dict[tuple[int, str], int] = field(default_factory=dict)
    _orders: dict[bytes, SheetLine] = field(default_factory=dict)
    _sent: dict[str, dict[str, Any]] = field(default_factory=dict)
    _reports: dict[str, list[tuple[ExecutionReported, str]]] = field(default_factory=lambda: defaultdict(list))

    @property
    def batches(self) -> list[int]:
        """The batches of the day that were noted."""
        return sorted(self._batches)

    def note_batches(self, messages: Iterable[LoggedMessage]) -> None:
        """Note messages of rebalancer.batch.v1."""
        for message in self._of_day(messages):
            event = self._parsed(message)
            if event is None:
                continue
            sources = self._batches.setdefault(event["batch_id"], {})
            content = orjson.dumps(event, option=orjson.OPT_SORT_KEYS)
            sources.setdefault(message.source, {}).setdefault(content, (event["version"], message.origin))

    def note_returned(self, messages: Iterable[LoggedMessage]) -> None:
        """Note chunks of batch.returned; those of other days' batches are passed over.

        A removal that was undone afterwards counts no more: versions say which came first.
        """
        for message in messages:
            try:
                rows, meta = codec.decode(message.value, chunks.RETURNED)
                batch_id, version = int(meta["batch_id"]), int(meta.get("version", 0))
            except (ValueError, KeyError) as error:
                self._refuse(message, error)
                continue
            if batch_id not in self._batches:
                continue
            for row in rows.to_pylist():
                key, reason = (batch_id, str(row["account_id"])), row["reason"]
                if reason in ("REMOVED", "UNDONE"):
                    newest = self._removed if reason == "REMOVED" else self._undone
                    newest[key] = max(version, newest.get(key, 0))
                if reason == "UNDONE":
                    continue
                facts = {"batch_id": batch_id, "account_id": row["account_id"], "enterprise_id": row["enterprise_id"]}
                more = {"advisor_id": row["advisor_id"], "epoch": row["epoch"], "state": row["reason"]}
                line = sheet_line(LineKind.MEMBER, batch_id, row["account_id"], "", facts | more, message.origin)
                self._members.setdefault(line.content, line)

    def note_orders(self, messages: Iterable[LoggedMessage]) -> None:
        """Note messages of rebalancer.orders.v1: each is an approved member and what it sends."""
        for message in self._of_day(messages):
            event = self._parsed(message)
            if event is None:
                continue
            batch_id, account = event["batch_id"], event["account_id"]
            is_old, is_foreign = "session" not in event, message.source != self._own_source
            if is_old:
                self.old.orders.add((batch_id, account))
            if is_foreign:
                self.old.foreign.add((batch_id, account))
            member = {name: event[name] for name in ("batch_id", "account_id", "enterprise_id", "advisor_id")}
            member |= {"epoch": event["version"] - 1, "state": "APPROVED"}
            line = sheet_line(LineKind.MEMBER, batch_id, account, "", member, message.origin)
            self._members.setdefault(line.content, line)
            body = {name: value for name, value in event.items() if name not in _MASTER_DATA}
            if "business_date" not in body:  # then it is trade_date that says it
                body |= {"business_date": body["trade_date"], "trade_date": body.get("session")}
            is_unvalued = any("value" not in order for order in event["orders"])
            if is_unvalued:
                self.old.unvalued.add((batch_id, account))
            facts = reduced(body, is_old=is_old, is_foreign=is_foreign, is_unvalued=is_unvalued)
            line = sheet_line(LineKind.ORDERS, batch_id, account, "", facts, message.origin)
            self._orders.setdefault(line.content, line)
            for order in event["orders"]:
                self._sent[order["order_id"]] = event | order

    def note_executions(self, messages: Iterable[LoggedMessage]) -> None:
        """Note messages of platform.execution.v1 about orders that were noted; others are passed over.

        What batch refuses does not count: its reports about orders are those which can be true.
        """
        for message in messages:
            try:
                report = ExecutionReported.model_validate_json(message.value)
            except ValidationError:
                continue  # a dead letter of batch, and never a fact
            order = self._sent.get(report.order_id)
            if order is not None and _can_be_true(report, order):
                self._reports[report.order_id].append((report, message.origin))

    def lines(self) -> list[SheetLine]:
        """Return the lines of the day."""
        batches = [line for number in self.batches for line in self._lines_of_batch(number)]
        members = [line for line in self._members.values() if not self._is_undone(line)]
        return [*batches, *members, *self._orders.values(), *self._executions()]

    def _is_undone(self, line: SheetLine) -> bool:
        """Return whether a line of a member tells of a removal that was undone."""
        key = line.key[1], line.key[2]
        return (
            self._undone.get(key, -1) > self._removed.get(key, 0) and orjson.loads(line.content)["state"] == "REMOVED"
        )

    @property
    def _own_source(self) -> str:
        return f"{_SOURCE}/{self.incarnation}" if self.incarnation else _SOURCE

    def _of_day(self, messages: Iterable[LoggedMessage]) -> Iterable[LoggedMessage]:
        """Return the messages that name the day, found before they are parsed; what names no date is kept too."""
        wanted, named = f'_date":"{self.day.isoformat()}"'.encode(), b'"trade_date":"'
        return (message for message in messages if wanted in message.value or named not in message.value)

    def _parsed(self, message: LoggedMessage) -> dict[str, Any] | None:
        """Return an event of the day; None if it is not of the day, or no event."""
        try:
            event: dict[str, Any] = orjson.loads(message.value)
            if event.get("business_date", event["trade_date"]) != self.day.isoformat():
                return None
            event["batch_id"], event["version"] = int(event["batch_id"]), int(event["version"])
        except (ValueError, KeyError, TypeError) as error:
            self._refuse(message, error)
            return None
        return event

    def _refuse(self, message: LoggedMessage, error: Exception) -> None:
        self.unreadable.append(f"{message.origin} is no event of its topic: {str(error)[:200]}")

    def _lines_of_batch(self, batch_id: int) -> Iterable[SheetLine]:
        """Yield the newest state of a batch; more than one line if a version came with several contents."""
        contents = list(self._batches[batch_id].values())[-1]  # the source that appeared last
        newest = max(version for version, _ in contents.values())
        for content, (version, origin) in contents.items():
            if version == newest:
                event = orjson.loads(content)
                if "requested_at" not in event:
                    self.old.batches.add(batch_id)
                if "history" not in event:
                    self.old.unchained.add(batch_id)
                yield batch_line(event, origin)

    def _executions(self) -> Iterable[SheetLine]:
        for order_id, reports in self._reports.items():
            origins = {id(report): origin for report, origin in reports}
            for report in admit([report for report, _ in reports], lambda of: of.order_id, {}).newest:
                yield execution_line(
                    {
                        "order_id": order_id,
                        "batch_id": report.batch_id,
                        "account_id": report.account_id,
                        "enterprise_id": report.enterprise_id,
                        "security_id": report.security_id,
                        "version": report.version,
                        "status": report.status,
                        "quantity": text_of(scaled(report.quantity, 6), 6, trim=True),
                        "price": None if report.price is None else text_of(scaled(report.price, 6), 6, trim=True),
                        "at": instant_text(report.at),
                        "reason": report.reason,
                    },
                    origins[id(report)],
                )


def _can_be_true(report: ExecutionReported, order: dict[str, Any]) -> bool:
    """Return whether a report can be true of an order as it was sent.  Source: product 6."""
    names: Sequence[str] = ("account_id", "enterprise_id", "batch_id", "security_id")
    filled, ordered = scaled(report.quantity, 6), scaled(order["quantity"], 6)
    is_whole = (filled == ordered) == (report.status == "FILLED")
    return all(getattr(report, name) == order[name] for name in names) and filled <= ordered and is_whole
