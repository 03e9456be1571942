"""The running worker on real Kafka and PostgreSQL: accounts, files by every door, holdings out, the request path."""

import uuid
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from shared.contracts import chunks, codec, topics
from shared.kafka import messages
from tests.taxlot.build import facts_chunk, trades_chunk
from tests.taxlot.files import File, cash, good, lot
from tests.taxlot.harness import end_offsets, publish, publish_accounts, read_messages, rows_of, unique_numbers
from tests.waiting import until

pytestmark = pytest.mark.integration
NOW = datetime(2026, 6, 12, 14, tzinfo=UTC)


def test_a_file_right_after_its_accounts_by_inbox(start_worker: Callable[[], Any]) -> None:
    """Accounts published just before the file are known to it; the holdings of all are published, held or not."""
    custodian, (first, second) = unique_numbers(2)
    with start_worker() as worker:
        before = end_offsets(worker.kafka_url, topics.HOLDINGS)
        publish_accounts(worker.kafka_url, [first, second], custodian)
        file = File(
            [*good(first), lot(first, lot_id="L2", quantity="2.5"), lot(second, quantity="-1"), cash(second)],
            custodian=custodian,
        )
        # An account's records stand together: sort by account.
        file.records.sort(key=lambda record: record.split("|")[1])
        file.write(worker.inbox / "day.lots.part").rename(worker.inbox / "day.lots")
        enough = read_messages(worker.kafka_url, before, lambda found: len(rows_of(found, chunks.HOLDINGS)) >= 2)
        rows = rows_of(enough, chunks.HOLDINGS)
        held = {"sleeve_id": "S1", "security_id": "AAA", "quantity_micro": 12_500_000}
        assert rows[f"A{first}"]["holdings"] == [held]
        assert (rows[f"A{first}"]["cash_cents"], rows[f"A{first}"]["as_of"]) == (5_000, date(2026, 6, 11))
        assert rows[f"A{second}"]["hold_code"] == "SHORT_POSITION"
        assert rows[f"A{second}"]["holdings"] is None
        assert rows[f"A{second}"]["hold_text"].startswith("day.lots, line ")
        (shown,) = until(
            lambda: worker.get("/v1/files")["rows"], lambda seen: seen and seen[0]["status"] == "PUBLISHED"
        )
        assert (shown["accounts"], shown["held"], shown["rows_done"], shown["rows"]) == (2, 1, 5, 5)
        detail = worker.get(f"/v1/files/{shown['file_id']}")
        assert [(problem["code"], problem["account_number"]) for problem in detail["problems"]] == [
            ("SHORT_POSITION", second)
        ]
        assert (worker.inbox / "done" / "day.lots").exists()


def test_upload_command_refusal_and_duplicate(start_worker: Callable[[], Any], tmp_path: Path) -> None:
    custodian, (first,) = unique_numbers(1)
    with start_worker() as worker:
        publish_accounts(worker.kafka_url, [first], custodian)
        good_file = File(good(first), custodian=custodian)
        sent = worker.ask("POST", "/v1/files", params={"name": "up.lots"}, content=good_file.text())
        assert (sent.status_code, sent.json()["file_name"]) == (202, "up.lots")
        until(lambda: worker.get("/v1/files")["rows"], lambda seen: seen and seen[0]["status"] == "PUBLISHED")
        own = worker.command("load", str(good_file.write(tmp_path / "own.lots")))
        assert "loaded as file 2" in own.stdout  # the same bytes on the custodian's rights are another file
        again = worker.command("load", str(good_file.write(tmp_path / "again.lots")))
        assert (again.returncode, again.stderr) == (0, "")
        assert "already loaded as file 2, nothing done" in again.stdout
        wrong = File(good(first), custodian=custodian, trailer="T|2|10|100.00|50.01\n").write(tmp_path / "wrong.lots")
        refused = worker.command("load", str(wrong))
        assert refused.returncode == 1
        assert "TOTAL_MISMATCH: the trailer's sum of cash is 50.01, the records add up to 50.00" in refused.stderr
        missing = worker.command("load", str(tmp_path / "none.lots"))
        assert (missing.returncode, "cannot be read" in missing.stderr) == (1, True)
        wrong.rename(worker.inbox / "wrong.lots")
        reason = worker.inbox / "refused" / "wrong.lots.reason.txt"
        until(reason.exists)
        assert reason.read_text().startswith("TOTAL_MISMATCH: ")
        bad_name = worker.ask("POST", "/v1/files", params={"name": "../x"}, content=b"x")
        assert (bad_name.status_code, bad_name.headers["content-type"]) == (422, "application/problem+json")
        assert worker.get("/v1/files/999")["code"] == "not_found"


def test_a_file_loaded_but_not_published_is_published_on_start(start_worker: Callable[[], Any]) -> None:
    """A crash between commit and publish leaves LOADED; whoever starts next publishes all the file covers."""
    custodian, (first,) = unique_numbers(1)
    with start_worker() as worker:
        book, kafka_url = worker.book, worker.kafka_url
    book.add_accounts([first], custodian)
    outcome = book.load(File(good(first), custodian=custodian))
    assert outcome.status == "LOADED"
    before = end_offsets(kafka_url, topics.HOLDINGS)
    with start_worker() as worker:
        rows = rows_of(read_messages(kafka_url, before, lambda found: bool(found)), chunks.HOLDINGS)
        assert list(rows) == [f"A{first}"]
        until(lambda: worker.get("/v1/files")["rows"][0]["status"], lambda status: status == "PUBLISHED")


