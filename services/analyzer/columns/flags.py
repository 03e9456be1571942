"""Stored flags as rows of the FLAGS contract, and as bodies of the public event AccountFlag."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from services.analyzer.domain import eligibility, episode
from services.analyzer.store.flags import StoredFlags
from services.analyzer.store.pgcopy import NULL
from shared.columnar import Arrow, array, lists, starts_of
from shared.contracts import chunks, events
from shared.contracts.codes import FlagState, Tile
from shared.fixed_point.text import text_of, usd

_OF_VALUE: Final = {"value_cents": "value", "cash_cents": "cash", "cash_ppb": "cash_weight"}
"""Columns that an account with a value has, and the figure of each."""
_OF_TARGET: Final = {
    "cash_target_ppb": "cash_target",
    "cash_low_ppb": "cash_low",
    "cash_high_ppb": "cash_high",
    "max_drift_ppb": "max_drift",
}
"""Columns that an account with a target has besides."""
_COPIED: Final = (
    "flag_version", "facts_version", "lots_version", "target_version", "price_set", "epoch", "state", "tiles",
)  # fmt: skip
_IN_EVENTS: Final = ("state", "tiles", "flag_version", "needed_since", "last_rebalanced")
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


@dataclass(frozen=True)
class FlagIds:
    """Ids of the numbers in stored flags: of portfolios by flag, of sleeves and securities by reason, null for cash."""

    portfolios: Arrow
    sleeves: Arrow
    securities: Arrow


def flag_rows(stored: StoredFlags, ids: FlagIds) -> pa.RecordBatch:
    """Return stored flags as a record batch of the FLAGS contract."""
    figures = stored.figures
    columns: dict[str, Arrow] = {
        "account_id": stored.account_id,
        "enterprise_id": stored.enterprise_id,
        "advisor_id": stored.advisor_id,
        "source": array([_source(text) for text in _causes_in_queue(stored)], pa.string()),
        "needed_since": _nullable(stored.numbers["needed_since"], pa.int32()).cast(pa.date32()),
        "last_rebalanced": _nullable(stored.numbers["last_rebalanced"], pa.int32()).cast(pa.date32()),
        "evaluated_at": array(stored.numbers["evaluated_us"]).cast(pa.timestamp("us", tz="UTC")),
        "portfolio_id": ids.portfolios,
        "hold_code": stored.hold_code,
        "hold_text": stored.hold_text,
        "reasons": _reasons(stored, ids),
        "causes": _causes(stored.causes.to_pylist()),
    }
    columns |= {name: array(figures[field], mask=figures.value <= 0) for name, field in _OF_VALUE.items()}
    columns |= {name: array(figures[field], mask=figures.cash_target < 0) for name, field in _OF_TARGET.items()}
    columns["drifted"] = array(figures.drifted).cast(pa.int32())
    for name in _COPIED:
        columns[name] = array(stored.numbers[name]).cast(chunks.FLAGS.field(name).type)
    return pa.RecordBatch.from_arrays([columns[name] for name in chunks.FLAGS.names], schema=chunks.FLAGS)


def public_bodies(stored: StoredFlags, ids: FlagIds) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield (row, body of an AccountFlag) of each flag that has not been announced; absent fields are left out.

    Written by columns, because pydantic would take most of the time of a sweep.
    """
    fresh = np.flatnonzero(~stored.announced)
    if not len(fresh):
        return
    reasons = _PublicReasons(stored, ids)
    numbers = {name: stored.numbers[name].tolist() for name in _IN_EVENTS}
    accounts, enterprises, advisors, causes, holds = (
        column.to_pylist()
        for column in (stored.account_id, stored.enterprise_id, stored.advisor_id, stored.causes, stored.hold_text)
    )
    values = stored.figures.value.tolist()
    for row in fresh.tolist():
        since = numbers["needed_since"][row]
        body = {
            "account_id": accounts[row],
            "enterprise_id": enterprises[row],
            "advisor_id": advisors[row],
            "version": numbers["flag_version"][row],
            "state": _STATES[numbers["state"][row]],
            "tiles": _tile_names(numbers["tiles"][row]),
            "source": _source(causes[row]) if since != NULL else None,
            "needed_since": _date(since),
            "last_rebalanced": _date(numbers["last_rebalanced"][row]),
            "market_value": usd(values[row]) if values[row] > 0 else None,
            "reasons": reasons.of(row),
            "hold": holds[row],
        }
        yield row, {name: value for name, value in body.items() if value is not None}


class _PublicReasons:
    """The triggering components of stored flags as the public event shows them; repeated texts are made once."""

    def __init__(self, stored: StoredFlags, ids: FlagIds) -> None:
        self._starts: list[int] = stored.reason_starts.tolist()
        self._weights, self._targets, self._lows, self._highs = (
            stored.reasons[name].tolist() for name in ("weight", "target", "low", "high")
        )
        self._sleeves: list[str | None] = ids.sleeves.to_pylist()
        self._securities: list[str | None] = ids.securities.to_pylist()
        self._edges: dict[int, str] = {}

    def of(self, row: int) -> list[dict[str, str]]:
        """Return the reasons of a flag; cash has neither sleeve nor security."""
        return [self._reason(index) for index in range(self._starts[row], self._starts[row + 1])]

    def _reason(self, index: int) -> dict[str, str]:
        figures = {
            "weight": text_of(self._weights[index], 9),
            "target": text_of(self._targets[index], 9),
            "low": self._edge(self._lows[index]),
            "high": self._edge(self._highs[index]),
        }
        sleeve, security = self._sleeves[index], self._securities[index]
        if security is None or sleeve is None:
            return figures
        return {"sleeve_id": sleeve, "security_id": security} | figures

    def _edge(self, value: int) -> str:
        if value not in self._edges:
            self._edges[value] = text_of(value, 18)
        return self._edges[value]


@cache
def _tile_names(tiles: int) -> tuple[events.TileName, ...]:
    return tuple(name for tile, name in _TILES.items() if tiles & tile)


def _causes_in_queue(stored: StoredFlags) -> list[str]:
    """Return the causes of accounts whose flag episode has begun, empty text for the others."""
    begun = stored.numbers["needed_since"] != NULL
    return [text if in_queue else "" for text, in_queue in zip(stored.causes.to_pylist(), begun, strict=True)]


def _source(causes: str) -> events.SourceName | None:
    history = episode.read_causes(causes.partition("\n")[0])
    return history[0].source if history else None


def _date(number: int) -> str | None:
    return None if number == NULL else eligibility.day_of(number).isoformat()


def _nullable(values: NDArray[np.int64], kind: pa.DataType) -> Arrow:
    null = values == NULL
    return array(np.where(null, 0, values), mask=null).cast(kind)


def _reasons(stored: StoredFlags, ids: FlagIds) -> Arrow:
    numbers = [array(np.ascontiguousarray(stored.reasons[name])) for name in ("weight", "target", "low", "high")]
    return lists(stored.reason_starts, [ids.sleeves, ids.securities, *numbers], chunks.FLAGS.field("reasons").type)


def _causes(texts: list[str]) -> Arrow:
    histories = [episode.read_causes(text) if text else () for text in texts]
    starts = starts_of([len(history) for history in histories])
    flat = [cause for history in histories for cause in history]
    columns = [
        array([cause.day for cause in flat], pa.int32()).cast(pa.date32()),
        array([cause.source for cause in flat], pa.string()),
        array([cause.detail for cause in flat], pa.string()),
    ]
    return lists(starts, columns, chunks.FLAGS.field("causes").type)
