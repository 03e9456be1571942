"""What a request gets attached, and why an account cannot be proposed.  Source: product 3, 4."""

from typing import Any

import pytest

from shared.contracts import topics
from shared.contracts.codes import LotMethod, Restriction
from shared.contracts.platform import LotPick, SecurityRestriction
from shared.kafka.faults import PartialFailure
from tests.analyzer.builders import MONDAY, account, held, holdings, on_hold, prices, rebalanced, request, security
from tests.analyzer.harness import Harness

pytestmark = pytest.mark.integration
IN_BAND: dict[str, Any] = {"AAA": "600", "BBB": "300"}


async def facts_of(harness: Harness, *accounts: str, **more: Any) -> list[dict[str, Any]]:
    """Request these accounts and return their FACTS rows in order."""
    await harness.published()
    await harness.handlers.on_request(topics.WORK_FACTS)(request(*accounts, **more))
    return (await harness.published())[topics.WORK_FACTS.name]


async def test_facts_targets_and_prices_are_attached_in_order(harness: Harness) -> None:
    await harness.book("a1")
    await harness.handlers.on_securities(
        [security("CCC", version=2, fractional=True), security("FFF", kind="FUND", lot_size=10)]
    )
    await harness.handlers.on_prices([prices(2, AAA="1", BBB="2", CCC="0.5", FFF="4")])
    settings: dict[str, Any] = {
        "cash_reserve": "12.00", "cash_set_aside": "3.00", "min_trade_usd": "5.00", "min_trade_weight": "0.001",
        "threshold": "0.25", "lot_method": "HIFO", "custody": "IRA", "tax_household_id": "H1",
        "gain_budget_short": "0.00", "no_short_term_gains": True,
        "restrictions": [
            SecurityRestriction(security_id="AAA", kind="DO_NOT_BUY"),
            SecurityRestriction(security_id="BBB", kind="SUBSTITUTE", substitute_id="FFF"),
        ],
    }  # fmt: skip
    await harness.handlers.on_accounts([account("a1", 2, **settings)])
    await harness.handlers.on_holdings(holdings(held("a1", 3, cash="50", CCC="4", AAA="10")))
    (row,) = await facts_of(harness, "a1")
    assert row["failure_code"] is None
    assert [
        (
            security["security_id"],
            security["price_micro"],
            security["step_micro"],
            security["restriction"],
            security["substitute"],
            security["is_fund"],
        )
        for security in row["securities"]
    ] == [
        ("AAA", 10**6, 10**6, Restriction.DO_NOT_BUY, -1, False),
        ("BBB", 2 * 10**6, 10**6, 0, 3, False),
        ("CCC", 500_000, 1, 0, -1, False),
        ("FFF", 4 * 10**6, 10**7, 0, -1, True),
    ]
    assert [
        (position["sleeve_id"], position["security"], position["quantity_micro"], position["target_ppb"],
         position["threshold_ppb"], position["precision_ppb"], position["can_trigger"])
        for position in row["positions"]
    ] == [
        ("APM", 0, 10 * 10**6, 600_000_000, 250_000_000, 40_000_000, True),
        ("APM", 1, 0, 300_000_000, 250_000_000, 40_000_000, True),
        ("APM", 2, 4 * 10**6, 0, 250_000_000, 40_000_000, True),
        ("APM", 3, 0, 0, 250_000_000, 40_000_000, True),
    ]  # fmt: skip
    names = ("cash_cents", "set_aside_cents", "reserve_cents", "cash_target_ppb", "floor_ppb")
    assert {name: row[name] for name in names} == {
        "cash_cents": 5000, "set_aside_cents": 300, "reserve_cents": 1200, "cash_target_ppb": 100_000_000,
        "floor_ppb": 5_000_000,
    }  # fmt: skip
    assert (row["min_trade_cents"], row["min_trade_ppb"], row["taxable"], row["lot_method"]) == (
        500, 1_000_000, False, LotMethod.HIFO,
    )  # fmt: skip
    limits = ("gain_budget_short_cents", "gain_budget_total_cents", "no_short_term_gains")
    assert [row[name] for name in limits] == [0, None, True]
    assert (row["tax_household_id"], row["lots_version"], row["price_set"], row["cash_threshold_ppb"]) == (
        "H1",
        3,
        2,
        200_000_000,
    )


