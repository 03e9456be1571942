"""Chunks that are handled in one group: each is answered as if it had come alone."""

import uuid
from collections.abc import Callable
from datetime import date
from typing import Any

import pyarrow as pa
import pytest

from services.taxlot.handlers import Handlers
from services.taxlot.settings import SERVICE
from shared.contracts import chunks, codec, topics
from shared.contracts.topics import Topic
from shared.kafka.isolation import OUR_FAULT
from shared.kafka.messages import Chunk
from shared.kafka.processor import Handler
from shared.kafka.publisher import Publisher
from shared.postgres import pool as db
from shared.runtime.clock import clock_of
from tests.taxlot.build import UNIT, facts_chunk, seller
from tests.taxlot.files import File, good
from tests.taxlot.harness import Book, approve, end_offsets, read_messages, run, unique_numbers

pytestmark = pytest.mark.integration


def replies(
    book: Book, kafka_url: str, pick: Callable[[Handlers], Handler], group: list[Chunk], topic: Topic
) -> dict[str, list[dict[str, Any]]]:
    """Handle the group and return the answered rows by the batch their metadata names."""
    before = end_offsets(kafka_url, topic)

    async def handle() -> None:
        async with db.pool(book.url, SERVICE) as pool, Publisher(kafka_url, SERVICE) as publisher:
            await pick(Handlers(pool, publisher, clock_of(None)))(group)

    run(handle())
    found: dict[str, list[dict[str, Any]]] = {}
    for record in read_messages(kafka_url, before, lambda seen: len(seen) >= len(group)):
        assert isinstance(topic.content, pa.Schema)
        rows, meta = codec.decode(record.value, topic.content)
        found.setdefault(meta["batch_id"], []).extend(rows.to_pylist())
    return found


def asked(rows: pa.RecordBatch, batch_id: str, trade_date: str) -> Chunk:
    return Chunk(rows, {"batch_id": batch_id, "attempt": "1", "trade_date": trade_date, "size": "1"}, b"")


def test_lots_are_read_once_for_a_group_and_go_to_the_accounts_that_asked(book: Book, kafka_url: str) -> None:
    custodian, (one_number, two, three) = unique_numbers(3)
    book.add_accounts([one_number, two, three], custodian)
    book.load(File([*good(one_number), *good(two)], custodian=custodian))
    first, second = uuid.uuid4().hex, uuid.uuid4().hex
    group = [
        asked(facts_chunk([(f"A{one_number}", 1), (f"A{three}", 1)]), first, "2026-06-12"),
        asked(facts_chunk([(f"A{two}", 1), (f"A{one_number}", 7)]), second, "2026-08-12"),
    ]
    found = replies(book, kafka_url, lambda rules: rules.on_facts(topics.WORK_LOTS), group, topics.WORK_LOTS)
    reply_rows = {
        batch: [(row["account_id"], row["failure_code"], len(row["lots"])) for row in rows]
        for batch, rows in found.items()
    }
    assert reply_rows == {
        first: [(f"A{one_number}", None, 1), (f"A{three}", "DATA_HOLD", 0)],
        second: [(f"A{two}", None, 1), (f"A{one_number}", "STALE_LOTS", 0)],
    }


