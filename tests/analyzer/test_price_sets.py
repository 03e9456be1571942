"""Price sets are put aside, accepted, rejected and withdrawn, and the book follows."""

import asyncio
from datetime import date
from typing import Any

import numpy as np
import psycopg
import pytest

from services.analyzer.cli import prices as prices_command
from services.analyzer.domain.layout import from_bytes
from services.analyzer.store import price_sets
from shared.contracts import topics
from shared.contracts.codes import FlagState
from shared.kafka.messages import BadMessage, decoder
from shared.runtime import metrics
from tests.analyzer.builders import MONDAY, held, holdings, noon, prices, request, returned
from tests.analyzer.harness import Harness, overtaken_evaluator
from tests.commands import run
from tests.inbound.events import message

pytestmark = pytest.mark.integration
IN_BAND: dict[str, Any] = {"AAA": "600", "BBB": "300"}
FRIDAY = date(2026, 1, 2)
GOOD = {"AAA": "1", "BBB": "1", "CCC": "1"}
DRIFTS = GOOD | {"BBB": "3"}
BY = ("--by", "Pat", "--reason", "looked at it")


def command(harness: Harness, *arguments: str) -> int:
    """Run `prices ...` beside the worker."""
    return run(prices_command.app, harness.settings, *arguments)


def status(harness: Harness, number: int) -> tuple[Any, ...]:
    """Return the status of a set, and why it waits."""
    return harness.row(
        "SELECT status, array_to_string(reasons, '; ') FROM analyzer.price_set WHERE price_set = %s", number
    )


def flag(harness: Harness, account_id: str = "a1") -> tuple[Any, ...]:
    """Return the state of a stored flag and the set it rests on."""
    return harness.row("SELECT state, price_set, hold_code FROM analyzer.flag WHERE account_id = %s", account_id)


async def ready(harness: Harness) -> None:
    """One account in its band, on price set 1, before the daily analysis."""
    harness.at(noon(MONDAY).replace(hour=7))
    await harness.book("a1")
    await harness.handlers.on_holdings(holdings(held("a1", 1, **IN_BAND)))
    assert flag(harness) == (FlagState.CLEAR, 1, None)
    await harness.published()


@pytest.mark.parametrize(
    ("number", "as_of", "each", "why"),
    [
        (2**53 - 1, date(2099, 12, 31), GOOD, "lies ahead"),
        (2, date(2026, 1, 4), GOOD, "did not trade"),
        (2, date(2025, 12, 31), GOOD, "older than price set 1"),
        (2, MONDAY, {"CCC": "1"}, "it misses 2 of 2 held securities"),
        (2, MONDAY, {"AAA": "100", "BBB": "0.01"}, "2 of 2 held securities move by a factor of 10"),
    ],
)
async def test_an_absurd_set_waits_and_the_book_goes_on_without_it(
    harness: Harness, number: int, as_of: date, each: dict[str, str], why: str, capsys: pytest.CaptureFixture[str]
) -> None:
    await ready(harness)
    await harness.handlers.on_prices([prices(number, as_of, **each)])
    found, reasons = status(harness, number)
    assert found == "HELD"
    assert why in reasons
    await harness.handlers.on_returned(returned("a1"))
    assert flag(harness) == (FlagState.CLEAR, 1, None)
    await harness.sweeper.announce()
    assert metrics.PRICE_SETS_WAITING._value.get() == 1  # noqa: SLF001  # what a scrape would read
    await harness.handlers.on_prices([prices(3, MONDAY, **DRIFTS)])  # the next good set counts
    await harness.handlers.on_returned(returned("a1"))
    assert flag(harness) == (FlagState.FLAGGED, 3, None)
    assert command(harness, "list") == 0
    assert f"{number} of {as_of}: HELD" in capsys.readouterr().out
    assert command(harness, "reject", str(number), *BY) == 0
    assert status(harness, number)[0] == "REJECTED"
    await harness.sweeper.announce()
    assert metrics.PRICE_SETS_WAITING._value.get() == 0  # noqa: SLF001


async def test_an_accepted_set_counts_and_the_whole_book_is_evaluated(
    harness: Harness, capsys: pytest.CaptureFixture[str]
) -> None:
    await ready(harness)
    await harness.handlers.on_prices([prices(5000, MONDAY, **DRIFTS)])
    assert command(harness, "accept", "5000", *BY) == 0
    assert "in force is 5000" in capsys.readouterr().out
    assert await harness.sweeper.step()
    assert flag(harness) == (FlagState.FLAGGED, 5000, None)
    assert harness.row("SELECT kind, covers, price_set FROM analyzer.analysis_run WHERE kind = 'PRICES'") == (
        "PRICES",
        "BOOK",
        5000,
    )
    assert command(harness, "show", "5000") == 0
    assert "ACCEPTED by Pat: looked at it" in capsys.readouterr().out


