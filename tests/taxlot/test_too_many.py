"""A file at most of whose accounts our code raises: none is published as held at once, and it does not wait forever."""

from typing import Any

import pytest

from services.taxlot.intake.pipeline import Intake
from services.taxlot.intake.watch import Watch
from services.taxlot.settings import Settings
from shared.contracts import chunks, topics
from shared.kafka.failure_limit import TooMany
from shared.kafka.isolation import OUR_FAULT
from shared.kafka.publisher import Publisher
from shared.runtime.clock import clock_of
from tests.signing import PUBLIC_KEY
from tests.taxlot.files import File, good
from tests.taxlot.harness import Book, end_offsets, read_messages, rows_of, run, unique_numbers

pytestmark = pytest.mark.integration


def test_a_file_that_cannot_be_told_waits_and_in_the_end_each_account_is_held_alone(book: Book, kafka_url: str) -> None:
    custodian, numbers = unique_numbers(24)
    book.add_accounts(numbers, custodian)
    loaded = book.load(File([line for number in numbers for line in good(number)], custodian=custodian))
    broken = [f"A{number}" for number in numbers[:22]]
    book.rows("UPDATE lots SET document = '\\x00' WHERE account_id = ANY(%s) RETURNING 1", broken)
    settings = Settings(
        database_url=book.url,
        requests_database_url=book.requests_url,
        kafka_url=kafka_url,
        http_port=0,
        principal_public_key=PUBLIC_KEY,
    )
    before, files = end_offsets(kafka_url, topics.HOLDINGS), end_offsets(kafka_url, topics.FILES)

    async def publish() -> None:
        async with Publisher(kafka_url, "taxlot") as publisher:
            watch = Watch(settings, Intake(settings, publisher, clock_of(None)))
            for _ in range(settings.suspect_starts):
                with pytest.raises(TooMany):
                    await watch._publish(loaded.file_id)
            assert (end_offsets(kafka_url, topics.HOLDINGS), end_offsets(kafka_url, topics.FILES)) == (before, files)
            await watch._publish(loaded.file_id)

    run(publish())
    published: dict[str, Any] = rows_of(read_messages(kafka_url, before, lambda seen: len(seen) >= 1), chunks.HOLDINGS)
    assert {name: row["hold_code"] for name, row in published.items()} == {
        f"A{number}": OUR_FAULT if number in numbers[:22] else None for number in numbers
    }
    assert book.rows("SELECT status FROM file WHERE file_id = %s", loaded.file_id) == [("PUBLISHED",)]
