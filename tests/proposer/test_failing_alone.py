"""One account that cannot be worked on, or is too large for a message, fails alone: through every hop of a request."""

import random
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from services.proposer import handlers as proposer
from services.taxlot import handlers as taxlot
from services.taxlot.columns import bookings
from shared.contracts import chunks, topics
from shared.fixed_point.limits import MAX_LOTS, MAX_POSITIONS
from shared.kafka import messages
from shared.kafka.faults import RetryLater
from shared.kafka.isolation import OUR_FAULT, TOO_LARGE, failed, isolate_rows, too_large
from shared.kafka.messages import BadMessage, Chunk, Incoming, Outgoing, decoder
from shared.kafka.publisher import Publisher
from shared.runtime.clock import clock_of
from tests.proposer.builders import TRADE_DAY, WHOLE, Account, Lot, Position, Security
from tests.proposer.harness import batch_of
from tests.proposer.strategies import generated

META = {"batch_id": "7", "attempt": "1", "trade_date": "2026-01-02"}
NOW = datetime(2026, 1, 2, tzinfo=UTC)
Work = Callable[..., pa.RecordBatch]


def _propose(asked: pa.RecordBatch) -> list[Outgoing]:
    """Return the proposer's results of this chunk of LOTS."""
    rules = proposer.Handlers(Publisher("nowhere", "proposer"), clock_of(None))
    return rules._proposed(Chunk(asked, META, b""), topics.WORK_TRADES)


def _book(trades: list[Outgoing]) -> list[Outgoing]:
    """Return taxlot's results of these chunks of TRADES."""
    sent = []
    for message in trades:
        asked = _decoded(topics.WORK_TRADES, message)
        booked = taxlot._book(asked)
        fail = too_large(failed)
        sent += messages.result_chunks(topics.WORK_RESULTS, booked.rows, META, source="taxlot", at=NOW, too_large=fail)
    return sent


def _decoded(topic: topics.Topic, message: Outgoing) -> Chunk:
    assert len(message.value) <= topic.max_message_bytes - 64 * 1024
    read: Chunk = decoder(topic)(Incoming(topic.name, 0, 0, message.key, message.value, (), 0))
    return read


def _rows(topic: topics.Topic, sent: list[Outgoing]) -> dict[str, Any]:
    return {row["account_id"]: row for message in sent for row in _decoded(topic, message).rows.to_pylist()}


