"""The internal HTTP: analyses and the account page's facts."""

import re
from collections.abc import AsyncIterator
from datetime import date
from typing import Any

import httpx
import pytest

from shared.contracts import topics
from shared.contracts.api_positions import AccountPositions
from shared.contracts.events import AnalysisCompleted
from shared.contracts.platform import LotPick, SecurityRestriction
from shared.http.principal import HEADER
from tests.analyzer.builders import account, held, holdings, noon
from tests.analyzer.harness import Harness, client_of, start_analysis
from tests.signing import SignedAs, somebody

pytestmark = pytest.mark.integration
OWNERS = (("a1", "E1", "A1"), ("a2", "E1", "A2"), ("a3", "E2", "A1"))
DRIFTED: dict[str, Any] = {"AAA": "780", "BBB": "120"}


@pytest.fixture
async def client(harness: Harness) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(harness) as opened:
        yield opened


async def test_an_analysis_is_started_once_and_shows_how_far_it_is(harness: Harness, client: httpx.AsyncClient) -> None:
    assert (await client.get("/v1/runs/latest")).status_code == 404
    harness.at(noon(date(2026, 1, 5)).replace(hour=6))
    await harness.book("a1", "a2")
    await harness.handlers.on_holdings(holdings(held("a1", 1, **DRIFTED)))
    first, second = await start_analysis(client), await start_analysis(client)
    assert first.status_code == 202 and re.fullmatch("2026-01-05-on-demand-[0-9a-f]{8}-1", first.json()["run_id"])
    assert second.json()["run_id"] == first.json()["run_id"]  # it is still going on
    assert (first.json()["accounts"], first.json()["accounts_done"], first.json()["finished_at"]) == (2, 0, None)
    assert await harness.sweeper.step()
    latest = (await client.get("/v1/runs/latest")).json()
    assert (latest["accounts_done"], latest["flagged"], latest["finished_at"] is not None) == (2, 1, True)
    third = (await start_analysis(client)).json()["run_id"]
    assert third == first.json()["run_id"].removesuffix("1") + "2"


async def test_the_account_page_shows_positions_bands_and_sentences(
    harness: Harness, client: httpx.AsyncClient
) -> None:
    await harness.book("a1")
    restriction = SecurityRestriction(security_id="AAA", kind="SUBSTITUTE", substitute_id="CCC")
    limits: dict[str, Any] = {"gain_budget_short": "0.00", "no_short_term_gains": True}
    await harness.handlers.on_accounts([account("a1", 2, cash_reserve="7.00", restrictions=[restriction], **limits)])
    await harness.handlers.on_holdings(
        holdings(held("a1", 1, CCC="10", AAA="770", BBB="120"))
    )  # AAA: nothing to hand over
    found = (await client.get("/v1/positions/a1")).json()
    assert AccountPositions.model_validate(found).model_dump(mode="json") == found
    assert (found["state"], found["tiles"], found["market_value"]) == ("FLAGGED", ["POSITION_DRIFT"], "1000.00")
    assert [
        (
            position["security_id"],
            position["quantity"],
            position["value"],
            position["weight"],
            position["target"],
            position["low"],
            position["high"],
        )
        for position in found["positions"]
    ] == [
        ("AAA", "770", "770.00", "0.770000000", "0.600000000", "0.480000000", "0.720000000"),
        ("BBB", "120", "120.00", "0.120000000", "0.300000000", "0.240000000", "0.360000000"),
        ("CCC", "10", "10.00", "0.010000000", "0.000000000", "0.000000000", "0.000000000"),
    ]
    assert [position["target_exact"] for position in found["positions"]] == ["0.6000000003", "0.2999999997", "0"]
    assert found["reasons"] == [
        "AAA in sleeve APM is 77.00% of the account, target 60.00%: 5.00% above its band of 48.00% to 72.00%.",
        "BBB in sleeve APM is 12.00% of the account, target 30.00%: 12.00% below its band of 24.00% to 36.00%.",
        "CCC in sleeve APM is 1.00% of the account, target 0.00%: 1.00% above its band of 0.00% to 0.00%.",
    ]
    assert found["settings"]["cash_reserve"] == "7.00"
    names = ("gain_budget_short", "gain_budget_total", "no_short_term_gains")
    assert [found["settings"][name] for name in names] == ["0.00", None, True]
    assert found["settings"]["restrictions"] == [{"security_id": "AAA", "restrictions": [], "substitute_id": "CCC"}]
    assert found["settings"]["lot_picks"] == []


