"""A price set is withdrawn by command: batch hears of it, once lost or not.  Real broker, real database."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from services.analyzer.cli import prices as prices_command
from services.analyzer.store import withdrawals
from shared.contracts import topics
from tests.analyzer.builders import prices
from tests.commands import run
from tests.healing.harness import TUESDAY, Harness, a_flagged_account, nothing, of, opened

pytestmark = pytest.mark.integration
BY = ("--by", "Pat", "--reason", "a decimal point moved,\nsaid the vendor")


@pytest.fixture
async def harness(database_url: str, kafka_url: str, tmp_path: Path) -> AsyncIterator[Harness]:
    async with opened(database_url, kafka_url, tmp_path) as made:
        yield made


async def proposed(harness: Harness) -> dict[str, Any]:
    """Return a batch that waits, proposed on price set 2."""
    await a_flagged_account(harness)
    await harness.analyzer.handlers.on_prices([prices(2, AAA="1.01", BBB="1", CCC="1")])
    pat = harness.batch.user()
    batch = await pat.propose("a1")
    ((facts, lots, target),) = harness.batch.sql("SELECT facts_version, lots_version, target_version FROM flag")
    versions = {"facts_version": facts, "lots_version": lots, "target_version": target, "price_set": 2}
    await harness.batch.reply(batch["batch_id"], **versions)
    return await pat.get(f"/v1/batches/{batch['batch_id']}")


def marked(harness: Harness) -> tuple[Any, ...]:
    """Return why the account's proposal is stale."""
    return tuple(harness.batch.sql("SELECT stale_code, stale_text FROM batch_account")[0])


def known(harness: Harness) -> list[Any]:
    """Return what batch knows of withdrawn sets."""
    return harness.batch.sql("SELECT price_set, is_withdrawn, reason FROM withdrawn_prices")


def unpublished(harness: Harness) -> int:
    """Return of how many sets the sweeper has something to tell."""
    with harness.analyzer.database.session() as session:
        return len(withdrawals.unpublished(session))


async def test_batch_hears_of_it_and_of_its_being_accepted_again(harness: Harness) -> None:
    await proposed(harness)
    assert run(prices_command.app, harness.analyzer.settings, "withdraw", "2", *BY) == 0
    await harness.analyzer.sweeper.publish_withdrawals()
    await harness.carry()
    assert known(harness) == [(2, True, "a decimal point moved, said the vendor")]
    assert marked(harness) == ("PRICES", "price set 2")
    assert unpublished(harness) == 0
    assert run(prices_command.app, harness.analyzer.settings, "accept", "2", *BY) == 0
    await harness.analyzer.sweeper.publish_withdrawals()
    await harness.carry()
    assert (known(harness)[0][1], unpublished(harness)) == (False, 0)
    assert run(prices_command.app, harness.analyzer.settings, "tell") == 0
    assert unpublished(harness) == 1


async def test_a_word_of_it_that_was_lost_is_told_with_the_next_daily_analysis(harness: Harness) -> None:
    await proposed(harness)
    assert run(prices_command.app, harness.analyzer.settings, "withdraw", "2", *BY) == 0
    await harness.analyzer.sweeper.publish_withdrawals()
    await harness.carry(of(topics.PRICE_SETS))
    assert (harness.lost, known(harness), marked(harness)) == ([topics.PRICE_SETS.name], [], (None, None))
    await harness.daily(TUESDAY, nothing)
    assert marked(harness) == ("PRICES", "price set 2")


async def test_what_was_never_withdrawn_is_not_told_of(harness: Harness) -> None:
    await proposed(harness)
    await harness.daily(TUESDAY)
    assert (known(harness), marked(harness), unpublished(harness)) == ([], (None, None), 0)
