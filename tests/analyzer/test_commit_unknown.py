"""The database goes at COMMIT: what an operator asked for is done once, and no number is given to two names."""

from collections.abc import AsyncIterator
from datetime import date
from pathlib import Path

import pytest

from services.analyzer.cli import prices as prices_command
from services.analyzer.store.names import SECURITY, Names
from shared.postgres.commits import CommitUnknown
from tests.analyzer.builders import held, holdings, noon, prices
from tests.analyzer.harness import Harness, client_of, settings_for, start_analysis
from tests.commands import run
from tests.cutting import Way, When, way_to

pytestmark = pytest.mark.integration
BOTH = pytest.mark.parametrize("when", ["before", "after"])
BY = ("--by", "Pat", "--reason", "looked at it")


@pytest.fixture
async def cut(database_url: str, kafka_url: str, tmp_path: Path) -> AsyncIterator[tuple[Harness, Way]]:
    """An analyzer with one account that reaches its database by a way that can be cut."""
    with way_to(database_url) as (way, url):
        async with Harness(settings_for(url, kafka_url, tmp_path / "clock.json")) as opened:
            opened.at(noon(date(2026, 1, 5)).replace(hour=6))
            await opened.book("a1")
            await opened.handlers.on_holdings(holdings(held("a1", 1, AAA="780", BBB="120")))
            yield opened, way


@BOTH
async def test_an_analysis_whose_commit_is_not_answered_is_started_once(cut: tuple[Harness, Way], when: When) -> None:
    harness, way = cut
    async with client_of(harness) as client:
        assert (await client.post("/v1/runs")).json()["code"] == "idempotency_key_missing"
        way.lose(when, of="INSERT INTO analysis_run")
        lost = await start_analysis(client, "key-1")
        assert (lost.status_code, lost.json()["code"], way.cuts) == (503, "outcome_unknown", [when])
        assert "not known" in lost.json()["detail"] and "nothing was changed" not in lost.text
        while await harness.sweeper.step():
            pass
        again = await start_analysis(client, "key-1")
        assert (again.status_code, again.json()["finished_at"] is not None) == (202, when == "after")
        assert harness.row("SELECT count(*) FROM analysis_run WHERE kind = 'ON_DEMAND'") == (1,)
        await harness.sweeper.step()
        assert (await start_analysis(client, "key-1")).json()["run_id"] == again.json()["run_id"]
        assert (await start_analysis(client, "key-2")).json()["run_id"] != again.json()["run_id"]
        way.lose(when, of="analysis_part")
        asked = await client.get("/v1/runs/latest")
        assert (asked.status_code, asked.json()["code"]) == (503, "unavailable")


@BOTH
async def test_a_decision_on_prices_whose_commit_is_not_answered_is_made_once(
    cut: tuple[Harness, Way], when: When, capsys: pytest.CaptureFixture[str]
) -> None:
    harness, way = cut

    def give(*arguments: str) -> int:
        return run(prices_command.app, harness.settings, *arguments)

    await harness.handlers.on_prices([prices(5000, AAA="1", BBB="30", CCC="1")])
    way.lose(when, of="INSERT INTO price_decision")
    assert give("accept", "5000", *BY) == 0
    assert harness.row(_DECIDED, 5000) == (1, 1)
    assert give("accept", "5000", "--by", "Lee", "--reason", "looked at it") == 1, "another's decision is another one"
    way.lose("before", of="INSERT INTO price_decision", times=2)
    assert give("withdraw", "5000", *BY) == 1
    assert "give the same command again" in capsys.readouterr().err
    assert [give("withdraw", "5000", *BY), give("withdraw", "5000", *BY)] == [0, 0]
    assert harness.row(_DECIDED, 5000) == (2, 2)
    assert way.cuts == [when, "before", "before"]


_DECIDED = (
    "SELECT (SELECT count(*) FROM price_decision WHERE price_set = %s AND actor = 'Pat'),"
    " (SELECT count(*) FROM analysis_run WHERE kind = 'PRICES')"
)


@BOTH
async def test_a_number_that_was_lost_at_commit_names_nothing(cut: tuple[Harness, Way], when: When) -> None:
    harness, way = cut
    ours, others = harness.names, Names(harness.database)
    way.lose(when, of="INSERT INTO name")
    with pytest.raises(CommitUnknown):
        ours.numbers(SECURITY, ["NEW"])
    others.numbers(SECURITY, ["OTHER"])
    stored = dict(zip(("NEW", "OTHER"), _numbers(harness), strict=True))
    assert [known.numbers(SECURITY, ["NEW", "OTHER"]) for known in (ours, others)] == [stored, stored]


def _numbers(harness: Harness) -> tuple[int, ...]:
    Names(harness.database).numbers(SECURITY, ["NEW"])
    return harness.row(
        "SELECT (SELECT no FROM name WHERE kind = 'S' AND id = 'NEW'),"
        " (SELECT no FROM name WHERE kind = 'S' AND id = 'OTHER')"
    )