async def test_picked_lots_travel_with_the_facts_and_count_as_a_setting(harness: Harness) -> None:
    """Under SPECIFIC picks come as given, and others, or another order, are newer facts; else there are none."""
    await harness.book("a1", "a2")
    picks = [
        LotPick(security_id="BBB", lot_id="L2", sleeve_id="APM", units="2.5"),
        LotPick(security_id="AAA", lot_id="L1", units="1"),
    ]
    await harness.handlers.on_accounts(
        [account("a1", 2, lot_method="SPECIFIC", lot_picks=picks), account("a2", 2, lot_picks=picks)]
    )
    first, second = await facts_of(harness, "a1", "a2")
    assert second["lot_picks"] is None
    assert first["lot_picks"] == [
        {"security_id": "BBB", "lot_id": "L2", "sleeve_id": "APM", "quantity_micro": 2_500_000},
        {"security_id": "AAA", "lot_id": "L1", "sleeve_id": None, "quantity_micro": 10**6},
    ]
    await harness.handlers.on_accounts(
        [account("a1", 3, lot_method="SPECIFIC", lot_picks=picks[:1]), account("a2", 3, lot_picks=picks[:1])]
    )
    newer, same = await facts_of(harness, "a1", "a2")
    assert newer["facts_version"] == first["facts_version"] + 1
    assert same["facts_version"] == second["facts_version"]
    await harness.handlers.on_accounts([account("a1", 4, lot_method="SPECIFIC", lot_picks=picks)])
    await harness.handlers.on_accounts([account("a1", 5, lot_method="SPECIFIC", lot_picks=picks[::-1])])
    (turned,) = await facts_of(harness, "a1")
    assert [pick["lot_id"] for pick in turned["lot_picks"]] == ["L1", "L2"]
    assert turned["facts_version"] == newer["facts_version"] + 2


@pytest.mark.parametrize(
    ("units", "problem"),
    [(("0",), "are not above 0"), (("-1",), "are not above 0"), (("1", "2"), "stands there twice")],
)
async def test_a_pick_that_cannot_be_meant_holds_its_account(
    harness: Harness, units: tuple[str, ...], problem: str
) -> None:
    await harness.book("a1")
    picks = [LotPick(security_id="AAA", lot_id="L1", units=quantity) for quantity in units]
    with pytest.raises(PartialFailure):
        await harness.handlers.on_accounts([account("a1", 2, lot_method="SPECIFIC", lot_picks=picks)])
    (row,) = await facts_of(harness, "a1")
    assert row["failure_code"] == "DATA_HOLD"
    assert problem in row["failure_text"]


async def test_every_account_that_cannot_be_proposed_says_why_beside_one_that_can(harness: Harness) -> None:
    names = ("clear", "hold", "off", "settling", "no-target", "frozen", "price", "empty", "bad")
    await harness.book(*names)
    await harness.handlers.on_holdings(
        holdings(
            *(held(name, 1, **IN_BAND) for name in names if name not in ("price", "empty")), held("price", 1, DDD="1")
        )
    )
    await harness.handlers.on_holdings(holdings(on_hold("hold", 2), held("empty", 1, cash="0")))
    await harness.handlers.on_rebalanced(rebalanced("settling", 1, MONDAY))
    await harness.handlers.on_accounts(
        [
            account("off", 2, on=False),
            account("no-target", 2, portfolio_id=None),
            account("frozen", 2, do_not_trade=True),
        ]
    )
    rows = await facts_of(harness, *names, "stranger")
    assert {row["account_id"]: row["failure_code"] for row in rows} == {
        "clear": None, "hold": "DATA_HOLD", "off": "OFF", "settling": "STALE", "no-target": "NO_TARGET",
        "frozen": "RESTRICTED", "price": "MISSING_PRICE", "empty": "VALUE_NOT_POSITIVE", "bad": None,
        "stranger": "UNKNOWN_ACCOUNT",
    }  # fmt: skip
    texts = {row["account_id"]: row["failure_text"] for row in rows}
    assert texts["hold"] == "lots.txt line 7: quantity is not a number"
    assert texts["price"] == "DDD has no price in price set 1 of 2026-01-02."
    assert [row["account_id"] for row in rows] == [*names, "stranger"]
    assert [len(row["positions"]) for row in rows] == [2, 0, 0, 0, 0, 0, 0, 0, 2, 0]
    assert (await facts_of(harness, "settling", epoch=1))[0]["failure_code"] == "SETTLING"


async def test_an_account_without_target_is_liquidated_when_that_is_confirmed(harness: Harness) -> None:
    await harness.book("a1")
    await harness.handlers.on_accounts([account("a1", 2, portfolio_id=None)])
    await harness.handlers.on_holdings(holdings(held("a1", 1, **IN_BAND)))
    (row,) = await facts_of(harness, "a1", liquidate=True)
    assert (row["failure_code"], row["cash_target_ppb"], row["target_version"]) == (None, 10**9, 0)
    assert [(position["quantity_micro"], position["target_ppb"]) for position in row["positions"]] == [
        (600_000_000, 0),
        (300_000_000, 0),
    ]