async def test_a_withdrawn_set_gives_way_to_the_one_before(harness: Harness) -> None:
    """Set 2 brought the account into the queue; withdrawn, it leaves it, and proposals are made on set 1."""
    await ready(harness)
    await harness.handlers.on_prices([prices(2, MONDAY, **DRIFTS)])
    await harness.handlers.on_returned(returned("a1"))
    assert flag(harness) == (FlagState.FLAGGED, 2, None)
    assert command(harness, "withdraw", "2", *BY) == 0
    assert await harness.sweeper.step()
    assert flag(harness) == (FlagState.CLEAR, 1, None)
    assert (await harness.flags())["a1"]["price_set"] == 1
    await harness.handlers.on_request(topics.WORK_FACTS)(request("a1"))
    (facts,) = (await harness.published())[topics.WORK_FACTS.name]
    assert facts["price_set"] == 1
    await harness.handlers.on_prices([prices(3, MONDAY, **DRIFTS)])  # the corrected set comes under a new number
    await harness.handlers.on_returned(returned("a1"))
    assert flag(harness) == (FlagState.FLAGGED, 3, None)


async def test_the_only_set_can_be_withdrawn(harness: Harness) -> None:
    await ready(harness)
    assert command(harness, "withdraw", "1", *BY) == 0
    assert await harness.sweeper.step()
    assert flag(harness) == (FlagState.HELD, 0, "MISSING_PRICE")
    await harness.handlers.on_prices([prices(2, FRIDAY, **GOOD)])
    assert flag(harness) == (FlagState.CLEAR, 2, None)


async def test_an_evaluation_that_began_on_withdrawn_prices_does_not_pass(harness: Harness) -> None:
    """It has read set 2; the withdrawal and its run come between its reading and its storing."""
    await ready(harness)
    await harness.handlers.on_prices([prices(2, MONDAY, **DRIFTS)])
    before = price_sets.PriceBook()
    with harness.database.session() as session:
        late_prices = before.newest(session)
    late = overtaken_evaluator(harness, lambda: None)
    late.contexts.prices.newest = _once(late_prices, late.contexts.prices.newest)  # type: ignore[method-assign]
    assert command(harness, "withdraw", "2", *BY) == 0
    assert await harness.sweeper.step()
    await asyncio.to_thread(late.evaluate, ["a1"], "too late")
    assert flag(harness) == (FlagState.CLEAR, 1, None)


def _once(first: price_sets.Prices, then: Any) -> Any:
    """Return a reader that gives `first` once and then what `then` gives."""
    once = [first]
    return lambda session: once.pop() if once else then(session)


async def test_one_wild_price_waits_alone_and_holds_only_its_holders(harness: Harness) -> None:
    harness.at(noon(MONDAY).replace(hour=7))
    await harness.book("a1", "a2")
    await harness.handlers.on_holdings(holdings(held("a1", 1, **IN_BAND), held("a2", 1, CCC="5", **IN_BAND)))
    wild = GOOD | {"CCC": "100", "BBB": "1.1"}
    await harness.handlers.on_prices([prices(2, MONDAY, **wild)])
    await harness.handlers.on_returned(returned("a1"))
    await harness.handlers.on_returned(returned("a2"))
    assert flag(harness, "a1")[1:] == (2, None)
    assert flag(harness, "a2")[1:] == (2, "MISSING_PRICE")
    assert "CCC moves from 1 to 100" in status(harness, 2)[1]
    await harness.sweeper.announce()
    assert metrics.PRICES_WAITING._value.get() == 1  # noqa: SLF001  # what a scrape would read
    await harness.handlers.on_prices([prices(3, MONDAY, **wild)])  # measured by the last good price, it still waits
    await harness.handlers.on_returned(returned("a2"))
    assert flag(harness, "a2")[1:] == (3, "MISSING_PRICE")
    assert command(harness, "accept", "3", "--security", "CCC", *BY) == 0
    assert await harness.sweeper.step()
    assert flag(harness, "a2")[1:] == (3, None)
    await harness.handlers.on_prices([prices(4, MONDAY, **wild)])
    assert status(harness, 4) == ("ACCEPTED", "")