def _large(lots: int, positions: int, name: str = "LARGE") -> Account:
    """An account that has to sell everything it holds: every lot is relieved, under every logic."""
    dice = random.Random(lots)
    names = [f"{dice.getrandbits(48):012X}" for _ in range(positions // 2)]
    securities = [Security(security_id, dice.randrange(1_000_000, 900_000_000)) for security_id in names]
    sleeves = ("APM", "MODEL-1")
    each = lots // positions
    held = [(security_id, sleeve) for security_id in sorted(names) for sleeve in sleeves]
    return Account(
        securities,
        [Position(security_id, sleeve, each * WHOLE, 0) for security_id, sleeve in held],
        cash_cents=100_000_00,
        cash_target_ppb=10**9,
        account_id=name,
        lots=[
            Lot(security_id, sleeve, f"{dice.getrandbits(120):030X}", date(2024, 1, 2), WHOLE, dice.randrange(1, 10**8))
            for security_id, sleeve in held
            for _ in range(each)
        ],
    )


def test_an_account_at_the_limit_goes_through_every_hop() -> None:
    """Its neighbours go in messages of their own where its own is large; nothing is cut from it, nothing fails."""
    asked = batch_of([generated(1), _large(MAX_LOTS, MAX_POSITIONS), generated(2)])
    sent = messages.result_chunks(topics.WORK_LOTS, asked, META, source="taxlot", at=NOW, too_large=too_large(failed))
    trades = [trade_chunk for message in sent for trade_chunk in _propose(_decoded(topics.WORK_LOTS, message).rows)]
    results = _rows(topics.WORK_RESULTS, _book(trades))
    assert set(results) == {"A-1", "A-2", "LARGE"}
    large = results["LARGE"]
    assert large["failure_code"] is None
    assert [proposal["failure_code"] for proposal in large["proposals"]] == [None, None, None]
    assert len(large["slices"]) == 3 * MAX_LOTS
    assert len(large["positions"]) == MAX_POSITIONS


def test_a_result_too_large_fails_its_account_with_the_reason() -> None:
    asked = batch_of([generated(1), _large(100_000, 20), generated(2)])
    trades = _propose(asked)
    proposed = _rows(topics.WORK_TRADES, trades)
    results = _rows(topics.WORK_RESULTS, _book(trades))
    assert proposed["LARGE"]["failure_code"] == results["LARGE"]["failure_code"] == TOO_LARGE
    assert "more than a message carries" in results["LARGE"]["failure_text"]
    assert {proposal["failure_code"] for proposal in results["LARGE"]["proposals"]} == {TOO_LARGE}
    for name in ("A-1", "A-2"):
        assert results[name]["failure_code"] is None
        assert proposed[name] == _rows(topics.WORK_TRADES, _propose(batch_of([generated(int(name[2:]))])))[name]


def _raising(work: Work) -> Work:
    """The real work, with a fault in it: it raises for every chunk that holds a certain account."""

    def raises(rows: pa.RecordBatch, *more: Any) -> pa.RecordBatch:
        codes = rows.column("failure_code").to_pylist()
        if any(
            account_id == "A-5" and codes[number] is None
            for number, account_id in enumerate(rows.column("account_id").to_pylist())
        ):
            raise IndexError("index 7 is out of bounds")
        return work(rows, *more)

    return raises


@pytest.mark.parametrize(("module", "name"), [(proposer, "propose"), (bookings, "book_trades")])
def test_a_kernel_that_raises_for_one_account_fails_it_alone(
    monkeypatch: pytest.MonkeyPatch, module: Any, name: str
) -> None:
    asked = batch_of([generated(seed) for seed in range(11)])
    sound = _rows(topics.WORK_RESULTS, _book(_propose(asked)))
    monkeypatch.setattr(module, name, _raising(getattr(module, name)))
    hurt = _rows(topics.WORK_RESULTS, _book(_propose(asked)))
    assert hurt["A-5"]["failure_code"] == OUR_FAULT
    assert "IndexError" in hurt["A-5"]["failure_text"]
    assert {key: row for key, row in hurt.items() if key != "A-5"} == {
        key: row for key, row in sound.items() if key != "A-5"
    }


@pytest.mark.parametrize("fault", [RetryLater("later"), BadMessage("no_trade_date", "none")])
def test_what_is_no_fault_of_ours_is_not_an_account_s_either(fault: Exception) -> None:
    def raises(_: pa.RecordBatch) -> pa.RecordBatch:
        raise fault

    with pytest.raises(type(fault)):
        isolate_rows("fail", batch_of([generated(1), generated(2)]), raises, failed)


def test_failing_keeps_what_an_account_is_and_what_it_failed_of_before() -> None:
    rows = batch_of([generated(1), generated(2)])
    once = failed(rows.slice(0, 1), "FIRST", "why")
    (row,) = failed(once, "SECOND", "other").to_pylist()
    assert (row["account_id"], row["failure_code"], row["failure_text"], row["lots"]) == ("A-1", "FIRST", "why", [])
    assert np.array_equal(once.column("cash_cents").to_numpy(), rows.slice(0, 1).column("cash_cents").to_numpy())
    booked = bookings.book_trades(failed(_decoded(topics.WORK_TRADES, _propose(rows)[0]).rows, "X", "y"), TRADE_DAY)
    assert booked.schema.equals(chunks.RESULT)