async def test_a_security_that_is_not_in_the_master_fails_its_account(harness: Harness) -> None:
    await harness.book("a1", "a2")
    await harness.handlers.on_prices([prices(2, AAA="1", BBB="1", ZZZ="1")])
    await harness.handlers.on_holdings(holdings(held("a1", 1, ZZZ="1"), held("a2", 1, **IN_BAND)))
    rows = await facts_of(harness, "a1", "a2")
    assert [row["failure_code"] for row in rows] == ["UNKNOWN_SECURITY", None]
    assert rows[0]["failure_text"] == "ZZZ is not in the security master."


async def test_chunks_of_one_group_are_answered_each_for_itself(harness: Harness) -> None:
    """The same account in two of them, one of an epoch that is past; an empty chunk has no answer."""
    await harness.book("a1", "a2")
    await harness.handlers.on_holdings(holdings(held("a1", 1, **IN_BAND), held("a2", 1, **IN_BAND)))
    (first,), (second,), (none,) = request("a2", "a1"), request("a1", epoch=9), request()
    await harness.published()
    await harness.handlers.on_request(topics.WORK_FACTS)([first, none, second])
    rows = (await harness.published())[topics.WORK_FACTS.name]
    published = sorted((row["account_id"], row["epoch"], row["failure_code"], len(row["positions"])) for row in rows)
    assert published == [("a1", 0, None, 2), ("a1", 9, "STALE", 0), ("a2", 0, None, 2)]


async def test_large_chunks_are_cut_by_bytes_and_metadata_travels_on(harness: Harness) -> None:
    names = [f"a{number:03d}" for number in range(200)]
    await harness.book(*names)
    unit: dict[str, Any] = {f"X{number:03d}": "1" for number in range(400)}
    wide: dict[str, Any] = {f"X{number:03d}": str(1 + number / 1000) for number in range(400)}
    await harness.handlers.on_holdings(holdings(*(held(name, 1, **wide) for name in names[:100])))
    await harness.handlers.on_holdings(holdings(*(held(name, 1, **wide) for name in names[100:])))
    await harness.handlers.on_securities([security(name) for name in wide])
    await harness.handlers.on_prices([prices(2, AAA="1", BBB="1", **unit)])
    rows = await facts_of(harness, *names)
    assert sorted(row["account_id"] for row in rows) == names
    assert {row["failure_code"] for row in rows} == {None}


async def test_a_substitute_stands_for_several_and_brings_its_own_substitute(harness: Harness) -> None:
    """AAA and CCC are replaced by BBB, BBB by QQQ: each names its own, and QQQ joins where one of them has a target."""
    await harness.book("a1")
    await harness.handlers.on_securities([security("QQQ")])
    await harness.handlers.on_prices([prices(2, AAA="1", BBB="1", CCC="1", QQQ="1")])
    pairs = (("AAA", "BBB"), ("CCC", "BBB"), ("BBB", "QQQ"))
    kind: Any = "SUBSTITUTE"
    restrictions = [
        SecurityRestriction(security_id=security, kind=kind, substitute_id=other) for security, other in pairs
    ]
    await harness.handlers.on_accounts([account("a1", 2, restrictions=restrictions)])
    await harness.handlers.on_holdings(holdings(held("a1", 1, **IN_BAND, CCC="1")))
    (row,) = await facts_of(harness, "a1")
    assert row["failure_code"] is None
    names = [security["security_id"] for security in row["securities"]]
    found = {name: security["substitute"] for name, security in zip(names, row["securities"], strict=True)}
    assert names == ["AAA", "BBB", "CCC", "QQQ"]
    assert found == {"AAA": 1, "BBB": 3, "CCC": 1, "QQQ": -1}


@pytest.mark.parametrize("known", [True, False])
async def test_a_substitute_without_price_or_master_leaves_a_do_not_buy_and_never_fails(
    harness: Harness, known: bool
) -> None:
    await harness.book("a1")
    if known:
        await harness.handlers.on_securities([security("QQQ")])  # in the master, without a price
    else:
        await harness.handlers.on_prices([prices(2, AAA="1", BBB="1", QQQ="1")])  # priced, not in the master
    restriction = SecurityRestriction(security_id="BBB", kind="SUBSTITUTE", substitute_id="QQQ")
    await harness.handlers.on_accounts([account("a1", 2, restrictions=[restriction])])
    await harness.handlers.on_holdings(holdings(held("a1", 1, **IN_BAND)))
    (row,) = await facts_of(harness, "a1")
    assert row["failure_code"] is None
    assert [
        (security["security_id"], security["restriction"], security["substitute"]) for security in row["securities"]
    ] == [
        ("AAA", 0, -1),
        ("BBB", Restriction.DO_NOT_BUY, -1),
    ]