async def test_a_set_never_changes_and_comes_twice_without_harm(harness: Harness) -> None:
    await ready(harness)
    await harness.handlers.on_prices([prices(1, FRIDAY, **GOOD)])
    with pytest.raises(BadMessage, match="send it under a new number"):
        await harness.handlers.on_prices([prices(1, FRIDAY, **DRIFTS)])
    assert command(harness, "withdraw", "1", *BY) == 0
    await harness.handlers.on_prices([prices(1, FRIDAY, **GOOD)])  # delivered again, it stays withdrawn
    assert status(harness, 1)[0] == "WITHDRAWN"
    assert harness.row("SELECT count(*) FROM analyzer.price_decision") == (2,)


async def test_single_bad_prices_are_put_aside_and_noted(harness: Harness) -> None:
    with pytest.raises(BadMessage, match="price set 1: BBB: price 0 is outside"):
        await harness.handlers.on_prices([prices(1, AAA="1.1234567", BBB="0", CCC="1")])
    with harness.database.session() as session:
        found = price_sets.PriceBook().newest(session)
        (shown,) = price_sets.views(session, 1)
    assert np.count_nonzero(found.micro) == 2
    assert 1_123_457 in found.micro
    assert shown.status == "ACCEPTED"
    assert sorted(shown.notes) == [
        "AAA: price 1.1234567 is rounded to 1.123457",
        "price set 1: BBB: price 0 is outside 0.000001 to 1000000",
    ]


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("accept", "9", *BY), 1, "there is no price set 9"),
        (("accept", "1", *BY), 1, "price set 1 is accepted; only one that is held or rejected or withdrawn can"),
        (("reject", "1", *BY), 1, "only one that is held can be rejected"),
        (("accept", "1", "--security", "AAA", *BY), 1, "no price of AAA waits in price set 1"),
        (("withdraw", "1"), 2, "--by"),
        (("withdraw", "1", "--by", "Pat"), 2, "--reason"),
        (("show", "9"), 1, "there is no price set 9"),
    ],
)
async def test_what_cannot_be_decided_says_why(
    harness: Harness, arguments: tuple[str, ...], code: int, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    await harness.handlers.on_prices([prices(1, FRIDAY, **GOOD)])
    assert command(harness, *arguments) == code
    assert says in capsys.readouterr().err
    assert harness.row("SELECT count(*) FROM analyzer.price_decision") == (1,)


async def test_decisions_cannot_be_made_of_a_set_without_a_trace(harness: Harness) -> None:
    """Who decided what, and why, stands in the audit table with the generation it brought."""
    await ready(harness)
    await harness.handlers.on_prices([prices(2, MONDAY, **DRIFTS)])
    assert command(harness, "withdraw", "2", "--by", "Pat", "--reason", "feed was wrong") == 0
    assert command(harness, "accept", "2", "--by", "Kim", "--reason", "it was right") == 0
    with psycopg.connect(harness.settings.database_url) as connection:
        rows = connection.execute(
            "SELECT price_set, decision, actor, reason, generation, in_force FROM analyzer.price_decision ORDER BY 5"
        ).fetchall()
    assert rows == [
        (1, "ACCEPTED", "analyzer", "nothing speaks against it", 1, 1),
        (2, "ACCEPTED", "analyzer", "nothing speaks against it", 2, 2),
        (2, "WITHDRAWN", "Pat", "feed was wrong", 3, 1),
        (2, "ACCEPTED", "Kim", "it was right", 4, 2),
    ]


async def test_of_5000_prices_a_bad_one_is_put_aside_alone(harness: Harness) -> None:
    """A price with a comma is put aside with its reason, one of seven decimals is rounded; both are said of the set."""
    entries = [{"security_id": f"P{number:04}", "price": "10.5"} for number in range(5_000)]
    entries[7]["price"], entries[8]["price"] = "1,234.5", "12.3456785"
    event = decoder(topics.PRICE)(message(topics.PRICE, {"price_set": 1, "as_of": "2026-01-02", "prices": entries}))
    with pytest.raises(BadMessage, match=r"price set 1: 'P0007': price is '1,234\.5'"):
        await harness.handlers.on_prices([event])
    found, document, notes = harness.row("SELECT status, document, notes FROM analyzer.price_set WHERE price_set = 1")
    micro = from_bytes(document)
    assert found == "ACCEPTED"
    assert np.count_nonzero(micro) == 4_999
    assert set(micro.tolist()) - {0} == {10_500_000, 12_345_679}
    assert [note for note in notes if "rounded" in note] == ["P0008: price 12.3456785 is rounded to 12.345679"]
    assert any("'P0007': price is '1,234.5'" in note for note in notes)