def test_request_path(start_worker: Callable[[], Any]) -> None:
    """Facts get their lots, or fail as stale; trades become slices; the chunk's metadata is handed on."""
    custodian, (first, second) = unique_numbers(2)
    with start_worker() as worker:
        worker.book.add_accounts([first, second], custodian)
        worker.book.load(File([*good(first), *good(second)], custodian=custodian))
        facts = facts_chunk([(f"A{first}", 1), (f"A{second}", 7)])
        meta = {"batch_id": uuid.uuid4().hex, "attempt": "1", "trade_date": "2026-06-12", "size": "2"}
        replies = topics.small(topics.WORK_LOTS)
        before = end_offsets(worker.kafka_url, replies)
        ask = topics.small(topics.WORK_FACTS)
        publish(worker.kafka_url, [messages.chunk(ask, "b", facts, meta, event_id="x", source="t", at=NOW)])
        (reply,) = read_messages(worker.kafka_url, before, lambda found: bool(found))
        rows, got = codec.decode(reply.value, chunks.LOTS)
        assert got == meta
        attached, stale = rows.to_pylist()
        assert [one_lot["lot_id"] for one_lot in attached["lots"]] == ["L1"]
        assert (attached["failure_code"], stale["failure_code"], stale["lots"]) == (None, "STALE_LOTS", [])
        results = topics.small(topics.WORK_RESULTS)
        before = end_offsets(worker.kafka_url, results)
        sold = trades_chunk(rows)
        trades = topics.small(topics.WORK_TRADES)
        publish(worker.kafka_url, [messages.chunk(trades, "b", sold, meta, event_id="y", source="t", at=NOW)])
        (reply,) = read_messages(worker.kafka_url, before, lambda found: bool(found))
        booked, got = codec.decode(reply.value, chunks.RESULT)
        assert got == meta
        result = booked.to_pylist()[0]
        assert [(cut["quantity_micro"], cut["gain_cents"]) for cut in result["slices"]] == [(4_000_000, 4_000)]
        assert result["taxes"][0]["long_cents"] == 4_000
        assert booked.to_pylist()[1]["slices"] == []


def test_a_sale_at_a_loss_brings_what_the_household_bought(start_worker: Callable[[], Any]) -> None:
    """One sells at a loss; its IRA of the same household holds a lot of this month and had more approved."""
    custodian, (first, second) = unique_numbers(2)
    with start_worker() as worker:
        publish_accounts(worker.kafka_url, [first], custodian, tax_household_id="H1")
        publish_accounts(worker.kafka_url, [second], custodian, tax_household_id="H1", custody="IRA")
        records = [
            lot(first, basis="1000.00"),
            cash(first),
            lot(second, lot_id="NEW", acquired="2026-06-01"),
            cash(second),
        ]
        File(records, custodian=custodian).write(worker.inbox / "day.lots.part").rename(worker.inbox / "day.lots")
        until(lambda: worker.get("/v1/files")["rows"], lambda seen: seen and seen[0]["status"] == "PUBLISHED")
        trade = {"sleeve_id": "S1", "security_id": "AAA", "quantity_micro": 3_000_000, "crossed_micro": 0}
        row = {"account_id": f"A{second}", "enterprise_id": "E1", "advisor_id": "V1", "epoch": 1,
               "trade_date": NOW.date(), "trades": [trade]}  # fmt: skip
        approved = pa.RecordBatch.from_pylist([row], schema=chunks.REBALANCED)
        published = messages.chunk(topics.REBALANCED, "b", approved, {}, event_id="r", source="t", at=NOW)
        publish(worker.kafka_url, [published])
        until(lambda: worker.book.rows("SELECT 1 FROM approved_trade"))
        (facts,) = facts_chunk([(f"A{first}", 1)]).to_pylist()
        dear = {"security": 0, "sleeve_id": "S1", "lot_id": "L1", "acquired": date(2020, 1, 2),
                "quantity_micro": 10_000_000, "basis_cents": 100_000, "covered": True, "picked_micro": 0}  # fmt: skip
        lots = pa.RecordBatch.from_pylist([facts | {"tax_household_id": "H1", "lots": [dear]}], schema=chunks.LOTS)
        meta = {"batch_id": uuid.uuid4().hex, "attempt": "1", "trade_date": "2026-06-12", "size": "1"}
        results, ask = topics.small(topics.WORK_RESULTS), topics.small(topics.WORK_TRADES)
        before = end_offsets(worker.kafka_url, results)
        sold = trades_chunk(lots)
        publish(worker.kafka_url, [messages.chunk(ask, "b", sold, meta, event_id="w", source="t", at=NOW)])
        (reply,) = read_messages(worker.kafka_url, before, lambda found: bool(found))
        (result,) = codec.decode(reply.value, chunks.RESULT)[0].to_pylist()
        assert [one_slice["gain_cents"] for one_slice in result["slices"]] == [-32_000]
        names_of = ("account_id", "lot_id", "quantity_micro", "taxable")
        assert [tuple(bought[name] for name in names_of) for bought in result["purchases"]] == [
            (f"A{second}", "NEW", 10_000_000, False), (f"A{second}", None, 3_000_000, False),
        ]  # fmt: skip
        assert (result["wash_accounts"], result["wash_unseen"]) == (2, 0)
