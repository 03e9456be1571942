"""The running worker on real Kafka and PostgreSQL: accounts, files by every door, holdings out, the request path."""

import asyncio
import uuid
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition

from shared.contracts import chunks, codec, topics
from shared.contracts.platform import AccountChanged, SecurityChanged
from shared.contracts.topics import Topic
from shared.kafka import messages
from shared.kafka.messages import Outgoing
from shared.kafka.publisher import Publisher
from tests.taxlot.files import File, cash, good, lot
from tests.waiting import aside, until

pytestmark = pytest.mark.integration
NOW = datetime(2026, 6, 12, 14, tzinfo=UTC)


def account(number: str, custodian: str, **more: Any) -> AccountChanged:
    values: dict[str, Any] = {
        "account_id": f"A{number}",
        "version": 1,
        "enterprise_id": "E1",
        "advisor_id": "V1",
        "custodian": custodian,
        "account_number": number,
        "name": f"Account {number}",
        "custody": "TAXABLE",
        "rebalancer_on": True,
        "rebalancer_on_count": 1,
    }
    return AccountChanged(**values | more)


def publish(kafka_url: str, out: list[Outgoing]) -> None:
    async def send() -> None:
        async with Publisher(kafka_url, "test") as publisher:
            await publisher.send(out)

    aside(send())


def tell(kafka_url: str, numbers: list[str], custodian: str, **more: Any) -> None:
    """The platform tells of two securities and of the accounts."""
    securities = [SecurityChanged(security_id=one, version=1, name=one, kind="STOCK") for one in ("AAA", "BBB")]
    out = [
        messages.event(topics.SECURITY, one.security_id, one, event_id=one.security_id, source="t", at=NOW)
        for one in securities
    ]
    accounts = [account(number, custodian, **more) for number in numbers]
    out += [
        messages.event(topics.ACCOUNT, one.account_id, one, event_id=one.account_id, source="t", at=NOW)
        for one in accounts
    ]
    publish(kafka_url, out)


def ends(kafka_url: str, topic: Topic) -> dict[TopicPartition, int]:
    async def ask() -> dict[TopicPartition, int]:
        consumer = AIOKafkaConsumer(bootstrap_servers=kafka_url)
        await consumer.start()
        found = await consumer.end_offsets([TopicPartition(topic.name, one) for one in range(topic.partitions)])
        await consumer.stop()
        return dict(found)

    return aside(ask())


def read(kafka_url: str, begin: dict[TopicPartition, int], enough: Callable[[list[Any]], bool]) -> list[Any]:
    """Return the messages after `begin` as soon as there are enough."""

    async def fetch() -> list[Any]:
        consumer = AIOKafkaConsumer(bootstrap_servers=kafka_url, enable_auto_commit=False)
        await consumer.start()
        consumer.assign(list(begin))
        for partition, offset in begin.items():
            consumer.seek(partition, offset)
        found: list[Any] = []
        try:
            async with asyncio.timeout(60):
                while not enough(found):
                    for records in (await consumer.getmany(timeout_ms=200)).values():
                        found += records
        finally:
            await consumer.stop()
        return found

    return aside(fetch())


def rows_of(records: list[Any], schema: pa.Schema) -> dict[str, dict[str, Any]]:
    """The chunks' rows by account."""
    return {row["account_id"]: row for one in records for row in codec.decode(one.value, schema)[0].to_pylist()}


def names(count: int) -> tuple[str, list[str]]:
    """A custodian and account numbers that no other test uses."""
    mark = uuid.uuid4().hex[:8]
    return f"C{mark}", [f"{mark}-{number}" for number in range(count)]


def test_a_file_right_after_its_accounts_by_inbox(start_worker: Callable[[], Any]) -> None:
    """Accounts told just before the file are known to it; holdings of all come out, held ones with their reason."""
    custodian, (one, two) = names(2)
    with start_worker() as worker:
        before = ends(worker.kafka_url, topics.HOLDINGS)
        tell(worker.kafka_url, [one, two], custodian)
        file = File(
            [*good(one), lot(one, lot_id="L2", quantity="2.5"), lot(two, quantity="-1"), cash(two)], custodian=custodian
        )
        # An account's records stand together: sort by account.
        file.records.sort(key=lambda record: record.split("|")[1])
        file.write(worker.inbox / "day.lots.part").rename(worker.inbox / "day.lots")
        rows = rows_of(
            read(worker.kafka_url, before, lambda found: len(rows_of(found, chunks.HOLDINGS)) >= 2), chunks.HOLDINGS
        )
        held = {"sleeve_id": "S1", "security_id": "AAA", "quantity_micro": 12_500_000}
        assert rows[f"A{one}"]["holdings"] == [held]
        assert (rows[f"A{one}"]["cash_cents"], rows[f"A{one}"]["as_of"]) == (5_000, date(2026, 6, 11))
        assert rows[f"A{two}"]["hold_code"] == "SHORT_POSITION"
        assert rows[f"A{two}"]["holdings"] is None
        assert rows[f"A{two}"]["hold_text"].startswith("day.lots, line ")
        (shown,) = until(
            lambda: worker.get("/v1/files")["rows"], lambda seen: seen and seen[0]["status"] == "PUBLISHED"
        )
        assert (shown["accounts"], shown["held"], shown["rows_done"], shown["rows"]) == (2, 1, 5, 5)
        detail = worker.get(f"/v1/files/{shown['file_id']}")
        assert [(problem["code"], problem["account_number"]) for problem in detail["problems"]] == [
            ("SHORT_POSITION", two)
        ]
        assert (worker.inbox / "done" / "day.lots").exists()


