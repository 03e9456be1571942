"""From stored flags to messages: FLAGS chunks for batch, and one public event for each account whose flag changed."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from functools import cache
from typing import Final

import numpy as np
import pyarrow as pa

from services.analyzer.domain import eligibility, episode
from services.analyzer.settings import SERVICE
from services.analyzer.store.flags import StoredFlags
from services.analyzer.store.pgcopy import NULL
from services.analyzer.store.withdrawals import DecidedSet
from shared.columnar import Arrow, array, lists, starts_of
from shared.contracts import chunks, events
from shared.contracts.codes import FlagState, Tile
from shared.contracts.topics import ACCOUNT_FLAG, FLAGS, PRICE_SETS, STANDING
from shared.fixed_point.text import text_of, usd
from shared.ids import event_id
from shared.kafka import messages
from shared.kafka.messages import Outgoing

_STANDING_ROWS: Final = 5_000  # well below 512 kB
_REASON: Final = 500  # characters of a person's words that an event carries
_FIGURES: Final = (
    "value_cents", "cash_cents", "cash_ppb", "cash_target_ppb", "cash_low_ppb", "cash_high_ppb", "max_drift_ppb",
    "drifted",
)  # fmt: skip

_TOLD: Final = (
    "state", "tiles", "flag_version", "needed_since", "last_rebalanced", "evaluated_us",
)  # fmt: skip

_STATES: Final[dict[int, events.StateName]] = {
    FlagState.OFF: "OFF",
    FlagState.CLEAR: "CLEAR",
    FlagState.FLAGGED: "FLAGGED",
    FlagState.HELD: "HELD",
    FlagState.SETTLING: "SETTLING",
    FlagState.NO_TARGET: "NO_TARGET",
}
_TILES: Final[dict[int, events.TileName]] = {
    Tile.FIRST_REBALANCE: "FIRST_REBALANCE",
    Tile.HIGH_CASH: "HIGH_CASH",
    Tile.LOW_CASH: "LOW_CASH",
    Tile.POSITION_DRIFT: "POSITION_DRIFT",
}


def flag_chunks(stored: StoredFlags, ids: "FlagIds", at: datetime) -> list[Outgoing]:
    """Return the chunks of at most MAX_CHUNK_ACCOUNTS, and of a chunk's size, that carry these flags, whole."""
    if not len(stored):
        return []
    rows = flag_rows(stored, ids)
    found = []
    for start in range(0, len(stored), chunks.MAX_CHUNK_ACCOUNTS):
        for part in messages.split_by_size(rows.slice(start, chunks.MAX_CHUNK_ACCOUNTS)):
            key = str(part.column("account_id")[0])
            name = event_id("flags", key, len(part), *part.column("flag_version").to_pylist())
            found.append(messages.chunk(FLAGS, key, part, {}, event_id=name, source=SERVICE, at=at))
    return found


def standing_chunks(rows: pa.RecordBatch, run_no: int, at: datetime) -> list[Outgoing]:
    """Return rows of STANDING in chunks, keyed by their first account."""
    found = []
    for start in range(0, rows.num_rows, _STANDING_ROWS):
        part = rows.slice(start, _STANDING_ROWS)
        key = str(part.column("account_id")[0])
        name = event_id("standing", run_no, key, part.num_rows)
        meta = {"run_no": str(run_no)}
        found.append(messages.chunk(STANDING, key, part, meta, event_id=name, source=SERVICE, at=at))
    return found


def price_sets(decided: Sequence[DecidedSet], at: datetime) -> list[Outgoing]:
    """Return one event for each price set that was withdrawn, or accepted again after that."""
    found = []
    for one in decided:
        reason = "".join(letter if letter.isprintable() else " " for letter in one.reason)[:_REASON].strip()
        body = events.PriceSetDecided(
            price_set=one.price_set,
            version=one.decision_no,
            is_withdrawn=one.is_withdrawn,
            accepted_at=one.accepted_at,
            decided_at=one.decided_at,
            reason=reason or "no reason was given",
        )
        name = event_id("price-set", one.price_set, one.decision_no)
        found.append(messages.event(PRICE_SETS, str(one.price_set), body, event_id=name, source=SERVICE, at=at))
    return found


class FlagIds:
    """FlagIds of the numbers that stored flags hold: portfolios by row, sleeves and securities by reason."""

    def __init__(self, portfolios: Arrow, sleeves: Arrow, securities: Arrow) -> None:
        self.portfolios = portfolios
        self.sleeves = sleeves
        self.securities = securities


def flag_rows(stored: StoredFlags, ids: FlagIds) -> pa.RecordBatch:
    """Return stored flags as a record batch of the FLAGS contract."""
    figures = stored.figures
    columns: dict[str, Arrow] = {
        "account_id": stored.account_id,
        "enterprise_id": stored.enterprise_id,
        "advisor_id": stored.advisor_id,
        "source": array([_source(text) for text in _started(stored)], pa.string()),
        "needed_since": _nullable(stored.numbers["needed_since"], pa.int32()).cast(pa.date32()),
        "last_rebalanced": _nullable(stored.numbers["last_rebalanced"], pa.int32()).cast(pa.date32()),
        "evaluated_at": array(stored.numbers["evaluated_us"]).cast(pa.timestamp("us", tz="UTC")),
        "portfolio_id": ids.portfolios,
        "hold_code": stored.hold_code,
        "hold_text": stored.hold_text,
        "reasons": _reasons(stored, ids),
        "causes": _causes(stored.causes.to_pylist()),
    }
    measured = figures[:, 0] > 0  # without a value nothing else is known
    for place, name in enumerate(_FIGURES):
        kind = pa.int32() if name == "drifted" else pa.int64()
        absent = ~measured if name in ("value_cents", "cash_cents", "cash_ppb") else figures[:, 3] < 0
        columns[name] = array(figures[:, place], mask=absent & (name != "drifted")).cast(kind)
    for name in (
        "flag_version",
        "facts_version",
        "lots_version",
        "target_version",
        "price_set",
        "epoch",
        "state",
        "tiles",
    ):
        columns[name] = array(stored.numbers[name]).cast(chunks.FLAGS.field(name).type)
    return pa.RecordBatch.from_arrays([columns[name] for name in chunks.FLAGS.names], schema=chunks.FLAGS)


