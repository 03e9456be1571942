"""Whatever the contract admits is stored by analyzer, taxlot and batch alike; what it refuses none of them takes."""

import random
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest

from services.taxlot.handlers import Handlers as TaxlotHandlers
from shared.contracts import topics
from shared.kafka.messages import BadMessage, Incoming, decoder
from shared.kafka.processor import MessageProcessor
from shared.postgres import pool as db
from shared.postgres.migrations import migrate
from shared.runtime.settings import ProcessorLimits
from tests.analyzer.builders import held, holdings
from tests.analyzer.harness import Harness, settings_for
from tests.batch.harness import Harness as BatchHarness
from tests.inbound.events import ACCOUNT, SECURITY, Body, message
from tests.stackfix.infrastructure import as_role

pytestmark = pytest.mark.integration
ALL = ProcessorLimits(letters=10_000, share=1.0)  # so many refusals are what is tried here, and no burst

_STORED = {
    "analyzer": "SELECT account_id, settings_version, enterprise_id, advisor_id, custodian, account_number,"
    " encode(settings_content, 'hex') FROM analyzer.account_facts WHERE settings_version > 0 ORDER BY 1",
    "taxlot": "SELECT account_id, version, enterprise_id, advisor_id, custodian, account_number,"
    " encode(content, 'hex') FROM taxlot.account ORDER BY 1",
    "batch": "SELECT account_id, version, enterprise_id, advisor_id, custodian, account_number,"
    " encode(content, 'hex') FROM batch.account ORDER BY 1",
}


@dataclass
class Services:
    """The three services that keep accounts, on one database, each with the processor of its process."""

    url: str
    analyzer: Harness
    processors: dict[str, MessageProcessor]
    of_securities: list[MessageProcessor]

    async def hear(self, group: Sequence[Incoming]) -> None:
        """Have each service handle the group as its process does."""
        for processor in self.processors.values():
            await processor.run(group)

    def stored(self) -> dict[str, list[tuple[Any, ...]]]:
        """Return what each has stored of the accounts, in order of ids."""
        with psycopg.connect(self.url) as connection:
            return {name: connection.execute(query.encode()).fetchall() for name, query in _STORED.items()}


@pytest.fixture
async def services(database_url: str, kafka_url: str, tmp_path: Path) -> AsyncIterator[Services]:
    """All three on an empty database."""
    migrate("taxlot", as_role(database_url, "taxlot_migrator"))
    migrate("batch", as_role(database_url, "batch_migrator"))
    async with AsyncExitStack() as ends:
        settings = settings_for(database_url, kafka_url, tmp_path / "clock.json")
        analyzer = await ends.enter_async_context(Harness(settings))
        pool = await ends.enter_async_context(db.pool(as_role(database_url, "taxlot"), "taxlot"))
        batch = BatchHarness(database_url)
        ends.push_async_callback(batch.database.close)
        publisher = analyzer.publisher
        taxlot = TaxlotHandlers(pool, publisher, analyzer.clock)
        handlers = {
            "analyzer": analyzer.handlers.on_accounts,
            "taxlot": taxlot.on_accounts,
            "batch": batch.handlers.on_accounts,
        }
        processors = {
            name: MessageProcessor(name, topics.ACCOUNT, handler, publisher, ALL) for name, handler in handlers.items()
        }
        of_securities = [
            MessageProcessor("analyzer", topics.SECURITY, analyzer.handlers.on_securities, publisher),
            MessageProcessor("taxlot", topics.SECURITY, taxlot.on_securities, publisher),
        ]
        yield Services(database_url, analyzer, processors, of_securities)


_TEXTS = (
    "Ann",
    "",
    "n" * 200,
    "n" * 201,
    "Zoë 明",
    "A\u0000",
    "A\r\n",
    "\ud800",
    '"quoted", and more',
    "\\N",
    "-",
    " ",
)
_NUMBERS = (
    0,
    1,
    5,
    2**31 - 1,
    2**31,
    10**9,
    10**9 + 1,
    2**40,
    2**51,
    2**53 - 1,
    2**53,
    2**63,
    2**70,
    -1,
    True,
    "5",
    1.0,
)
_IDS = ("E1", "x" * 64, "x" * 65, "", "E 1", "E\u0000", "a@b:c._-", "É", None, 7)
_DATES = (None, "2026-01-02", "0001-01-01", "9999-12-31", "1970-01-01", "2026-02-30", 5, "soon")
_DOLLARS = ("0.00", "-1.00", "9999999999999.99", "1", "1e5", "\u0661.\u0660\u0660", 5)
_WEIGHTS = (None, "0", "7", "999.999999999", "0.1234567891", "-1", "NaN")
_LISTS: tuple[Any, ...] = (
    [],
    [{"security_id": "AAA", "kind": "DO_NOT_BUY"}] * 2,
    [{"security_id": "AAA", "kind": "SUBSTITUTE", "substitute_id": "AAA"}],
    [{"security_id": "AAA", "kind": "DO_NOT_BUY"}] * 1001,
    [{"security_id": "A\u0000", "kind": "DO_NOT_BUY"}],
)
_VALUES: dict[str, Sequence[Any]] = {
    "name": _TEXTS,
    "version": _NUMBERS,
    "rebalancer_on_count": _NUMBERS,
    "enterprise_id": _IDS,
    "advisor_id": _IDS,
    "custodian": _IDS,
    "account_number": _IDS,
    "tax_household_id": _IDS,
    "portfolio_id": _IDS,
    "apm_sleeve_id": _IDS,
    "custody": ("TAXABLE", "IRA", "ROTH_IRA", "JOINT"),
    "last_rebalanced": _DATES,
    "cash_reserve": _DOLLARS,
    "cash_set_aside": _DOLLARS,
    "gain_budget_short": _DOLLARS,
    "floor": _WEIGHTS,
    "threshold": _WEIGHTS,
    "restrictions": _LISTS,
    "rebalancer_on": (True, False, 1, "yes"),
    "lot_method": ("FIFO", "SPECIFIC", "BEST"),
    "lot_picks": ([], [{"security_id": "AAA", "lot_id": "L\u0000", "units": "1"}],
                  [{"security_id": "AAA", "lot_id": "Lé 1", "units": "0"}]),
}  # fmt: skip