async def test_the_account_page_shows_targets_as_flags_judge_them(harness: Harness, client: httpx.AsyncClient) -> None:
    """AAA has 60 % as target and is held at 20 %: CCC, which is not held yet, takes over the other 40 points."""
    await harness.book("a1")
    rules = [SecurityRestriction(security_id="AAA", kind="SUBSTITUTE", substitute_id="CCC"),
             SecurityRestriction(security_id="BBB", kind="SUBSTITUTE", substitute_id="NONE")]  # fmt: skip
    await harness.handlers.on_accounts([account("a1", 2, restrictions=rules)])
    await harness.handlers.on_holdings(holdings(held("a1", 1, AAA="200", BBB="700")))
    found = (await client.get("/v1/positions/a1")).json()
    assert AccountPositions.model_validate(found).model_dump(mode="json") == found
    shown = {position.pop("security_id"): position for position in found["positions"]}
    assert sorted(shown) == ["AAA", "BBB", "CCC"]  # NONE has no price, so nothing is bought in place of BBB
    names = ("quantity", "target", "low", "high", "outside", "replaced_by", "replaces")
    assert {security: tuple(position[name] for name in names) for security, position in shown.items()} == {
        "AAA": ("200", "0.200000000", "0.160000000", "0.240000000", False, "CCC", []),
        "BBB": ("700", "0.300000000", "0.240000000", "0.360000000", True, None, []),
        "CCC": ("0", "0.400000000", "0.320000000", "0.480000000", True, None, ["AAA"]),
    }
    assert [shown[name]["portfolio_target"] for name in ("AAA", "BBB", "CCC")] == ["0.6000000003", None, "0"]
    assert len(found["reasons"]) == 2
    assert [
        text for text in found["reasons"] if text.startswith("CCC in sleeve APM is 0.00% of the account, target 40.00%")
    ]


async def test_the_account_page_shows_the_lots_picked_for_sale(harness: Harness, client: httpx.AsyncClient) -> None:
    await harness.book("a1")
    picks = [
        LotPick(security_id="BBB", lot_id="L2", sleeve_id="APM", units="2.5"),
        LotPick(security_id="AAA", lot_id="L1", units="1"),
    ]
    await harness.handlers.on_accounts([account("a1", 2, lot_method="SPECIFIC", lot_picks=picks)])
    found = (await client.get("/v1/positions/a1")).json()
    assert AccountPositions.model_validate(found).model_dump(mode="json") == found
    settings = found["settings"]
    assert (settings["lot_method"], settings["lot_picks"]) == (
        "SPECIFIC",
        [
            {"security_id": "BBB", "lot_id": "L2", "sleeve_id": "APM", "quantity": "2.5"},
            {"security_id": "AAA", "lot_id": "L1", "sleeve_id": None, "quantity": "1"},
        ],
    )


async def test_an_unknown_account_is_a_problem_that_says_so(client: httpx.AsyncClient) -> None:
    response = await client.get("/v1/positions/nobody")
    assert (response.status_code, response.json()["detail"]) == (
        404,
        "There is no account nobody, or it is not yours to see.",
    )


async def test_another_tenants_account_is_answered_as_one_that_is_not_there(
    harness: Harness, client: httpx.AsyncClient
) -> None:
    await harness.book("a1")
    assert (await client.get("/v1/positions/a1")).status_code == 200
    for stranger in (somebody(enterprises=["E2"]), somebody(advisors=["A2"]), somebody(advisors=[])):
        signed = SignedAs(stranger, "analyzer", harness.clock.now)
        theirs, nobodys = [await client.get(f"/v1/positions/{name}", auth=signed) for name in ("a1", "a2")]
        assert (theirs.status_code, nobodys.status_code) == (404, 404)
        assert _without_account(theirs, "a1") == _without_account(nobodys, "a2")