def public_events(stored: StoredFlags, ids: "FlagIds") -> Iterator[Outgoing]:
    """Yield the public event of each flag that has not been announced: an AccountFlag, what is absent left out."""
    fresh = np.flatnonzero(~stored.announced)
    if not len(fresh):
        return
    reasons = _Reasons(stored, ids)
    instants = {us: _instant(us) for us in np.unique(stored.numbers["evaluated_us"][fresh]).tolist()}
    numbers = {name: stored.numbers[name].tolist() for name in _TOLD}
    accounts, enterprises, advisors, causes, holds = (
        column.to_pylist()
        for column in (stored.account_id, stored.enterprise_id, stored.advisor_id, stored.causes, stored.hold_text)
    )
    values = stored.figures[:, 0].tolist()
    for row in fresh.tolist():
        tiles, version, since = numbers["tiles"][row], numbers["flag_version"][row], numbers["needed_since"][row]
        body = {
            "account_id": accounts[row],
            "enterprise_id": enterprises[row],
            "advisor_id": advisors[row],
            "version": version,
            "state": _STATES[numbers["state"][row]],
            "tiles": _tile_names(tiles),
            "source": _source(causes[row]) if since != NULL else None,
            "needed_since": _date(since),
            "last_rebalanced": _date(numbers["last_rebalanced"][row]),
            "market_value": usd(values[row]) if values[row] > 0 else None,
            "reasons": reasons.of(row),
            "hold": holds[row],
        }
        yield messages.plain_event(
            ACCOUNT_FLAG,
            accounts[row],
            {name: value for name, value in body.items() if value is not None},
            event_id=event_id("account-flag", accounts[row], version),
            source=SERVICE,
            at=instants[numbers["evaluated_us"][row]],
        )


class _Reasons:
    """The triggering lists of stored flags as the public event tells them; texts that repeat are made once."""

    def __init__(self, stored: StoredFlags, ids: "FlagIds") -> None:
        self._starts: list[int] = stored.reason_starts.tolist()
        self._numbers: list[list[int]] = stored.reasons.tolist()
        self._sleeves: list[str | None] = ids.sleeves.to_pylist()
        self._securities: list[str | None] = ids.securities.to_pylist()
        self._edges: dict[int, str] = {}

    def of(self, row: int) -> list[dict[str, str]]:
        """Return the reasons of one flag; cash names neither sleeve nor security."""
        return [self._told(place) for place in range(self._starts[row], self._starts[row + 1])]

    def _told(self, place: int) -> dict[str, str]:
        _, weight, target, low, high = self._numbers[place]
        told = {"weight": text_of(weight, 9), "target": text_of(target, 9), "low": self._edge(low)}
        told["high"] = self._edge(high)
        sleeve, security = self._sleeves[place], self._securities[place]
        if security is None or sleeve is None:
            return told
        return {"sleeve_id": sleeve, "security_id": security} | told

    def _edge(self, value: int) -> str:
        if value not in self._edges:
            self._edges[value] = text_of(value, 18)
        return self._edges[value]


@cache
def _tile_names(tiles: int) -> tuple[events.TileName, ...]:
    return tuple(name for tile, name in _TILES.items() if tiles & tile)


def _instant(us: int) -> datetime:
    return datetime.fromtimestamp(us / 1_000_000).astimezone()


def _started(stored: StoredFlags) -> list[str]:
    """Return the causes of the accounts whose episode has begun, empty text for the others."""
    begun = stored.numbers["needed_since"] != NULL
    return [text if started else "" for text, started in zip(stored.causes.to_pylist(), begun, strict=True)]


def _source(causes: str) -> events.SourceName | None:
    found = episode.read_causes(causes.partition("\n")[0])
    return found[0].source if found else None


def _date(number: int) -> str | None:
    return None if number == NULL else eligibility.day_of(number).isoformat()


def _nullable(values: np.ndarray[tuple[int], np.dtype[np.int64]], kind: pa.DataType) -> Arrow:
    null = values == NULL
    return array(np.where(null, 0, values), mask=null).cast(kind)


def _reasons(stored: StoredFlags, ids: FlagIds) -> Arrow:
    data = stored.reasons
    numbers = [array(np.ascontiguousarray(data[:, column])) for column in range(1, 5)]
    return lists(stored.reason_starts, [ids.sleeves, ids.securities, *numbers], chunks.FLAGS.field("reasons").type)


def _causes(texts: list[str]) -> Arrow:
    histories = [episode.read_causes(text) if text else () for text in texts]
    starts = starts_of([len(history) for history in histories])
    flat = [one for history in histories for one in history]
    columns = [
        array([one.day for one in flat], pa.int32()).cast(pa.date32()),
        array([one.source for one in flat], pa.string()),
        array([one.detail for one in flat], pa.string()),
    ]
    return lists(starts, columns, chunks.FLAGS.field("causes").type)
