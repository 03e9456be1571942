"""Public events of flags are written by columns; what the contract's own model writes of them is the same bytes."""

import numpy as np
import orjson
import pyarrow as pa
import pytest

from services.analyzer.columns.flags import FlagIds
from services.analyzer.domain.layout import FIGURES, NONE, REASON, key_of
from services.analyzer.operations.flag_messages import public_events
from services.analyzer.store.flags import StoredFlags
from services.analyzer.store.pgcopy import NULL
from shared.contracts.codes import FlagState, Tile
from shared.contracts.events import AccountFlag
from shared.fixed_point.records import as_records, records_of

pytestmark = pytest.mark.fast

_EVALUATED_US = 1_780_000_000_123_456
_DAY = 20_616  # 2026-06-12
_FLAGGED, _HELD, _CLEAR = int(FlagState.FLAGGED), int(FlagState.HELD), int(FlagState.CLEAR)


def stored(announced: tuple[bool, bool, bool, bool] = (False, False, False, True)) -> StoredFlags:
    """Return a flagged account (a position and cash), a held, a clear one, and one more that is announced already."""
    numbers = {name: np.ones(4, np.int64) for name in ("facts_version", "lots_version", "target_version", "price_set")}
    numbers |= {
        "flag_version": np.array([7, 8, 9, 10]),
        "epoch": np.zeros(4, np.int64),
        "state": np.array([_FLAGGED, _HELD, _CLEAR, _CLEAR]),
        "tiles": np.array([int(Tile.FIRST_REBALANCE | Tile.POSITION_DRIFT), 0, 0, 0]),
        "needed_since": np.array([_DAY, NULL, NULL, NULL]),
        "last_rebalanced": np.array([NULL, _DAY - 1, _DAY - 2, NULL]),
        "evaluated_us": np.full(4, _EVALUATED_US),
        "portfolio_no": np.array([1, 1, NULL, 1]),
    }
    figures = records_of(FIGURES, value=np.array([12_345_678_901, 0, 100, 0]))
    reasons = [
        [key_of(3, 1), 40_650_000, 24_500_000, 19_500_000_000_000_000, 29_500_000_000_000_000],
        [NONE, -1, 20_000_000, 0, 25_000_000_000_000_000],
    ]
    return StoredFlags(
        pa.array(["A1", "A2", "A3", "A4"]), pa.array(["E1"] * 4), pa.array(["V1"] * 4), numbers,
        pa.array([f"{_DAY} T model M version 2\n{_DAY} D daily analysis", "", "", ""]), figures,
        np.array([0, 2, 2, 2, 2]), as_records(REASON, reasons), pa.array([None, "STALE_PRICE", None, None]),
        pa.array([None, "The newest prices are old.", None, None]), np.array(announced),
    )  # fmt: skip


def ids() -> FlagIds:
    return FlagIds(pa.array(["P1", "P1", None, "P1"]), pa.array(["CORE", None]), pa.array(["S3", None]))


def test_every_event_is_what_the_model_would_write() -> None:
    found = list(public_events(stored(), ids()))
    assert [message.key for message in found] == [b"A1", b"A2", b"A3"]
    for message in found:
        body = AccountFlag.model_validate_json(message.value)
        assert orjson.dumps(body.model_dump(mode="json", exclude_none=True)) == message.value


def test_what_is_told_of_a_flagged_account() -> None:
    body = AccountFlag.model_validate_json(next(iter(public_events(stored(), ids()))).value)
    assert (body.state, body.tiles, body.source) == ("FLAGGED", ["FIRST_REBALANCE", "POSITION_DRIFT"], "TARGET_UPDATE")
    assert (str(body.needed_since), body.last_rebalanced, body.market_value) == ("2026-06-12", None, "123456789.01")
    position, cash = body.reasons
    assert (position.security_id, position.weight, position.high) == ("S3", "0.040650000", "0.029500000000000000")
    assert (cash.security_id, cash.sleeve_id, cash.weight) == (None, None, "-0.000000001")


def test_nothing_is_told_twice() -> None:
    assert list(public_events(stored((True, True, True, True)), ids())) == []
