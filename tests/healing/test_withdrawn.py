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
from tests.healing.house import House, nothing, of, opened
from tests.healing.test_daily import TUESDAY, a_flagged_account

pytestmark = pytest.mark.integration
BY = ("--by", "Pat", "--reason", "a decimal point moved,\nsaid the vendor")


@pytest.fixture
async def house(database_url: str, kafka_url: str, tmp_path: Path) -> AsyncIterator[House]:
    async with opened(database_url, kafka_url, tmp_path) as made:
        yield made


async def proposed(house: House) -> dict[str, Any]:
    """Return a batch that waits, proposed on price set 2."""
    await a_flagged_account(house)
    await house.desk.handlers.on_prices([prices(2, AAA="1.01", BBB="1", CCC="1")])
    pat = house.world.user()
    batch = await pat.propose("a1")
    ((facts, lots, target),) = house.world.sql("SELECT facts_version, lots_version, target_version FROM flag")
    versions = {"facts_version": facts, "lots_version": lots, "target_version": target, "price_set": 2}
    await house.world.answer(batch["batch_id"], **versions)
    return await pat.get(f"/v1/batches/{batch['batch_id']}")


def marked(house: House) -> tuple[Any, ...]:
    """Return why the account's proposal is stale."""
    return tuple(house.world.sql("SELECT stale_code, stale_text FROM batch_account")[0])


def known(house: House) -> list[Any]:
    """Return what batch knows of withdrawn sets."""
    return house.world.sql("SELECT price_set, is_withdrawn, reason FROM withdrawn_prices")


def untold(house: House) -> int:
    """Return of how many sets the sweeper has something to tell."""
    with house.desk.database.session() as session:
        return len(withdrawals.untold(session))


async def test_batch_hears_of_it_and_of_its_being_accepted_again(house: House) -> None:
    await proposed(house)
    assert run(prices_command.app, house.desk.settings, "withdraw", "2", *BY) == 0
    await house.desk.sweeper.tell_withdrawn()
    await house.carry()
    assert known(house) == [(2, True, "a decimal point moved, said the vendor")]
    assert marked(house) == ("PRICES", "price set 2")
    assert untold(house) == 0
    assert run(prices_command.app, house.desk.settings, "accept", "2", *BY) == 0
    await house.desk.sweeper.tell_withdrawn()
    await house.carry()
    assert (known(house)[0][1], untold(house)) == (False, 0)
    assert run(prices_command.app, house.desk.settings, "tell") == 0
    assert untold(house) == 1


async def test_a_word_of_it_that_was_lost_is_told_with_the_next_daily_analysis(house: House) -> None:
    await proposed(house)
    assert run(prices_command.app, house.desk.settings, "withdraw", "2", *BY) == 0
    await house.desk.sweeper.tell_withdrawn()
    await house.carry(of(topics.PRICE_SETS))
    assert (house.lost, known(house), marked(house)) == ([topics.PRICE_SETS.name], [], (None, None))
    await house.daily(TUESDAY, nothing)
    assert marked(house) == ("PRICES", "price set 2")


async def test_what_was_never_withdrawn_is_not_told_of(house: House) -> None:
    await proposed(house)
    await house.daily(TUESDAY)
    assert (known(house), marked(house), untold(house)) == ([], (None, None), 0)