def _without_account(response: httpx.Response, account: str) -> dict[str, Any]:
    body = response.json()
    return {"detail": body.pop("detail").replace(account, "?"), **body, "instance": ""}


@pytest.mark.parametrize("path", ["/v1/positions/a1", "/v1/runs/latest"])
async def test_nothing_is_answered_without_the_gateways_word(client: httpx.AsyncClient, path: str) -> None:
    response = await client.get(path, headers={HEADER: "x.y.z"})
    assert (response.status_code, response.json()["code"]) == (401, "not_signed_in")


async def test_a_run_covers_what_its_operator_may_see_and_each_reader_is_shown_their_own_part(
    harness: Harness, client: httpx.AsyncClient
) -> None:
    harness.at(noon(date(2026, 1, 5)).replace(hour=6))
    await harness.book("a1", "a2", "a3")
    await harness.handlers.on_accounts(
        [account("a2", 2, advisor_id="A2", last_rebalanced=None), account("a3", 2, enterprise_id="E2")]
    )
    held_now = [held(account_id, 1, **DRIFTED) | {"enterprise_id": e, "advisor_id": a} for account_id, e, a in OWNERS]
    await harness.handlers.on_holdings(holdings(*held_now))
    await harness.published()
    ann, dora, bob, eve = (
        SignedAs(somebody(subject=name, **rights), "analyzer", harness.clock.now)
        for name, rights in (
            ("ann", {}),
            ("dora", {"advisors": ["A2"]}),
            ("bob", {"enterprises": ["E2"]}),
            ("eve", {"enterprises": ["E3"]}),
        )
    )
    assert (await start_analysis(client, auth=eve)).status_code == 409
    started = (await start_analysis(client, auth=ann)).json()
    assert started["accounts"] == 2
    assert (await client.get("/v1/runs/latest", auth=bob)).status_code == 404
    assert (await client.get("/v1/runs/latest", auth=dora)).json()["accounts"] == 1
    own = (await start_analysis(client, auth=dora)).json()
    assert own["run_id"] != started["run_id"] and own["accounts"] == 1
    assert await harness.sweeper.step()
    assert harness.row("SELECT count(*) FROM analyzer.flag WHERE run_no IS NOT NULL AND account_id = 'a3'") == (0,)
    seen = [(await client.get("/v1/runs/latest", auth=who)).json() for who in (ann, dora)]
    assert [(run["run_id"], run["accounts"], run["accounts_done"], run["flagged"]) for run in seen] == [
        (own["run_id"], 1, 1, 1)
    ] * 2
    published = [
        AnalysisCompleted.model_validate_json(event) for event in (await harness.published())[topics.ANALYSIS.name]
    ]
    covered = {event.run_id: (event.enterprise_id, [part.advisor_id for part in event.advisors]) for event in published}
    assert covered == {started["run_id"]: ("E1", ["A1", "A2"]), own["run_id"]: ("E1", ["A2"])}
    assert (await client.get("/v1/runs/latest", auth=bob)).status_code == 404


async def test_an_analysis_is_started_by_operators_only(harness: Harness, client: httpx.AsyncClient) -> None:
    signed = SignedAs(somebody("viewer", "trader", "approver"), "analyzer", harness.clock.now)
    assert (await start_analysis(client, auth=signed)).status_code == 403


async def test_an_account_that_our_code_cannot_show_is_answered_with_a_problem_that_says_so(
    harness: Harness, client: httpx.AsyncClient
) -> None:
    await harness.book("a1", "a2")
    harness.row("UPDATE analyzer.account_facts SET settings = '\\x00' WHERE account_id = 'a1' RETURNING 1")
    response = await client.get("/v1/positions/a1")
    assert (response.status_code, response.headers["content-type"]) == (500, "application/problem+json")
    assert response.json()["code"] == "our_fault"
    assert "account a1: a fault of ours" in response.json()["detail"]
    assert (await client.get("/v1/positions/a2")).status_code == 200
    assert (await client.get("/v1/positions/a9")).status_code == 404