def test_purchases_are_read_once_for_a_group_and_count_by_each_trade_date(book: Book, kafka_url: str) -> None:
    """Two batches of one household: of June and of August, 61 days apart; each sees the approved buy near its own day.

    A third chunk sells at no loss: nothing is looked up for it.  The household H1 of another enterprise is another one.
    """
    custodian, numbers = unique_numbers(4)
    june, august, other, calm = (f"A{number}" for number in numbers)
    book.add_accounts(numbers[:3], custodian, household="H1")
    book.add_accounts(numbers[3:], custodian)
    book.rows("UPDATE account SET enterprise_id = 'E2' WHERE account_id = %s RETURNING 1", other)
    approve(
        book,
        (august, 1, "AAA", "S1", date(2026, 6, 10), 2 * UNIT, 0),
        (june, 1, "AAA", "S1", date(2026, 8, 10), 3 * UNIT, 0),
        (other, 1, "AAA", "S1", date(2026, 6, 11), 9 * UNIT, 0),
    )
    days = {june: "2026-06-12", august: "2026-08-12", calm: "2026-06-12", other: "2026-06-12"}
    more = {june: {"tax_household_id": "H1"}, august: {"tax_household_id": "H1"}, other: {"tax_household_id": "H1"}}
    more[other] |= {"enterprise_id": "E2"}
    sellers = {name: seller(name, **more.get(name, {})) for name in days}
    sellers[calm]["lots"][0]["basis_cents"] = 1_000
    group = [
        asked(pa.RecordBatch.from_pylist([sellers[name]], schema=chunks.TRADES), name, day)
        for name, day in days.items()
    ]
    found = replies(book, kafka_url, lambda rules: rules.on_trades(topics.WORK_RESULTS), group, topics.WORK_RESULTS)
    reply_rows = {
        name: (
            [
                (entry["account_id"], entry["bought"].isoformat(), entry["quantity_micro"] // UNIT)
                for entry in row["purchases"]
            ],
            row["wash_accounts"],
        )
        for name, (row,) in found.items()
        if row["purchases"] is not None
    }
    assert reply_rows == {
        june: ([(august, "2026-06-10", 2)], 2),
        august: ([(june, "2026-08-10", 3)], 2),
        other: ([(other, "2026-06-11", 9)], 1),
    }
    assert found[calm][0]["wash_accounts"] is None


def test_an_account_whose_lots_cannot_be_read_fails_alone(book: Book, kafka_url: str) -> None:
    """Its stored document is broken: our code raises at it.  The others of its chunk get their lots as ever."""
    custodian, numbers = unique_numbers(5)
    book.add_accounts(numbers, custodian)
    book.load(File([line for number in numbers for line in good(number)], custodian=custodian))
    chunk = asked(facts_chunk([(f"A{number}", 1) for number in numbers]), uuid.uuid4().hex, "2026-06-12")

    def answered() -> dict[str, Any]:
        found = replies(book, kafka_url, lambda rules: rules.on_facts(topics.WORK_LOTS), [chunk], topics.WORK_LOTS)
        return {row["account_id"]: row for row in found[chunk.meta["batch_id"]]}

    sound, hurt = answered(), f"A{numbers[2]}"
    assert {row["failure_code"] for row in sound.values()} == {None}
    book.rows("UPDATE lots SET document = '\\x00' WHERE account_id = %s RETURNING 1", hurt)
    found = answered()
    assert list(found) == list(sound)
    assert (found[hurt]["failure_code"], found[hurt]["lots"]) == (OUR_FAULT, [])
    assert hurt in found[hurt]["failure_text"]
    assert {name: row for name, row in found.items() if name != hurt} == {
        name: row for name, row in sound.items() if name != hurt
    }


def test_lots_of_a_household_that_cannot_be_read_fail_only_who_sells_at_a_loss_beside_them(
    book: Book, kafka_url: str
) -> None:
    """One sells in the household of the broken lots, one in another household, one at no loss."""
    custodian, numbers = unique_numbers(4)
    mine, theirs, calm, broken = (f"A{number}" for number in numbers)
    book.add_accounts([numbers[0], numbers[3]], custodian, household="H1")
    book.add_accounts([numbers[1]], custodian, household="H2")
    book.add_accounts([numbers[2]], custodian, household="H1")
    book.load(File(good(numbers[3]), custodian=custodian))
    book.rows("UPDATE lots SET document = '\\x00' WHERE account_id = %s RETURNING 1", broken)
    sellers = [seller(mine, tax_household_id="H1"), seller(theirs, tax_household_id="H2"), seller(calm)]
    sellers[2]["tax_household_id"] = "H1"
    sellers[2]["lots"][0]["basis_cents"] = 1_000
    chunk = asked(pa.RecordBatch.from_pylist(sellers, schema=chunks.TRADES), uuid.uuid4().hex, "2026-06-12")
    found = replies(book, kafka_url, lambda rules: rules.on_trades(topics.WORK_RESULTS), [chunk], topics.WORK_RESULTS)
    (rows,) = found.values()
    assert {row["account_id"]: row["failure_code"] for row in rows} == {mine: OUR_FAULT, theirs: None, calm: None}
    assert rows[1]["wash_accounts"] == 1