def _generated(seed: int, count: int) -> list[Body]:
    """Return accounts with up to three values replaced by ones at or beyond an edge."""
    dice = random.Random(seed)
    bodies = []
    for number in range(count):
        names = dice.sample(sorted(_VALUES), dice.choice((1, 1, 2, 3)))
        change = {name: dice.choice(_VALUES[name]) for name in names}
        bodies.append(ACCOUNT | {"account_id": f"a{number:04d}"} | change)
    return bodies


def _admitted(group: Sequence[Incoming]) -> list[tuple[str, int]]:
    """Return (account, version) of the messages that the contract admits."""
    decode, found = decoder(topics.ACCOUNT), []
    for incoming in group:
        try:
            event = decode(incoming)
        except BadMessage:
            continue
        if event.version <= 2**51:  # what is further from nothing is a leap
            found.append((event.account_id, event.version))
    return found


async def test_all_services_store_the_same_of_generated_accounts(services: Services) -> None:
    group = [message(topics.ACCOUNT, body, offset) for offset, body in enumerate(_generated(20_260_105, 600))]
    admitted = _admitted(group)
    assert 100 < len(admitted) < 500  # both kinds are many
    await services.hear(group)
    stored = services.stored()
    assert [row[:2] for row in stored["analyzer"]] == admitted
    assert stored["taxlot"] == stored["analyzer"]
    assert stored["batch"] == stored["analyzer"]


async def test_moves_and_repeated_versions_are_decided_alike(services: Services) -> None:
    """An account moves to another enterprise, advisor and custodian; its version comes again with another content."""
    bodies = [
        ACCOUNT,
        ACCOUNT | {"version": 2, "enterprise_id": "E2", "advisor_id": "V2", "custodian": "C2", "account_number": "2"},
        ACCOUNT | {"version": 2, "enterprise_id": "E3"},  # the same version says something else
        ACCOUNT | {"version": 1, "enterprise_id": "E4"},  # older
        ACCOUNT | {"version": 2**52, "enterprise_id": "E5"},  # a leap
    ]
    group = [message(topics.ACCOUNT, body, offset) for offset, body in enumerate(bodies)]
    for cut in ([group[:1], group[1:]], [group], [[single] for single in group]):
        for part in cut:
            await services.hear(part)
        for name, rows in services.stored().items():
            assert [row[:6] for row in rows] == [("a1", 2, "E2", "V2", "C2", "2")], name


async def test_a_chunk_of_holdings_that_has_not_heard_of_a_move_does_not_undo_it(services: Services) -> None:
    await services.hear([message(topics.ACCOUNT, ACCOUNT)])
    await services.hear([message(topics.ACCOUNT, ACCOUNT | {"version": 2, "enterprise_id": "E2", "advisor_id": "V2"})])
    await services.analyzer.handlers.on_holdings(holdings(held("a1", 1, AAA="1")))  # of E1, A1
    assert services.analyzer.row("SELECT enterprise_id, advisor_id, lots_version FROM analyzer.account_facts") == (
        "E2",
        "V2",
        1,
    )


async def test_securities_are_decided_alike(services: Services) -> None:
    bodies = [
        SECURITY,
        SECURITY | {"name": "Beta"},  # the same version says something else
        SECURITY | {"version": 3, "name": "Gamma"},
        SECURITY | {"version": 2, "kind": "FUND"},  # older
        SECURITY | {"security_id": "BBB", "name": "B\u0000"},
        SECURITY | {"security_id": "CCC", "version": 2**52},  # a leap
        SECURITY | {"security_id": "DDD", "lot_size": 100},
    ]
    for processor in services.of_securities:
        await processor.run([message(topics.SECURITY, body, offset) for offset, body in enumerate(bodies)])
    with psycopg.connect(services.url) as connection:
        ours = connection.execute(
            "SELECT n.id, s.version, s.content FROM analyzer.security AS s"
            " JOIN analyzer.name AS n ON n.kind = 'S' AND n.no = s.security_no ORDER BY 1"
        ).fetchall()
        theirs = connection.execute("SELECT security_id, version, content FROM taxlot.security ORDER BY 1").fetchall()
    assert [row[:2] for row in ours] == [("AAA", 3), ("DDD", 1)]
    assert theirs == ours