def test_upload_command_refusal_and_duplicate(start_worker: Callable[[], Any], tmp_path: Path) -> None:
    custodian, (one,) = names(1)
    with start_worker() as worker:
        tell(worker.kafka_url, [one], custodian)
        good_file = File(good(one), custodian=custodian)
        sent = worker.ask("POST", "/v1/files", params={"name": "up.lots"}, content=good_file.text())
        assert (sent.status_code, sent.json()["file_name"]) == (202, "up.lots")
        until(lambda: worker.get("/v1/files")["rows"], lambda seen: seen and seen[0]["status"] == "PUBLISHED")
        own = worker.command("load", str(good_file.write(tmp_path / "own.lots")))
        assert "loaded as file 2" in own.stdout  # the same bytes on the custodian's rights are another file
        again = worker.command("load", str(good_file.write(tmp_path / "again.lots")))
        assert (again.returncode, again.stderr) == (0, "")
        assert "already loaded as file 2, nothing done" in again.stdout
        wrong = File(good(one), custodian=custodian, trailer="T|2|10|100.00|50.01\n").write(tmp_path / "wrong.lots")
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
    custodian, (one,) = names(1)
    with start_worker() as worker:
        book, kafka_url = worker.book, worker.kafka_url
    book.add_accounts([one], custodian)
    outcome = book.load(File(good(one), custodian=custodian))
    assert outcome.status == "LOADED"
    before = ends(kafka_url, topics.HOLDINGS)
    with start_worker() as worker:
        rows = rows_of(read(kafka_url, before, lambda found: bool(found)), chunks.HOLDINGS)
        assert list(rows) == [f"A{one}"]
        until(lambda: worker.get("/v1/files")["rows"][0]["status"], lambda status: status == "PUBLISHED")


def test_request_path(start_worker: Callable[[], Any]) -> None:
    """Facts get their lots, or fail as stale; trades become slices; the chunk's metadata is handed on."""
    custodian, (one, two) = names(2)
    with start_worker() as worker:
        worker.book.add_accounts([one, two], custodian)
        worker.book.load(File([*good(one), *good(two)], custodian=custodian))
        facts = facts_chunk([(f"A{one}", 1), (f"A{two}", 7)])
        meta = {"batch_id": uuid.uuid4().hex, "attempt": "1", "trade_date": "2026-06-12", "size": "2"}
        answers = topics.small(topics.WORK_LOTS)
        before = ends(worker.kafka_url, answers)
        ask = topics.small(topics.WORK_FACTS)
        publish(worker.kafka_url, [messages.chunk(ask, "b", facts, meta, event_id="x", source="t", at=NOW)])
        (answer,) = read(worker.kafka_url, before, lambda found: bool(found))
        rows, got = codec.decode(answer.value, chunks.LOTS)
        assert got == meta
        first, second = rows.to_pylist()
        assert [one_lot["lot_id"] for one_lot in first["lots"]] == ["L1"]
        assert (first["failure_code"], second["failure_code"], second["lots"]) == (None, "STALE_LOTS", [])
        results = topics.small(topics.WORK_RESULTS)
        before = ends(worker.kafka_url, results)
        sold = trades_chunk(rows)
        trades = topics.small(topics.WORK_TRADES)
        publish(worker.kafka_url, [messages.chunk(trades, "b", sold, meta, event_id="y", source="t", at=NOW)])
        (answer,) = read(worker.kafka_url, before, lambda found: bool(found))
        booked, got = codec.decode(answer.value, chunks.RESULT)
        assert got == meta
        result = booked.to_pylist()[0]
        assert [(cut["quantity_micro"], cut["gain_cents"]) for cut in result["slices"]] == [(4_000_000, 4_000)]
        assert result["taxes"][0]["long_cents"] == 4_000
        assert booked.to_pylist()[1]["slices"] == []


