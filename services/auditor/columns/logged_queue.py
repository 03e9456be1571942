"""The queue at an instant from the event log: states of accounts, and the flags of those that are queued.

Events are read in columns; only what stands in the queue then becomes lines.  Source: product 3, 6.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json as pj

from services.auditor.columns.logged_day import LoggedMessage
from services.auditor.columns.newest import newest, newest_by_publisher
from services.auditor.columns.sheets import LineKind, SheetLine, sheet_line

_AT: Final[Any] = pa.timestamp("us", "UTC")
_TEXT: Final[Any] = pa.string()
_TEXTS: Final[Any] = pa.list_(pa.string())
_STATE: Final = pa.schema(
    {"account_id": _TEXT, "enterprise_id": _TEXT, "advisor_id": _TEXT, "version": pa.int64(), "state": _TEXT}
    | {"batch_id": pa.int64(), "batch_status": _TEXT, "since": _TEXT},
)
_FLAG: Final[pa.Schema] = pa.schema(
    {"account_id": _TEXT, "version": pa.int64(), "state": _TEXT, "tiles": _TEXTS, "source": _TEXT}
    | {"needed_since": _TEXT, "last_rebalanced": _TEXT},
)
_OUTSIDE: Final = ("OFF", "CLEAR")
_REDUCE_AT: Final = 500_000


@dataclass
class LoggedQueue:
    """What the event log says of every account at an instant.

    unreadable: messages that are no such events, with where they lie.
    """

    at: datetime
    unreadable: list[str] = field(default_factory=list)
    _read: int = 0
    _states: list[pa.Table] = field(default_factory=list)
    _flags: list[pa.Table] = field(default_factory=list)

    def note_states(self, messages: Sequence[LoggedMessage]) -> None:
        """Note messages of rebalancer.account-state.v1."""
        self._note(self._states, messages, _STATE, "since")

    def note_flags(self, messages: Sequence[LoggedMessage]) -> None:
        """Note messages of rebalancer.account-flag.v1."""
        self._note(self._flags, messages, _FLAG, None)

    def lines(self) -> list[SheetLine]:
        """Return the queue: accounts that are neither clear nor off, and the flags of those that are queued."""
        states = _whole(self._states, _STATE)
        states = states.filter(pc.invert(pc.is_in(states.column("state"), pa.array(_OUTSIDE))))
        queued = states.filter(pc.equal(states.column("state"), pa.scalar("QUEUED"))).column("account_id")
        flags = _whole(self._flags, _FLAG)
        flags = flags.filter(pc.is_in(flags.column("account_id"), queued.combine_chunks()))
        lines = []
        for kind, table, schema in ((LineKind.QUEUE, states, _STATE), (LineKind.FLAG, flags, _FLAG)):
            origins: list[Any] = table.column("origin").to_pylist()
            for facts, origin in zip(table.select(schema.names).to_pylist(), origins, strict=True):
                if kind == LineKind.FLAG:
                    # An evaluation that finds the same is not published: it is a version that the log does not have.
                    del facts["version"]
                    facts["tiles"] = sorted(facts["tiles"] or ())
                lines.append(sheet_line(kind, 0, facts["account_id"], "", facts, origin))
        return lines

    def _note(
        self, tables: list[pa.Table], messages: Sequence[LoggedMessage], schema: pa.Schema, instant: str | None
    ) -> None:
        """Add the events up to the instant.  instant: the field that says when; None: the header `ce_time` does."""
        if not messages:
            return
        rows, readable = self._parsed(messages, schema)
        first = pa.array(range(self._read, self._read + len(readable)), pa.int64())
        self._read += len(readable)
        table = rows.append_column("key", rows.column("account_id")).append_column("first", first)
        table = table.append_column("publisher", pa.array([of.source for of in readable], pa.string()))
        table = table.append_column("origin", pa.array([of.origin for of in readable], pa.string()))
        texts = rows.column(instant) if instant else pa.array([of.time for of in readable], pa.string())
        is_known = pc.less_equal(pc.cast(texts, _AT), pa.scalar(self.at, _AT))
        tables.append(table.filter(is_known))
        if sum(part.num_rows for part in tables) > _REDUCE_AT:
            tables[:] = [newest_by_publisher(pa.concat_tables(tables))]

    def _parsed(self, messages: Sequence[LoggedMessage], schema: pa.Schema) -> tuple[pa.Table, Sequence[LoggedMessage]]:
        """Return events as columns, with the messages that they come from; one by one if they do not parse at once."""
        try:
            return _columns([message.value for message in messages], schema), messages
        except (pa.ArrowInvalid, ValueError):
            good = []
            for message in messages:
                try:
                    _columns([message.value], schema)
                except (pa.ArrowInvalid, ValueError) as error:
                    self.unreadable.append(f"{message.origin} is no event of its topic: {str(error)[:200]}")
                else:
                    good.append(message)
            return _columns([message.value for message in good], schema), good


def _columns(values: Sequence[bytes], schema: pa.Schema) -> pa.Table:
    """Return JSON events as columns.  Raises ValueError or pa.ArrowInvalid if they are not one event each."""
    if not values:
        return schema.empty_table()
    text = b"\n".join(values)
    options = pj.ParseOptions(explicit_schema=schema, unexpected_field_behavior="ignore")
    block = pj.ReadOptions(use_threads=False, block_size=max(len(text) + 1, 1 << 16))
    source: Any = pa.BufferReader(text)
    table = pj.read_json(source, block, options).select(schema.names)
    if table.num_rows != len(values) or table.column("account_id").null_count or table.column("version").null_count:
        raise ValueError("an event has no account_id or version, or is not on a line of its own")
    return table


def _whole(tables: Sequence[pa.Table], schema: pa.Schema) -> pa.Table:
    if not tables:
        return schema.empty_table().append_column("origin", pa.array([], pa.string()))
    return newest(pa.concat_tables(tables))
