"""What a store holds is published again by command: who lost it has it again, who has it is not disturbed."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from services.analyzer.cli import republish as flags
from services.batch.cli import republish as batch
from services.taxlot.cli import republish as holdings_of
from shared.contracts import topics
from shared.oncall.republish import RepublishRequest
from tests.analyzer.builders import MONDAY, held, holdings, prices
from tests.commands import run
from tests.healing.harness import (
    CLEAR,
    FLAGGED,
    IN_BAND,
    SETTLING,
    Harness,
    a_flagged_account,
    approve,
    in_band,
    of,
    opened,
    taxlot_settings,
)

pytestmark = pytest.mark.integration
A1 = ("a1",)


@pytest.fixture
async def harness(database_url: str, kafka_url: str, tmp_path: Path) -> AsyncIterator[Harness]:
    async with opened(database_url, kafka_url, tmp_path) as made:
        yield made


async def test_flags(harness: Harness, capsys: pytest.CaptureFixture[str]) -> None:
    """Of one account, of an enterprise; public events only when asked for, with the ids they had."""
    await a_flagged_account(harness)
    await harness.analyzer.handlers.on_holdings(holdings(held("a1", 2, **IN_BAND)))
    await harness.carry(of(topics.FLAGS))
    assert harness.state("a1") == (FLAGGED, 0)
    settings = harness.analyzer.settings
    await harness.analyzer.published()
    assert await flags.run(settings, RepublishRequest("flags", "E2")) == 1
    assert await flags.run(settings, RepublishRequest("flags", "E1")) == 0
    assert "flags of 1 accounts published again" in capsys.readouterr().out
    await harness.carry()
    assert harness.state("a1") == (CLEAR, 0)
    assert (await harness.analyzer.published())[topics.ACCOUNT_FLAG.name] == []
    versions = harness.versions("a1")
    await flags.run(settings, RepublishRequest("flags", accounts=A1, public=True))
    await harness.carry()
    assert harness.versions("a1") == versions
    (flag,) = (await harness.analyzer.published())[topics.ACCOUNT_FLAG.name]
    assert (flag.account_id, flag.state, flag.version) == ("a1", "CLEAR", versions[0])


async def test_holdings(harness: Harness, kafka_url: str) -> None:
    await a_flagged_account(harness)
    harness.batch.sql(
        "INSERT INTO taxlot.account (account_id, version, enterprise_id, advisor_id, custodian, account_number,"
        " apm_sleeve_id, taxable) VALUES ('a1', 1, 'E1', 'A1', 'NORTH', 'a1', 'APM', true) RETURNING 1"
    )
    await harness.load(in_band("2026-01-05", "600"), MONDAY)
    await harness.carry(of(topics.HOLDINGS))
    assert harness.state("a1") == (FLAGGED, 0)
    assert await holdings_of.run(taxlot_settings(harness, kafka_url), RepublishRequest("holdings")) == 0
    await harness.carry()
    assert harness.state("a1") == (CLEAR, 0)


async def test_approvals_without_their_orders(harness: Harness, kafka_url: str) -> None:
    await a_flagged_account(harness)
    await approve(harness)
    await harness.carry(of(topics.REBALANCED))
    settings = harness.batch.settings.model_copy(update={"kafka_url": kafka_url})
    sent = harness.batch.sql("SELECT count(*) FROM outbox")
    for _ in range(2):  # twice is as good as once
        assert await batch.run(settings, RepublishRequest("rebalanced", accounts=A1)) == 0
        await harness.carry()
        assert harness.state("a1") == (SETTLING, 1)
        assert harness.batch.sql("SELECT count(*) FROM taxlot.approved_trade") == [(3,)]
    assert harness.batch.sql("SELECT count(*) FROM outbox WHERE topic = %s", topics.ORDERS.name) == [(1,)]
    assert sent <= harness.batch.sql("SELECT count(*) FROM outbox")


async def test_all_that_was_decided_of_an_account(harness: Harness, kafka_url: str) -> None:
    """It left its batch while prices had brought it into its band; the word of that was lost."""
    await a_flagged_account(harness)
    made = await harness.batch.user().propose("a1")
    await harness.analyzer.handlers.on_prices([prices(2, AAA="1", BBB="3.25", CCC="1")])
    await harness.batch.reply(made["batch_id"], failing=["a1"])
    await harness.carry(of(topics.RETURNED))
    assert harness.state("a1") == (FLAGGED, 0)
    settings = harness.batch.settings.model_copy(update={"kafka_url": kafka_url})
    assert await batch.run(settings, RepublishRequest("account", accounts=A1)) == 0
    await harness.carry()
    assert harness.state("a1") == (CLEAR, 0)


def test_of_which_accounts_must_be_said(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    requests: list[RepublishRequest] = []

    async def note(_settings: object, request: RepublishRequest) -> int:
        requests.append(request)
        return 0

    monkeypatch.setattr(holdings_of, "run", note)
    assert run(holdings_of.app, None, "holdings") == 2
    assert "--account, --enterprise, or --every" in capsys.readouterr().err
    assert run(holdings_of.app, None) == 2
    assert run(holdings_of.app, None, "flags", "--every") == 2
    assert requests == []
    assert run(holdings_of.app, None, "holdings", "--account", "a", "--account", "b") == 0
    assert run(holdings_of.app, None, "holdings", "--enterprise", "E1") == 0
    assert requests == [RepublishRequest("holdings", accounts=("a", "b")), RepublishRequest("holdings", "E1")]