def test_a_sale_at_a_loss_brings_what_the_household_bought(start_worker: Callable[[], Any]) -> None:
    """One sells at a loss; its IRA of the same household holds a lot of this month and had more approved."""
    custodian, (one, two) = names(2)
    with start_worker() as worker:
        tell(worker.kafka_url, [one], custodian, tax_household_id="H1")
        tell(worker.kafka_url, [two], custodian, tax_household_id="H1", custody="IRA")
        records = [lot(one, basis="1000.00"), cash(one), lot(two, lot_id="NEW", acquired="2026-06-01"), cash(two)]
        File(records, custodian=custodian).write(worker.inbox / "day.lots.part").rename(worker.inbox / "day.lots")
        until(lambda: worker.get("/v1/files")["rows"], lambda seen: seen and seen[0]["status"] == "PUBLISHED")
        trade = {"sleeve_id": "S1", "security_id": "AAA", "quantity_micro": 3_000_000, "crossed_micro": 0}
        row = {"account_id": f"A{two}", "enterprise_id": "E1", "advisor_id": "V1", "epoch": 1,
               "trade_date": NOW.date(), "trades": [trade]}  # fmt: skip
        approved = pa.RecordBatch.from_pylist([row], schema=chunks.REBALANCED)
        told = messages.chunk(topics.REBALANCED, "b", approved, {}, event_id="r", source="t", at=NOW)
        publish(worker.kafka_url, [told])
        until(lambda: worker.book.rows("SELECT 1 FROM approved_trade"))
        (facts,) = facts_chunk([(f"A{one}", 1)]).to_pylist()
        dear = {"security": 0, "sleeve_id": "S1", "lot_id": "L1", "acquired": date(2020, 1, 2),
                "quantity_micro": 10_000_000, "basis_cents": 100_000, "covered": True, "picked_micro": 0}  # fmt: skip
        lots = pa.RecordBatch.from_pylist([facts | {"tax_household_id": "H1", "lots": [dear]}], schema=chunks.LOTS)
        meta = {"batch_id": uuid.uuid4().hex, "attempt": "1", "trade_date": "2026-06-12", "size": "1"}
        results, ask = topics.small(topics.WORK_RESULTS), topics.small(topics.WORK_TRADES)
        before = ends(worker.kafka_url, results)
        sold = trades_chunk(lots)
        publish(worker.kafka_url, [messages.chunk(ask, "b", sold, meta, event_id="w", source="t", at=NOW)])
        (answer,) = read(worker.kafka_url, before, lambda found: bool(found))
        (result,) = codec.decode(answer.value, chunks.RESULT)[0].to_pylist()
        assert [one_slice["gain_cents"] for one_slice in result["slices"]] == [-32_000]
        names_of = ("account_id", "lot_id", "quantity_micro", "taxable")
        assert [tuple(bought[name] for name in names_of) for bought in result["purchases"]] == [
            (f"A{two}", "NEW", 10_000_000, False), (f"A{two}", None, 3_000_000, False),
        ]  # fmt: skip
        assert (result["wash_accounts"], result["wash_unseen"]) == (2, 0)


def facts_chunk(accounts: list[tuple[str, int]]) -> pa.RecordBatch:
    """FACTS of accounts (id, lots_version) that each hold ten AAA in sleeve S1."""
    rows = [
        {
            "account_id": name, "enterprise_id": "E1", "advisor_id": "V1", "epoch": 0, "liquidate": False,
            "failure_code": None, "failure_text": None, "facts_version": 1, "lots_version": version,
            "target_version": 1, "price_set": 1, "cash_cents": 5_000, "set_aside_cents": 0, "reserve_cents": 0,
            "cash_target_ppb": 0, "cash_threshold_ppb": 0, "floor_ppb": 0, "cash_can_trigger": True,
            "min_trade_cents": 0, "min_trade_ppb": 0, "do_not_trade": False, "taxable": True, "lot_method": 0,
            "gain_budget_short_cents": None, "gain_budget_total_cents": None, "no_short_term_gains": False,
            "tax_household_id": None, "lot_picks": None,
            "securities": [{"security_id": "AAA", "price_micro": 20_000_000, "step_micro": 1_000_000, "restriction": 0,
                            "substitute": -1, "is_fund": False}],
            "positions": [{"sleeve_id": "S1", "security": 0, "quantity_micro": 10_000_000, "target_ppb": 0,
                           "threshold_ppb": 0, "precision_ppb": 0, "can_trigger": True}],
        }
        for name, version in accounts
    ]  # fmt: skip
    return pa.RecordBatch.from_pylist(rows, schema=chunks.FACTS)


def trades_chunk(lots: pa.RecordBatch) -> pa.RecordBatch:
    """TRADES in which each account that did not fail sells four AAA at $20 in Best Fit."""
    rows = lots.to_pylist()
    for row in rows:
        alive = row["failure_code"] is None
        proposal = {"logic": 0, "failure_code": None, "failure_text": None, "no_trade_text": None, "limit_text": None,
                    "value_cents": 25_000, "begin_cash_cents": 5_000, "end_cash_cents": 13_000, "buys": 0,
                    "buys_cents": 0, "sells": 1, "sells_cents": 8_000, "flats": 0, "flats_cents": 0}  # fmt: skip
        trade = {"logic": 0, "position": 0, "quantity_micro": -4_000_000, "crossed_micro": 0, "reason": 2,
                 "before_ppb": 0, "after_ppb": 0, "held_back_micro": 0}  # fmt: skip
        order = {"logic": 0, "security": 0, "quantity_micro": -4_000_000, "price_micro": 20_000_000,
                 "value_cents": 8_000, "reason": 2}  # fmt: skip
        row["proposals"] = [proposal] if alive else []
        row["sleeve_trades"] = [trade] if alive else []
        row["orders"] = [order] if alive else []
    return pa.RecordBatch.from_pylist(rows, schema=chunks.TRADES)
